#include "kernel_version.h"

#include <sys/utsname.h>

#include <cstdio>

namespace anycast {

bool ChangesIpv6InParallel() {
  utsname name;
  int major = 0;
  int minor = 0;
  if (uname(&name) != 0 || std::sscanf(name.release, "%d.%d", &major, &minor) != 2) return false;
  return major > 6 || (major == 6 && minor >= 16);
}

}  // namespace anycast
