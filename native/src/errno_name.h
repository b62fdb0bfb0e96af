// The name of an error number, such as "ENOENT". glibc has strerrorname_np from 2.32 on, and musl has none.
#pragma once

namespace anycast {

// Null for a number that Linux does not have (include/uapi/asm-generic/errno.h).
const char* ErrnoName(int number);

}  // namespace anycast
