#include "route_dump.h"

#include <linux/rtnetlink.h>

#include <cerrno>
#include <span>
#include <utility>

#include "errors.h"
#include "message_writer.h"

namespace anycast {

namespace {

// About 1,500 routes with two nexthops. JavaScript needs 0.3 ms for them, while the kernel is being read.
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

// Reads the table once, by one dump for each protocol; protocol 0 is all. Returns whether no change
// interrupted it. With the strict check, the kernel filters by table and protocol.
bool Read(DumpReader& reader, uint8_t family, std::span<const uint8_t> protocols, const RouteFilter& filter,
          const std::function<void(const nlmsghdr*)>& take) {
  for (const uint8_t protocol : protocols) {
    std::vector<uint8_t> request = EncodeRouteDump(family, protocol, filter.table);
    try {
      if (!reader.Attempt(request, take)) return false;
    } catch (const SystemError& error) {
      // Both families answer with ENOENT for a table that never held a route: it is empty.
      if (error.number != ENOENT) throw;
    }
  }
  return true;
}

}  // namespace

void DumpRoutes(DumpReader& reader, uint8_t family, const RouteFilter& filter, DumpPolicy& policy,
                const PartSink& take) {
  // Only table and protocols: a dump of the whole table would also return what the other fields are for.
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
    const auto pass_on = [&] {
      take(std::exchange(part, {}), restarted);
      restarted = false;
    };
    const bool consistent = Read(reader, family, protocols, filter, [&](const nlmsghdr* message) {
      if (message->nlmsg_type != RTM_NEWROUTE) return;
      if (part.capacity() == 0) part.reserve(kPartBytes + kPartBytes / 8);
      const bool is_ours = DecodeRoute(message, wanted, kNone, nexthops, part);
      (is_ours ? ours : others)++;
      if (part.size() >= kPartBytes) pass_on();
    });
    if (consistent && (restarted || !part.empty())) pass_on();
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
