// Whether a routing table is dumped whole or by protocol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

namespace anycast {

// The kernel's filter takes one protocol, so each protocol costs a walk through the whole table: with 65,536
// IPv6 routes, 15 ms of 90. A table that holds almost only our routes is therefore dumped whole, in one walk,
// and other protocols' routes are dropped here. May be called on any thread.
class DumpPolicy {
 public:
  // True while nearly all routes of the table are ours. Also for a table not yet dumped, and once after many
  // dumps by protocol, since others' routes may have gone.
  bool ShouldDumpWhole(uint8_t family, uint32_t table);
  // Takes the numbers of routes that a dump of the whole table returned.
  void RecordWholeDump(uint8_t family, uint32_t table, size_t ours, size_t others);

 private:
  std::mutex mutex_;
  // How many more dumps go by protocol before the next whole one. 0 while whole dumps are cheaper.
  std::map<std::pair<uint8_t, uint32_t>, int> filtered_left_;
};

}  // namespace anycast
