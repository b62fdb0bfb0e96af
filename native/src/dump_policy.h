// How much of a routing table is ours, as readings of it found: whether the kernel's filter is worth its
// price.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

namespace anycast {

// The filter takes one protocol, and each is a walk through the whole table: with 65,536 IPv6 routes, 15 ms
// of 90. Where hardly anything is others', all is read in one walk and the rest passed over here. May be used
// by any thread.
class DumpPolicy {
 public:
  // Whether to read all at once: where nobody knows, or it has been otherwise for many readings, to find out.
  bool ShouldDumpWhole(uint8_t family, uint32_t table);
  // What a reading of all found.
  void RecordWholeDump(uint8_t family, uint32_t table, size_t ours, size_t others);

 private:
  std::mutex mutex_;
  // Readings by protocol that are left before all is tried again; 0 where it was worth it.
  std::map<std::pair<uint8_t, uint32_t>, int> filtered_left_;
};

}  // namespace anycast
