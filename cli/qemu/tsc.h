// The frequency of the time stamp counter, which a guest sees unscaled under TCG and KVM alike.
#pragma once

#include <cstdint>

namespace linnet::cli {

// In kHz, from two readings that lie at least 20 ms apart: this call and one of an earlier run under the same
// boot of the host, if there was one. 0 if the counter is not constant.
std::uint64_t host_tsc_khz();

} // namespace linnet::cli
