// How a large batch is divided, and in what order it is best written. Pure, no socket.
#pragma once

#include <span>
#include <vector>

#include "request_window.h"

namespace anycast {

// What stands in a batch before this request is done before it, and it is done before what stands behind.
bool IsBarrier(const Request& request);

// Divides requests, none of them a barrier, into shards that may be written side by side: all of IPv4 first,
// which the kernel changes one after the other anyhow (RTNL), and IPv6 in several of about one size. All
// requests for one address are in one shard, in their order; those for others are not. No shard is empty.
std::vector<std::vector<Request>> SplitIntoShards(std::span<const Request> requests);

}  // namespace anycast
