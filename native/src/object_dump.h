// All nexthop objects of some protocols.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dump_reader.h"

namespace anycast {

// Packed records with operation none, by ascending id. Throws SystemError.
std::vector<uint8_t> DumpObjects(DumpReader& reader, std::span<const uint8_t> protocols);

}  // namespace anycast
