// What uname(2) and /proc/version say.
#pragma once

namespace linnet {

extern const char kKernelRelease[]; // "6.1.0-linnet"
extern const char kKernelVersion[];

} // namespace linnet
