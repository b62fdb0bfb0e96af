// Packed records to rtnetlink messages and back. Pure: no sockets, no allocation but the caller's vectors.
// The messages are described in rtnetlink(7), include/uapi/linux/rtnetlink.h, net/ipv4/fib_frontend.c and
// net/ipv6/route.c.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "packed_record.h"

namespace anycast {

// Bytes that EncodeRoute may write for this record at most.
size_t EncodedLimit(const PackedRoute& route);

// Writes one request at `out`, which is four-byte aligned and has room for EncodedLimit(), and gives its
// length. The record must have passed CheckBatch.
size_t EncodeRoute(const RecordView& record, uint32_t sequence, uint8_t* out);

// Which routes a reader wants. The kernel's filters are hints: every message is checked against this again.
struct RouteFilter {
  uint32_t table = 0;
  std::vector<uint8_t> protocols;
  // A route of any protocol at this metric is wanted too: it sits at the key of ours (monitor only).
  bool has_metric = false;
  uint32_t metric = 0;
  // Host prefixes of any table, protocol and metric are wanted too: ways to pods (monitor only).
  bool has_host_routes = false;
  // Whether nexthop objects of these protocols changed is wanted too (monitor only).
  bool has_objects = false;
};

// Decodes an RTM_NEWROUTE or RTM_DELROUTE and appends it to `batch`, if the filter wants it.
// `nexthops` is scratch memory that callers keep between calls. Gives whether a record was appended.
bool DecodeRoute(const nlmsghdr* message, const RouteFilter& filter, Operation operation,
                 std::vector<PackedNexthop>& nexthops, std::vector<uint8_t>& batch);

}  // namespace anycast
