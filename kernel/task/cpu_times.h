#pragma once

namespace linnet {

/// Boot: looks at RLIMIT_CPU and RLIMIT_RTTIME after each sample of CPU time.
void init_cpu_limits();

} // namespace linnet
