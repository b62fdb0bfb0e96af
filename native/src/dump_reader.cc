#include "dump_reader.h"

#include <linux/netlink.h>
#include <netlink/msg.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "errors.h"
#include "message_writer.h"
#include "request_window.h"

namespace anycast {

namespace {

// The kernel returns at most 32 KiB for each read, and learns our buffer's size from the first read. With 64
// KiB, a dump of 65,536 routes took 29 ms (IPv6 57), with 8 KiB 88 ms (147).
constexpr size_t kReceiveBuffer = 64 * 1024;
constexpr int kAttempts = 10;
constexpr std::chrono::seconds kReplyTimeout{5};

}  // namespace

DumpReader::DumpReader(NetlinkSocket& socket) : socket_(socket), receive_buffer_(kReceiveBuffer) { Prime(); }

// Sends one request and reads its answer, so that the kernel learns our buffer's size (netlink_recvmsg,
// net/netlink/af_netlink.c). The kernel builds the first part of a dump before the first read, on a new
// socket with a buffer of one page, and silently leaves out a route that does not fit: a route with 1,500
// nexthops was missing from a new socket's first dump. (A route of more than 32 KiB, about 2,000 IPv4
// nexthops, is missing from every dump.)
void DumpReader::Prime() {
  alignas(nlmsghdr) uint8_t request[NLMSG_HDRLEN];
  MessageWriter writer(request, NLMSG_NOOP, NLM_F_REQUEST | NLM_F_ACK);
  const int error = socket_.Send({request, writer.Finish()});
  if (error != 0) throw SystemError(error, "sendto", std::strerror(error));
  size_t length = 0;
  socket_.Receive(receive_buffer_, std::chrono::steady_clock::now() + kReplyTimeout, length);
}

void DumpReader::UntilConsistent(const std::function<bool()>& attempt) {
  for (int count = 0; count < kAttempts; count++) {
    if (attempt()) return;
  }
  throw SystemError(EINTR, "recv", "changes interrupted the dump " + std::to_string(kAttempts) + " times");
}

void DumpReader::Dump(std::span<uint8_t> request, const std::function<void()>& begin,
                      const std::function<void(const nlmsghdr*)>& take) {
  UntilConsistent([&] {
    begin();
    return Attempt(request, take);
  });
}

bool DumpReader::Attempt(std::span<uint8_t> request, const std::function<void(const nlmsghdr*)>& take) {
  reinterpret_cast<nlmsghdr*>(request.data())->nlmsg_seq = ++sequence_;
  socket_.Drain();
  const int error = socket_.Send(request);
  if (error != 0) throw SystemError(error, "sendto", std::strerror(error));
  bool consistent = true;
  for (;;) {
    size_t length = 0;
    const auto deadline = std::chrono::steady_clock::now() + kReplyTimeout;
    switch (socket_.Receive(receive_buffer_, deadline, length)) {
      case NetlinkSocket::Received::kTimeout:
        throw SystemError(ETIMEDOUT, "recv", "the kernel stopped answering a dump");
      case NetlinkSocket::Received::kOverflow:
        throw SystemError(ENOBUFS, "recv", "the kernel dropped a part of a dump");
      case NetlinkSocket::Received::kData:
        break;
    }
    if (length > receive_buffer_.size()) throw SystemError(EMSGSIZE, "recv", "a part of a dump is too large");
    auto* message = reinterpret_cast<nlmsghdr*>(receive_buffer_.data());
    int rest = static_cast<int>(length);
    for (; nlmsg_ok(message, rest); message = nlmsg_next(message, &rest)) {
      if (message->nlmsg_seq != sequence_) continue;  // of an earlier dump that failed
      if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) consistent = false;
      if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
        // Both begin with a negative errno or 0: a dump that fails midway ends with NLMSG_DONE and the error.
        int32_t result = 0;
        std::memcpy(&result, nlmsg_data(message),
                    std::min<size_t>(sizeof result, static_cast<size_t>(nlmsg_datalen(message))));
        if (result == 0) return consistent;
        const std::string text = message->nlmsg_type == NLMSG_ERROR ? ExtendedAckMessage(message) : "";
        throw SystemError(-result, "recv", text.empty() ? std::strerror(-result) : text);
      }
      if (consistent) take(message);
    }
  }
}

}  // namespace anycast
