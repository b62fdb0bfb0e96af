#include "route_writer.h"

#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "object_codec.h"
#include "packed_record.h"
#include "route_codec.h"

namespace anycast {

namespace {

// The bytes of receive buffer that one reply takes. Measured: 832 for an error without text. The kernel's
// next size of memory, for the longest text, is 1,280. A window has no more requests than replies fit if all
// of them fail.
constexpr size_t kReplyCost = 1280;

// In requests. Larger sends gain little: 1,024 in one send took 1.0 us a route, 128 took 1.1.
constexpr size_t kMaximumWindow = 1024;

// The bytes of the send buffer that netlink_sendmsg (net/netlink/af_netlink.c) keeps for itself. A longer
// send fails with EMSGSIZE.
constexpr size_t kSendReserve = 32;

// The kernel answers before the send returns. This limits the wait if it does not.
constexpr std::chrono::seconds kReplyTimeout{5};

constexpr size_t kReplyBuffer = 16 * 1024;

size_t EncodedLimit(const RecordView& record) {
  return record.is_object() ? EncodedObjectLimit(record.object()) : EncodedLimit(record.route);
}

size_t EncodeRequest(const RecordView& record, uint32_t sequence, uint8_t* out) {
  return record.is_object() ? EncodeObject(record, sequence, out) : EncodeRoute(record, sequence, out);
}

}  // namespace

RouteWriter::RouteWriter(NetlinkSocket& socket)
    : socket_(socket),
      window_limit_(std::clamp<size_t>(socket.receive_buffer() / kReplyCost, 1, kMaximumWindow)),
      send_limit_(socket.send_buffer() - kSendReserve),
      receive_buffer_(kReplyBuffer) {}

void RouteWriter::Write(std::span<const Request> requests, std::span<int32_t> errors,
                        KernelMessages& messages) {
  while (!requests.empty()) {
    const uint32_t first_sequence = next_sequence_;
    const size_t count = Encode(requests);
    RequestWindow window(requests.first(count), first_sequence, errors, messages);
    const int error = socket_.Send({send_buffer_.data(), send_length_});
    if (error != 0) {
      // The next window may still reach the kernel.
      window.Fail(error);
    } else {
      Collect(window);
    }
    requests = requests.subspan(count);
  }
}

size_t RouteWriter::Encode(std::span<const Request> requests) {
  size_t count = 0;
  size_t last = 0;
  send_length_ = 0;
  while (count < std::min(window_limit_, requests.size())) {
    const RecordView record(requests[count].record);
    const size_t limit = send_length_ + EncodedLimit(record);
    if (count > 0 && limit > send_limit_) break;
    if (limit > send_buffer_.size()) send_buffer_.resize(std::max(limit, 2 * send_buffer_.size()));
    last = send_length_;
    send_length_ += EncodeRequest(record, next_sequence_++, send_buffer_.data() + last);
    count++;
  }
  reinterpret_cast<nlmsghdr*>(send_buffer_.data() + last)->nlmsg_flags |= NLM_F_ACK;
  return count;
}

void RouteWriter::Collect(RequestWindow& window) {
  const auto deadline = std::chrono::steady_clock::now() + kReplyTimeout;
  while (!window.complete()) {
    size_t length = 0;
    // After the kernel has dropped replies, only the queued ones are left to read.
    const auto until = window.overflowed() ? NetlinkSocket::Deadline{} : deadline;
    const auto received = socket_.Receive(receive_buffer_, until, length);
    if (received == NetlinkSocket::Received::kTimeout) break;
    if (received == NetlinkSocket::Received::kOverflow) {
      window.Overflow();
    } else {
      window.Take({receive_buffer_.data(), std::min(length, receive_buffer_.size())});
    }
  }
  window.Finish();
}

}  // namespace anycast
