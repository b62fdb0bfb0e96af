// Netlink dumps: sends a request, reads all parts of the answer, and repeats both when a change interrupted
// them.
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

  // Repeats `attempt` until it returns that nothing interrupted it. Throws SystemError EINTR when changes
  // interrupted all of ten attempts.
  void UntilConsistent(const std::function<bool()>& attempt);
  // Sends `request`, one encoded message whose sequence number is set here, and calls `take` with every
  // message of the answer. Returns false when a change interrupted the dump; `take` then got only what came
  // before. Throws SystemError with the kernel's error.
  bool Attempt(std::span<uint8_t> request, const std::function<void(const nlmsghdr*)>& take);
  // Repeats Attempt() until it is consistent. Calls `begin` before each attempt.
  void Dump(std::span<uint8_t> request, const std::function<void()>& begin,
            const std::function<void(const nlmsghdr*)>& take);

 private:
  void Prime();

  NetlinkSocket& socket_;
  uint32_t sequence_ = 0;
  std::vector<uint8_t> receive_buffer_;
};

}  // namespace anycast
