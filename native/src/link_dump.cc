#include "link_dump.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include "message_writer.h"

namespace anycast {

std::optional<Link> DecodeLink(const nlmsghdr* message) {
  if (!nlmsg_valid_hdr(message, sizeof(ifinfomsg))) return std::nullopt;
  const auto* head = static_cast<const ifinfomsg*>(nlmsg_data(message));
  // `ip link set p0 nomaster` causes an RTM_DELLINK of family AF_BRIDGE, although the interface still exists.
  if (head->ifi_family != AF_UNSPEC) return std::nullopt;
  const nlattr* name = nlmsg_find_attr(const_cast<nlmsghdr*>(message), sizeof(ifinfomsg), IFLA_IFNAME);
  if (name == nullptr) return std::nullopt;
  return Link{nla_get_string(name), static_cast<uint32_t>(head->ifi_index), head->ifi_flags,
              message->nlmsg_type == RTM_DELLINK};
}

std::optional<LocalAddress> DecodeAddress(const nlmsghdr* message) {
  if (!nlmsg_valid_hdr(message, sizeof(ifaddrmsg))) return std::nullopt;
  const auto* head = static_cast<const ifaddrmsg*>(nlmsg_data(message));
  // On a point-to-point interface, IFA_ADDRESS is the peer's address: rtnetlink(7).
  auto* raw = const_cast<nlmsghdr*>(message);
  const nlattr* address = nlmsg_find_attr(raw, sizeof(ifaddrmsg), IFA_LOCAL);
  if (address == nullptr) address = nlmsg_find_attr(raw, sizeof(ifaddrmsg), IFA_ADDRESS);
  if (address == nullptr) return std::nullopt;
  const auto* bytes = static_cast<const uint8_t*>(nla_data(address));
  return LocalAddress{head->ifa_index,
                      {bytes, bytes + nla_len(address)},
                      head->ifa_prefixlen,
                      message->nlmsg_type == RTM_DELADDR};
}

std::vector<Link> DumpLinks(DumpReader& reader) {
  std::vector<uint8_t> request(NLMSG_SPACE(sizeof(ifinfomsg)) + RTA_SPACE(sizeof(uint32_t)));
  MessageWriter writer(request.data(), RTM_GETLINK, kDumpFlags);
  writer.Reserve<ifinfomsg>();
  // Without this flag, half of what the kernel sends for each interface is counters.
  writer.Attribute(IFLA_EXT_MASK, uint32_t{RTEXT_FILTER_SKIP_STATS});
  writer.Finish();
  std::vector<Link> links;
  reader.Dump(
      request, [&] { links.clear(); },
      [&](const nlmsghdr* message) {
        if (message->nlmsg_type != RTM_NEWLINK) return;
        if (auto link = DecodeLink(message)) links.push_back(std::move(*link));
      });
  return links;
}

}  // namespace anycast
