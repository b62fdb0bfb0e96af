// What the addon exports: one class. lib/kernel/socket/route-socket.ts is its only importer.
#include <napi.h>

#include "route_socket.h"

namespace {

// Once per JavaScript environment: worker threads each get a class of their own, and nothing is shared.
Napi::Object Register(Napi::Env env, Napi::Object exports) {
  exports.Set("RouteSocket", anycast::RouteSocket::Define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(flock_anycast, Register)
