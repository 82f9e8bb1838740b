// The stack that a new program finds: argc, argv, envp, the auxiliary vector, and the strings behind them.
// Source: System V ABI (x86-64) 3.4.1; Linux 6.1's create_elf_tables and copy_strings; getauxval(3).
//
// From the top of the stack downwards: 8 zero bytes; the program's file name; environment strings; argument strings
// (one block, in order, upwards); a random gap; the platform's name; 16 random bytes; the vectors; RSP at argc,
// a multiple of 16.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "linux-abi/auxv.h"
#include "linux-abi/errno.h"

namespace linnet::abi {

inline constexpr uint64_t max_argument_string = 128 * 1024; // MAX_ARG_STRLEN, with the NUL
inline constexpr uint64_t max_arguments = 0x7fffffff;       // MAX_ARG_STRINGS

/// Counts what execve's strings may take, while they are copied in: E2BIG as Linux gives it.
class ArgumentBudget {
  public:
    /// stack_limit: the soft RLIMIT_STACK, bytes. E2BIG if the pointers alone are too many.
    static Result<ArgumentBudget> make(uint64_t stack_limit, uint64_t argc, uint64_t envc);
    /// One more string, its size with the NUL.
    Result<void> take(uint64_t size);
    /// The size up to which copying the next string makes sense.
    uint64_t left() const { return left_ < max_argument_string ? left_ : max_argument_string; }

  private:
    explicit ArgumentBudget(uint64_t left) : left_(left) {}
    uint64_t left_;
};

struct InitialStack {
    uint64_t stack_top; // end of the stack mapping, page-aligned
    /// argc argument strings, then envc environment strings, each with its NUL. argc is at least 1: for an
    /// empty argv Linux (5.18 and later) passes one empty string, and so must the caller.
    std::span<const char> strings;
    uint32_t argc, envc;
    std::string_view file_name; // AT_EXECFN: as execve got it
    uint64_t gap;               // random bytes below the strings (ASLR), less than 8192; rounded to 16
    uint8_t random[16];         // AT_RANDOM
    uint64_t sysinfo_ehdr;      // vDSO; 0: entry left out
    uint64_t min_signal_stack;  // AT_MINSIGSTKSZ
    uint64_t hwcap, hwcap2;
    uint64_t phdr, phnum, base, entry; // addresses with the load bias; base: the interpreter's, 0 without
    uint64_t uid, euid, gid, egid;
    bool secure;
};

struct InitialStackLayout {
    uint64_t rsp;                  // argc; everything from here to stack_top is in use
    uint64_t arg_start, arg_end;   // /proc/PID/cmdline
    uint64_t env_start, env_end;   // /proc/PID/environ
    uint64_t file_name, platform, random;
    uint64_t auxv, auxv_size;      // /proc/PID/auxv
};

/// Where it all goes. E2BIG: more than `stack_size` bytes; EINVAL: the strings do not hold argc + envc NULs.
Result<InitialStackLayout> plan_initial_stack(const InitialStack& in, uint64_t stack_size);

/// Where the pieces of the stack go, in any order; together they cover [rsp, stack_top) but for padding,
/// which is expected to be zero.
class StackWriter {
  public:
    virtual Result<void> write(uint64_t address, const void* data, size_t size) = 0;

  protected:
    ~StackWriter() = default;
};

/// Writes what plan_initial_stack laid out. The writer's errors.
Result<void> write_initial_stack(const InitialStack& in, const InitialStackLayout& layout, StackWriter& to);

} // namespace linnet::abi
