// A netlink dump, whole: request, all parts of the answer, and again where a change interrupted it.
#pragma once

#include <netlink/msg.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "netlink_socket.h"

namespace anycast {

struct FreeMessage {
  void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, FreeMessage>;

// A dump request of this type with `header` as its fixed part. Throws std::bad_alloc.
Message DumpRequest(int type, const void* header, size_t length);

class DumpReader {
 public:
  // Throws SystemError.
  explicit DumpReader(NetlinkSocket& socket);

  // Hands every message of the answer to `take`, after `begin`; both again for each repetition.
  // Throws SystemError: the kernel's, or EINTR if every repetition was interrupted.
  void Dump(nl_msg* request, const std::function<void()>& begin,
            const std::function<void(const nlmsghdr*)>& take);

 private:
  void Prime();
  bool Attempt(nl_msg* request, const std::function<void(const nlmsghdr*)>& take);

  NetlinkSocket& socket_;
  uint32_t sequence_ = 0;
  std::vector<uint8_t> receive_buffer_;
};

}  // namespace anycast
