// What the running kernel can do, of that which kernels from 5.10 on differ in.
#pragma once

#include <cstdint>

#include "dump_reader.h"

namespace anycast {

struct KernelAbilities {
  bool nexthop_objects = false;   // Linux 5.3
  bool resilient_groups = false;  // Linux 5.13
  uint16_t heaviest_member = 0;   // of a nexthop group; see kernel_version.h
  bool parallel_ipv6 = false;     // see kernel_version.h
};

// Asks the kernel for each family of requests that it may not have. Changes nothing, and needs no privilege.
// Blocks. Throws SystemError when the kernel does not answer.
KernelAbilities AskAbilities(DumpReader& reader);

}  // namespace anycast
