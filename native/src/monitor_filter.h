// The kernel's socket filter of a monitor.
#pragma once

#include <span>

#include "netlink_socket.h"
#include "route_codec.h"

namespace anycast {

// Drops notifications about what the sockets with `own_ports` did and about routes that `filter` does not
// match, before they use any receive buffer. Without it, our own batch of 10,000 routes would overrun our
// monitor, and so would a BGP daemon that loads its table. Call it before joining groups. Throws SystemError.
void AttachMonitorFilter(NetlinkSocket& socket, const RouteFilter& filter,
                         std::span<const uint32_t> own_ports);

}  // namespace anycast
