#include "object_dump.h"

#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include "message_writer.h"
#include "object_codec.h"

namespace anycast {

std::vector<uint8_t> DumpObjects(DumpReader& reader) {
  std::vector<uint8_t> request(NLMSG_SPACE(sizeof(nhmsg)));
  MessageWriter writer(request.data(), RTM_GETNEXTHOP, kDumpFlags);
  writer.Reserve<nhmsg>();
  writer.Finish();
  std::vector<uint8_t> batch;
  reader.Dump(
      request, [&] { batch.clear(); },
      [&](const nlmsghdr* message) {
        if (message->nlmsg_type == RTM_NEWNEXTHOP) DecodeObject(message, kNone, batch);
      });
  return batch;
}

}  // namespace anycast
