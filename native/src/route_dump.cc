#include "route_dump.h"

#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include <cerrno>
#include <new>

#include "errors.h"

namespace anycast {

namespace {

// `protocol` 0 asks for all. With the strict check the kernel applies table and protocol itself.
void DumpProtocol(DumpReader& reader, uint8_t family, uint8_t protocol, const RouteFilter& filter,
                  std::vector<uint8_t>& batch) {
  rtmsg head{};
  head.rtm_family = family;
  head.rtm_protocol = protocol;
  Message request = DumpRequest(RTM_GETROUTE, &head, sizeof head);
  if (nla_put_u32(request.get(), RTA_TABLE, filter.table) < 0) throw std::bad_alloc();
  const size_t start = batch.size();
  std::vector<PackedNexthop> nexthops;
  try {
    reader.Dump(
        request.get(), [&] { batch.resize(start); },
        [&](const nlmsghdr* message) {
          if (message->nlmsg_type == RTM_NEWROUTE) DecodeRoute(message, filter, kNone, nexthops, batch);
        });
  } catch (const SystemError& error) {
    // A table that never held a route: IPv4 says so by this error, IPv6 too; it is an empty table.
    if (error.number != ENOENT) throw;
  }
}

}  // namespace

std::vector<uint8_t> DumpRoutes(DumpReader& reader, uint8_t family, const RouteFilter& filter) {
  std::vector<uint8_t> batch;
  // One dump a protocol: passing over 60,000 routes of another costs the kernel 1 ms (IPv6 13), handing them
  // all out for us to choose from 38 (65).
  for (const uint8_t protocol : filter.protocols) DumpProtocol(reader, family, protocol, filter, batch);
  return batch;
}

}  // namespace anycast
