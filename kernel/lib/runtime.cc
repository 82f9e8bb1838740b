// What compiled C++ expects of its runtime.
#include "kernel/lib/panic.h"

// The kernel never exits: destructors of statics have no time to run.
extern "C" int atexit(void (*)()) { return 0; }

extern "C" [[noreturn]] void __cxa_pure_virtual() { linnet::panic("pure virtual function called"); }

namespace std {
// Called by string_view's checked operations on a position beyond the end: a kernel bug.
[[noreturn]] void __throw_out_of_range_fmt(const char* what, ...) { linnet::panic("out of range: %s", what); }
} // namespace std
