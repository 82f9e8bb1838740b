// Classic BPF as seccomp filters use it: struct sock_filter, struct seccomp_data, the verifier and the interpreter.
// Source: linux/filter.h, linux/bpf_common.h, linux/seccomp.h; seccomp(2), "Filters"; bpf(4) of BSD for the instructions.
#pragma once

#include <span>

#include "linux-abi/errno.h"
#include "linux-abi/types.h"

namespace linnet::abi {

struct SockFilter {
    uint16_t code;
    uint8_t jt, jf; // instructions to skip if the comparison holds, or does not
    uint32_t k;
};
static_assert(sizeof(SockFilter) == 8);

struct SockFprog {
    uint16_t len, pad[3];
    uint64_t filter; // address of SockFilter[len]
};
static_assert(sizeof(SockFprog) == 16);

/// What a filter looks at.
struct SeccompData {
    int32_t nr;
    uint32_t arch; // audit_arch_x86_64
    uint64_t instruction_pointer;
    uint64_t args[6];
};
static_assert(sizeof(SeccompData) == 64);

inline constexpr uint32_t audit_arch_x86_64 = 0xc000003e;
inline constexpr unsigned bpf_max_instructions = 4096; // BPF_MAXINSNS
inline constexpr unsigned bpf_memory_words = 16;       // BPF_MEMWORDS
inline constexpr int32_t sys_seccomp_code = 1;         // si_code of SIGSYS: SYS_SECCOMP

/// struct seccomp_notif_sizes.
struct SeccompNotifSizes {
    uint16_t notif, notif_response, data;
};

/// Whether Linux takes the program as a seccomp filter: every jump lands inside and forwards, it ends with a return, memory words are
/// written before they are read on every path, loads are aligned words of SeccompData. `scratch` has as many elements. EINVAL.
Result<void> check_seccomp_program(std::span<const SockFilter> program, std::span<uint16_t> scratch);
/// The program's return value. It must have passed check_seccomp_program(): then it ends after at most its length of steps.
uint32_t run_seccomp_program(std::span<const SockFilter> program, const SeccompData& data);

} // namespace linnet::abi
