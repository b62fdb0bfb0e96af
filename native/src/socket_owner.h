// Who listens at a UNIX socket.
#pragma once

#include <sys/types.h>

#include <string>

namespace anycast {

struct SocketOwner {
  pid_t pid;  // 0 when it is in a PID namespace that this process does not see
  uid_t uid;  // in this process's user namespace; 65534 when it has no number there
};

// The credentials that the kernel noted when the listener called listen(2), by SO_PEERCRED of unix(7). A
// listener can not forge them, and need not answer. `name` is the address, with a leading NUL of an abstract
// one. Does not wait. Throws SystemError, such as ECONNREFUSED when nothing listens there, and EAGAIN when
// too many clients wait there.
SocketOwner OwnerOf(const std::string& name);

}  // namespace anycast
