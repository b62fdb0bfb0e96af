#include "monitor_filter.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <vector>

#include "errors.h"

namespace anycast {

namespace {

constexpr uint32_t kRoute = NLMSG_HDRLEN;
constexpr uint32_t kAttributes = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(rtmsg));
constexpr sock_filter kPass = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
constexpr sock_filter kDrop = BPF_STMT(BPF_RET | BPF_K, 0);

// Classic BPF (Documentation/networking/filter.rst). A load converts from network to host byte order, but
// netlink is in host order, so constants must be in network order.
class Program {
 public:
  void Load(uint16_t size, size_t offset) {
    code_.push_back(BPF_STMT(static_cast<uint16_t>(BPF_LD | BPF_ABS | size), static_cast<uint32_t>(offset)));
  }
  // Returns the verdict if the loaded value is `value`. Otherwise the next instruction follows.
  void IfEqual(uint32_t value, sock_filter verdict) {
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
    code_.push_back(verdict);
  }
  void IfNotEqual(uint32_t value, sock_filter verdict) {
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0));
    code_.push_back(verdict);
  }
  void Add(sock_filter instruction) { code_.push_back(instruction); }
  void Attach(int file) {
    const sock_fprog program{static_cast<uint16_t>(code_.size()), code_.data()};
    if (setsockopt(file, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
      throw SystemError(errno, "setsockopt", std::string("SO_ATTACH_FILTER: ") + std::strerror(errno));
    }
  }

 private:
  std::vector<sock_filter> code_;
};

void PassMetric(Program& program, uint32_t metric) {
  // SKF_AD_NLATTR is nla_find() as an instruction: it searches from the offset in A for the attribute in X.
  program.Add(BPF_STMT(BPF_LDX | BPF_IMM, RTA_PRIORITY));
  program.Add(BPF_STMT(BPF_LD | BPF_IMM, kAttributes));
  program.Add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                       static_cast<uint32_t>(SKF_AD_OFF) + static_cast<uint32_t>(SKF_AD_NLATTR)));
  // IPv4 omits the attribute when the metric is 0.
  program.IfEqual(0, metric == 0 ? kPass : kDrop);
  program.Add(BPF_STMT(BPF_MISC | BPF_TAX, 0));
  program.Add(BPF_STMT(BPF_LD | BPF_W | BPF_IND, NLA_HDRLEN));
  program.IfEqual(htonl(metric), kPass);
}

}  // namespace

void AttachMonitorFilter(NetlinkSocket& socket, const RouteFilter& filter,
                         std::span<const uint32_t> own_ports) {
  Program program;
  program.Load(BPF_W, offsetof(nlmsghdr, nlmsg_pid));
  for (const uint32_t port : own_ports) program.IfEqual(htonl(port), kDrop);
  program.Load(BPF_H, offsetof(nlmsghdr, nlmsg_type));
  program.Add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 2, 0));
  program.Add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 1, 0));
  program.Add(kPass);  // links, addresses and nexthop objects
  if (filter.has_host_routes) {
    // Loads rtm_family and rtm_dst_len, which are adjacent.
    program.Load(BPF_H, kRoute + offsetof(rtmsg, rtm_family));
    program.IfEqual(AF_INET << 8 | 32, kPass);
    program.IfEqual(AF_INET6 << 8 | 128, kPass);
  }
  program.Load(BPF_B, kRoute + offsetof(rtmsg, rtm_table));
  program.IfNotEqual(filter.table < 256 ? filter.table : uint32_t{RT_TABLE_COMPAT}, kDrop);
  program.Load(BPF_B, kRoute + offsetof(rtmsg, rtm_protocol));
  for (const uint8_t protocol : filter.protocols) program.IfEqual(protocol, kPass);
  if (filter.has_metric) PassMetric(program, filter.metric);
  program.Add(kDrop);
  program.Attach(socket.file());
}

}  // namespace anycast
