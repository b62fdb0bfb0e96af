// Writing over one socket: requests in order, in as few sends as its buffers allow.
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

  // Sends these requests, whose records CheckBatch accepted, and puts what became of each in its place in
  // `errors`, all unknown before. Blocks; one caller at a time. Throws SystemError if the socket broke.
  void Write(std::span<const Request> requests, std::span<int32_t> errors, KernelMessages& messages);

 private:
  // Encodes from the first on until the window or the send buffer is full; gives the number of requests.
  size_t Encode(std::span<const Request> requests);
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
