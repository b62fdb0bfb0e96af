#include "shards.h"

#include <sys/socket.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <string_view>

#include "packed_record.h"

namespace anycast {

namespace {

using Shards = std::vector<std::vector<Request>>;

// In requests. Small enough to spread evenly, and large enough that the cost of a send is small against its
// routes.
constexpr size_t kShardSize = 32;
constexpr size_t kMaximumShards = 16;

// Keeps sixteen adjacent IPv6 addresses together. They share nodes of the kernel's tree, and two processors
// that change the same nodes in turn slow each other down. On a busy machine, adding 10,000 routes with one
// nexthop took 0.83 of one socket's time, and 1.0 when each address was hashed on its own.
size_t HashDestination(PackedRoute route) {
  if (route.family == AF_INET6) route.destination[15] &= 0xf0;
  const auto* bytes = reinterpret_cast<const char*>(route.destination);
  return std::hash<std::string_view>{}({bytes, sizeof route.destination});
}

}  // namespace

bool IsBarrier(const Request& request) {
  const RecordView record(request.record);
  // Routes refer to nexthop objects by id, and are deleted with them.
  if (record.is_object()) return true;
  // The kernel refuses a route through a gateway that is not reachable yet. Routes that make a gateway
  // reachable are those to a network and those without a gateway of their own.
  if (record.route.prefix_length < AddressLength(record.route.family) * 8) return true;
  for (size_t i = 0; i < record.route.nexthop_count; i++) {
    if (record.nexthop(i).gateway_family == 0) return true;
  }
  return false;
}

Shards SplitIntoShards(std::span<const Request> requests) {
  const size_t count = std::clamp<size_t>(requests.size() / kShardSize, 1, kMaximumShards);
  Shards ipv4(count);
  Shards shards(1 + count);
  for (const Request& request : requests) {
    const RecordView record(request.record);
    const size_t place = HashDestination(record.route) % count;
    (record.route.family == AF_INET ? ipv4[place] : shards[1 + place]).push_back(request);
  }
  // IPv4 is reordered by hash too. Deleting 10,000 routes in the order of their addresses takes half as long
  // again, because the kernel then shrinks nodes of its trie again and again (resize(), net/ipv4/fib_trie.c).
  for (const auto& part : ipv4) std::ranges::copy(part, std::back_inserter(shards[0]));
  std::erase_if(shards, [](const auto& shard) { return shard.empty(); });
  return shards;
}

}  // namespace anycast
