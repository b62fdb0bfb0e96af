// The requests of one send, and their answers: matched by sequence number, and nothing else. Pure, no socket.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace anycast {

// A record of a batch, and which one it is.
struct Request {
  const uint8_t* record;
  uint32_t index;
};

// The kernel's words on requests that failed, by index.
using KernelMessages = std::vector<std::pair<uint32_t, std::string>>;

// What became of a batch: one outcome a request, in order.
struct Outcomes {
  // The replies that told were lost: the request may have been applied or not. Read back.
  static constexpr int32_t kUnknown = -1;
  std::vector<int32_t> errors;  // 0, a positive errno, or kUnknown
  KernelMessages messages;
};

// The kernel handles the messages of a send in order, answers each that fails, and answers the last one in
// any case (NLM_F_ACK): once that answer is here and nothing was dropped, silence means success.
class RequestWindow {
 public:
  // `requests` carry the sequence numbers first_sequence.. and have their places in `errors`, all unknown
  // yet.
  RequestWindow(std::span<const Request> requests, uint32_t first_sequence, std::span<int32_t> errors,
                KernelMessages& messages);

  // Takes one received datagram. Replies to requests outside this window (stale ones) are passed over.
  void Take(std::span<const uint8_t> datagram);
  // The kernel dropped replies (ENOBUFS): those not answered explicitly stay unknown.
  void Overflow() { overflowed_ = true; }
  // The last request is answered.
  bool complete() const { return complete_; }
  bool overflowed() const { return overflowed_; }
  // Turns silence into success, where it may be.
  void Finish();
  // None of them reached the kernel.
  void Fail(int error);

 private:
  std::span<const Request> requests_;
  uint32_t first_sequence_;
  std::span<int32_t> errors_;
  KernelMessages& messages_;
  bool complete_ = false;
  bool overflowed_ = false;
};

// The extended ACK's text of an NLMSG_ERROR (NLMSGERR_ATTR_MSG, Linux 4.12), or nothing.
std::string ExtendedAckMessage(const nlmsghdr* reply);

}  // namespace anycast
