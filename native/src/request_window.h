// Matches the answers to the requests of one send, by their sequence numbers alone. Pure: no socket.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace anycast {

// A record of a batch, and its position there.
struct Request {
  const uint8_t* record;
  uint32_t index;
};

// The kernel's error texts for requests that failed, each with the request's index.
using KernelMessages = std::vector<std::pair<uint32_t, std::string>>;

// The outcomes of a batch, one for each request, in order.
struct Outcomes {
  // The reply was lost: the request may have been applied or not. Read the route back.
  static constexpr int32_t kUnknown = -1;
  std::vector<int32_t> errors;  // 0, a positive errno, or kUnknown
  KernelMessages messages;
};

// The kernel processes the messages of a send in order, answers each one that fails, and always answers the
// last one (NLM_F_ACK). When that answer has come and no reply was dropped, a request without an answer
// succeeded.
class RequestWindow {
 public:
  // `requests` have consecutive sequence numbers from `first_sequence` on. Their outcomes go to `errors`, at
  // their indexes; all are kUnknown before.
  RequestWindow(std::span<const Request> requests, uint32_t first_sequence, std::span<int32_t> errors,
                KernelMessages& messages);

  // Takes one received datagram. Ignores late replies to requests of earlier windows.
  void Take(std::span<const uint8_t> datagram);
  // The kernel dropped replies (ENOBUFS), so requests without an answer stay unknown.
  void Overflow() { overflowed_ = true; }
  // The last request is answered.
  bool complete() const { return complete_; }
  bool overflowed() const { return overflowed_; }
  // Marks requests without an answer as successful, if the window is complete and nothing was dropped.
  void Finish();
  // Nothing was sent: every request failed with `error`.
  void Fail(int error);

 private:
  std::span<const Request> requests_;
  uint32_t first_sequence_;
  std::span<int32_t> errors_;
  KernelMessages& messages_;
  bool complete_ = false;
  bool overflowed_ = false;
};

// The extended ACK's text of an NLMSG_ERROR (NLMSGERR_ATTR_MSG, Linux 4.12), or an empty string.
std::string ExtendedAckMessage(const nlmsghdr* reply);

}  // namespace anycast
