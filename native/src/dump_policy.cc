#include "dump_policy.h"

namespace anycast {

namespace {

constexpr int kFilteredReadings = 64;

// A route that is copied to us and dropped costs as much as five to twenty that the kernel's filter skips.
bool IsWholeDumpCheaper(size_t ours, size_t others) { return others <= 64 + ours / 16; }

}  // namespace

bool DumpPolicy::ShouldDumpWhole(uint8_t family, uint32_t table) {
  const std::lock_guard lock(mutex_);
  int& left = filtered_left_[{family, table}];
  if (left == 0) return true;
  left--;
  return false;
}

void DumpPolicy::RecordWholeDump(uint8_t family, uint32_t table, size_t ours, size_t others) {
  const std::lock_guard lock(mutex_);
  filtered_left_[{family, table}] = IsWholeDumpCheaper(ours, others) ? 0 : kFilteredReadings;
}

}  // namespace anycast
