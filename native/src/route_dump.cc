#include "route_dump.h"

#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include <cerrno>
#include <new>
#include <utility>

#include "errors.h"

namespace anycast {

namespace {

// Some 1,500 routes of two nexthops: JavaScript takes 0.3 ms for them, and the kernel is read meanwhile.
constexpr size_t kPartBytes = 128 * 1024;

Message RouteRequest(uint8_t family, uint8_t protocol, const RouteFilter& filter) {
  rtmsg head{};
  head.rtm_family = family;
  head.rtm_protocol = protocol;
  Message request = DumpRequest(RTM_GETROUTE, &head, sizeof head);
  if (nla_put_u32(request.get(), RTA_TABLE, filter.table) < 0) throw std::bad_alloc();
  return request;
}

// One reading; tells whether it is consistent.
bool Read(DumpReader& reader, uint8_t family, const RouteFilter& filter,
          const std::function<void(const nlmsghdr*)>& take) {
  // One dump a protocol: passing over 60,000 routes of another costs the kernel 1 ms (IPv6 13), handing them
  // all out for us to choose from 38 (65). With the strict check the kernel applies table and protocol
  // itself.
  for (const uint8_t protocol : filter.protocols) {
    Message request = RouteRequest(family, protocol, filter);
    try {
      if (!reader.Attempt(request.get(), take)) return false;
    } catch (const SystemError& error) {
      // A table that never held a route: IPv4 says so by this error, IPv6 too; it is an empty table.
      if (error.number != ENOENT) throw;
    }
  }
  return true;
}

}  // namespace

void DumpRoutes(DumpReader& reader, uint8_t family, const RouteFilter& filter, const PartSink& take) {
  std::vector<PackedNexthop> nexthops;
  std::vector<uint8_t> part;
  reader.UntilConsistent([&] {
    bool anew = true;
    part.clear();
    const auto hand_over = [&] {
      take(std::exchange(part, {}), anew);
      anew = false;
    };
    const bool consistent = Read(reader, family, filter, [&](const nlmsghdr* message) {
      if (message->nlmsg_type != RTM_NEWROUTE) return;
      if (part.capacity() == 0) part.reserve(kPartBytes + kPartBytes / 8);
      DecodeRoute(message, filter, kNone, nexthops, part);
      if (part.size() >= kPartBytes) hand_over();
    });
    if (consistent && (anew || !part.empty())) hand_over();
    return consistent;
  });
}

std::vector<uint8_t> DumpRoutes(DumpReader& reader, uint8_t family, const RouteFilter& filter) {
  std::vector<uint8_t> batch;
  DumpRoutes(reader, family, filter, [&](std::vector<uint8_t> records, bool anew) {
    if (anew) {
      batch = std::move(records);
    } else {
      batch.insert(batch.end(), records.begin(), records.end());
    }
  });
  return batch;
}

}  // namespace anycast
