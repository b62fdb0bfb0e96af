// Properties of the running kernel that only its version shows.
#pragma once

#include <cstdint>

namespace anycast {

// Since Linux 6.16, IPv6 routes are changed without RTNL, the lock that all other rtnetlink changes take.
// False when the version is unknown.
bool ChangesIpv6InParallel();

// The largest weight of a nexthop group's member: 65,535 since Linux 6.12, 256 before.
uint16_t MaximumMemberWeight();

}  // namespace anycast
