// What a monitor's socket lets through, decided in the kernel.
#pragma once

#include <span>

#include "netlink_socket.h"
#include "route_codec.h"

namespace anycast {

// Drops, before they cost a byte of receive buffer, notifications of what the sockets with these ports did,
// and routes that the filter does not want. Without it, a batch of ours of 10,000 routes would overrun our
// own monitor, and so would a BGP daemon that loads its table. Call before joining groups. Throws
// SystemError.
void AttachMonitorFilter(NetlinkSocket& socket, const RouteFilter& filter,
                         std::span<const uint32_t> own_ports);

}  // namespace anycast
