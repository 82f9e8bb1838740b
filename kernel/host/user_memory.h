// Program memory in tests on the host: addresses kUserBase.. of a fake program, each page of which is there or not. A thread
// with an address space (Thread::space) has that instead.
#pragma once

#include "kernel/lib/types.h"

namespace linnet::host {

inline constexpr u64 kUserBase = 0x10000;
inline constexpr u64 kUserPages = 64;

/// The bytes behind a user address of the fake program.
void* user_at(u64 address);
/// Makes a page of it fault, or not.
void set_user_page(u64 page, bool present);

} // namespace linnet::host
