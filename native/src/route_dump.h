// All routes of one family that a filter wants.
#pragma once

#include <cstdint>
#include <vector>

#include "dump_reader.h"
#include "route_codec.h"

namespace anycast {

// Packed records with operation none, in the kernel's order. Throws SystemError.
std::vector<uint8_t> DumpRoutes(DumpReader& reader, uint8_t family, const RouteFilter& filter);

}  // namespace anycast
