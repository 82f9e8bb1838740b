// Structures of an ELF core file. Source: core(5), elf(5), linux/elfcore.h, asm/elf.h (elf_gregset_t).
#pragma once

#include "linux-abi/signal.h"
#include "linux-abi/types.h"

namespace linnet::abi {

struct CoreEhdr {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
static_assert(sizeof(CoreEhdr) == 64);
struct CorePhdr {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
static_assert(sizeof(CorePhdr) == 56);
inline constexpr uint32_t core_pt_load = 1, core_pt_note = 4;
inline constexpr uint16_t core_et_core = 4, core_em_x86_64 = 62;

struct CoreNoteHeader {
    uint32_t name_size, size, type;
};
inline constexpr uint32_t nt_prstatus = 1, nt_fpregset = 2, nt_prpsinfo = 3, nt_auxv = 6, nt_siginfo = 0x53494749,
                          nt_file = 0x46494c45, nt_x86_xstate = 0x202;

struct CoreRegisters {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, eflags, rsp, ss, fs_base, gs_base,
        ds, es, fs, gs;
};
struct CoreTime {
    int64_t sec, usec;
};
/// NT_PRSTATUS: a thread.
struct CorePrstatus {
    int32_t signo, code, err;
    int16_t current_signal;
    uint64_t pending, held;
    int32_t pid, ppid, pgrp, sid;
    CoreTime utime, stime, cutime, cstime;
    CoreRegisters registers;
    int32_t fpvalid, pad;
};
static_assert(sizeof(CorePrstatus) == 336 && offsetof(CorePrstatus, registers) == 112);

/// NT_PRPSINFO: the process.
struct CorePrpsinfo {
    char state, state_letter, zombie, nice;
    uint64_t flag;
    uint32_t uid, gid;
    int32_t pid, ppid, pgrp, sid;
    char name[16], arguments[80];
};
static_assert(sizeof(CorePrpsinfo) == 136);

/// Where an XSAVE area in a note says which features it has (struct _xstate's sw_reserved).
inline constexpr unsigned core_xstate_features_offset = 464;

/// Bits of /proc/PID/coredump_filter.
enum CoreFilter : uint32_t {
    core_anonymous_private = 1,
    core_anonymous_shared = 2,
    core_file_private = 4,
    core_file_shared = 8,
    core_elf_headers = 16,
};

} // namespace linnet::abi
