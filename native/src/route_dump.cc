#include "route_dump.h"

#include <linux/rtnetlink.h>

#include <cerrno>
#include <span>
#include <utility>

#include "errors.h"
#include "message_writer.h"

namespace anycast {

namespace {

// Some 1,500 routes of two nexthops: JavaScript takes 0.3 ms for them, and the kernel is read meanwhile.
constexpr size_t kPartBytes = 128 * 1024;

std::vector<uint8_t> EncodeRouteDump(uint8_t family, uint8_t protocol, uint32_t table) {
  std::vector<uint8_t> request(NLMSG_SPACE(sizeof(rtmsg)) + RTA_SPACE(sizeof table));
  MessageWriter writer(request.data(), RTM_GETROUTE, kDumpFlags);
  auto* head = writer.Reserve<rtmsg>();
  head->rtm_family = family;
  head->rtm_protocol = protocol;
  writer.Attribute(RTA_TABLE, table);
  writer.Finish();
  return request;
}

// One reading by one dump a protocol, with 0 for all; tells whether it is consistent. With the strict check
// the kernel applies table and protocol itself.
bool Read(DumpReader& reader, uint8_t family, std::span<const uint8_t> protocols, const RouteFilter& filter,
          const std::function<void(const nlmsghdr*)>& take) {
  for (const uint8_t protocol : protocols) {
    std::vector<uint8_t> request = EncodeRouteDump(family, protocol, filter.table);
    try {
      if (!reader.Attempt(request, take)) return false;
    } catch (const SystemError& error) {
      // A table that never held a route: IPv4 says so by this error, IPv6 too; it is an empty table.
      if (error.number != ENOENT) throw;
    }
  }
  return true;
}

}  // namespace

void DumpRoutes(DumpReader& reader, uint8_t family, const RouteFilter& filter, DumpPolicy& policy,
                const PartSink& take) {
  // What else a filter may want is a monitor's: read whole, the table would give it too.
  RouteFilter wanted;
  wanted.table = filter.table;
  wanted.protocols = filter.protocols;
  constexpr uint8_t all[] = {0};
  const bool whole = filter.protocols.size() > 1 && policy.ShouldDumpWhole(family, filter.table);
  const std::span<const uint8_t> protocols = whole ? std::span<const uint8_t>(all) : filter.protocols;
  std::vector<PackedNexthop> nexthops;
  std::vector<uint8_t> part;
  size_t ours = 0;
  size_t others = 0;
  reader.UntilConsistent([&] {
    bool restarted = true;
    part.clear();
    ours = others = 0;
    const auto hand_over = [&] {
      take(std::exchange(part, {}), restarted);
      restarted = false;
    };
    const bool consistent = Read(reader, family, protocols, filter, [&](const nlmsghdr* message) {
      if (message->nlmsg_type != RTM_NEWROUTE) return;
      if (part.capacity() == 0) part.reserve(kPartBytes + kPartBytes / 8);
      const size_t before = part.size();
      DecodeRoute(message, wanted, kNone, nexthops, part);
      (part.size() > before ? ours : others)++;
      if (part.size() >= kPartBytes) hand_over();
    });
    if (consistent && (restarted || !part.empty())) hand_over();
    return consistent;
  });
  if (whole) policy.RecordWholeDump(family, filter.table, ours, others);
}

std::vector<uint8_t> DumpRoutes(DumpReader& reader, uint8_t family, const RouteFilter& filter,
                                DumpPolicy& policy) {
  std::vector<uint8_t> batch;
  DumpRoutes(reader, family, filter, policy, [&](std::vector<uint8_t> records, bool restarted) {
    if (restarted) {
      batch = std::move(records);
    } else {
      batch.insert(batch.end(), records.begin(), records.end());
    }
  });
  return batch;
}

}  // namespace anycast
