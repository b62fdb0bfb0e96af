// From C++ values to JavaScript's.
#pragma once

#include <napi.h>

#include <cstdint>
#include <exception>
#include <vector>

#include "link_dump.h"
#include "monitor.h"
#include "request_window.h"
#include "route_lookup.h"

namespace anycast {

// An Error with `code`, and `errno`, `syscall` or `index`, `field` where they apply.
Napi::Error ToError(Napi::Env env, const std::exception_ptr& failure);

// An Int32Array with the property `messages`, a Map.
Napi::Value ToApplyResult(Napi::Env env, Outcomes outcomes);
// A Uint8Array that owns `bytes`.
Napi::Value ToBytes(Napi::Env env, std::vector<uint8_t> bytes);
Napi::Value ToLinks(Napi::Env env, std::vector<Link> links);
// Objects `{ errno, type, interfaceIndex, gateway? }`.
Napi::Value ToRouteAnswers(Napi::Env env, std::vector<RouteAnswer> answers);
Napi::Value ToChanges(Napi::Env env, Changes changes);

}  // namespace anycast
