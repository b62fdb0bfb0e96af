#include "object_dump.h"

#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include "object_codec.h"

namespace anycast {

std::vector<uint8_t> DumpObjects(DumpReader& reader, std::span<const uint8_t> protocols) {
  const nhmsg head{};
  Message request = DumpRequest(RTM_GETNEXTHOP, &head, sizeof head);
  std::vector<uint8_t> batch;
  reader.Dump(
      request.get(), [&] { batch.clear(); },
      [&](const nlmsghdr* message) {
        // The kernel has no filter by protocol here.
        if (message->nlmsg_type == RTM_NEWNEXTHOP) DecodeObject(message, protocols, batch);
      });
  return batch;
}

}  // namespace anycast
