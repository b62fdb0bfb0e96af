#include "request_window.h"

#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <cstring>

namespace anycast {

RequestWindow::RequestWindow(std::span<const Request> requests, uint32_t first_sequence,
                             std::span<int32_t> errors, KernelMessages& messages)
    : requests_(requests), first_sequence_(first_sequence), errors_(errors), messages_(messages) {}

void RequestWindow::Take(std::span<const uint8_t> datagram) {
  const auto* reply = reinterpret_cast<const nlmsghdr*>(datagram.data());
  int rest = static_cast<int>(datagram.size());
  for (; nlmsg_ok(reply, rest); reply = nlmsg_next(const_cast<nlmsghdr*>(reply), &rest)) {
    if (reply->nlmsg_type != NLMSG_ERROR || !nlmsg_valid_hdr(reply, sizeof(nlmsgerr))) continue;
    // Unsigned, so that the comparison is right after sequence numbers wrap.
    const uint32_t position = reply->nlmsg_seq - first_sequence_;
    if (position >= requests_.size()) continue;
    const uint32_t index = requests_[position].index;
    errors_[index] = -static_cast<const nlmsgerr*>(nlmsg_data(reply))->error;
    std::string text = ExtendedAckMessage(reply);
    if (!text.empty()) messages_.emplace_back(index, std::move(text));
    if (position == requests_.size() - 1) complete_ = true;
  }
}

void RequestWindow::Finish() {
  if (!complete_ || overflowed_) return;
  for (const Request& request : requests_) {
    if (errors_[request.index] == Outcomes::kUnknown) errors_[request.index] = 0;
  }
}

void RequestWindow::Fail(int error) {
  for (const Request& request : requests_) errors_[request.index] = error;
}

std::string ExtendedAckMessage(const nlmsghdr* reply) {
  if ((reply->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return "";
  const auto* error = static_cast<const nlmsgerr*>(nlmsg_data(reply));
  // Unless the kernel capped the reply, the request's payload comes before the attributes.
  size_t offset = sizeof(nlmsgerr);
  if ((reply->nlmsg_flags & NLM_F_CAPPED) == 0) offset += NLMSG_ALIGN(error->msg.nlmsg_len - NLMSG_HDRLEN);
  const size_t length = static_cast<size_t>(nlmsg_datalen(reply));
  if (offset >= length) return "";
  const nlattr* message =
      nla_find(reinterpret_cast<const nlattr*>(static_cast<const uint8_t*>(nlmsg_data(reply)) + offset),
               static_cast<int>(length - offset), NLMSGERR_ATTR_MSG);
  if (message == nullptr) return "";
  const auto* text = static_cast<const char*>(nla_data(message));
  return std::string(text, strnlen(text, static_cast<size_t>(nla_len(message))));
}

}  // namespace anycast
