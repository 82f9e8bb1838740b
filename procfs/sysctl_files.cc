// /proc/sys. What can be written has an effect; everything else is read-only. Source: proc(5), and the sysctl pages of the kernel's
// administration guide.
#include "kernel/boot/boot_info.h"
#include "kernel/lib/random.h"
#include "kernel/lib/string.h"
#include "kernel/lib/sysctl.h"
#include "kernel/mm/page.h"
#include "kernel/task/core_dump.h"
#include "kernel/task/lifecycle.h"
#include "kernel/task/machine_name.h"
#include "kernel/task/process.h"
#include "procfs/system.h"
#include "vfs/file_table.h"
#include "vfs/mqueue.h"
#include "vfs/tty/devpts.h"

namespace linnet {
namespace {

Result<void> number(GrowingText& out, u64 arg) {
    out.append("%ld\n", i64(arg));
    return {};
}

Result<void> text_line(GrowingText& out, u64 arg) {
    out.append("%s\n", reinterpret_cast<const char*>(arg));
    return {};
}
u64 text(const char* s) { return reinterpret_cast<u64>(s); }

/// A number that can be written.
Result<void> setting(GrowingText& out, u64 arg) {
    out.append("%ld\n", i64(*reinterpret_cast<const SysctlNumber*>(arg)));
    return {};
}
Result<void> store_setting(const char* text, size_t n, u64 arg) {
    i64 v = TRY(parse_proc_number(text, n));
    if (!reinterpret_cast<SysctlNumber*>(arg)->set(v)) return EINVAL;
    return {};
}
u64 at(const SysctlNumber& n) { return reinterpret_cast<u64>(&n); }

Result<void> pseudo_terminals(GrowingText& out, u64) {
    out.append("%u\n", pty_count());
    return {};
}

Result<void> local_port_range(GrowingText& out, u64) {
    out.append("%ld\t%ld\n", i64(sysctl::local_port_first), i64(sysctl::local_port_last));
    return {};
}
Result<void> store_local_port_range(const char* text, size_t n, u64) {
    size_t first_end = 0;
    while (first_end < n && (text[first_end] == ' ' || text[first_end] == '\t')) ++first_end;
    while (first_end < n && text[first_end] >= '0' && text[first_end] <= '9') ++first_end;
    i64 first = TRY(parse_proc_number(text, first_end)), last = TRY(parse_proc_number(text + first_end, n - first_end));
    if (first < 1 || last > 65535 || first > last) return EINVAL;
    (void)sysctl::local_port_first.set(first);
    (void)sysctl::local_port_last.set(last);
    return {};
}

Result<void> core_pattern(GrowingText& out, u64) {
    char pattern[128];
    get_core_pattern(pattern);
    out.append("%s\n", pattern);
    return {};
}
Result<void> store_core_pattern(const char* text, size_t n, u64) { return set_core_pattern(text, n); }

MachineName& machine_name(u64 arg) { return *reinterpret_cast<MachineName*>(arg); }

Result<void> show_name(GrowingText& out, u64 arg) {
    char name[65];
    machine_name(arg).get(name);
    out.append("%s\n", name);
    return {};
}

/// To the end of the line, cut at 64 bytes, as Linux's proc_dostring.
Result<void> store_name(const char* text, size_t n, u64 arg) {
    char name[65] = {};
    for (size_t i = 0; i < n && i < sizeof name - 1 && text[i] != '\n' && text[i]; ++i) name[i] = text[i];
    machine_name(arg).set(name);
    return {};
}
u64 name_of(MachineName& name) { return reinterpret_cast<u64>(&name); }

Result<void> threads_max(GrowingText& out, u64) {
    out.append("%u\n", max_threads());
    return {};
}

Result<void> uuid(GrowingText& out, u64 fixed) {
    static u8 boot_id[16];
    static std::atomic<u32> have{0}; // 0: no, 1: being made, 2: there
    u8 id[16];
    random_bytes(id, 16);
    id[6] = u8((id[6] & 0x0f) | 0x40);
    id[8] = u8((id[8] & 0x3f) | 0x80);
    if (fixed) {
        u32 none = 0;
        if (have.compare_exchange_strong(none, 1)) {
            memcpy(boot_id, id, 16);
            have.store(2, std::memory_order_release);
        }
        while (have.load(std::memory_order_acquire) != 2) __builtin_ia32_pause();
        memcpy(id, boot_id, 16);
    }
    for (int i = 0; i < 16; ++i) out.append(i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", id[i]);
    out.put('\n');
    return {};
}

Result<void> entropy_available(GrowingText& out, u64) {
    out.append("%d\n", random_ready() ? 256 : 0);
    return {};
}

Result<void> file_nr(GrowingText& out, u64) {
    u64 open = 0;
    for (Ref<Process> p = next_process(0); p; p = next_process(p->pid))
        if (auto t = main_thread(*p))
            if (Ref<FileTableBase> f = share_ref(t->files)) open += static_cast<FileTable&>(*f).open_count();
    out.append("%lu\t0\t%ld\n", open, i64(0x7fffffffffffffff));
    return {};
}

/// Linux's default: what a program may map follows from memory.
Result<void> min_free(GrowingText& out, u64) {
    out.append("%lu\n", memory_stats().total_pages / 64 * 4);
    return {};
}

// The table is not const data: text() is evaluated at start.
const ProcFile files[] = {
    {"proc/sys/kernel/hostname", 0644, show_name, store_name, name_of(host_name)},
    {"proc/sys/kernel/domainname", 0644, show_name, store_name, name_of(domain_name)},
    {"proc/sys/kernel/ostype", 0444, text_line, nullptr, text("Linux")},
    {"proc/sys/kernel/osrelease", 0444, text_line, nullptr, text(kReleaseText)},
    {"proc/sys/kernel/version", 0444, text_line, nullptr, text(kVersionText)},
    {"proc/sys/kernel/random/boot_id", 0444, uuid, nullptr, 1},
    {"proc/sys/kernel/random/uuid", 0444, uuid, nullptr, 0},
    {"proc/sys/kernel/random/entropy_avail", 0444, entropy_available},
    {"proc/sys/kernel/random/poolsize", 0444, number, nullptr, 256},
    {"proc/sys/kernel/pid_max", 0444, number, nullptr, kPidMax},
    {"proc/sys/kernel/pty/max", 0644, setting, store_setting, at(sysctl::pty_max)},
    {"proc/sys/kernel/pty/nr", 0444, pseudo_terminals},
    {"proc/sys/kernel/pty/reserve", 0444, number, nullptr, 0},
    {"proc/sys/kernel/threads-max", 0444, threads_max},
    {"proc/sys/kernel/cap_last_cap", 0444, number, nullptr, 40},
    {"proc/sys/kernel/ngroups_max", 0444, number, nullptr, 65536},
    {"proc/sys/kernel/overflowuid", 0444, number, nullptr, 65534},
    {"proc/sys/kernel/overflowgid", 0444, number, nullptr, 65534},
    {"proc/sys/kernel/randomize_va_space", 0444, [](GrowingText& out, u64) -> Result<void> {
         out.append("%d\n", boot_options.aslr ? 2 : 0);
         return {};
     }},
    {"proc/sys/kernel/core_pattern", 0644, core_pattern, store_core_pattern},
    {"proc/sys/kernel/core_uses_pid", 0444, number, nullptr, 0},
    {"proc/sys/kernel/tainted", 0444, number, nullptr, 0},
    {"proc/sys/kernel/panic", 0444, number, nullptr, 0},
    {"proc/sys/kernel/printk", 0444, text_line, nullptr, text("4\t4\t1\t7")},
    {"proc/sys/kernel/dmesg_restrict", 0444, number, nullptr, 1},
    {"proc/sys/kernel/perf_event_paranoid", 0444, number, nullptr, 3},
    {"proc/sys/kernel/sched_rt_runtime_us", 0444, number, nullptr, 950000},
    {"proc/sys/kernel/sched_rt_period_us", 0444, number, nullptr, 1000000},
    {"proc/sys/kernel/yama/ptrace_scope", 0444, number, nullptr, 1},
    {"proc/sys/kernel/seccomp/actions_avail", 0444, text_line, nullptr,
     text("kill_process kill_thread trap errno user_notif trace log allow")},
    {"proc/sys/vm/overcommit_memory", 0644, setting, store_setting, at(sysctl::overcommit_memory)},
    {"proc/sys/vm/overcommit_ratio", 0444, number, nullptr, 50},
    {"proc/sys/vm/overcommit_kbytes", 0444, number, nullptr, 0},
    {"proc/sys/vm/max_map_count", 0644, setting, store_setting, at(sysctl::max_map_count)},
    {"proc/sys/vm/swappiness", 0444, number, nullptr, 60},
    {"proc/sys/vm/mmap_min_addr", 0444, number, nullptr, 65536},
    {"proc/sys/vm/min_free_kbytes", 0444, min_free},
    {"proc/sys/vm/nr_hugepages", 0444, number, nullptr, 0},
    {"proc/sys/vm/dirty_ratio", 0444, number, nullptr, 20},
    {"proc/sys/vm/dirty_background_ratio", 0444, number, nullptr, 10},
    {"proc/sys/vm/vfs_cache_pressure", 0444, number, nullptr, 100},
    {"proc/sys/vm/panic_on_oom", 0444, number, nullptr, 0},
    {"proc/sys/vm/legacy_va_layout", 0444, number, nullptr, 0},
    {"proc/sys/fs/file-max", 0444, number, nullptr, 0x7fffffffffffffff},
    {"proc/sys/fs/nr_open", 0444, number, nullptr, 1048576},
    {"proc/sys/fs/file-nr", 0444, file_nr},
    {"proc/sys/fs/pipe-max-size", 0644, setting, store_setting, at(sysctl::pipe_max_size)},
    {"proc/sys/fs/pipe-user-pages-soft", 0444, number, nullptr, 0}, // 0: no limit
    {"proc/sys/fs/aio-max-nr", 0444, number, nullptr, 65536},
    {"proc/sys/fs/aio-nr", 0444, number, nullptr, 0},
    {"proc/sys/fs/lease-break-time", 0444, number, nullptr, 45},
    {"proc/sys/fs/protected_hardlinks", 0444, number, nullptr, 0},
    {"proc/sys/fs/protected_symlinks", 0444, number, nullptr, 0},
    {"proc/sys/fs/suid_dumpable", 0444, number, nullptr, 0},
    {"proc/sys/fs/inotify/max_user_watches", 0444, number, nullptr, 65536},
    {"proc/sys/fs/inotify/max_user_instances", 0444, number, nullptr, 128},
    {"proc/sys/fs/inotify/max_queued_events", 0444, number, nullptr, 16384},
    {"proc/sys/fs/epoll/max_user_watches", 0644, setting, store_setting, at(sysctl::epoll_max_watches)},
    {"proc/sys/fs/mqueue/queues_max", 0644, setting, store_setting, at(sysctl::mqueue_queues_max)},
    {"proc/sys/fs/mqueue/msg_max", 0644, setting, store_setting, at(sysctl::mqueue_msg_max)},
    {"proc/sys/fs/mqueue/msg_default", 0644, setting, store_setting, at(sysctl::mqueue_msg_default)},
    {"proc/sys/fs/mqueue/msgsize_max", 0644, setting, store_setting, at(sysctl::mqueue_msgsize_max)},
    {"proc/sys/fs/mqueue/msgsize_default", 0644, setting, store_setting, at(sysctl::mqueue_msgsize_default)},
    {"proc/sys/net/core/somaxconn", 0644, setting, store_setting, at(sysctl::somaxconn)},
    {"proc/sys/net/core/rmem_max", 0644, setting, store_setting, at(sysctl::rmem_max)},
    {"proc/sys/net/core/wmem_max", 0644, setting, store_setting, at(sysctl::wmem_max)},
    {"proc/sys/net/core/rmem_default", 0444, number, nullptr, 212992},
    {"proc/sys/net/core/wmem_default", 0444, number, nullptr, 212992},
    {"proc/sys/net/core/netdev_max_backlog", 0444, number, nullptr, 1000},
    {"proc/sys/net/ipv4/tcp_max_syn_backlog", 0444, number, nullptr, 512},
    {"proc/sys/net/ipv4/tcp_rmem", 0444, text_line, nullptr, text("4096\t131072\t6291456")},
    {"proc/sys/net/ipv4/tcp_wmem", 0444, text_line, nullptr, text("4096\t16384\t4194304")},
    {"proc/sys/net/ipv4/tcp_fin_timeout", 0444, number, nullptr, 60},
    {"proc/sys/net/ipv4/tcp_keepalive_time", 0444, number, nullptr, 7200},
    {"proc/sys/net/ipv4/tcp_keepalive_intvl", 0444, number, nullptr, 75},
    {"proc/sys/net/ipv4/tcp_keepalive_probes", 0444, number, nullptr, 9},
    {"proc/sys/net/ipv4/tcp_syncookies", 0444, number, nullptr, 0},
    {"proc/sys/net/ipv4/tcp_congestion_control", 0444, text_line, nullptr, text("reno")},
    {"proc/sys/net/ipv4/ip_local_port_range", 0644, local_port_range, store_local_port_range},
    {"proc/sys/net/ipv4/ip_forward", 0444, number, nullptr, 0},
    {"proc/sys/net/ipv4/ip_unprivileged_port_start", 0644, setting, store_setting, at(sysctl::unprivileged_port_start)},
    {"proc/sys/net/ipv6/conf/all/disable_ipv6", 0444, number, nullptr, 0},
    {"proc/sys/net/ipv6/bindv6only", 0444, number, nullptr, 0},
};

} // namespace

void register_sysctl_files() { (void)register_proc_files(files); }

} // namespace linnet
