#include "route_lookup.h"

#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "errors.h"
#include "message_writer.h"

namespace anycast {

namespace {

// The answers to this many requests fit 416 KiB, the receive buffer that a process without CAP_NET_ADMIN
// gets.
constexpr size_t kWindow = 64;
constexpr size_t kReceiveBuffer = 16 * 1024;
constexpr std::chrono::seconds kReplyTimeout{5};

// Room for one encoded request.
constexpr size_t kRequestLimit = NLMSG_SPACE(sizeof(rtmsg)) + RTA_SPACE(16);

// Writes one request at `out` and returns its length.
size_t EncodeLookup(const std::vector<uint8_t>& address, uint32_t sequence, uint8_t* out) {
  MessageWriter writer(out, RTM_GETROUTE, NLM_F_REQUEST, sequence);
  auto* head = writer.Reserve<rtmsg>();
  head->rtm_family = address.size() == 4 ? AF_INET : AF_INET6;
  head->rtm_dst_len = static_cast<uint8_t>(8 * address.size());
  writer.Attribute(RTA_DST, address.data(), address.size());
  return writer.Finish();
}

RouteAnswer Decode(const nlmsghdr* reply) {
  RouteAnswer answer;
  if (reply->nlmsg_type == NLMSG_ERROR) {
    answer.error = -static_cast<const nlmsgerr*>(nlmsg_data(reply))->error;
    return answer;
  }
  answer.type = static_cast<const rtmsg*>(nlmsg_data(reply))->rtm_type;
  const nlattr* attribute = nlmsg_attrdata(reply, sizeof(rtmsg));
  int rest = nlmsg_attrlen(reply, sizeof(rtmsg));
  for (; nla_ok(attribute, rest); attribute = nla_next(attribute, &rest)) {
    const auto* bytes = static_cast<const uint8_t*>(nla_data(attribute));
    const auto length = static_cast<size_t>(nla_len(attribute));
    switch (nla_type(attribute)) {
      case RTA_OIF:
        std::memcpy(&answer.interface_index, bytes, std::min(length, sizeof answer.interface_index));
        break;
      case RTA_GATEWAY:
        answer.gateway.assign(bytes, bytes + length);
        break;
      case RTA_VIA:
        // A gateway of the other family. Two bytes with its family come first.
        if (length > sizeof(rtvia)) answer.gateway.assign(bytes + sizeof(rtvia), bytes + length);
        break;
      default:
        break;
    }
  }
  return answer;
}

bool IsAnswer(const nlmsghdr* reply) {
  if (reply->nlmsg_type == RTM_NEWROUTE) return nlmsg_valid_hdr(reply, sizeof(rtmsg));
  return reply->nlmsg_type == NLMSG_ERROR && nlmsg_valid_hdr(reply, sizeof(nlmsgerr));
}

}  // namespace

std::vector<RouteAnswer> RouteLookup::Find(const std::vector<std::vector<uint8_t>>& addresses) {
  std::vector<RouteAnswer> answers(addresses.size());
  for (size_t start = 0; start < addresses.size(); start += kWindow) {
    const size_t count = std::min(kWindow, addresses.size() - start);
    FindInOneSend({&addresses[start], count}, {&answers[start], count});
  }
  return answers;
}

void RouteLookup::FindInOneSend(std::span<const std::vector<uint8_t>> addresses,
                                std::span<RouteAnswer> answers) {
  const uint32_t first = sequence_;
  std::vector<uint8_t> requests(addresses.size() * kRequestLimit);
  size_t request_length = 0;
  for (const auto& address : addresses) {
    request_length += EncodeLookup(address, sequence_++, requests.data() + request_length);
  }
  socket_.Drain();
  const int error = socket_.Send({requests.data(), request_length});
  if (error != 0) throw SystemError(error, "sendto", std::strerror(error));
  std::vector<uint8_t> buffer(kReceiveBuffer);
  const auto deadline = std::chrono::steady_clock::now() + kReplyTimeout;
  for (size_t answered = 0; answered < addresses.size();) {
    size_t length = 0;
    switch (socket_.Receive(buffer, deadline, length)) {
      case NetlinkSocket::Received::kTimeout:
        throw SystemError(ETIMEDOUT, "recv", "the kernel stopped answering look-ups");
      case NetlinkSocket::Received::kOverflow:
        throw SystemError(ENOBUFS, "recv", "the kernel dropped an answer to a look-up");
      case NetlinkSocket::Received::kData:
        break;
    }
    const auto* reply = reinterpret_cast<const nlmsghdr*>(buffer.data());
    int rest = static_cast<int>(std::min(length, buffer.size()));
    for (; nlmsg_ok(reply, rest); reply = nlmsg_next(const_cast<nlmsghdr*>(reply), &rest)) {
      const uint32_t position = reply->nlmsg_seq - first;
      if (position >= addresses.size() || !IsAnswer(reply)) continue;
      answers[position] = Decode(reply);
      answered++;
    }
  }
}

}  // namespace anycast
