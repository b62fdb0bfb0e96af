// Listens to what others change: routes, interfaces and local addresses.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "link_dump.h"
#include "netlink_socket.h"
#include "route_codec.h"

namespace anycast {

// What happened since the last Take(), each list in order.
struct Changes {
  std::vector<uint8_t> routes;  // packed records, operation replace or delete
  std::vector<Link> links;
  std::vector<LocalAddress> addresses;
  bool objects = false;  // nexthop objects of ours were changed
  bool overrun = false;  // notifications were lost: read everything again

  bool empty() const { return routes.empty() && links.empty() && addresses.empty() && !objects && !overrun; }
};

class Monitor {
 public:
  // Listens on `socket`, which has its filter attached, from now on. `notify` is called on the monitor's
  // thread when there is something to take, once until it is taken. Throws SystemError.
  Monitor(std::unique_ptr<NetlinkSocket> socket, RouteFilter filter, std::function<void()> notify);
  // Stops and waits for the thread.
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  // What has gathered; while the caller is busy, more gathers instead of queueing up call by call.
  Changes Take();

 private:
  void Loop();
  void Drain();
  void Add(std::span<const uint8_t> datagram);

  std::unique_ptr<NetlinkSocket> socket_;
  FileDescriptor wake_;  // an eventfd: the thread is to end
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
