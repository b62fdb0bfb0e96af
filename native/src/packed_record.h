// The packed record: the format of routes between JavaScript and this addon.
//
// A batch is a concatenation of records, each a PackedRoute or a PackedNexthopObject followed by
// `nexthop_count` PackedNexthops, in host byte order, four-byte aligned. lib/kernel/socket/record-layout.ts
// describes the same for JavaScript.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace anycast {

static_assert(std::endian::native == std::endian::little, "lib/kernel/socket writes little endian");

enum Operation : uint8_t {
  kNone = 0,     // in dumps
  kReplace = 1,  // NLM_F_REPLACE: fails when there is no route
  kCreate = 2,   // NLM_F_CREATE | NLM_F_EXCL: fails when there is a route, ours or not
  kDelete = 3,   // by prefix, table, metric and protocol; nexthops are never sent
  // The same for a nexthop object (RTM_NEWNEXTHOP, RTM_DELNEXTHOP), which routes refer to by its id.
  kCreateObject = 4,
  kReplaceObject = 5,
  // By id. A nexthop is removed from its groups; a group that loses its last member is deleted with its
  // routes.
  kDeleteObject = 6,
};

struct PackedRoute {
  uint16_t length;        // of the whole record, nexthops included
  uint8_t operation;      // Operation
  uint8_t family;         // AF_INET or AF_INET6
  uint8_t prefix_length;  // 0..32 or 0..128
  uint8_t protocol;       // RTPROT_*
  uint8_t type;           // RTN_*
  uint8_t scope;          // RT_SCOPE_*
  uint32_t table;
  uint32_t metric;
  uint8_t destination[16];  // the first four bytes for IPv4
  uint16_t nexthop_count;
  uint16_t flags;          // RTM_F_* below 0x10000, read only
  uint32_t nexthop_group;  // RTA_NH_ID, 0 is none; when written, it replaces the nexthops
};
static_assert(sizeof(PackedRoute) == 40);

enum ObjectKind : uint8_t {
  kNexthop = 0,         // one nexthop: an interface and a gateway
  kGroup = 1,           // hash threshold: a change of members moves some flows of the others
  kResilientGroup = 2,  // a flow stays in its bucket when members change
};

struct PackedNexthopObject {
  uint16_t length;    // of the whole record, members included
  uint8_t operation;  // Operation
  uint8_t family;     // AF_INET or AF_INET6 of a nexthop, 0 of a group
  uint8_t kind;       // ObjectKind
  uint8_t protocol;   // RTPROT_*
  uint16_t buckets;   // of a resilient group; can not be changed later
  uint32_t id;
  uint32_t idle_timer;        // of a resilient group, in hundredths of a second
  uint32_t unbalanced_timer;  // the same unit
  uint8_t reserved[12];
  uint16_t nexthop_count;  // 1 of a nexthop; of a group the number of members
  uint8_t reserved_end[6];
};
static_assert(sizeof(PackedNexthopObject) == sizeof(PackedRoute));
static_assert(offsetof(PackedNexthopObject, nexthop_count) == offsetof(PackedRoute, nexthop_count));

struct PackedNexthop {
  uint32_t interface_index;  // in a group: the id of the member
  uint16_t weight;           // 1..256; of a group's member 1..65535
  uint8_t gateway_family;    // 0 none, AF_INET, AF_INET6
  uint8_t flags;             // RTNH_F_*; only RTNH_F_ONLINK is written
  uint8_t gateway[16];       // the first four bytes for IPv4
};
static_assert(sizeof(PackedNexthop) == 24);

// The kernel accepted this many. Its own limit is the 65,535 bytes of one RTA_MULTIPATH attribute.
constexpr size_t kMaximumNexthops = 2048;

constexpr size_t AddressLength(uint8_t family) { return family == 2 ? 4 : 16; }

// One record of a batch that CheckBatch() accepted. Copies the header and refers to the nexthops in the
// batch.
class RecordView {
 public:
  explicit RecordView(const uint8_t* bytes) : nexthops_(bytes + sizeof(PackedRoute)) {
    std::memcpy(&route, bytes, sizeof route);
  }
  bool is_object() const { return route.operation >= kCreateObject; }
  // The header, when is_object().
  PackedNexthopObject object() const {
    PackedNexthopObject value;
    std::memcpy(&value, &route, sizeof value);
    return value;
  }
  PackedNexthop nexthop(size_t index) const {
    PackedNexthop value;
    std::memcpy(&value, nexthops_ + index * sizeof value, sizeof value);
    return value;
  }
  PackedRoute route;

 private:
  const uint8_t* nexthops_;
};

// Checks every length and range of a batch and returns its number of records. After that, the records'
// lengths lead from one to the next. Throws RecordError.
size_t CheckBatch(std::span<const uint8_t> batch);

// Appends an object's record with its members in the given order. Sets `object.length` and
// `object.nexthop_count`.
void AppendObject(std::vector<uint8_t>& batch, PackedNexthopObject object,
                  std::span<const PackedNexthop> members);

// Appends a route's record. Sorts `nexthops` in place into canonical order (interface, gateway family,
// gateway, weight), so that equal sets have equal bytes. Sets `route.length` and `route.nexthop_count`.
void AppendRecord(std::vector<uint8_t>& batch, PackedRoute route, std::span<PackedNexthop> nexthops);

}  // namespace anycast
