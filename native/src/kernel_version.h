// What the running kernel is known to do by its version, where nothing else tells.
#pragma once

#include <cstdint>

namespace anycast {

// IPv6 routes are changed without RTNL, the lock of all else in rtnetlink, since Linux 6.16. An unknown
// version counts as older.
bool ChangesIpv6InParallel();

// The largest weight of a nexthop group's member: of 16 bits since Linux 6.12, of 8 before.
uint16_t MaximumMemberWeight();

}  // namespace anycast
