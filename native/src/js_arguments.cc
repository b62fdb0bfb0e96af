#include "js_arguments.h"

#include <sys/socket.h>

#include <cmath>

namespace anycast {

namespace {

// Three times the replies to the largest window when every request of it fails (kReplyCost and kMaximumWindow
// in route_writer.cc).
constexpr uint32_t kReceiveBuffer = 4 * 1024 * 1024;
// Each protocol costs two instructions in the monitor's filter and a dump's walk through the table.
constexpr uint32_t kMaximumProtocols = 64;

// Codes as Node's own functions have them.
[[noreturn]] void RefuseType(Napi::Env env, const std::string& reason) {
  Napi::Error error = Napi::TypeError::New(env, reason);
  error.Set("code", Napi::String::New(env, "ERR_INVALID_ARG_TYPE"));
  throw error;
}

[[noreturn]] void RefuseRange(Napi::Env env, const std::string& reason) {
  Napi::Error error = Napi::RangeError::New(env, reason);
  error.Set("code", Napi::String::New(env, "ERR_OUT_OF_RANGE"));
  throw error;
}

uint32_t ReadUnsigned(Napi::Value value, uint32_t maximum, const std::string& name) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(number >= 0) || number > maximum || std::floor(number) != number) {
    RefuseRange(value.Env(), name + " must be an integer from 0 to " + std::to_string(maximum));
  }
  return static_cast<uint32_t>(number);
}

Napi::Object ReadObject(Napi::Value value, const std::string& name) {
  if (!value.IsObject()) RefuseType(value.Env(), name + " must be an object");
  return value.As<Napi::Object>();
}

std::vector<uint8_t> ReadProtocols(Napi::Object filter) {
  const Napi::Value protocols = filter.Get("protocols");
  if (!protocols.IsArray()) RefuseType(filter.Env(), "protocols must be an array");
  const auto array = protocols.As<Napi::Array>();
  const uint32_t length =
      ReadUnsigned(Napi::Number::New(filter.Env(), array.Length()), kMaximumProtocols, "protocols.length");
  std::vector<uint8_t> result;
  // An element may be a getter, which changes the length.
  for (uint32_t i = 0; i < length; i++) {
    result.push_back(static_cast<uint8_t>(ReadUnsigned(array.Get(i), 255, "protocols")));
  }
  return result;
}

bool ReadFlag(Napi::Object object, const char* name) {
  const Napi::Value flag = object.Get(name);
  if (!flag.IsUndefined() && !flag.IsBoolean()) {
    RefuseType(object.Env(), std::string(name) + " must be a boolean");
  }
  return flag.IsBoolean() && flag.As<Napi::Boolean>().Value();
}

}  // namespace

SocketOptions ReadSocketOptions(Napi::Value options) {
  SocketOptions result{std::nullopt, kReceiveBuffer};
  if (options.IsUndefined()) return result;
  const Napi::Value netns = ReadObject(options, "options").Get("netns");
  if (netns.IsString()) {
    result.netns = netns.As<Napi::String>().Utf8Value();
  } else if (!netns.IsUndefined()) {
    RefuseType(options.Env(), "netns must be the path of a network namespace");
  }
  result.receive_buffer = ReadReceiveBuffer(options, kReceiveBuffer);
  return result;
}

std::vector<uint8_t> ReadBytes(Napi::Value bytes) {
  if (!bytes.IsTypedArray() || bytes.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    RefuseType(bytes.Env(), "batch must be a Uint8Array");
  }
  const auto array = bytes.As<Napi::Uint8Array>();
  return {array.Data(), array.Data() + array.ByteLength()};
}

std::vector<std::vector<uint8_t>> ReadAddresses(Napi::Value addresses) {
  if (!addresses.IsArray()) RefuseType(addresses.Env(), "addresses must be an array");
  const auto array = addresses.As<Napi::Array>();
  // An element may be a getter, which changes the length, and the length says nothing of the elements: memory
  // is taken only for those that are addresses.
  const uint32_t length = array.Length();
  std::vector<std::vector<uint8_t>> result;
  for (uint32_t i = 0; i < length; i++) {
    const Napi::HandleScope scope(addresses.Env());
    const Napi::Value value = array.Get(i);
    const bool is_bytes =
        value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
    const size_t size = is_bytes ? value.As<Napi::Uint8Array>().ByteLength() : 0;
    if (size != 4 && size != 16) {
      RefuseType(addresses.Env(), "addresses must be Uint8Arrays of 4 or 16 bytes");
    }
    const uint8_t* bytes = value.As<Napi::Uint8Array>().Data();
    result.emplace_back(bytes, bytes + size);
  }
  return result;
}

Napi::Function ReadFunction(Napi::Value function, const char* name) {
  if (!function.IsFunction()) RefuseType(function.Env(), std::string(name) + " must be a function");
  return function.As<Napi::Function>();
}

uint8_t ReadFamily(Napi::Value filter) {
  const uint32_t family = ReadUnsigned(ReadObject(filter, "filter").Get("family"), 6, "family");
  if (family != 4 && family != 6) RefuseRange(filter.Env(), "family must be 4 or 6");
  return family == 4 ? AF_INET : AF_INET6;
}

RouteFilter ReadRouteFilter(Napi::Value filter) {
  const Napi::Object object = ReadObject(filter, "filter");
  RouteFilter result;
  result.table = ReadUnsigned(object.Get("table"), UINT32_MAX, "table");
  result.protocols = ReadProtocols(object);
  const Napi::Value metric = object.Get("metric");
  if (!metric.IsUndefined()) {
    result.has_metric = true;
    result.metric = ReadUnsigned(metric, UINT32_MAX, "metric");
  }
  result.has_host_routes = ReadFlag(object, "hostRoutes");
  result.has_objects = ReadFlag(object, "nexthopObjects");
  return result;
}

uint32_t ReadReceiveBuffer(Napi::Value options, uint32_t fallback) {
  const Napi::Value bytes = ReadObject(options, "options").Get("receiveBuffer");
  return bytes.IsUndefined() ? fallback : ReadUnsigned(bytes, INT32_MAX, "receiveBuffer");
}

}  // namespace anycast
