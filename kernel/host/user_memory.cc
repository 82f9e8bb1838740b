#include "kernel/host/user_memory.h"

#include "kernel/lib/string.h"
#include "kernel/mm/address_space.h"
#include "kernel/mm/user.h"
#include "kernel/sched/scheduler.h"

namespace linnet {

namespace host {
namespace {
alignas(4096) char memory[kUserPages * kPageSize];
bool absent[kUserPages];
} // namespace

void* user_at(u64 address) { return memory + (address - kUserBase); }
void set_user_page(u64 page, bool present) { absent[page] = !present; }

// Compiled without sanitizers, and no memcpy (which they watch too): programs may race.
void move(void* user, void* buf, size_t n, bool write) {
    auto* u = static_cast<volatile char*>(user);
    auto* b = static_cast<volatile char*>(buf);
    for (size_t i = 0; i < n; ++i)
        if (write) u[i] = b[i];
        else b[i] = u[i];
}

/// Bytes moved before the first that faults.
size_t access_user(u64 address, void* buf, size_t n, bool write) {
    if (address >= kUserEnd) return 0;
    if (n > kUserEnd - address) n = kUserEnd - address;
    Thread* t = current_thread();
    if (t && t->space) return write ? t->space->poke(address, buf, n) : t->space->peek(address, buf, n);
    size_t done = 0;
    while (done < n) {
        u64 a = address + done;
        if (a < kUserBase || a >= kUserBase + sizeof memory || absent[(a - kUserBase) >> kPageShift]) break;
        size_t piece = kPageSize - (a & (kPageSize - 1));
        if (piece > n - done) piece = n - done;
        move(user_at(a), static_cast<char*>(buf) + done, piece, write);
        done += piece;
    }
    return done;
}
} // namespace host

using host::access_user;

size_t copy_from_user_partial(void* to, u64 from, size_t n) {
    assert_may_sleep("a copy from the program");
    return n - access_user(from, to, n, false);
}
size_t copy_to_user_partial(u64 to, const void* from, size_t n) {
    assert_may_sleep("a copy to the program");
    return n - access_user(to, const_cast<void*>(from), n, true);
}
Result<void> copy_from_user(void* to, u64 from, size_t n) {
    assert_may_sleep("a copy from the program");
    if (!user_range_ok(from, n) || access_user(from, to, n, false) != n) return EFAULT;
    return {};
}
Result<void> copy_to_user(u64 to, const void* from, size_t n) {
    assert_may_sleep("a copy to the program");
    if (!user_range_ok(to, n) || access_user(to, const_cast<void*>(from), n, true) != n) return EFAULT;
    return {};
}
size_t clear_user_partial(u64 to, size_t n) {
    assert_may_sleep("clearing program memory");
    if (!user_range_ok(to, n)) return n;
    static char zeroes[kPageSize];
    size_t done = 0;
    while (done < n) {
        size_t piece = n - done < kPageSize ? n - done : kPageSize;
        size_t moved = access_user(to + done, zeroes, piece, true);
        done += moved;
        if (moved < piece) break;
    }
    return n - done;
}
Result<void> clear_user(u64 to, size_t n) {
    if (clear_user_partial(to, n)) return EFAULT;
    return {};
}
Result<size_t> copy_string_from_user(char* to, u64 from, size_t size) {
    assert_may_sleep("a copy from the program");
    for (size_t i = 0; i < size; ++i) {
        if (!user_range_ok(from + i, 1) || access_user(from + i, to + i, 1, false) != 1) return EFAULT;
        if (!to[i]) return i;
    }
    return ENAMETOOLONG;
}
bool try_copy_from_user(void* to, u64 from, size_t n) {
    if (!user_range_ok(from, n)) return false;
    Thread* t = current_thread();
    if (!t || !t->space) return access_user(from, to, n, false) == n;
    // Without a lock and without a fault, as the instruction would: what the page table has.
    for (size_t done = 0; done < n;) {
        u64 a = from + done, in_page = a & (kPageSize - 1);
        bool huge;
        Pte* e = t->space->page_table().find(a, &huge);
        if (!e || huge || !(*e & kPtePresent)) return false;
        size_t piece = kPageSize - in_page < n - done ? kPageSize - in_page : n - done;
        host::move(static_cast<char*>(phys_to_virt(*e & kPteAddress)) + in_page, static_cast<char*>(to) + done, piece, false);
        done += piece;
    }
    return true;
}
bool try_load_user_u32(u32* to, u64 address) { return try_copy_from_user(to, address, 4); }
Result<u32> user_load_u32(u64 address) {
    u32 v;
    if (!user_range_ok(address, 4) || access_user(address, &v, 4, false) != 4) return EFAULT;
    return v;
}
Result<u32> user_cmpxchg_u32(u64 address, u32 expected, u32 desired) {
    u32 v;
    if (!user_range_ok(address, 4) || access_user(address, &v, 4, false) != 4) return EFAULT;
    if (v == expected && access_user(address, &desired, 4, true) != 4) return EFAULT;
    return v;
}

} // namespace linnet
