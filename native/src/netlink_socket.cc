#include "netlink_socket.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include "errors.h"
#include "thread.h"

namespace anycast {

namespace {

[[noreturn]] void Fail(const char* call, const std::string& what = "") {
  const int number = errno;
  throw SystemError(number, call, what.empty() ? std::strerror(number) : what + ": " + std::strerror(number));
}

// Its port is 0.
sockaddr_nl KernelAddress() {
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  return address;
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (number_ >= 0) close(number_);
}

NetworkNamespace::NetworkNamespace(const std::optional<std::string>& path) : path_(path) {
  if (!path) return;
  // Non-blocking, because the path may be a FIFO, whose opening would wait for a writer.
  file_ = FileDescriptor(open(path->c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file_.get() < 0) Fail("open", *path);
}

void NetworkNamespace::Enter(const std::function<void()>& open) const {
  if (!path_) return open();
  std::exception_ptr failure;
  StartThread([&] {
    try {
      if (setns(file_.get(), CLONE_NEWNET) != 0) Fail("setns", *path_);
      open();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

NetlinkSocket::NetlinkSocket(uint32_t receive_buffer) : socket_(nl_socket_alloc()) {
  if (!socket_) throw SystemError(ENOMEM, "nl_socket_alloc", "no memory for a netlink socket");
  errno = 0;
  const int result = nl_connect(socket_.get(), NETLINK_ROUTE);
  if (result < 0) {
    throw SystemError(errno != 0 ? errno : EIO, "nl_connect", nl_geterror(result));
  }
  // The kernel refuses a connected socket what others than its peer send it (ECONNREFUSED,
  // netlink_getsockbyportid in net/netlink/af_netlink.c): they can not fill its receive buffer.
  const sockaddr_nl kernel = KernelAddress();
  if (connect(file(), reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) != 0) Fail("connect");
  const int on = 1;
  // Replies omit the request's bytes (Linux 4.3), so that the replies to a window fit the receive buffer, and
  // contain the kernel's error text (Linux 4.12). Older kernels refuse the options, and work without.
  setsockopt(file(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  setsockopt(file(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  SetReceiveBuffer(receive_buffer);
  send_buffer_ = Option(SO_SNDBUF);
}

void NetlinkSocket::SetReceiveBuffer(uint32_t bytes) {
  // socket(7): the kernel doubles the value that is set, and getsockopt returns the doubled value.
  const int half = static_cast<int>(std::min<uint32_t>(bytes, INT32_MAX) / 2);
  if (setsockopt(file(), SOL_SOCKET, SO_RCVBUFFORCE, &half, sizeof half) != 0) {
    // Without CAP_NET_ADMIN in the initial user namespace, net.core.rmem_max is the limit.
    if (setsockopt(file(), SOL_SOCKET, SO_RCVBUF, &half, sizeof half) != 0) Fail("setsockopt");
  }
  receive_buffer_ = Option(SO_RCVBUF);
}

uint32_t NetlinkSocket::Option(int name) const {
  int value = 0;
  socklen_t length = sizeof value;
  if (getsockopt(file(), SOL_SOCKET, name, &value, &length) != 0) Fail("getsockopt");
  return static_cast<uint32_t>(value);
}

void NetlinkSocket::RequireStrictCheck() {
  const int on = 1;
  if (setsockopt(file(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on) != 0) {
    Fail("setsockopt", "NETLINK_GET_STRICT_CHK (Linux 4.20)");
  }
}

void NetlinkSocket::Join(int group) {
  if (setsockopt(file(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
    Fail("setsockopt", "NETLINK_ADD_MEMBERSHIP");
  }
}

int NetlinkSocket::Send(std::span<const uint8_t> messages) {
  const sockaddr_nl kernel = KernelAddress();
  for (;;) {
    const ssize_t sent = sendto(file(), messages.data(), messages.size(), 0,
                                reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
    if (sent >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

void NetlinkSocket::Drain() {
  uint8_t discarded[1];
  size_t length = 0;
  while (Receive(discarded, Deadline{}, length) != Received::kTimeout) continue;
}

NetlinkSocket::Received NetlinkSocket::Receive(std::span<uint8_t> buffer, Deadline deadline, size_t& length) {
  for (;;) {
    // First without waiting: the kernel has nearly always answered before send returns.
    sockaddr_nl sender{};
    socklen_t sender_length = sizeof sender;
    const ssize_t received = recvfrom(file(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC,
                                      reinterpret_cast<sockaddr*>(&sender), &sender_length);
    if (received >= 0) {
      // Another program may send to a multicast group too, and what it sends is not news of the kernel. Not
      // waited on from here: a program that sends without end would keep this thread from everything else.
      length = sender.nl_pid == 0 ? static_cast<size_t>(received) : 0;
      return Received::kData;
    }
    if (errno == ENOBUFS) return Received::kOverflow;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) Fail("recv");
    const auto rest =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (rest.count() <= 0) return Received::kTimeout;
    pollfd wait{file(), POLLIN, 0};
    if (poll(&wait, 1, static_cast<int>(rest.count())) < 0 && errno != EINTR) Fail("poll");
  }
}

}  // namespace anycast
