// Packed nexthop objects to RTM_*NEXTHOP messages and back: include/uapi/linux/nexthop.h, net/ipv4/nexthop.c.
// Pure, as route_codec is for routes.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "packed_record.h"

namespace anycast {

// Bytes that EncodeObject may write for this record at most.
size_t EncodedObjectLimit(const PackedNexthopObject& object);

// Writes one request at `out`, which has room for EncodedObjectLimit(), and gives its length.
size_t EncodeObject(const RecordView& record, uint32_t sequence, uint8_t* out);

// Appends what an RTM_NEWNEXTHOP tells.
void DecodeObject(const nlmsghdr* message, std::vector<uint8_t>& batch);

// Whether an RTM_NEWNEXTHOP or RTM_DELNEXTHOP is about an object of these protocols.
bool IsObjectOf(const nlmsghdr* message, std::span<const uint8_t> protocols);

}  // namespace anycast
