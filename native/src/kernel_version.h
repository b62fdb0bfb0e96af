// Properties of the running kernel that only its version shows.
#pragma once

#include <cstdint>

namespace anycast {

// Since Linux 6.16, IPv6 routes are changed without RTNL, the lock that all other rtnetlink changes take.
// False when the version is unknown.
bool ChangesIpv6InParallel();

// The largest weight of a nexthop group's member: 65,535 since Linux 6.12, 255 before (nh_check_attr_group in
// net/ipv4/nexthop.c: `nhg[i].weight > 254` is refused, and the field holds the weight minus 1). A kernel
// whose vendor has carried larger weights over is taken for one without them.
uint16_t MaximumMemberWeight();

}  // namespace anycast
