#pragma once

namespace linnet {
/// Allocations that still succeed; negative: all.
extern long allocations_left;
} // namespace linnet
