// The addon's exports: one class. Only lib/kernel/socket/route-socket.ts imports it.
#include <napi.h>

#include "route_socket.h"

namespace {

// Called once for each JavaScript environment. Each Node worker gets its own class, and they share nothing.
Napi::Object Register(Napi::Env env, Napi::Object exports) {
  exports.Set("RouteSocket", anycast::RouteSocket::Define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(flock_anycast, Register)
