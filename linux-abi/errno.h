// Linux's error numbers, and Result<T>: a value or one of them.
// Source: errno(3); include/uapi/asm-generic/errno*.h.
#pragma once

#ifndef LINNET_KERNEL
#include "linux-abi/errno_undef.h"
#endif

#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

namespace linnet {

enum class Errno : int32_t {
#define LINNET_ERRNO(name, number, text) name = number,
#include "linux-abi/errno.def"
#undef LINNET_ERRNO
};
using enum Errno; // EBADF in namespace linnet is Errno::EBADF
inline constexpr Errno EWOULDBLOCK = EAGAIN;
inline constexpr Errno ENOTSUP = EOPNOTSUPP;

/// A value of T or an Errno. [[nodiscard]]; propagate with TRY(). T may be void, a value, or movable.
template <class T>
class [[nodiscard]] Result {
  public:
    Result(Errno e) : error_(e), ok_(false) {}
    Result(const T& v) requires std::is_copy_constructible_v<T> : value_(v), ok_(true) {}
    Result(T&& v) : value_(std::move(v)), ok_(true) {}
    template <class U>
        requires(std::is_constructible_v<T, U &&> && std::is_convertible_v<U&&, T> &&
                 !std::is_same_v<std::remove_cvref_t<U>, T> &&
                 !std::is_same_v<std::remove_cvref_t<U>, Errno> &&
                 !std::is_same_v<std::remove_cvref_t<U>, Result>)
    Result(U&& v) : value_(std::forward<U>(v)), ok_(true) {}

    Result(const Result&) requires std::is_trivially_copyable_v<T> = default;
    Result(Result&&) requires std::is_trivially_copyable_v<T> = default;
    Result(Result&& o) : ok_(o.ok_) {
        if (ok_) new (static_cast<void*>(&value_)) T(std::move(o.value_));
        else error_ = o.error_;
    }
    Result& operator=(const Result&) requires std::is_trivially_copyable_v<T> = default;
    Result& operator=(Result&&) requires std::is_trivially_copyable_v<T> = default;
    Result& operator=(Result&& o) {
        if (this != &o) {
            this->~Result();
            new (static_cast<void*>(this)) Result(std::move(o));
        }
        return *this;
    }
    ~Result() requires std::is_trivially_destructible_v<T> = default;
    ~Result() {
        if (ok_) value_.~T();
    }

    bool ok() const { return ok_; }
    explicit operator bool() const { return ok_; }
    Errno error() const { return error_; }
    T& value() & { return value_; }
    const T& value() const& { return value_; }
    T&& value() && { return std::move(value_); }
    T& operator*() { return value_; }
    const T& operator*() const { return value_; }
    T* operator->() { return &value_; }
    const T* operator->() const { return &value_; }
    T value_or(T other) && { return ok_ ? std::move(value_) : std::move(other); }

  private:
    union {
        T value_;
        Errno error_;
    };
    bool ok_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() : error_{} {}
    Result(Errno e) : error_(e) {}
    bool ok() const { return error_ == Errno{}; }
    explicit operator bool() const { return ok(); }
    Errno error() const { return error_; }
    void value() const {}

  private:
    Errno error_; // 0: success
};

/// "EBADF" for 9; nullptr for a number that Linux does not have.
const char* errno_name(Errno e);
/// "Bad file descriptor" for 9, as glibc's strerror; nullptr for an unknown number.
const char* errno_text(Errno e);

} // namespace linnet

// The value of a Result, or return of its error from the calling function.
#define TRY(expr)                                  \
    ({                                             \
        auto _try_result = (expr);                 \
        if (!_try_result.ok()) [[unlikely]]        \
            return _try_result.error();            \
        std::move(_try_result).value();            \
    })
