// Asks the kernel for the route to addresses: one RTM_GETROUTE for each, many in one send.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "netlink_socket.h"

namespace anycast {

// What `ip route get` shows.
struct RouteAnswer {
  int32_t error = 0;             // 0, or the errno when there is no route
  uint8_t type = 0;              // RTN_*
  uint32_t interface_index = 0;  // of the outgoing interface
  std::vector<uint8_t> gateway;  // empty when the address itself is a neighbour
};

class RouteLookup {
 public:
  explicit RouteLookup(NetlinkSocket& socket) : socket_(socket) {}

  // Returns an answer for each address (4 or 16 bytes), in order. Throws SystemError when the kernel does not
  // answer.
  std::vector<RouteAnswer> Find(const std::vector<std::vector<uint8_t>>& addresses);

 private:
  void FindInOneSend(std::span<const std::vector<uint8_t>> addresses, std::span<RouteAnswer> answers);

  NetlinkSocket& socket_;
  // Dumps use the same socket and count from 0 (dump_reader.cc). So a late answer to one is never taken for
  // an answer to the other.
  uint32_t sequence_ = uint32_t{1} << 31;
};

}  // namespace anycast
