// Collects changes that other programs make to routes, interfaces, local addresses and nexthop objects.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "link_dump.h"
#include "netlink_socket.h"
#include "route_codec.h"

namespace anycast {

// The changes since the last Take(). Each list is in the kernel's order.
struct Changes {
  std::vector<uint8_t> routes;  // packed records, operation replace or delete
  std::vector<Link> links;
  std::vector<LocalAddress> addresses;
  std::vector<uint8_t> objects;  // the same of nexthop objects: operation replace or delete of an object
  bool overrun = false;          // notifications were lost: read everything again
  std::exception_ptr failure;    // the socket failed, and the monitor has ended

  // Everything was lost.
  static Changes Lost(std::exception_ptr failure) { return {{}, {}, {}, {}, true, std::move(failure)}; }
  bool empty() const {
    return routes.empty() && links.empty() && addresses.empty() && objects.empty() && !overrun;
  }
};

class Monitor {
 public:
  // Joins the multicast groups on `socket`, whose filter must be attached already, and starts the thread.
  // `notify`, which throws nothing, is called on that thread when there are changes, and not again before
  // Take(). Throws SystemError.
  Monitor(std::unique_ptr<NetlinkSocket> socket, RouteFilter filter, std::function<void()> notify);
  // Stops the thread and waits for it.
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  // Returns all changes since the last call. While the caller is busy, they are collected here for one call.
  Changes Take();

 private:
  void Loop() noexcept;
  // Waits for a notification. Returns false when the monitor is to stop.
  bool Wait();
  void Drain();
  void Lose(std::exception_ptr failure) noexcept;
  void Notify();
  void Add(std::span<const uint8_t> datagram);

  std::unique_ptr<NetlinkSocket> socket_;
  std::atomic<bool> stopping_ = false;
  FileDescriptor wake_;  // an eventfd that wakes the thread when it is to stop
  RouteFilter filter_;
  std::function<void()> notify_;
  std::vector<uint8_t> receive_buffer_;
  std::vector<PackedNexthop> nexthops_;
  std::mutex mutex_;
  Changes changes_;
  bool notified_ = false;
  std::thread thread_;
};

}  // namespace anycast
