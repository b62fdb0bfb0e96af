// All nexthop objects.
#pragma once

#include <cstdint>
#include <vector>

#include "dump_reader.h"

namespace anycast {

// Packed records with operation none, by ascending id. Throws SystemError.
std::vector<uint8_t> DumpObjects(DumpReader& reader);

}  // namespace anycast
