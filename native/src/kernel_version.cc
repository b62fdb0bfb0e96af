#include "kernel_version.h"

#include <sys/utsname.h>

#include <cstdio>

namespace anycast {

namespace {

bool IsAtLeast(int wanted_major, int wanted_minor) {
  utsname name;
  int major = 0;
  int minor = 0;
  if (uname(&name) != 0 || std::sscanf(name.release, "%d.%d", &major, &minor) != 2) return false;
  return major > wanted_major || (major == wanted_major && minor >= wanted_minor);
}

}  // namespace

bool ChangesIpv6InParallel() { return IsAtLeast(6, 16); }

uint16_t MaximumMemberWeight() {
  static const uint16_t maximum = IsAtLeast(6, 12) ? UINT16_MAX : 255;
  return maximum;
}

}  // namespace anycast
