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

// Small enough to be shared out evenly, large enough that a send of its own costs little beside its routes.
constexpr size_t kShardSize = 32;
constexpr size_t kMaximumShards = 16;

// Sixteen IPv6 neighbours are kept together: they share nodes of the kernel's tree, which two processors that
// take turns at them hand to and fro. In the bad moments of a shared machine, adding 10,000 with one nexthop
// took 1.0 of one socket's time when each address went its own way, and 0.83 so.
size_t HashDestination(PackedRoute route) {
  if (route.family == AF_INET6) route.destination[15] &= 0xf0;
  const auto* bytes = reinterpret_cast<const char*>(route.destination);
  return std::hash<std::string_view>{}({bytes, sizeof route.destination});
}

}  // namespace

bool IsBarrier(const Request& request) {
  const RecordView record(request.record);
  // Routes name nexthop objects by their ids, and go with them.
  if (record.is_object()) return true;
  // The kernel refuses a route through a gateway that no route leads to yet: a network's, or one without a
  // gateway of its own.
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
  // IPv4 part by part too: to delete 10,000 in the order of their addresses takes half as long again, for
  // then the kernel makes nodes of its trie smaller again and again (resize(), net/ipv4/fib_trie.c).
  for (const auto& part : ipv4) std::ranges::copy(part, std::back_inserter(shards[0]));
  std::erase_if(shards, [](const auto& shard) { return shard.empty(); });
  return shards;
}

}  // namespace anycast
