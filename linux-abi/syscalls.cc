#include "linux-abi/syscalls.h"

#include <array>

namespace linnet::abi {
namespace {

template <class R>
constexpr ResultKind result_kind() {
    if constexpr (std::is_same_v<R, Void>) {
        return ResultKind::no_return;
    } else if constexpr (std::is_same_v<R, Addr>) {
        return ResultKind::address;
    } else if constexpr (std::is_same_v<R, Hex>) {
        return ResultKind::hexadecimal;
    } else if constexpr (std::is_same_v<R, Mode>) {
        return ResultKind::octal;
    } else {
        return ResultKind::decimal;
    }
}

template <class T>
struct Describe;
template <class R, class... A>
struct Describe<R(A...)> {
    static constexpr SyscallInfo make(int nr, const char* name, SyscallStatus status, Errno error,
                                      const char* note) {
        SyscallInfo i;
        i.name = name;
        i.note = note;
        i.status = status;
        i.argument_count = sizeof...(A);
        i.result = result_kind<R>();
        i.number = static_cast<int16_t>(nr);
        i.none_errno = static_cast<int16_t>(error);
        if constexpr (sizeof...(A) != 0) {
            const ArgSpec specs[] = {A::spec...};
            for (size_t k = 0; k < sizeof...(A); ++k) i.arguments[k] = specs[k];
        }
        return i;
    }
};

struct Table {
    std::array<SyscallInfo, max_syscall + 1> entries{};
    int duplicates = 0;
    int partial_without_note = 0;
};

consteval Table make_table() {
    Table t;
    auto put = [&t](const SyscallInfo& i) {
        if (t.entries[static_cast<size_t>(i.number)].name) ++t.duplicates;
        if (i.status != SyscallStatus::full && i.note[0] == '\0') ++t.partial_without_note;
        t.entries[static_cast<size_t>(i.number)] = i;
    };
    [[maybe_unused]] constexpr auto Full = SyscallStatus::full;
    [[maybe_unused]] constexpr auto Partial = SyscallStatus::partial;
#define SYSCALL(nr, name, type, status, note) \
    put(Describe<signature::name>::make(nr, #name, status, Errno{}, note));
#define SYSCALL_NONE(nr, name, type, error, note) \
    put(Describe<signature::name>::make(nr, #name, SyscallStatus::none, Errno::error, note));
#include "linux-abi/syscalls.def"
#undef SYSCALL
#undef SYSCALL_NONE
    return t;
}

constexpr Table table = make_table();
static_assert(table.duplicates == 0, "a number stands twice in syscalls.def");
static_assert(table.partial_without_note == 0, "Partial and SYSCALL_NONE need a note");

} // namespace

const SyscallInfo* syscall_info(uint64_t number) {
    if (number > static_cast<uint64_t>(max_syscall)) return nullptr;
    const SyscallInfo& i = table.entries[number];
    return i.name ? &i : nullptr;
}

int syscall_number(std::string_view name) {
    for (const SyscallInfo& i : table.entries)
        if (i.name && name == i.name) return i.number;
    return -1;
}

} // namespace linnet::abi
