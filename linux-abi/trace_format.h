// System calls as text, in strace's own format: arguments by name, structures, results with the errno's text.
// Source: strace(1) 6.1. Formatting is driven by the ArgSpecs of syscalls.def.
//
// A line has two parts, as in strace: what is known before the call (entry), and the rest with the result (exit).
// The arguments that the kernel fills in come with the exit part.
#pragma once

#include <cstddef>
#include <cstdint>

#include "linux-abi/syscalls.h"
#include "linux-abi/time.h"
#include "linux-abi/trace_text.h"

namespace linnet::abi {

/// Longest string or buffer that is printed whole, as strace's -s 32; and the most elements of an array.
inline constexpr size_t trace_string_limit = 32;

/// The memory of the traced program.
class MemoryReader {
  public:
    /// All of `size` bytes, or false: the address is printed then.
    virtual bool read(uint64_t address, void* to, size_t size) = 0;
    /// At rt_sigreturn: where the signal mask stands in the frame that it takes back (the stack pointer at the call, and signal_frame_mask_offset
    /// on). 0: not known, then it is not shown.
    virtual uint64_t signal_frame_mask() { return 0; }
    /// Whether a descriptor is a NETLINK_ROUTE socket: then what is sent and received is shown as messages.
    virtual bool is_netlink(int32_t fd) { return (void)fd, false; }
    /// Another limit than trace_string_limit for strings and buffers (-s); a larger one needs memory for as many bytes.
    size_t string_limit = trace_string_limit;
    uint8_t* string_room = nullptr;

  protected:
    ~MemoryReader() = default;
};

/// uc_sigmask in the ucontext that a signal handler's return finds at the stack pointer.
inline constexpr uint64_t signal_frame_mask_offset = 296;

/// What the entry part remembers for the exit part.
struct TraceState {
    unsigned next_argument = 0;
    uint8_t readable = 0;    // bit i: before[i], or the time-out, is known
    int64_t before[6] = {};  // of arguments that point to a length or an offset, and of recvmsg the length of the name
    Timespec timeout = {};   // recvmmsg's
};

/// Memory for the part of a buffer that is shown: `limit` bytes.
class DataHead {
  public:
    explicit DataHead(const MemoryReader& m)
        : bytes(m.string_room ? m.string_room : own_),
          limit(m.string_room || m.string_limit < trace_string_limit ? m.string_limit : trace_string_limit) {}
    uint8_t* const bytes;
    const size_t limit;

  private:
    uint8_t own_[trace_string_limit];
};

/// `openat(AT_FDCWD, "/etc/passwd", O_RDONLY`: up to the first argument that the kernel fills in.
/// `regs`: RDI, RSI, RDX, R10, R8, R9. An unknown number prints as `syscall_0x1f4(0x1, ...`.
TraceState format_call_entry(TraceText& out, uint64_t number, const uint64_t (&regs)[6], MemoryReader& memory);

/// `) = 3`, with the arguments that entry left out before it. `result` as the program gets it, or a restart
/// code, or Outcome::no_return().
void format_call_exit(TraceText& out, uint64_t number, const uint64_t (&regs)[6], Outcome result,
                      const TraceState& state, MemoryReader& memory);

/// `--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---`
void format_signal(TraceText& out, const Siginfo& info);
/// `+++ exited with 0 +++`, `+++ killed by SIGKILL +++`; status as wait4's.
void format_exit(TraceText& out, uint32_t status);

// Pieces, for other tools.

/// A quoted string of the program, cut at `limit` bytes ("..." after it); the address if it can't be read.
void put_user_string(TraceText& out, uint64_t address, size_t limit, MemoryReader& memory);
/// Quoted bytes.
void put_quoted(TraceText& out, const uint8_t* bytes, size_t size, bool more);
/// A structure at an address, `[...]` and `{...}` as strace; the address if unreadable or opaque.
void put_structure(TraceText& out, StructId id, uint64_t address, MemoryReader& memory);
/// A socket address of `length` bytes.
void put_socket_address(TraceText& out, uint64_t address, int64_t length, MemoryReader& memory);
/// `{tv_sec=1, tv_nsec=0}`
void put_timespec_text(TraceText& out, const Timespec& t);
/// `S_IFREG|0644`, `S_IFDIR|S_ISVTX|0777`
void put_file_mode(TraceText& out, uint32_t mode);
/// `makedev(0x1, 0x3)`
void put_device(TraceText& out, uint64_t device);
void put_wait_status(TraceText& out, uint32_t status);
void put_signal_set(TraceText& out, uint64_t bits);

} // namespace linnet::abi
