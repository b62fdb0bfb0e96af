// Dumps all routes of one family that a filter matches.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "dump_policy.h"
#include "dump_reader.h"
#include "route_codec.h"

namespace anycast {

// Takes a part of a dump, whole records. `restarted` is true for the first part, and again after a change
// interrupted the reading: the parts that came before are void.
using PartSink = std::function<void(std::vector<uint8_t> records, bool restarted)>;

// Packed records with operation none, in the kernel's order. Throws SystemError.
std::vector<uint8_t> DumpRoutes(DumpReader& reader, uint8_t family, const RouteFilter& filter,
                                DumpPolicy& policy);

// The same in parts, each passed to `take` while the kernel is still being read. There is at least one part.
void DumpRoutes(DumpReader& reader, uint8_t family, const RouteFilter& filter, DumpPolicy& policy,
                const PartSink& take);

}  // namespace anycast
