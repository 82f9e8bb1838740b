#include "kernel/task/exec_args.h"

#include "kernel/lib/string.h"
#include "kernel/mm/user.h"

namespace linnet {

namespace {

/// The address of string number i (0: the end of the array). EFAULT.
Result<u64> pointer_at(const StringArray& a, u64 i) {
    if (a.kernel) return i < a.kernel_count ? reinterpret_cast<u64>(a.kernel[i]) : u64(0);
    if (!a.user) return u64(0);
    return user_read<u64>(a.user + i * 8);
}

Result<u64> count_strings(const StringArray& a) {
    for (u64 n = 0;; ++n) {
        if (n > abi::max_arguments) return E2BIG;
        if (!TRY(pointer_at(a, n))) return n;
        if (n % 256 == 255) {
            if (fatal_signal_pending()) return EINTR;
            cond_resched();
        }
    }
}

Result<void> append(Vec<char>& to, const char* s, size_t n) {
    for (size_t i = 0; i < n; ++i) TRY(to.push_back(s[i]));
    return {};
}

Result<void> collect_array(const StringArray& a, u64 count, Vec<char>& to, abi::ArgumentBudget& budget) {
    for (u64 i = 0; i < count; ++i) {
        u64 at = TRY(pointer_at(a, i));
        if (!at) return EFAULT; // another thread changed the array
        if (a.kernel) {
            const char* s = reinterpret_cast<const char*>(at);
            TRY(budget.take(strlen(s) + 1));
            TRY(append(to, s, strlen(s) + 1));
            continue;
        }
        u64 length = 0;
        for (;;) {
            char piece[256];
            // Up to the end of the page, so that a string at the end of a mapping can be read.
            u64 n = sizeof piece;
            if (u64 to_page_end = kPageSize - (at & (kPageSize - 1)); n > to_page_end) n = to_page_end;
            TRY(copy_from_user(piece, at, n));
            const void* nul = memchr(piece, 0, n);
            if (nul) n = u64(static_cast<const char*>(nul) - piece) + 1;
            length += n;
            if (length > budget.left()) return E2BIG;
            TRY(append(to, piece, n));
            if (nul) break;
            at += n;
        }
        TRY(budget.take(length));
        if (i % 64 == 63) cond_resched();
    }
    return {};
}

} // namespace

Result<ExecStrings> ExecStrings::collect(const StringArray& argv, const StringArray& envp, u64 stack_limit) {
    ExecStrings s;
    const u64 argc = TRY(count_strings(argv)), envc = TRY(count_strings(envp));
    auto budget = TRY(abi::ArgumentBudget::make(stack_limit, argc, envc));
    if (!argc) {
        TRY(budget.take(1));
        TRY(s.bytes.push_back(0));
    }
    TRY(collect_array(argv, argc, s.bytes, budget));
    TRY(collect_array(envp, envc, s.bytes, budget));
    s.argc = argc ? u32(argc) : 1;
    s.envc = u32(envc);
    return s;
}

Result<void> ExecStrings::put_script(const char* interpreter, const char* argument, const char* path) {
    Vec<char> n;
    const size_t skipped = strlen(bytes.data()) + 1; // argv[0]
    TRY(n.reserve(bytes.size() + strlen(interpreter) + (argument ? strlen(argument) : 0) + strlen(path) + 3));
    TRY(append(n, interpreter, strlen(interpreter) + 1));
    if (argument) TRY(append(n, argument, strlen(argument) + 1));
    TRY(append(n, path, strlen(path) + 1));
    TRY(append(n, bytes.data() + skipped, bytes.size() - skipped));
    bytes = std::move(n);
    argc += argument ? 2 : 1;
    return {};
}

} // namespace linnet
