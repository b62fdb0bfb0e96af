// One netlink dump: the request, all parts of the answer, and both again where a change interrupted it.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "netlink_socket.h"

namespace anycast {

// Flags of a request for a dump.
constexpr uint16_t kDumpFlags = NLM_F_REQUEST | NLM_F_DUMP;

class DumpReader {
 public:
  // Throws SystemError.
  explicit DumpReader(NetlinkSocket& socket);

  // Repeats `attempt` until it tells that nothing interrupted it. Throws SystemError EINTR if every one was.
  void UntilConsistent(const std::function<bool()>& attempt);
  // Sends `request`, one encoded message, and hands every message of the answer to `take`. Sets the request's
  // sequence number. Returns whether no change interrupted it; where one did, it
  // hands over what came before. Throws SystemError, the kernel's.
  bool Attempt(std::span<uint8_t> request, const std::function<void(const nlmsghdr*)>& take);
  // Both: hands every message to `take`, after `begin`; both again for each repetition.
  void Dump(std::span<uint8_t> request, const std::function<void()>& begin,
            const std::function<void(const nlmsghdr*)>& take);

 private:
  void Prime();

  NetlinkSocket& socket_;
  uint32_t sequence_ = 0;
  std::vector<uint8_t> receive_buffer_;
};

}  // namespace anycast
