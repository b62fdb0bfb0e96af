// Converts packed nexthop objects to RTM_*NEXTHOP messages and back (include/uapi/linux/nexthop.h,
// net/ipv4/nexthop.c). Pure functions, as in route_codec.h.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "packed_record.h"

namespace anycast {

// The most bytes that EncodeObject() writes for this record.
size_t EncodedObjectLimit(const PackedNexthopObject& object);

// Writes one request at `out`, which is four-byte aligned and has room for EncodedObjectLimit(). Returns its
// length. CheckBatch() must have accepted the record.
size_t EncodeObject(const RecordView& record, uint32_t sequence, uint8_t* out);

// Appends the object of an RTM_NEWNEXTHOP or RTM_DELNEXTHOP as a packed record with this operation.
void DecodeObject(const nlmsghdr* message, Operation operation, std::vector<uint8_t>& batch);

// Whether the object of an RTM_NEWNEXTHOP or RTM_DELNEXTHOP has one of these protocols.
bool IsObjectOf(const nlmsghdr* message, std::span<const uint8_t> protocols);

}  // namespace anycast
