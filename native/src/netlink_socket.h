// A route netlink socket (netlink(7), rtnetlink(7)), opened in a given network namespace.
#pragma once

#include <netlink/socket.h>
#include <poll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace anycast {

// Owns an open file and closes it when destroyed.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(other.number_) { other.number_ = -1; }
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();
  int get() const { return number_; }

 private:
  int number_ = -1;
};

// The network namespace in which sockets are opened. Keeps its file open: it stays the same namespace even
// when another one is later mounted at the path.
class NetworkNamespace {
 public:
  // Without a path: the namespace of the thread that calls Enter(). Throws SystemError.
  explicit NetworkNamespace(const std::optional<std::string>& path);

  // Runs `open` inside the namespace and waits for it. setns(2) moves the calling thread, and Node's own
  // threads must not be moved, so `open` runs on a new thread. Rethrows what `open` throws.
  void Enter(const std::function<void()>& open) const;

 private:
  std::optional<std::string> path_;
  FileDescriptor file_;
};

class NetlinkSocket {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  // The outcome of Receive().
  enum class Received { kData, kOverflow, kTimeout };

  // Opens in the calling thread's namespace. `receive_buffer` is in bytes, as getsockopt(2) reports them.
  // Throws SystemError.
  explicit NetlinkSocket(uint32_t receive_buffer);
  NetlinkSocket(const NetlinkSocket&) = delete;
  NetlinkSocket& operator=(const NetlinkSocket&) = delete;

  int file() const { return nl_socket_get_fd(socket_.get()); }
  // The socket's netlink address. Notifications about changes that it made carry it as nlmsg_pid.
  uint32_t port() const { return nl_socket_get_local_port(socket_.get()); }
  // The buffer sizes that the kernel granted, in bytes.
  uint32_t receive_buffer() const { return receive_buffer_; }
  uint32_t send_buffer() const { return send_buffer_; }

  // Asks the kernel to filter dumps by the request's header (NETLINK_GET_STRICT_CHK, Linux 4.20).
  void RequireStrictCheck();
  // Joins one multicast group, such as RTNLGRP_LINK. Throws SystemError.
  void Join(int group);

  // Sends one datagram with one or more messages. Returns 0, or an errno; then no message was processed.
  int Send(std::span<const uint8_t> messages);

  // Discards all queued datagrams. Call it before a request: after an overflow the kernel drops answers until
  // the queue has been empty once (NETLINK_S_CONGESTED, net/netlink/af_netlink.c).
  void Drain();

  // Receives one datagram into `buffer`. kOverflow is ENOBUFS: the receive buffer was full and the kernel
  // dropped something. `length` is the datagram's whole length, even when it is longer than `buffer` and was
  // cut, and 0 for one that the kernel did not send. Throws SystemError on any other error.
  Received Receive(std::span<uint8_t> buffer, Deadline deadline, size_t& length);

 private:
  struct Free {
    void operator()(nl_sock* socket) const { nl_socket_free(socket); }
  };
  uint32_t Option(int name) const;
  void SetReceiveBuffer(uint32_t bytes);

  std::unique_ptr<nl_sock, Free> socket_;
  uint32_t receive_buffer_ = 0;
  uint32_t send_buffer_ = 0;
};

}  // namespace anycast
