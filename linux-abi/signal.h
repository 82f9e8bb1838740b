// Signal numbers, sigaction flags, si_code values, sigaltstack, sigprocmask.
// Source: signal(7), sigaction(2), sigaltstack(2), include/uapi/asm-generic/siginfo.h.
#pragma once

#include "linux-abi/types.h"

namespace linnet::abi {
inline namespace constants {

inline constexpr int SIGHUP = 1;
inline constexpr int SIGINT = 2;
inline constexpr int SIGQUIT = 3;
inline constexpr int SIGILL = 4;
inline constexpr int SIGTRAP = 5;
inline constexpr int SIGABRT = 6;
inline constexpr int SIGBUS = 7;
inline constexpr int SIGFPE = 8;
inline constexpr int SIGKILL = 9;
inline constexpr int SIGUSR1 = 10;
inline constexpr int SIGSEGV = 11;
inline constexpr int SIGUSR2 = 12;
inline constexpr int SIGPIPE = 13;
inline constexpr int SIGALRM = 14;
inline constexpr int SIGTERM = 15;
inline constexpr int SIGSTKFLT = 16;
inline constexpr int SIGCHLD = 17;
inline constexpr int SIGCONT = 18;
inline constexpr int SIGSTOP = 19;
inline constexpr int SIGTSTP = 20;
inline constexpr int SIGTTIN = 21;
inline constexpr int SIGTTOU = 22;
inline constexpr int SIGURG = 23;
inline constexpr int SIGXCPU = 24;
inline constexpr int SIGXFSZ = 25;
inline constexpr int SIGVTALRM = 26;
inline constexpr int SIGPROF = 27;
inline constexpr int SIGWINCH = 28;
inline constexpr int SIGIO = 29;
inline constexpr int SIGPWR = 30;
inline constexpr int SIGSYS = 31;

inline constexpr int SIG_BLOCK = 0;
inline constexpr int SIG_UNBLOCK = 1;
inline constexpr int SIG_SETMASK = 2;

inline constexpr int SA_RESTORER = 0x4000000;
inline constexpr int SA_NOCLDSTOP = 0x1;
inline constexpr int SA_NOCLDWAIT = 0x2;
inline constexpr int SA_SIGINFO = 0x4;
inline constexpr int SA_ONSTACK = 0x8000000;
inline constexpr int SA_RESTART = 0x10000000;
inline constexpr int SA_NODEFER = 0x40000000;
inline constexpr uint32_t SA_RESETHAND = 0x80000000;

inline constexpr int SS_ONSTACK = 0x1;
inline constexpr int SS_DISABLE = 0x2;
inline constexpr uint32_t SS_AUTODISARM = 0x80000000;

inline constexpr int SI_ASYNCNL = -60;
inline constexpr int SI_DETHREAD = -7;
inline constexpr int SI_TKILL = -6;
inline constexpr int SI_SIGIO = -5;
inline constexpr int SI_ASYNCIO = -4;
inline constexpr int SI_MESGQ = -3;
inline constexpr int SI_TIMER = -2;
inline constexpr int SI_QUEUE = -1;
inline constexpr int SI_USER = 0;
inline constexpr int SI_KERNEL = 128;

inline constexpr int BUS_ADRALN = 1;
inline constexpr int CLD_EXITED = 1;
inline constexpr int FPE_INTDIV = 1;
inline constexpr int ILL_ILLOPC = 1;
inline constexpr int SEGV_MAPERR = 1;
inline constexpr int TRAP_BRKPT = 1;
inline constexpr int BUS_ADRERR = 2;
inline constexpr int CLD_KILLED = 2;
inline constexpr int FPE_INTOVF = 2;
inline constexpr int ILL_ILLOPN = 2;
inline constexpr int SEGV_ACCERR = 2;
inline constexpr int TRAP_TRACE = 2;
inline constexpr int BUS_OBJERR = 3;
inline constexpr int CLD_DUMPED = 3;
inline constexpr int FPE_FLTDIV = 3;
inline constexpr int ILL_ILLADR = 3;
inline constexpr int SEGV_BNDERR = 3;
inline constexpr int TRAP_BRANCH = 3;
inline constexpr int CLD_TRAPPED = 4;
inline constexpr int FPE_FLTOVF = 4;
inline constexpr int ILL_ILLTRP = 4;
inline constexpr int SEGV_PKUERR = 4;
inline constexpr int TRAP_HWBKPT = 4;
inline constexpr int CLD_STOPPED = 5;
inline constexpr int FPE_FLTUND = 5;
inline constexpr int ILL_PRVOPC = 5;
inline constexpr int SEGV_ACCADI = 5;
inline constexpr int TRAP_UNK = 5;
inline constexpr int CLD_CONTINUED = 6;
inline constexpr int FPE_FLTRES = 6;
inline constexpr int ILL_PRVREG = 6;
inline constexpr int SEGV_ADIDERR = 6;
inline constexpr int FPE_FLTINV = 7;
inline constexpr int ILL_COPROC = 7;
inline constexpr int SEGV_ADIPERR = 7;
inline constexpr int FPE_FLTSUB = 8;
inline constexpr int ILL_BADSTK = 8;
inline constexpr int SEGV_MTEAERR = 8;
inline constexpr int ILL_BADIADDR = 9;
inline constexpr int SEGV_MTESERR = 9;
inline constexpr int FPE_FLTUNK = 14;
inline constexpr int FPE_CONDTRAP = 15;

inline constexpr int SIGEV_SIGNAL = 0;
inline constexpr int SIGEV_NONE = 1;
inline constexpr int SIGEV_THREAD = 2;
inline constexpr int SIGEV_THREAD_ID = 4;

inline constexpr int P_ALL = 0;
inline constexpr int P_PID = 1;
inline constexpr int P_PGID = 2;
inline constexpr int P_PIDFD = 3;

} // namespace constants

inline constexpr uint64_t SIG_DFL = 0, SIG_IGN = 1, SIG_ERR = ~uint64_t(0);
inline constexpr int nsig = 64; // signals 1 to 64; SIGRTMIN is 32 for the kernel
inline constexpr int SIGRTMIN = 32, SIGRTMAX = 64;
inline constexpr int MINSIGSTKSZ = 2048;

/// A signal set as the kernel keeps it: bit N-1 is signal N.
struct SigSet {
    uint64_t bits;
    constexpr bool has(int sig) const { return bits >> (sig - 1) & 1; }
    constexpr void add(int sig) { bits |= uint64_t(1) << (sig - 1); }
    constexpr void remove(int sig) { bits &= ~(uint64_t(1) << (sig - 1)); }
};
static_assert(sizeof(SigSet) == 8);

struct Sigaction {
    uint64_t handler, flags, restorer;
    SigSet mask;
};
static_assert(sizeof(Sigaction) == 32);

struct Sigaltstack {
    uint64_t sp;
    int32_t flags, pad;
    uint64_t size;
};
static_assert(sizeof(Sigaltstack) == 24);

struct Siginfo {
    int32_t signo, err, code, pad0;
    union {
        struct {
            int32_t pid;
            uint32_t uid;
            uint64_t value; // sigqueue's
        } kill;
        struct {
            int32_t tid, overrun;
            uint64_t value;
            int32_t sys_private;
        } timer;
        struct {
            int32_t pid;
            uint32_t uid;
            int32_t status, pad;
            int64_t utime, stime; // clock ticks
        } chld;
        struct {
            uint64_t addr;
            uint16_t addr_lsb, pad[3];
            uint64_t lower, upper;
        } fault;
        struct {
            int64_t band;
            int32_t fd;
        } poll;
        struct {
            uint64_t call_addr;
            int32_t syscall;
            uint32_t arch;
        } sys;
        uint8_t pad[112];
    };
};
static_assert(sizeof(Siginfo) == 128 && offsetof(Siginfo, kill) == 16);

struct Sigevent {
    uint64_t value;
    int32_t signo, notify;
    union {
        int32_t tid;
        uint8_t pad[48];
    };
};
static_assert(sizeof(Sigevent) == 64);

/// struct sigcontext: the registers in a signal frame.
struct Sigcontext {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
    uint16_t cs, gs, fs, ss;
    uint64_t err, trapno, oldmask, cr2;
    uint64_t fpstate; // address, 64-byte aligned, or 0
    uint64_t reserved[8];
};
static_assert(sizeof(Sigcontext) == 256 && offsetof(Sigcontext, cs) == 144 &&
              offsetof(Sigcontext, fpstate) == 184);

struct Ucontext {
    uint64_t flags, link;
    Sigaltstack stack;
    Sigcontext mcontext;
    SigSet sigmask;
};
static_assert(sizeof(Ucontext) == 304 && offsetof(Ucontext, mcontext) == 40 &&
              offsetof(Ucontext, sigmask) == 296);
inline constexpr uint64_t UC_FP_XSTATE = 1, UC_SIGCONTEXT_SS = 2, UC_STRICT_RESTORE_SS = 4;

/// The bytes 464..511 of the FXSAVE area in a signal frame.
struct FpxSwBytes {
    uint32_t magic1, extended_size;
    uint64_t xfeatures;
    uint32_t xstate_size, padding[7];
};
static_assert(sizeof(FpxSwBytes) == 48);
inline constexpr uint32_t FP_XSTATE_MAGIC1 = 0x46505853, FP_XSTATE_MAGIC2 = 0x46505845;

/// FXSAVE format (64-bit), the first 512 bytes of every XSAVE area.
struct Fpstate {
    uint16_t cwd, swd, twd, fop;
    uint64_t rip, rdp;
    uint32_t mxcsr, mxcsr_mask;
    uint8_t st[128], xmm[256], reserved[48];
    FpxSwBytes sw;
};
static_assert(sizeof(Fpstate) == 512 && offsetof(Fpstate, sw) == 464);
} // namespace linnet::abi
