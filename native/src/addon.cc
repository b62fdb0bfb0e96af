// The addon's exports. Only lib/kernel/socket/route-socket.ts imports it.
#include <napi.h>

#include <exception>

#include "js_values.h"
#include "route_socket.h"
#include "socket_owner.h"

namespace {

// `{ pid, uid }` of the listener at a UNIX socket's address.
Napi::Value SocketOwnerOf(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString()) throw Napi::TypeError::New(env, "the address must be a string");
  try {
    const anycast::SocketOwner owner = anycast::OwnerOf(info[0].As<Napi::String>().Utf8Value());
    Napi::Object value = Napi::Object::New(env);
    value.Set("pid", Napi::Number::New(env, owner.pid));
    value.Set("uid", Napi::Number::New(env, owner.uid));
    return value;
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception&) {
    throw anycast::ToError(env, std::current_exception());
  }
}

// Called once for each JavaScript environment. Each Node worker gets its own class, and they share nothing.
Napi::Object Register(Napi::Env env, Napi::Object exports) {
  exports.Set("RouteSocket", anycast::RouteSocket::Define(env));
  exports.Set("socketOwner", Napi::Function::New(env, SocketOwnerOf, "socketOwner"));
  return exports;
}

}  // namespace

NODE_API_MODULE(flock_anycast, Register)
