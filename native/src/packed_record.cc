#include "packed_record.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>

#include "errors.h"

namespace anycast {

namespace {

// The length in bytes of one nexthop inside RTA_MULTIPATH; see AppendNexthops() in route_codec.cc.
size_t EncodedLength(uint8_t family, const PackedNexthop& nexthop) {
  const size_t address = AddressLength(nexthop.gateway_family);
  if (nexthop.gateway_family == 0) return sizeof(rtnexthop);
  if (nexthop.gateway_family == family) return sizeof(rtnexthop) + RTA_SPACE(address);
  return sizeof(rtnexthop) + RTA_SPACE(sizeof(rtvia) + address);
}

// A nexthop of RTA_MULTIPATH has its weight minus 1 in eight bits.
constexpr uint16_t kMaximumNexthopWeight = 256;

[[noreturn]] void Refuse(size_t index, const std::string& field, const std::string& reason) {
  throw RecordError(index, field, reason);
}

void CheckFamily(uint8_t family, size_t index) {
  if (family == AF_INET || family == AF_INET6) return;
  Refuse(index, "family", std::to_string(family) + " is neither AF_INET (2) nor AF_INET6 (10)");
}

void CheckNexthop(const PackedNexthop& nexthop, size_t index, size_t position, uint16_t maximum) {
  const auto field = [position](const char* name) {
    return "nexthops[" + std::to_string(position) + "]." + name;
  };
  if (nexthop.weight < 1 || nexthop.weight > maximum) {
    Refuse(index, field("weight"),
           std::to_string(nexthop.weight) + " is not from 1 to " + std::to_string(maximum));
  }
  if (nexthop.gateway_family != 0 && nexthop.gateway_family != AF_INET &&
      nexthop.gateway_family != AF_INET6) {
    Refuse(index, field("gatewayFamily"),
           std::to_string(nexthop.gateway_family) + " is not 0, AF_INET (2) or AF_INET6 (10)");
  }
}

void CheckRoute(const RecordView& record, size_t index) {
  const PackedRoute& route = record.route;
  CheckFamily(route.family, index);
  const size_t bits = AddressLength(route.family) * 8;
  if (route.prefix_length > bits) {
    Refuse(index, "prefixLength",
           std::to_string(route.prefix_length) + " is more than " + std::to_string(bits));
  }
  size_t encoded = RTA_LENGTH(0);
  for (size_t i = 0; i < route.nexthop_count; i++) {
    const PackedNexthop nexthop = record.nexthop(i);
    CheckNexthop(nexthop, index, i, kMaximumNexthopWeight);
    encoded += EncodedLength(route.family, nexthop);
  }
  if (encoded > UINT16_MAX) {
    Refuse(index, "nexthopCount",
           std::to_string(route.nexthop_count) + " nexthops do not fit the 65,535 bytes of RTA_MULTIPATH");
  }
}

void CheckObject(const RecordView& record, size_t index) {
  const PackedNexthopObject object = record.object();
  if (object.id == 0) Refuse(index, "id", "is 0: the kernel would choose one");
  if (object.kind > kResilientGroup) {
    Refuse(index, "kind",
           std::to_string(object.kind) + " is not nexthop (0), group (1) or resilient group (2)");
  }
  if (object.operation == kDeleteObject) return;
  if (object.kind == kNexthop) {
    CheckFamily(object.family, index);
    if (object.nexthop_count != 1) {
      Refuse(index, "nexthopCount", std::to_string(object.nexthop_count) + " is not 1, as a nexthop needs");
    }
  } else if (object.nexthop_count == 0) {
    Refuse(index, "nexthopCount", "is 0: the kernel accepts no group without members");
  }
  const uint16_t maximum = object.kind == kNexthop ? kMaximumNexthopWeight : UINT16_MAX;
  for (size_t i = 0; i < object.nexthop_count; i++) CheckNexthop(record.nexthop(i), index, i, maximum);
}

void CheckRecord(const RecordView& record, size_t index) {
  const uint8_t operation = record.route.operation;
  if (operation < kReplace || operation > kDeleteObject) {
    Refuse(index, "operation",
           std::to_string(operation) +
               " is not replace (1), create (2), delete (3) or the same for an object (4 to 6)");
  }
  if (record.is_object()) return CheckObject(record, index);
  CheckRoute(record, index);
}

bool Before(const PackedNexthop& left, const PackedNexthop& right) {
  if (left.interface_index != right.interface_index) return left.interface_index < right.interface_index;
  if (left.gateway_family != right.gateway_family) return left.gateway_family < right.gateway_family;
  const int order = std::memcmp(left.gateway, right.gateway, sizeof left.gateway);
  return order != 0 ? order < 0 : left.weight < right.weight;
}

}  // namespace

size_t CheckBatch(std::span<const uint8_t> batch) {
  size_t count = 0;
  for (size_t offset = 0; offset < batch.size(); count++) {
    const size_t rest = batch.size() - offset;
    if (rest < sizeof(PackedRoute)) {
      throw RecordError(count, "length",
                        "can not be read: " + std::to_string(rest) + " bytes are left, a header has 40");
    }
    const RecordView record(batch.data() + offset);
    const PackedRoute& route = record.route;
    if (route.nexthop_count > kMaximumNexthops) {
      throw RecordError(count, "nexthopCount", std::to_string(route.nexthop_count) + " is more than 2048");
    }
    // An exact match, so the count can not lead past the record, and the next one is four-byte aligned.
    if (route.length != sizeof(PackedRoute) + route.nexthop_count * sizeof(PackedNexthop)) {
      throw RecordError(count, "length",
                        std::to_string(route.length) + " is not the length of a record with " +
                            std::to_string(route.nexthop_count) + " nexthops");
    }
    if (route.length > rest) {
      throw RecordError(
          count, "length",
          std::to_string(route.length) + " is more than the " + std::to_string(rest) + " bytes left");
    }
    CheckRecord(record, count);
    offset += route.length;
  }
  return count;
}

void AppendRecord(std::vector<uint8_t>& batch, PackedRoute route, std::span<PackedNexthop> nexthops) {
  if (!std::is_sorted(nexthops.begin(), nexthops.end(), Before)) {
    std::sort(nexthops.begin(), nexthops.end(), Before);
  }
  route.nexthop_count = static_cast<uint16_t>(nexthops.size());
  route.length = static_cast<uint16_t>(sizeof route + nexthops.size_bytes());
  const size_t start = batch.size();
  batch.resize(start + route.length);
  std::memcpy(batch.data() + start, &route, sizeof route);
  if (!nexthops.empty()) {
    std::memcpy(batch.data() + start + sizeof route, nexthops.data(), nexthops.size_bytes());
  }
}

void AppendObject(std::vector<uint8_t>& batch, PackedNexthopObject object,
                  std::span<const PackedNexthop> members) {
  object.nexthop_count = static_cast<uint16_t>(members.size());
  object.length = static_cast<uint16_t>(sizeof object + members.size_bytes());
  const auto* header = reinterpret_cast<const uint8_t*>(&object);
  batch.insert(batch.end(), header, header + sizeof object);
  const auto* bytes = reinterpret_cast<const uint8_t*>(members.data());
  batch.insert(batch.end(), bytes, bytes + members.size_bytes());
}

}  // namespace anycast
