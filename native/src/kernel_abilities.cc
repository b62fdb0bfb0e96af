#include "kernel_abilities.h"

#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include <cerrno>

#include "errors.h"
#include "kernel_version.h"
#include "message_writer.h"

namespace anycast {

namespace {

// Not in headers before Linux 5.13.
constexpr uint16_t kGetNexthopBucket = 118;

// A request that names nothing is refused in any case: for what it lacks, or because the kernel does not know
// its type.
bool Knows(DumpReader& reader, uint16_t type) {
  alignas(nlmsghdr) uint8_t request[NLMSG_SPACE(sizeof(nhmsg))];
  MessageWriter writer(request, type, NLM_F_REQUEST | NLM_F_ACK);
  writer.Reserve<nhmsg>();
  const size_t length = writer.Finish();
  try {
    reader.Attempt({request, length}, [](const nlmsghdr*) {});
  } catch (const SystemError& error) {
    if (error.number == EOPNOTSUPP) return false;
    // "Unknown id" and "missing id": it knows what is asked.
    if (error.number != EINVAL && error.number != ENOENT) throw;
  }
  return true;
}

}  // namespace

KernelAbilities AskAbilities(DumpReader& reader) {
  KernelAbilities abilities;
  abilities.nexthop_objects = Knows(reader, RTM_GETNEXTHOP);
  abilities.resilient_groups = Knows(reader, kGetNexthopBucket);
  abilities.heaviest_member = MaximumMemberWeight();
  abilities.parallel_ipv6 = ChangesIpv6InParallel();
  return abilities;
}

}  // namespace anycast
