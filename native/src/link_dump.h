// Network interfaces and local addresses as rtnetlink reports them.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dump_reader.h"

namespace anycast {

struct Link {
  std::string name;
  uint32_t index;
  uint32_t flags;  // IFF_*, netdevice(7)
  bool gone;
};

struct LocalAddress {
  uint32_t index;  // of the interface
  std::vector<uint8_t> bytes;
  uint8_t prefix_length;
  bool gone;
};

// Returns nothing for a bridge's message about one of its ports.
std::optional<Link> DecodeLink(const nlmsghdr* message);
std::optional<LocalAddress> DecodeAddress(const nlmsghdr* message);

// All interfaces. Throws SystemError.
std::vector<Link> DumpLinks(DumpReader& reader);

}  // namespace anycast
