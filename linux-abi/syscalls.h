// What is generated from syscalls.def: signatures, handler declarations, thunks, and the table of
// descriptions.
//
//   namespace linnet: Outcome sys_read(Fd, OutBytes<2>, Size);   declared for each SYSCALL line; a handler
//                     that is missing, or has another signature, is a link error.
//   thunk<sys_read>   the same with six registers, for a dispatch table.
//   syscall_info(nr)  name, arguments, status, note.
#pragma once

#include <string_view>

#include "linux-abi/syscall_outcome.h"
#include "linux-abi/syscall_types.h"

namespace linnet::abi {

/// The type of each call as written in syscalls.def.
namespace signature {
#define SYSCALL(nr, name, type, status, note) using name = type;
#define SYSCALL_NONE(nr, name, type, error, note) using name = type;
#include "linux-abi/syscalls.def"
#undef SYSCALL
#undef SYSCALL_NONE
} // namespace signature

namespace number {
#define SYSCALL(nr, name, type, status, note) inline constexpr int name = nr;
#define SYSCALL_NONE(nr, name, type, error, note) inline constexpr int name = nr;
#include "linux-abi/syscalls.def"
#undef SYSCALL
#undef SYSCALL_NONE
} // namespace number

inline constexpr int max_syscall = 450;

template <class T>
struct HandlerTypeOf;
template <class R, class... A>
struct HandlerTypeOf<R(A...)> {
    static_assert(sizeof...(A) <= 6);
    static_assert((SyscallArgument<A> && ...), "an argument type of syscalls.def has no decoder");
    using type = Outcome(A...);
};
template <class T>
using HandlerOf = typename HandlerTypeOf<T>::type;

/// A handler as the dispatcher calls it.
using SyscallThunk = Outcome (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

namespace detail {
template <auto Handler>
struct Thunk;
template <class... A, Outcome (*Handler)(A...)>
struct Thunk<Handler> {
    static Outcome call(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5) {
        return expand(std::index_sequence_for<A...>{}, a0, a1, a2, a3, a4, a5);
    }
    template <size_t... I>
    [[gnu::always_inline]] static Outcome expand(std::index_sequence<I...>, uint64_t a0, uint64_t a1,
                                                 uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5) {
        [[maybe_unused]] const uint64_t regs[] = {a0, a1, a2, a3, a4, a5};
        return Handler(A(regs[I])...);
    }
};
} // namespace detail

/// The six argument registers to typed arguments: little more than a jump.
template <auto Handler>
inline constexpr SyscallThunk thunk = &detail::Thunk<Handler>::call;

/// A call that always fails with E.
template <Errno E>
Outcome refuse(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) {
    return E;
}

enum class SyscallStatus : uint8_t { full, partial, none };

/// How a result is printed.
enum class ResultKind : uint8_t { decimal, address, hexadecimal, octal, no_return };

struct SyscallInfo {
    const char* name = nullptr; // null: no such call
    const char* note = "";
    SyscallStatus status = SyscallStatus::none;
    uint8_t argument_count = 0;
    ResultKind result = ResultKind::decimal;
    int16_t number = -1;
    int16_t none_errno = 38; // what a call without a handler fails with
    ArgSpec arguments[6] = {};
};

/// Description of a call; null for a number that Linux 6.1 does not have.
const SyscallInfo* syscall_info(uint64_t number);
/// The number of a call by its name, -1 if there is none.
int syscall_number(std::string_view name);

} // namespace linnet::abi

namespace linnet {
#define SYSCALL(nr, name, type, status, note) abi::HandlerOf<abi::signature::name> sys_##name;
#define SYSCALL_NONE(nr, name, type, error, note)
#include "linux-abi/syscalls.def"
#undef SYSCALL
#undef SYSCALL_NONE
} // namespace linnet
