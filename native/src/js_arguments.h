// Converts JavaScript arguments to C++ values. All throw a TypeError (ERR_INVALID_ARG_TYPE) or
// RangeError (ERR_OUT_OF_RANGE) that names the argument.
#pragma once

#include <napi.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "route_codec.h"

namespace anycast {

struct SocketOptions {
  std::optional<std::string> netns;
  uint32_t receive_buffer;
};

// `{ netns?, receiveBuffer? }`
SocketOptions ReadSocketOptions(Napi::Value options);
// A copy of a Uint8Array.
std::vector<uint8_t> ReadBytes(Napi::Value bytes);
// Copies of an array of Uint8Arrays, each of 4 or 16 bytes.
std::vector<std::vector<uint8_t>> ReadAddresses(Napi::Value addresses);
// A function, named `name` in the error.
Napi::Function ReadFunction(Napi::Value function, const char* name);
// AF_INET or AF_INET6 from `{ family: 4 | 6 }`.
uint8_t ReadFamily(Napi::Value filter);
// `{ table, protocols, metric?, hostRoutes?, nexthopObjects? }`
RouteFilter ReadRouteFilter(Napi::Value filter);
// `{ receiveBuffer? }`, in bytes.
uint32_t ReadReceiveBuffer(Napi::Value options, uint32_t fallback);

}  // namespace anycast
