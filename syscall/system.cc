// The system as a whole, and odds and ends of a process: uname(2), sysinfo(2), getrandom(2), prctl(2), arch_prctl(2).
#include "kernel/arch/x86_64/program.h"
#include "kernel/boot/boot_info.h"
#include "kernel/lib/random.h"
#include "kernel/lib/string.h"
#include "kernel/mm/address_space.h"
#include "kernel/mm/page.h"
#include "kernel/mm/user.h"
#include "kernel/task/lifecycle.h"
#include "kernel/task/machine_name.h"
#include "kernel/time/clock.h"
#include "linux-abi/syscalls.h"
#include "syscall/gaps.h"
#include "syscall/seccomp.h"
#include "syscall/system.h"

namespace linnet {

using namespace abi;

const char kKernelRelease[] = "6.1.0-linnet";
const char kKernelVersion[] = "#1 SMP PREEMPT_DYNAMIC Linnet 0.1";

namespace {

void put(char (&field)[65], const char* s) {
    size_t n = strnlen(s, sizeof field - 1);
    memcpy(field, s, n);
}

Outcome set_name(MachineName& which, u64 address, i32 length) {
    if (!current().credentials->has_capability(CAP_SYS_ADMIN)) return EPERM;
    char name[65] = {};
    if (length < 0 || length > 64) return EINVAL;
    TRY(copy_from_user(name, address, size_t(length)));
    which.set(name);
    return 0;
}

} // namespace

Outcome sys_sethostname(InBytes<1> name, Size len) { return set_name(host_name, name.address(), i32(len)); }
Outcome sys_setdomainname(InBytes<1> name, Size len) { return set_name(domain_name, name.address(), i32(len)); }

/// Every action that ends or restarts a machine ends this one, as if init had exited with status 0.
Outcome sys_reboot(Hex magic, Hex magic2, RebootCmd cmd, AnyPtr) {
    if (!current().credentials->has_capability(CAP_SYS_BOOT)) return EPERM;
    const u32 m2 = u32(magic2);
    if (u32(magic) != LINUX_REBOOT_MAGIC1 ||
        (m2 != u32(LINUX_REBOOT_MAGIC2) && m2 != 0x05121996 && m2 != u32(LINUX_REBOOT_MAGIC2B) && m2 != u32(LINUX_REBOOT_MAGIC2C)))
        return EINVAL;
    switch (cmd.value) {
    case u32(LINUX_REBOOT_CMD_CAD_OFF):
    case LINUX_REBOOT_CMD_CAD_ON: return 0; // there is no keyboard that could send Ctrl-Alt-Del
    case u32(LINUX_REBOOT_CMD_RESTART):
    case LINUX_REBOOT_CMD_RESTART2:
    case LINUX_REBOOT_CMD_HALT:
    case u32(LINUX_REBOOT_CMD_POWER_OFF): machine_end(status_exited(0));
    default: break;
    }
    switch (cmd.value) {
    case u32(LINUX_REBOOT_CMD_KEXEC):
    case u32(LINUX_REBOOT_CMD_SW_SUSPEND): count_gap(GapKind::Value, number::reboot, 2, cmd.value, EINVAL); [[fallthrough]];
    default: return EINVAL;
    }
}

/// The log is not kept for programs: it goes out on the serial line.
Outcome sys_syslog(SyslogAction type, OutBytes<2>, Int) {
    if (!current().credentials->has_capability(CAP_SYSLOG)) return EPERM;
    if (type < 0 || type > 10) return EINVAL;
    count_gap(GapKind::Value, number::syslog, 0, u32(type.value), EPERM);
    return EPERM;
}

namespace {
constexpr u32 kUname26 = 0x0020000; // personality(2)
}

Outcome sys_uname(Out<Utsname> buf) {
    Utsname u;
    memset(&u, 0, sizeof u);
    put(u.sysname, "Linux");
    host_name.get(u.nodename);
    // UNAME26: for programs that take a version of three numbers above 2.6 for an error.
    if (current().personality & kUname26) put(u.release, "2.6.61-linnet");
    else put(u.release, kKernelRelease);
    put(u.version, kKernelVersion);
    put(u.machine, "x86_64");
    domain_name.get(u.domainname);
    TRY(user_write(buf.address(), u));
    return 0;
}

Outcome sys_sysinfo(Out<Sysinfo> info) {
    const MemoryStats m = memory_stats();
    const LoadAverages l = load_averages();
    Sysinfo s;
    memset(&s, 0, sizeof s);
    s.uptime = i64(monotonic_ns() / kNsPerSec);
    for (int i = 0; i < 3; ++i) s.loads[i] = u64(l.milli[i]) * 65536 / 1000;
    s.totalram = m.total_pages * kPageSize;
    s.freeram = m.free_pages * kPageSize;
    s.sharedram = m.shmem_pages * kPageSize;
    s.procs = u16(live_threads());
    s.mem_unit = 1;
    TRY(user_write(info.address(), s));
    return 0;
}

Outcome sys_getrandom(OutBytes<1> buf, Size buflen, GetrandomFlags flags) {
    if (flags.unsupported() || flags.all(u64(GRND_RANDOM | GRND_INSECURE))) return EINVAL;
    if (!random_ready() && !flags.has(u64(GRND_INSECURE))) {
        if (flags.has(u64(GRND_NONBLOCK))) return EAGAIN;
        // Entropy comes in with interrupts and devices; looked for each 10 ms.
        while (!random_ready()) {
            prepare_to_sleep(true);
            if (signal_pending()) {
                cancel_sleep();
                return Restart::sys;
            }
            sleep_until(monotonic_ns() + 10 * kNsPerMs);
            cancel_sleep();
        }
    }
    constexpr u64 kMost = 0x7ffff000; // MAX_RW_COUNT, as for every read
    u64 n = buflen > kMost ? kMost : u64(buflen);
    if (!user_range_ok(buf.address(), n)) return EFAULT;
    u64 done = 0;
    while (done < n) {
        u8 piece[256];
        const u64 step = n - done < sizeof piece ? n - done : sizeof piece;
        random_bytes(piece, step);
        const size_t left = copy_to_user_partial(buf.address() + done, piece, step);
        done += step - left;
        if (left) return done ? Outcome(done) : Outcome(EFAULT);
        if (done % (16 * KiB) == 0) {
            if (done < n && signal_pending()) break;
            cond_resched();
        }
    }
    return done;
}

Outcome sys_personality(Hex persona) {
    Task& t = current();
    const u32 old = t.personality;
    if (u32(persona) != 0xffffffff) {
        t.personality = u32(persona);
        constexpr u32 kReadImpliesExec = 0x0400000, kMmapPageZero = 0x0100000, kCompatLayout = 0x0200000, kLimit3Gb = 0x8000000,
                      kStickyTimeouts = 0x4000000;
        const u32 idle = u32(persona) & (kReadImpliesExec | kMmapPageZero | kCompatLayout | kLimit3Gb | kStickyTimeouts);
        if (idle) count_gap(GapKind::Flag, number::personality, 0, idle, Errno(0));
    }
    return old;
}

/// CPUID faulting: ENODEV, as on a CPU without it. AMX permissions: EINVAL.
Outcome sys_arch_prctl(ArchPrctlOp code, Addr addr) {
    switch (code.value) {
    case ARCH_SET_FS: return set_fs_base(addr);
    case ARCH_SET_GS: return set_gs_base(addr);
    case ARCH_GET_FS: return user_write<u64>(addr, get_fs_base());
    case ARCH_GET_GS: return user_write<u64>(addr, get_gs_base());
    case ARCH_GET_CPUID: return 1;
    case ARCH_SET_CPUID: return ENODEV;
    default: return EINVAL;
    }
}

// ---- prctl -------------------------------------------------------------------------------------------------------

namespace {

Result<void> change_securebits(u32 set, u32 cleared) {
    Task& t = current();
    Ref<Credentials> n = TRY(t.credentials->clone());
    n->securebits = (n->securebits | set) & ~cleared;
    SpinGuard g(process_lock);
    n = publish_ref(t.credentials, std::move(n));
    g.unlock();
    return {};
}

Outcome change_ambient(u64 operation, u64 cap) {
    Task& t = current();
    const Credentials& old = *t.credentials;
    if (operation == u64(PR_CAP_AMBIENT_CLEAR_ALL)) {
        if (cap) return EINVAL;
    } else if (cap > u64(CAP_LAST_CAP)) {
        return EINVAL;
    }
    const u64 bit = u64(1) << cap;
    if (operation == u64(PR_CAP_AMBIENT_IS_SET)) return (old.cap_ambient & bit) != 0;
    if (operation == u64(PR_CAP_AMBIENT_RAISE) && !(old.cap_permitted & old.cap_inheritable & bit)) return EPERM;
    Ref<Credentials> n = TRY(old.clone());
    if (operation == u64(PR_CAP_AMBIENT_RAISE)) n->cap_ambient |= bit;
    else if (operation == u64(PR_CAP_AMBIENT_LOWER)) n->cap_ambient &= ~bit;
    else if (operation == u64(PR_CAP_AMBIENT_CLEAR_ALL)) n->cap_ambient = 0;
    else return EINVAL;
    SpinGuard g(process_lock);
    n = publish_ref(t.credentials, std::move(n));
    g.unlock();
    return 0;
}

Outcome drop_bounding(u64 cap) {
    Task& t = current();
    if (!t.credentials->has_capability(CAP_SETPCAP)) return EPERM;
    if (cap > u64(CAP_LAST_CAP)) return EINVAL;
    Ref<Credentials> n = TRY(t.credentials->clone());
    n->cap_bounding &= ~(u64(1) << cap);
    SpinGuard g(process_lock);
    n = publish_ref(t.credentials, std::move(n));
    g.unlock();
    return 0;
}

} // namespace

/// Operations that are not listed: EINVAL, as on a kernel or CPU without them (PR_SET_VMA: CONFIG_ANON_VMA_NAME).
Outcome sys_prctl(PrctlOp option, PrctlArg arg2, PrctlArg arg3, PrctlArg arg4, PrctlArg arg5) {
    Task& t = current();
    Process& p = *t.process;
    const u64 a = arg2;
    const bool rest_zero = !arg3.value && !arg4.value && !arg5.value;
    switch (option.value) {
    case PR_SET_NAME: {
        char name[sizeof t.name] = {};
        auto r = copy_string_from_user(name, a, sizeof name);
        if (!r && r.error() != ENAMETOOLONG) return r.error();
        name[sizeof name - 1] = 0;
        memcpy(t.name, name, sizeof name);
        return 0;
    }
    case PR_GET_NAME: return copy_to_user(a, t.name, sizeof t.name);
    case PR_SET_PDEATHSIG:
        if (a > u64(nsig)) return EINVAL;
        t.parent_death_signal = i32(a);
        return 0;
    case PR_GET_PDEATHSIG: return user_write<i32>(a, t.parent_death_signal);
    case PR_SET_DUMPABLE:
        if (a > 1) return EINVAL;
        p.dumpable = a;
        return 0;
    case PR_GET_DUMPABLE: return p.dumpable;
    case PR_SET_KEEPCAPS:
        if (a > 1) return EINVAL;
        return change_securebits(a ? 16 : 0, a ? 0 : 16);
    case PR_GET_KEEPCAPS: return (t.credentials->securebits & 16) != 0;
    case PR_SET_SECUREBITS:
        if (!t.credentials->has_capability(CAP_SETPCAP)) return EPERM;
        if (a & ~u64(0xff)) return EPERM;
        return change_securebits(u32(a), ~u32(a));
    case PR_GET_SECUREBITS: return t.credentials->securebits;
    case PR_SET_NO_NEW_PRIVS:
        if (a != 1 || !rest_zero) return EINVAL;
        t.no_new_privs = true;
        return 0;
    case PR_GET_NO_NEW_PRIVS:
        if (a || !rest_zero) return EINVAL;
        return t.no_new_privs;
    case PR_SET_CHILD_SUBREAPER: p.child_subreaper = a != 0; return 0;
    case PR_GET_CHILD_SUBREAPER: return user_write<i32>(a, p.child_subreaper);
    case PR_SET_TIMERSLACK: // kept; sleeps are exact
        count_gap(GapKind::Prctl, PR_SET_TIMERSLACK, 0, 0, Errno(0));
        t.timer_slack_ns = a ? a : 50'000;
        return 0;
    case PR_GET_TIMERSLACK: return t.timer_slack_ns;
    case PR_GET_SECCOMP: return u32(t.seccomp.mode.load(std::memory_order_relaxed));
    case PR_SET_SECCOMP: return seccomp_set_mode(a, arg3);
    case PR_CAPBSET_READ:
        if (a > u64(CAP_LAST_CAP)) return EINVAL;
        return t.credentials->cap_bounding >> a & 1;
    case PR_CAPBSET_DROP: return drop_bounding(a);
    case PR_CAP_AMBIENT:
        if (arg4.value || arg5.value) return EINVAL;
        return change_ambient(a, arg3);
    case PR_SET_THP_DISABLE:
        if (!rest_zero) return EINVAL;
        p.thp_disabled = a != 0;
        p.space->huge_pages_disabled = a != 0;
        return 0;
    case PR_GET_THP_DISABLE:
        if (a || !rest_zero) return EINVAL;
        return p.thp_disabled;
    case PR_GET_TID_ADDRESS: return user_write<u64>(a, t.clear_child_tid);
    case PR_GET_TIMING: return PR_TIMING_STATISTICAL;
    case PR_SET_TIMING: return a == u64(PR_TIMING_STATISTICAL) ? Outcome(0) : Outcome(EINVAL);
    case PR_GET_TSC: return user_write<i32>(a, PR_TSC_ENABLE);
    case PR_SET_TSC:
        if (a == u64(PR_TSC_ENABLE)) return 0;
        count_gap(GapKind::Prctl, PR_SET_TSC, 0, 0, EINVAL);
        return EINVAL;
    case PR_MCE_KILL_GET:
        if (a || !rest_zero) return EINVAL;
        return PR_MCE_KILL_DEFAULT;
    default:
        count_gap(GapKind::Prctl, u32(option.value), 0, 0, EINVAL);
        return EINVAL;
    }
}

} // namespace linnet
