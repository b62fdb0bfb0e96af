#include "packed_record.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>

#include "errors.h"

namespace anycast {

namespace {

// Bytes one nexthop takes inside RTA_MULTIPATH; see AppendNexthops in route_codec.cc.
size_t EncodedLength(uint8_t family, const PackedNexthop& nexthop) {
  const size_t address = AddressLength(nexthop.gateway_family);
  if (nexthop.gateway_family == 0) return sizeof(rtnexthop);
  if (nexthop.gateway_family == family) return sizeof(rtnexthop) + RTA_SPACE(address);
  return sizeof(rtnexthop) + RTA_SPACE(sizeof(rtvia) + address);
}

void CheckRecord(const RecordView& record, size_t index) {
  const PackedRoute& route = record.route;
  const auto refuse = [index](const char* field, const std::string& reason) {
    throw RecordError(index, field, reason);
  };
  if (route.operation < kReplace || route.operation > kDelete) {
    refuse("operation", std::to_string(route.operation) + " is not replace (1), create (2) or delete (3)");
  }
  if (route.family != AF_INET && route.family != AF_INET6) {
    refuse("family", std::to_string(route.family) + " is neither AF_INET (2) nor AF_INET6 (10)");
  }
  const size_t bits = AddressLength(route.family) * 8;
  if (route.prefix_length > bits) {
    refuse("prefixLength", std::to_string(route.prefix_length) + " is more than " + std::to_string(bits));
  }
  size_t encoded = RTA_LENGTH(0);
  for (size_t i = 0; i < route.nexthop_count; i++) {
    const PackedNexthop nexthop = record.nexthop(i);
    const std::string field = "nexthops[" + std::to_string(i) + "]";
    if (nexthop.weight < 1 || nexthop.weight > 256) {
      refuse((field + ".weight").c_str(), std::to_string(nexthop.weight) + " is not within 1 and 256");
    }
    if (nexthop.gateway_family != 0 && nexthop.gateway_family != AF_INET &&
        nexthop.gateway_family != AF_INET6) {
      refuse((field + ".gatewayFamily").c_str(),
             std::to_string(nexthop.gateway_family) + " is not 0, AF_INET (2) or AF_INET6 (10)");
    }
    encoded += EncodedLength(route.family, nexthop);
  }
  if (encoded > UINT16_MAX) {
    refuse("nexthopCount",
           std::to_string(route.nexthop_count) + " nexthops do not fit the 65,535 bytes of RTA_MULTIPATH");
  }
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
                        "can not be: " + std::to_string(rest) + " bytes are left, a header has 40");
    }
    const RecordView record(batch.data() + offset);
    const PackedRoute& route = record.route;
    if (route.nexthop_count > kMaximumNexthops) {
      throw RecordError(count, "nexthopCount", std::to_string(route.nexthop_count) + " is more than 2048");
    }
    // Exact, so that a count can never point past the record; and hence a multiple of four.
    if (route.length != sizeof(PackedRoute) + route.nexthop_count * sizeof(PackedNexthop)) {
      throw RecordError(count, "length",
                        std::to_string(route.length) + " is not that of a record with " +
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

}  // namespace anycast
