#include "object_dump.h"

#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include "object_codec.h"

namespace anycast {

std::vector<uint8_t> DumpObjects(DumpReader& reader) {
  const nhmsg head{};
  Message request = DumpRequest(RTM_GETNEXTHOP, &head, sizeof head);
  std::vector<uint8_t> batch;
  reader.Dump(
      request.get(), [&] { batch.clear(); },
      [&](const nlmsghdr* message) {
        if (message->nlmsg_type == RTM_NEWNEXTHOP) DecodeObject(message, batch);
      });
  return batch;
}

}  // namespace anycast
