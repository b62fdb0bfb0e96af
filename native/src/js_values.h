// Converts C++ values to JavaScript values.
#pragma once

#include <napi.h>

#include <cstdint>
#include <vector>

#include "kernel_abilities.h"
#include "link_dump.h"
#include "monitor.h"
#include "request_window.h"
#include "route_lookup.h"

namespace anycast {

// An Int32Array of the errors, with the property `messages`: a Map from a request's index to its text.
Napi::Value ToApplyResult(Napi::Env env, Outcomes outcomes);
// A Uint8Array that owns `bytes`.
Napi::Value ToBytes(Napi::Env env, std::vector<uint8_t> bytes);
// An object `{ nexthopObjects, resilientGroups, heaviestMember, parallelIpv6 }`.
Napi::Value ToAbilities(Napi::Env env, KernelAbilities abilities);
Napi::Value ToLinks(Napi::Env env, std::vector<Link> links);
// Objects `{ errno, type, interfaceIndex, gateway? }`.
Napi::Value ToRouteAnswers(Napi::Env env, std::vector<RouteAnswer> answers);
Napi::Value ToChanges(Napi::Env env, Changes changes);

}  // namespace anycast
