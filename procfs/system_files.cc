// The files of /proc that tell of the whole system.
#include "kernel/arch/x86_64/program.h"
#include "kernel/boot/boot_info.h"
#include "kernel/irq/irq.h"
#include "kernel/mm/address_space.h"
#include "kernel/sched/scheduler.h"
#include "kernel/task/lifecycle.h"
#include "kernel/time/clock.h"
#include "procfs/process.h"
#include "procfs/system.h"
#include "vfs/mount.h"

namespace linnet {
namespace {

constexpr u64 kTickNs = 10 * kNsPerMs;

Result<void> cpuinfo(GrowingText& out, u64) {
    CpuIdentity id = cpu_identity();
    auto* flags = static_cast<char*>(kmalloc(kPageSize));
    if (!flags) return ENOMEM;
    TextBuffer flag_text(flags, kPageSize);
    cpu_flag_names(flag_text);
    u64 khz = tsc_scale().khz;
    for (u32 i = 0; i < cpu_count(); ++i) {
        out.append("processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\nstepping\t: %u\n", i,
                   id.vendor, id.family, id.model, id.model_name, id.stepping);
        out.append("microcode\t: 0x1\ncpu MHz\t\t: %lu.%03lu\ncache size\t: 512 KB\nphysical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\n",
                   khz / 1000, khz % 1000, cpu_count(), i);
        out.append("cpu cores\t: %u\napicid\t\t: %u\ninitial apicid\t: %u\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: 13\nwp\t\t: "
                   "yes\nflags\t\t: ",
                   cpu_count(), i, i);
        out.put(flags);
        out.append("\nbugs\t\t:\nbogomips\t: %lu.%02lu\nclflush size\t: 64\ncache_alignment\t: 64\naddress sizes\t: 40 bits physical, "
                   "48 bits virtual\npower management:\n\n",
                   khz / 500, khz / 5 % 100);
    }
    kfree(flags);
    return {};
}

Result<void> meminfo(GrowingText& out, u64) {
    MemoryStats m = memory_stats();
    auto row = [&](const char* name, u64 kb) { out.append("%-15s %8lu kB\n", name, kb); };
    u64 total = m.total_pages * 4, free = m.free_pages * 4, cached = m.cached_pages * 4, shmem = m.shmem_pages * 4;
    // All files lie in memory file systems or in the boot archive itself: none of these pages can be given up.
    u64 given_up = 0;
    row("MemTotal:", total);
    row("MemFree:", free);
    row("MemAvailable:", free + given_up);
    row("Buffers:", 0);
    row("Cached:", cached + shmem);
    row("SwapCached:", 0);
    row("Active:", m.anon_pages * 4);
    row("Inactive:", cached);
    row("Active(anon):", m.anon_pages * 4);
    row("Inactive(anon):", shmem);
    row("Active(file):", 0);
    row("Inactive(file):", cached);
    row("Unevictable:", 0);
    row("Mlocked:", 0);
    row("SwapTotal:", 0);
    row("SwapFree:", 0);
    row("Dirty:", 0);
    row("Writeback:", 0);
    row("AnonPages:", m.anon_pages * 4);
    row("Mapped:", cached);
    row("Shmem:", shmem);
    row("KReclaimable:", 0);
    row("Slab:", m.slab_pages * 4);
    row("SReclaimable:", 0);
    row("SUnreclaim:", m.slab_pages * 4);
    row("KernelStack:", process_count() * 16);
    row("PageTables:", m.page_table_pages * 4);
    row("CommitLimit:", total / 2);
    row("Committed_AS:", m.anon_pages * 4 + shmem);
    row("VmallocTotal:", 34359738367);
    row("VmallocUsed:", 0);
    row("VmallocChunk:", 0);
    row("Percpu:", 0);
    row("AnonHugePages:", 0);
    row("ShmemHugePages:", 0);
    row("ShmemPmdMapped:", 0);
    out.append("HugePages_Total:   %5u\nHugePages_Free:    %5u\nHugePages_Rsvd:    %5u\nHugePages_Surp:    %5u\n", 0, 0, 0, 0);
    row("Hugepagesize:", 2048);
    row("Hugetlb:", 0);
    return {};
}

Result<void> stat(GrowingText& out, u64) {
    u64 now = monotonic_ns();
    u64 user = 0, system = 0;
    for (Ref<Process> p = next_process(0); p; p = next_process(p->pid)) {
        CpuTimes t = process_cpu_times(*p);
        user += t.user_ns + p->children_user_ns;
        system += t.system_ns + p->children_system_ns;
    }
    u64 idle = 0;
    for (u32 i = 0; i < cpu_count(); ++i) idle += idle_time_ns(i);
    out.append("cpu  %lu 0 %lu %lu 0 0 0 0 0 0\n", user / kTickNs, system / kTickNs, idle / kTickNs);
    for (u32 i = 0; i < cpu_count(); ++i)
        out.append("cpu%u %lu 0 %lu %lu 0 0 0 0 0 0\n", i, user / kTickNs / cpu_count(), system / kTickNs / cpu_count(),
                   idle_time_ns(i) / kTickNs);
    LoadAverages l = load_averages();
    out.append("intr %lu\nctxt %lu\nbtime %lu\nprocesses %d\nprocs_running %u\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
               irq_count(), context_switches(), (realtime_ns() - now) / kNsPerSec, last_pid(), l.runnable ? l.runnable : 1);
    return {};
}

Result<void> loadavg(GrowingText& out, u64) {
    LoadAverages l = load_averages();
    for (u32 m : l.milli) out.append("%u.%02u ", m / 1000, m % 1000 / 10);
    out.append("%u/%u %d\n", l.runnable ? l.runnable : 1, live_threads(), last_pid());
    return {};
}

Result<void> uptime(GrowingText& out, u64) {
    u64 up = monotonic_ns(), idle = 0;
    for (u32 i = 0; i < cpu_count(); ++i) idle += idle_time_ns(i);
    out.append("%lu.%02lu %lu.%02lu\n", up / kNsPerSec, up / (10 * kNsPerMs) % 100, idle / kNsPerSec, idle / (10 * kNsPerMs) % 100);
    return {};
}

Result<void> version(GrowingText& out, u64) {
    out.append("Linux version %s (linnet) (g++) %s\n", kReleaseText, kVersionText);
    return {};
}

Result<void> filesystems(GrowingText& out, u64) {
    for_each_filesystem(
        [](const char* name, bool nodev, void* arg) {
            static_cast<GrowingText*>(arg)->append("%s\t%s\n", nodev ? "nodev" : "", name);
        },
        &out);
    return {};
}

Result<void> command_line(GrowingText& out, u64) {
    out.put(boot_info.command_line ? boot_info.command_line : "");
    out.put('\n');
    return {};
}

Result<void> interrupts(GrowingText& out, u64) {
    out.put("           CPU0       \n");
    out.append("TOT: %10lu   All interrupts\n", irq_count());
    return {};
}

Result<void> vmstat(GrowingText& out, u64) {
    MemoryStats m = memory_stats();
    u64 minor = 0, major = 0;
    for (Ref<Process> p = next_process(0); p; p = next_process(p->pid)) {
        minor += p->minor_faults + p->children_minor_faults;
        major += p->major_faults + p->children_major_faults;
    }
    out.append("nr_free_pages %lu\nnr_anon_pages %lu\nnr_file_pages %lu\nnr_shmem %lu\nnr_page_table_pages %lu\n", m.free_pages,
               m.anon_pages, m.cached_pages + m.shmem_pages, m.shmem_pages, m.page_table_pages);
    out.append("nr_dirty 0\nnr_writeback 0\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault %lu\npgmajfault %lu\n", minor + major, major);
    return {};
}

Result<void> counters(GrowingText& out, u64) {
    out.append("cr3_loads %lu\ntlb_flushes %lu\ncontext_switches %lu\ninterrupts %lu\n", cr3_loads(), tlb_flushes(), context_switches(),
               irq_count());
    return {};
}

u64 text(const char* s) { return reinterpret_cast<u64>(s); }

const ProcFile files[] = {
    {"proc/cpuinfo", 0444, cpuinfo},
    {"proc/meminfo", 0444, meminfo},
    {"proc/stat", 0444, stat},
    {"proc/loadavg", 0444, loadavg},
    {"proc/uptime", 0444, uptime},
    {"proc/version", 0444, version},
    {"proc/filesystems", 0444, filesystems},
    {"proc/cmdline", 0444, command_line},
    {"proc/interrupts", 0444, interrupts},
    {"proc/vmstat", 0444, vmstat},
    {"proc/mounts", 0120777, constant_text, nullptr, reinterpret_cast<u64>("self/mounts")},
    {"proc/devices", 0444, constant_text, nullptr,
     reinterpret_cast<u64>("Character devices:\n  1 mem\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n 10 misc\n128 ptm\n136 pts\n\nBlock devices:\n")},
    {"proc/swaps", 0444, constant_text, nullptr,
     reinterpret_cast<u64>("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")},
    {"proc/partitions", 0444, constant_text, nullptr, reinterpret_cast<u64>("major minor  #blocks  name\n\n")},
    {"proc/diskstats", 0444, constant_text, nullptr, reinterpret_cast<u64>("")},
    {"proc/modules", 0444, constant_text, nullptr, reinterpret_cast<u64>("")},
    {"proc/cgroups", 0444, constant_text, nullptr,
     reinterpret_cast<u64>("#subsys_name\thierarchy\tnum_cgroups\tenabled\n")},
    {"proc/tty/drivers", 0444, constant_text, nullptr, text(
         "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
         "/dev/console         /dev/console    5       1 system:console\n"
         "/dev/ptmx            /dev/ptmx       5       2 system\n"
         "pty_slave            /dev/pts      136 0-1048575 pty:slave\n"
         "pty_master           /dev/ptm      128 0-1048575 pty:master\n")},
    {"proc/tty/ldiscs", 0444, constant_text, nullptr, text("n_tty       0\n")},
    {"proc/linnet/counters", 0444, counters},
};

} // namespace

Result<void> constant_text(GrowingText& out, u64 arg) {
    out.put(reinterpret_cast<const char*>(arg));
    return {};
}

void register_system_files() { (void)register_proc_files(files); }

} // namespace linnet
