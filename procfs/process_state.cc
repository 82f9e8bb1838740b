// stat, status, statm. Source: proc(5).
#include "kernel/lib/string.h"
#include "kernel/mm/address_space.h"
#include "kernel/time/clock.h"
#include "procfs/process.h"
#include "vfs/file_table.h"
#include "vfs/fs_context.h"
#include "vfs/tty/terminal.h"

namespace linnet {
namespace {

constexpr u64 kTickNs = 10 * kNsPerMs; // USER_HZ is 100

struct SignalState { SignalSet pending = 0, shared = 0, blocked = 0, ignored = 0, caught = 0; u32 queued = 0; };

SignalState signal_state(Process& p, Task* t) {
    SignalState s;
    SpinGuard guard(p.signal_lock);
    if (t) {
        s.pending = t->pending.bits;
        s.blocked = t->blocked;
        s.queued += t->pending.queued;
    }
    s.shared = p.pending.bits;
    s.queued += p.pending.queued;
    Ref<SignalHandlers> handlers = p.handlers;
    guard.unlock();
    if (!handlers) return s;
    for (int sig = 1; sig <= abi::nsig; ++sig) {
        u64 h = handlers->get(sig).handler;
        if (h == 1) s.ignored |= signal_bit(sig);
        else if (h != 0) s.caught |= signal_bit(sig);
    }
    return s;
}

char state_of(const Subject& s, Task* t) {
    if (!t || s.process->zombie) return 'Z';
    return state_letter(*t);
}

const char* state_word(char c) {
    switch (c) {
    case 'R': return "running";
    case 'S': return "sleeping";
    case 'D': return "disk sleep";
    case 'T': return "stopped";
    case 'Z': return "zombie";
    default: return "dead";
    }
}

/// The name of the thread; the process's last known one for a zombie.
void thread_name(Task* t, char (&name)[16]) {
    memset(name, 0, sizeof name);
    if (t) memcpy(name, t->name, 15);
}

/// The name with what would break a line escaped, as Linux prints it in status.
void put_escaped(const char* s, GrowingText& out) {
    for (; *s; ++s) {
        if (*s == '\n') out.put("\\n");
        else if (*s == '\\') out.put("\\\\");
        else out.put(*s);
    }
}

i32 parent_pid(Process& p) {
    SpinGuard guard(process_lock);
    return p.parent ? p.parent->pid : 0;
}

void put_cpu_mask(GrowingText& out, CpuMask allowed) {
    u32 n = cpu_count();
    CpuMask all = n >= 64 ? ~0ull : (1ull << n) - 1;
    allowed &= all;
    if (n > 32) out.append("Cpus_allowed:\t%08x,%08x\n", u32(allowed >> 32), u32(allowed));
    else out.append("Cpus_allowed:\t%x\n", u32(allowed));
    out.put("Cpus_allowed_list:\t");
    bool first = true;
    for (u32 i = 0; i < n; ++i) {
        if (!(allowed >> i & 1)) continue;
        u32 end = i;
        while (end + 1 < n && (allowed >> (end + 1) & 1)) ++end;
        if (!first) out.put(',');
        first = false;
        if (end > i) out.append("%u-%u", i, end);
        else out.append("%u", i);
        i = end;
    }
    out.put('\n');
}

} // namespace

Result<void> process_stat(const Subject& s, GrowingText& out) {
    Process& p = *s.process;
    auto t = thread_of(s);
    auto space = process_space(p);
    SignalState sig = signal_state(p, t.get());
    CpuTimes times = s.tid && t ? thread_cpu_times(*t) : process_cpu_times(p);
    char name[16];
    thread_name(t.get(), name);
    u64 start = (s.tid && t ? t->start_time_ns : p.start_time_ns) / kTickNs;
    int nice = t ? t->nice : 0;
    bool real_time = t && (t->policy == SchedPolicy::Fifo || t->policy == SchedPolicy::RoundRobin);
    i64 priority = real_time ? -1 - i64(t->rt_priority) : 20 + nice; // what it runs by: a lent priority shows
    const Ref<Terminal> terminal = controlling_terminal(p);
    out.append("%d (%s) %c %d %d %d %u %d %u ", s.tid ? s.tid : p.pid, name, state_of(s, t.get()), parent_pid(p), p.pgid, p.sid,
               terminal ? u32(terminal->rdev) : 0, terminal ? terminal->foreground_group() : -1, 0x400000u);
    out.append("%lu %lu %lu %lu %lu %lu %ld %ld %ld %d %u 0 %lu ", p.minor_faults, p.children_minor_faults, p.major_faults,
               p.children_major_faults, times.user_ns / kTickNs, times.system_ns / kTickNs, i64(p.children_user_ns / kTickNs),
               i64(p.children_system_ns / kTickNs), priority, nice, p.thread_count.load(), start);
    u64 pages = space ? space->virtual_pages() : 0, rss = space ? space->resident_pages() + space->resident_file_pages() : 0;
    out.append("%lu %lu %lu ", pages * kPageSize, rss, p.limits[5].soft);
    if (space)
        out.append("%lu %lu %lu %lu %lu ", space->code_start, space->code_end, space->stack_start, 0ul, 0ul);
    else
        out.put("0 0 0 0 0 ");
    out.append("%lu %lu %lu %lu 0 0 0 %d %u %u %u 0 0 0 ", sig.pending & 0x7fffffff, sig.blocked & 0x7fffffff,
               sig.ignored & 0x7fffffff, sig.caught & 0x7fffffff, s.tid ? -1 : p.exit_signal, t ? t->cpu.load() : 0,
               t ? u32(t->base_rt_priority) : 0, t ? u32(t->base_policy) : 0);
    if (space)
        out.append("%lu %lu %lu %lu %lu %lu %lu ", space->data_start, space->data_end, space->brk_start, space->arg_start,
                   space->arg_end, space->env_start, space->env_end);
    else
        out.put("0 0 0 0 0 0 0 ");
    out.append("%u\n", p.zombie ? p.exit_status : 0);
    return {};
}

Result<void> process_statm(const Subject& s, GrowingText& out) {
    auto space = process_space(*s.process);
    if (!space) {
        out.put("0 0 0 0 0 0 0\n");
        return {};
    }
    MappingSums m = mapping_sums(*space);
    out.append("%lu %lu %lu %lu 0 %lu 0\n", space->virtual_pages(), space->resident_pages() + space->resident_file_pages(), space->resident_file_pages(),
               (m.exe_kb) / 4, (m.data_kb + m.stack_kb) / 4);
    return {};
}

Result<void> process_status(const Subject& s, GrowingText& out) {
    Process& p = *s.process;
    auto t = thread_of(s);
    auto space = process_space(p);
    char name[16];
    thread_name(t.get(), name);
    out.put("Name:\t");
    put_escaped(name, out);
    char state = state_of(s, t.get());
    Ref<FsContextBase> fs = t ? share_ref(t->fs) : nullptr;
    u32 umask = fs ? static_cast<FsContext&>(*fs).umask() : 0;
    i32 id = s.tid ? s.tid : p.pid;
    out.append("\nUmask:\t%04o\nState:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", umask, state,
               state_word(state), p.pid, id, parent_pid(p));
    if (t) {
        Ref<Credentials> held = share_ref(t->credentials);
        const Credentials& c = *held;
        out.append("Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", c.uid, c.euid, c.suid, c.fsuid, c.gid, c.egid, c.sgid, c.fsgid);
        Ref<FileTableBase> files = share_ref(t->files);
        out.append("FDSize:\t%u\nGroups:\t", files ? static_cast<FileTable&>(*files).capacity() : 0);
        for (u32 i = 0; i < c.group_count; ++i) out.append("%u ", c.groups[i]);
        out.append("\nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", p.pid, id, p.pgid, p.sid);
    }
    if (space) {
        MappingSums m = mapping_sums(*space);
        u64 file = space->resident_file_pages() * 4, rss = space->resident_pages() * 4 + file, size = space->virtual_pages() * 4;
        u64 peak = space->peak_resident_pages() * 4;
        out.append("VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t%8lu kB\nVmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\n", size,
                   size, space->locked_pages() * 4, 0ul, peak > rss ? peak : rss, rss);
        out.append("RssAnon:\t%8lu kB\nRssFile:\t%8lu kB\nRssShmem:\t%8lu kB\n", rss > file ? rss - file : 0, file, 0ul);
        out.append("VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\nVmLib:\t%8lu kB\nVmPTE:\t%8lu kB\nVmSwap:\t%8lu kB\n", m.data_kb,
                   m.stack_kb, m.exe_kb, m.lib_kb, 0ul, 0ul);
        out.put("HugetlbPages:\t       0 kB\nCoreDumping:\t0\n");
        out.append("THP_enabled:\t%d\n", p.thp_disabled ? 0 : 1);
    }
    SignalState sig = signal_state(p, t.get());
    out.append("Threads:\t%u\nSigQ:\t%u/%lu\nSigPnd:\t%016lx\nShdPnd:\t%016lx\n", p.thread_count.load(), sig.queued, p.limit(11),
               sig.pending, sig.shared);
    out.append("SigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n", sig.blocked, sig.ignored, sig.caught);
    if (t) {
        Ref<Credentials> held = share_ref(t->credentials);
        const Credentials& c = *held;
        out.append("CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\nCapAmb:\t%016lx\n", c.cap_inheritable,
                   c.cap_permitted, c.cap_effective, c.cap_bounding, c.cap_ambient);
        out.append("NoNewPrivs:\t%d\nSeccomp:\t%u\nSeccomp_filters:\t%u\n", t->no_new_privs ? 1 : 0, u32(t->seccomp.mode.load()),
                   seccomp_filter_count(*t));
        put_cpu_mask(out, t->affinity);
        out.append("Mems_allowed:\t1\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
                   t->voluntary_switches, t->involuntary_switches);
    }
    return {};
}

} // namespace linnet
