// The only way to program memory. Addresses are range-checked (a kernel address is EFAULT), copies are covered by the
// exception-fixup table (another thread may unmap in mid-call), and pages are faulted in: so these may sleep on the
// AddressSpace lock and on files; no spin lock and no lock of rank AddressSpace or above may be held.
#pragma once

#include <type_traits>

#include "kernel/lib/types.h"
#include "linux-abi/errno.h"

namespace linnet {

/// One past the highest address of a program (47 bits less the guard page), as Linux's TASK_SIZE_MAX.
inline constexpr u64 kUserEnd = 0x7ffffffff000;

constexpr bool user_range_ok(u64 addr, u64 len) { return len <= kUserEnd && addr <= kUserEnd - len; }

/// EFAULT; on a fault part of the destination may have been written.
Result<void> copy_from_user(void* to, u64 from, size_t n);
Result<void> copy_to_user(u64 to, const void* from, size_t n);
/// Bytes that could not be copied (0: all were).
size_t copy_from_user_partial(void* to, u64 from, size_t n);
size_t copy_to_user_partial(u64 to, const void* from, size_t n);
/// Bytes that could not be cleared.
size_t clear_user_partial(u64 to, size_t n);
Result<void> clear_user(u64 to, size_t n);
/// Length of the string without its NUL, which is copied too. ENAMETOOLONG if `size` bytes hold no NUL; EFAULT.
Result<size_t> copy_string_from_user(char* to, u64 from, size_t size);
/// The same without faulting: false at once if a page is not there. Any context (futex, trace, panic).
bool try_copy_from_user(void* to, u64 from, size_t n);
/// The same for one aligned word, read in one piece. False: a page is not there.
bool try_load_user_u32(u32* to, u64 addr);

template <class T>
    requires std::is_trivially_copyable_v<T>
Result<T> user_read(u64 addr) {
    T v;
    auto r = copy_from_user(&v, addr, sizeof v);
    if (!r) return r.error();
    return v;
}
template <class T>
    requires std::is_trivially_copyable_v<T>
Result<void> user_write(u64 addr, const T& v) {
    return copy_to_user(addr, &v, sizeof v);
}

/// Atomic operations on aligned program words (futex). EFAULT; EAGAIN never.
Result<u32> user_load_u32(u64 addr);
/// Compare-and-swap: the old value.
Result<u32> user_cmpxchg_u32(u64 addr, u32 expected, u32 desired);

} // namespace linnet
