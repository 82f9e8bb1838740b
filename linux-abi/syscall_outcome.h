// What a system call handler gives back: a value, an errno, a restart request, or nothing at all because
// the registers were replaced (exit, execve, rt_sigreturn). One int64, in RAX's own encoding.
// Source: Linux's include/linux/errno.h for the restart codes (never seen by programs).
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

#include "linux-abi/errno.h"

namespace linnet::abi {

/// How an interrupted call goes on once the signal is dealt with.
enum class Restart : int32_t {
    sys = 512,             ///< ERESTARTSYS: restart if no handler runs, or its SA_RESTART is set; else EINTR
    no_intr = 513,         ///< ERESTARTNOINTR: always restart
    no_hand = 514,         ///< ERESTARTNOHAND: restart if no handler runs; else EINTR
    restart_block = 516,   ///< ERESTART_RESTARTBLOCK: restart through restart_syscall; EINTR after a handler
};

class Outcome {
  public:
    constexpr Outcome() : raw_(0) {}
    template <std::integral I>
    constexpr Outcome(I value) : raw_(static_cast<int64_t>(value)) {}
    /// The scalars of syscall_types.h.
    template <class S>
        requires std::integral<typename S::Value>
    constexpr Outcome(S scalar) : raw_(static_cast<int64_t>(scalar.value)) {}
    constexpr Outcome(Errno e) : raw_(-static_cast<int64_t>(e)) {}
    constexpr Outcome(Restart r) : raw_(-static_cast<int64_t>(r)) {}
    Outcome(const Result<void>& r) : raw_(-static_cast<int64_t>(r.error())) {}
    template <class T>
        requires(!std::is_void_v<T> && std::is_convertible_v<const T&, int64_t>)
    Outcome(const Result<T>& r)
        : raw_(r.ok() ? static_cast<int64_t>(r.value()) : -static_cast<int64_t>(r.error())) {}

    /// The handler has set (or destroyed) the thread's registers itself; RAX must not be written.
    static constexpr Outcome no_return() { return from_raw(no_return_code); }
    static constexpr Outcome from_raw(int64_t raw) {
        Outcome o;
        o.raw_ = raw;
        return o;
    }

    /// RAX as the program sees it, when is_restart() and is_no_return() are false.
    constexpr int64_t raw() const { return raw_; }
    constexpr bool is_error() const { return raw_ < 0 && raw_ >= -4095; }
    constexpr bool is_restart() const { return raw_ <= -512 && raw_ >= -516; }
    constexpr bool is_no_return() const { return raw_ == no_return_code; }
    /// One test for the fast path: neither a restart nor no_return.
    constexpr bool is_plain() const { return static_cast<uint64_t>(raw_ + 520) > 8; }
    constexpr Errno error() const { return static_cast<Errno>(-raw_); }
    constexpr Restart restart() const { return static_cast<Restart>(-raw_); }

  private:
    static constexpr int64_t no_return_code = -520; // between the restart codes and nothing of Linux's
    int64_t raw_;
};
static_assert(sizeof(Outcome) == 8 && std::is_trivially_copyable_v<Outcome>);

} // namespace linnet::abi
