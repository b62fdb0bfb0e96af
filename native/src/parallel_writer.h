// Writes a batch over one or two sockets, whichever is faster.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "netlink_socket.h"
#include "request_window.h"
#include "route_writer.h"

namespace anycast {

class ParallelWriter {
 public:
  // Opens its sockets in the calling thread's namespace. Throws SystemError.
  explicit ParallelWriter(uint32_t receive_buffer);

  // Sends every request of a batch and returns the outcome of each. A small batch is sent in order over one
  // socket; a large one is split into shards (shards.h), which are sent in parallel. Blocks. Only one caller
  // at a time. Throws RecordError, before anything is sent, if the batch is malformed, and SystemError if a
  // socket failed.
  Outcomes Apply(std::span<const uint8_t> batch);

  // The receive buffer that the kernel granted each socket, in bytes.
  uint32_t receive_buffer() const { return connections_[0].socket.receive_buffer(); }
  // The sockets' netlink addresses; see NetlinkSocket::port().
  std::array<uint32_t, 2> ports() const {
    return {connections_[0].socket.port(), connections_[1].socket.port()};
  }

 private:
  struct Connection {
    explicit Connection(uint32_t receive_buffer) : socket(receive_buffer), writer(socket) {}
    NetlinkSocket socket;
    RouteWriter writer;
  };

  void WriteInOrder(std::span<const Request> requests, Outcomes& outcomes);
  void WriteSharded(std::span<const Request> requests, Outcomes& outcomes);

  std::array<Connection, 2> connections_;
};

}  // namespace anycast
