#include "socket_owner.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "errors.h"

namespace anycast {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

void Require(bool done, const char* call) {
  if (!done) {
    const int number = errno;
    throw SystemError(number, call, std::strerror(number));
  }
}

}  // namespace

SocketOwner OwnerOf(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.empty() || name.size() >= sizeof(address.sun_path)) {
    throw SystemError(ENAMETOOLONG, "connect", std::strerror(ENAMETOOLONG));
  }
  std::memcpy(address.sun_path, name.data(), name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());

  const Descriptor client(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  Require(client.number() >= 0, "socket");
  Require(connect(client.number(), reinterpret_cast<const sockaddr*>(&address), length) == 0, "connect");
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  Require(getsockopt(client.number(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0, "getsockopt");
  return {credentials.pid, credentials.uid};
}

}  // namespace anycast
