// A route netlink socket (netlink(7), rtnetlink(7)) opened in a chosen network namespace.
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

// An open file that is closed with its owner.
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

// Where sockets are opened. Holds the namespace's file, so that a path that is bound anew later does not
// matter.
class NetworkNamespace {
 public:
  // No path: the calling thread's own. Throws SystemError.
  explicit NetworkNamespace(const std::optional<std::string>& path);

  // Runs `open` inside: on a thread of its own, because setns(2) moves the calling thread, and neither the
  // program's main thread nor one of its pool may be moved. What `open` throws is thrown here.
  void Enter(const std::function<void()>& open) const;

 private:
  std::optional<std::string> path_;
  FileDescriptor file_;
};

class NetlinkSocket {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  // What became of a receive.
  enum class Received { kData, kOverflow, kTimeout };

  // Opens in the calling thread's namespace; `receive_buffer` in bytes as getsockopt(2) counts them.
  // Throws SystemError.
  explicit NetlinkSocket(uint32_t receive_buffer);
  NetlinkSocket(const NetlinkSocket&) = delete;
  NetlinkSocket& operator=(const NetlinkSocket&) = delete;

  int file() const { return nl_socket_get_fd(socket_.get()); }
  // The address by which the kernel names this socket in what it did on its behalf (nlmsg_pid).
  uint32_t port() const { return nl_socket_get_local_port(socket_.get()); }
  // Bytes of receive and send buffer that were really granted.
  uint32_t receive_buffer() const { return receive_buffer_; }
  uint32_t send_buffer() const { return send_buffer_; }

  // Asks the kernel to filter dumps by the request's header (NETLINK_GET_STRICT_CHK, Linux 4.20).
  void RequireStrictCheck();
  // Listens to one multicast group, such as RTNLGRP_LINK. Throws SystemError.
  void Join(int group);

  // Sends one datagram of one or more messages whole. Gives 0 or the errno, and then nothing was processed.
  int Send(std::span<const uint8_t> messages);

  // Throws away what was not received. After an overflow the kernel drops the answer to the next request as
  // well, until the queue was empty once (NETLINK_S_CONGESTED, net/netlink/af_netlink.c): to be called before
  // it.
  void Drain();

  // Receives one datagram into `buffer`. kOverflow is ENOBUFS: the kernel dropped something for want of
  // buffer. `length` may be more than the buffer has, when the datagram did not fit. Throws SystemError
  // otherwise.
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
