// What the running kernel is known to do by its version, where nothing else tells.
#pragma once

namespace anycast {

// IPv6 routes are changed without RTNL, the lock of all else in rtnetlink, since Linux 6.16. An unknown
// version counts as older.
bool ChangesIpv6InParallel();

}  // namespace anycast
