// Where the kernel would send packets: RTM_GETROUTE for one address after the other, many a send.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "netlink_socket.h"

namespace anycast {

// What `ip route get` says.
struct RouteAnswer {
  int32_t error = 0;             // errno, when there is no way
  uint8_t type = 0;              // RTN_*
  uint32_t interface_index = 0;  // of the way out
  std::vector<uint8_t> gateway;  // empty: the address itself is the neighbour
};

class RouteLookup {
 public:
  explicit RouteLookup(NetlinkSocket& socket) : socket_(socket) {}

  // An answer for each address (4 or 16 bytes), in order. Throws SystemError when the kernel does not answer.
  std::vector<RouteAnswer> Find(const std::vector<std::vector<uint8_t>>& addresses);

 private:
  void FindSome(std::span<const std::vector<uint8_t>> addresses, std::span<RouteAnswer> answers);

  NetlinkSocket& socket_;
  // Dumps share the socket and count from 0 (dump_reader.cc): what is late of one is never taken for the
  // other's.
  uint32_t sequence_ = uint32_t{1} << 31;
};

}  // namespace anycast
