// The packed record: how routes cross the seam between JavaScript and this addon.
//
// A batch is a concatenation of records, each a PackedRoute followed by `nexthop_count` PackedNexthops, in
// host byte order, four-byte aligned. lib/kernel/route-record.ts is the other side;
// test/kernel/route-record.test.ts and test/native/round-trip.test.ts hold the two together.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace anycast {

static_assert(std::endian::native == std::endian::little, "lib/kernel/route-record.ts writes little endian");

enum Operation : uint8_t {
  kNone = 0,     // in dumps
  kReplace = 1,  // NLM_F_REPLACE: what is not there is not made
  kCreate = 2,   // NLM_F_CREATE | NLM_F_EXCL: what is there, ours or not, is not touched
  kDelete = 3,   // by prefix, table, metric and protocol; nexthops are never sent
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
  uint32_t nexthop_group;  // RTA_NH_ID, 0 is none; on writing it stands instead of nexthops
};
static_assert(sizeof(PackedRoute) == 40);

struct PackedNexthop {
  uint32_t interface_index;
  uint16_t weight;         // 1..256
  uint8_t gateway_family;  // 0 none, AF_INET, AF_INET6
  uint8_t flags;           // RTNH_F_*: on writing only RTNH_F_ONLINK counts
  uint8_t gateway[16];     // the first four bytes for IPv4
};
static_assert(sizeof(PackedNexthop) == 24);

// What the kernel accepted (kernel-side the limit is the 65,535 bytes of one RTA_MULTIPATH attribute).
constexpr size_t kMaximumNexthops = 2048;

constexpr size_t AddressLength(uint8_t family) { return family == 2 ? 4 : 16; }

// One record of a batch that CheckBatch accepted. Copies the header, points at the nexthops.
class RecordView {
 public:
  explicit RecordView(const uint8_t* bytes) : nexthops_(bytes + sizeof(PackedRoute)) {
    std::memcpy(&route, bytes, sizeof route);
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

// Checks every length and range of a batch and gives its number of records.
// Throws RecordError; after it returns, records can be walked by their length alone.
size_t CheckBatch(std::span<const uint8_t> batch);

// Appends a record; sorts `nexthops` canonically (interface, gateway family, gateway, weight) in place, so
// that equal sets are equal bytes. `route.length` and `route.nexthop_count` are set here.
void AppendRecord(std::vector<uint8_t>& batch, PackedRoute route, std::span<PackedNexthop> nexthops);

}  // namespace anycast
