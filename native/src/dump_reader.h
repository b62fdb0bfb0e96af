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

  // Repeats `attempt` until it tells that nothing interrupted it. Throws SystemError EINTR if every one was.
  void UntilConsistent(const std::function<bool()>& attempt);
  // Hands every message of one answer to `take`. Tells whether no change interrupted it; where one did, it
  // hands over what came before. Throws SystemError, the kernel's.
  bool Attempt(nl_msg* request, const std::function<void(const nlmsghdr*)>& take);
  // Both: hands every message to `take`, after `begin`; both again for each repetition.
  void Dump(nl_msg* request, const std::function<void()>& begin,
            const std::function<void(const nlmsghdr*)>& take);

 private:
  void Prime();

  NetlinkSocket& socket_;
  uint32_t sequence_ = 0;
  std::vector<uint8_t> receive_buffer_;
};

}  // namespace anycast
