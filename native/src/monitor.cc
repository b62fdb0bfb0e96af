#include "monitor.h"

#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "errors.h"
#include "object_codec.h"
#include "thread.h"

namespace anycast {

namespace {

// A datagram holds one notification. A route with 2,048 nexthops takes at most 64 KiB.
constexpr size_t kReceiveBuffer = 128 * 1024;
// In bytes of routes and objects that JavaScript has not taken yet. Beyond this, reading everything again is
// cheaper.
constexpr size_t kChangesLimit = 16 * 1024 * 1024;
// The kernel reports a notification that it could not make as an error of the socket, once (netlink_set_err,
// net/netlink/af_netlink.c). A socket that fails this often without a notification in between is broken.
constexpr int kMaximumFailures = 100;

}  // namespace

Monitor::Monitor(std::unique_ptr<NetlinkSocket> socket, RouteFilter filter, std::function<void()> notify)
    : socket_(std::move(socket)),
      wake_(eventfd(0, EFD_CLOEXEC)),
      filter_(std::move(filter)),
      notify_(std::move(notify)),
      receive_buffer_(kReceiveBuffer) {
  if (wake_.get() < 0) throw SystemError(errno, "eventfd", std::strerror(errno));
  for (const int group :
       {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE}) {
    socket_->Join(group);
  }
  if (filter_.has_objects) socket_->Join(RTNLGRP_NEXTHOP);
  thread_ = StartThread([this] { Loop(); });
}

Monitor::~Monitor() {
  stopping_ = true;
  const uint64_t one = 1;
  // This can not fail: the counter is far from its maximum, and only this object has the descriptor.
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
  thread_.join();
}

Changes Monitor::Take() {
  const std::lock_guard lock(mutex_);
  notified_ = false;
  return std::exchange(changes_, {});
}

void Monitor::Loop() noexcept {
  for (int failures = 0; failures < kMaximumFailures;) {
    try {
      if (!Wait()) return;
      Drain();
      failures = 0;
    } catch (...) {
      // The socket failed, or there was no memory for what it received.
      failures++;
      Lose(failures == kMaximumFailures ? std::current_exception() : nullptr);
    }
  }
}

bool Monitor::Wait() {
  pollfd files[] = {{socket_->file(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  const bool failed = poll(files, 2, -1) < 0;
  if (stopping_) return false;
  if (failed && errno != EINTR) throw SystemError(errno, "poll", std::strerror(errno));
  if (files[1].revents != 0) throw SystemError(EBADF, "poll", "the eventfd of the monitor was closed");
  return true;
}

void Monitor::Drain() {
  size_t length = 0;
  const auto received = socket_->Receive(receive_buffer_, NetlinkSocket::Deadline{}, length);
  if (received == NetlinkSocket::Received::kTimeout) return;
  const std::lock_guard lock(mutex_);
  if (received == NetlinkSocket::Received::kOverflow || length > receive_buffer_.size()) {
    changes_.overrun = true;
  } else {
    Add({receive_buffer_.data(), length});
  }
  if (changes_.routes.size() + changes_.objects.size() > kChangesLimit) changes_ = Changes::Lost(nullptr);
  Notify();
}

void Monitor::Lose(std::exception_ptr failure) noexcept {
  const std::lock_guard lock(mutex_);
  changes_ = Changes::Lost(std::move(failure));
  Notify();
}

void Monitor::Notify() {
  // At once, although changes that follow cost a second call: while a route is missing, packets are lost.
  if (!notified_ && !changes_.empty()) {
    notified_ = true;
    notify_();
  }
}

void Monitor::Add(std::span<const uint8_t> datagram) {
  auto* message = reinterpret_cast<nlmsghdr*>(const_cast<uint8_t*>(datagram.data()));
  int rest = static_cast<int>(datagram.size());
  for (; nlmsg_ok(message, rest); message = nlmsg_next(message, &rest)) {
    switch (message->nlmsg_type) {
      case RTM_NEWROUTE:
        DecodeRoute(message, filter_, kReplace, nexthops_, changes_.routes);
        break;
      case RTM_DELROUTE:
        DecodeRoute(message, filter_, kDelete, nexthops_, changes_.routes);
        break;
      case RTM_NEWLINK:
      case RTM_DELLINK:
        if (auto link = DecodeLink(message)) changes_.links.push_back(std::move(*link));
        break;
      case RTM_NEWADDR:
      case RTM_DELADDR:
        if (auto address = DecodeAddress(message)) changes_.addresses.push_back(std::move(*address));
        break;
      case RTM_NEWNEXTHOP:
        if (IsObjectOf(message, filter_.protocols)) DecodeObject(message, kReplaceObject, changes_.objects);
        break;
      case RTM_DELNEXTHOP:
        if (IsObjectOf(message, filter_.protocols)) DecodeObject(message, kDeleteObject, changes_.objects);
        break;
      default:
        break;
    }
  }
}

}  // namespace anycast
