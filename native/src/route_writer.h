// Writes requests over one socket, in order and in as few sends as its buffers allow.
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

  // Sends these requests, whose records CheckBatch() accepted. The outcome of each goes to `errors` at its
  // index; all are kUnknown before. Blocks. Only one caller at a time. Throws SystemError if the socket
  // failed.
  void Write(std::span<const Request> requests, std::span<int32_t> errors, KernelMessages& messages);

 private:
  // Encodes requests until the window or the send buffer is full. Returns their number.
  size_t Encode(std::span<const Request> requests);
  void Collect(RequestWindow& window);

  NetlinkSocket& socket_;
  size_t window_limit_;  // in requests
  size_t send_limit_;    // in bytes
  uint32_t next_sequence_ = 1;
  std::vector<uint8_t> send_buffer_;
  size_t send_length_ = 0;
  std::vector<uint8_t> receive_buffer_;
};

}  // namespace anycast
