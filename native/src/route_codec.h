// Converts packed routes to rtnetlink messages and back. Pure functions: no sockets, and memory only in the
// caller's vectors. The messages are described in rtnetlink(7), include/uapi/linux/rtnetlink.h,
// net/ipv4/fib_frontend.c and net/ipv6/route.c.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "packed_record.h"

namespace anycast {

// The most bytes that EncodeRoute() writes for this record.
size_t EncodedLimit(const PackedRoute& route);

// Writes one request at `out`, which is four-byte aligned and has room for EncodedLimit(). Returns its
// length. CheckBatch() must have accepted the record.
size_t EncodeRoute(const RecordView& record, uint32_t sequence, uint8_t* out);

// The routes that a reader wants. The kernel's filters may let others pass, so every message is checked here
// again.
struct RouteFilter {
  uint32_t table = 0;
  std::vector<uint8_t> protocols;
  // Also routes of any protocol at this metric: in the kernel they have the same key as ours (monitor only).
  bool has_metric = false;
  uint32_t metric = 0;
  // Also host prefixes of any table, protocol and metric: routes to pods (monitor only).
  bool has_host_routes = false;
  // Also changes of nexthop objects of these protocols (monitor only).
  bool has_objects = false;
};

// Decodes an RTM_NEWROUTE or RTM_DELROUTE and appends it to `batch` if the filter matches it. Returns whether
// it did. `nexthops` is scratch memory: callers keep it between calls, to save allocations.
bool DecodeRoute(const nlmsghdr* message, const RouteFilter& filter, Operation operation,
                 std::vector<PackedNexthop>& nexthops, std::vector<uint8_t>& batch);

}  // namespace anycast
