// The write lane: one socket, one batch at a time, as few sends as its buffers allow.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "netlink_socket.h"
#include "request_window.h"

namespace anycast {

class RouteWriter {
 public:
  explicit RouteWriter(NetlinkSocket& socket);

  // Sends every request of a batch and gives what became of each. Blocks; one caller at a time.
  // Throws RecordError before anything is sent if the batch is malformed, SystemError if the socket broke.
  Outcomes Apply(std::span<const uint8_t> batch);

 private:
  // Encodes from `rest` on until the window or the send buffer is full; gives the number of requests.
  size_t Encode(std::span<const uint8_t>& rest);
  void Collect(RequestWindow& window);

  NetlinkSocket& socket_;
  size_t window_limit_;  // requests in flight
  size_t send_limit_;    // bytes a send
  uint32_t next_sequence_ = 1;
  std::vector<uint8_t> send_buffer_;
  size_t send_length_ = 0;
  std::vector<uint8_t> receive_buffer_;
};

}  // namespace anycast
