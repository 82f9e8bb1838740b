#include "kernel/mm/user.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/sync/lock_debug.h"

extern "C" {
linnet::u64 user_copy(void* to, const void* from, linnet::u64 n);
linnet::u64 user_clear(void* to, linnet::u64 n);
linnet::u64 user_load32(linnet::u64 addr);
linnet::u64 user_cas32(linnet::u64 addr, linnet::u32 expected, linnet::u32 desired);
linnet::i64 user_string(char* to, linnet::u64 from, linnet::u64 n);
}

namespace linnet {

size_t copy_from_user_partial(void* to, u64 from, size_t n) {
    assert_may_sleep("a copy from the program");
    if (!user_range_ok(from, n)) [[unlikely]] {
        if (from >= kUserEnd) return n;
        size_t fits = kUserEnd - from; // the part below the limit is the program's
        return n - fits + user_copy(to, reinterpret_cast<void*>(from), fits);
    }
    return user_copy(to, reinterpret_cast<void*>(from), n);
}

size_t copy_to_user_partial(u64 to, const void* from, size_t n) {
    assert_may_sleep("a copy to the program");
    if (!user_range_ok(to, n)) [[unlikely]] {
        if (to >= kUserEnd) return n;
        size_t fits = kUserEnd - to;
        return n - fits + user_copy(reinterpret_cast<void*>(to), from, fits);
    }
    return user_copy(reinterpret_cast<void*>(to), from, n);
}

Result<void> copy_from_user(void* to, u64 from, size_t n) {
    assert_may_sleep("a copy from the program");
    if (!user_range_ok(from, n) || user_copy(to, reinterpret_cast<void*>(from), n)) return EFAULT;
    return {};
}

Result<void> copy_to_user(u64 to, const void* from, size_t n) {
    assert_may_sleep("a copy to the program");
    if (!user_range_ok(to, n) || user_copy(reinterpret_cast<void*>(to), from, n)) return EFAULT;
    return {};
}

size_t clear_user_partial(u64 to, size_t n) {
    assert_may_sleep("clearing program memory");
    if (!user_range_ok(to, n)) return n;
    return user_clear(reinterpret_cast<void*>(to), n);
}

Result<void> clear_user(u64 to, size_t n) {
    if (clear_user_partial(to, n)) return EFAULT;
    return {};
}

Result<size_t> copy_string_from_user(char* to, u64 from, size_t size) {
    assert_may_sleep("a copy from the program");
    if (from >= kUserEnd) return EFAULT;
    u64 n = size < kUserEnd - from ? size : kUserEnd - from;
    i64 len = user_string(to, from, n);
    if (len < 0) return EFAULT;
    if (u64(len) == n) {
        if (n < size) return EFAULT;
        return ENAMETOOLONG;
    }
    return size_t(len);
}

bool try_copy_from_user(void* to, u64 from, size_t n) {
    if (!user_range_ok(from, n)) return false;
    PerCpu& p = per_cpu();
    bool before = p.no_fault;
    p.no_fault = true;
    bool good = user_copy(to, reinterpret_cast<void*>(from), n) == 0;
    p.no_fault = before;
    return good;
}

bool try_load_user_u32(u32* to, u64 addr) {
    if (!user_range_ok(addr, 4)) return false;
    PerCpu& p = per_cpu();
    bool before = p.no_fault;
    p.no_fault = true;
    u64 v = user_load32(addr);
    p.no_fault = before;
    *to = u32(v);
    return v != ~0ull;
}

Result<u32> user_load_u32(u64 addr) {
    if (!user_range_ok(addr, 4)) return EFAULT;
    u64 v = user_load32(addr);
    if (v == ~0ull) return EFAULT;
    return u32(v);
}

Result<u32> user_cmpxchg_u32(u64 addr, u32 expected, u32 desired) {
    if (!user_range_ok(addr, 4)) return EFAULT;
    u64 v = user_cas32(addr, expected, desired);
    if (v == ~0ull) return EFAULT;
    return u32(v);
}

} // namespace linnet
