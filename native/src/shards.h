// Splits a large batch into shards that may be written in parallel. Pure: no socket.
#pragma once

#include <span>
#include <vector>

#include "request_window.h"

namespace anycast {

// Whether all earlier requests of the batch must be done before this one, and this one before all later ones.
bool IsBarrier(const Request& request);

// Splits requests, none of them a barrier, into shards. The first has all of IPv4, which the kernel changes
// one after the other in any case (RTNL). IPv6 is in several shards of about the same size. All requests for
// one address are in one shard and keep their order; there is no order between addresses. No shard is empty.
std::vector<std::vector<Request>> SplitIntoShards(std::span<const Request> requests);

}  // namespace anycast
