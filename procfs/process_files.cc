// The list of /proc/PID's files, and the short ones.
#include "kernel/mm/address_space.h"
#include "kernel/lib/string.h"
#include "kernel/sched/scheduler.h"
#include "kernel/task/credentials.h"
#include "kernel/task/task.h"
#include "linux-abi/prctl.h"
#include "procfs/process.h"

namespace linnet {
namespace {

Result<void> comm(const Subject& s, GrowingText& out) {
    char name[16] = {};
    if (auto t = thread_of(s)) memcpy(name, t->name, 15);
    out.append("%s\n", name);
    return {};
}

Result<void> set_comm(const Subject& s, const char* text, size_t n) {
    auto t = thread_of(s);
    if (!t) return ESRCH;
    if (!(current().process == t->process)) return EINVAL; // proc(5): threads of one's own group
    if (n && text[n - 1] == '\n') --n;
    if (n > 15) n = 15;
    memset(t->name, 0, sizeof t->name);
    memcpy(t->name, text, n);
    return {};
}

Result<void> limits(const Subject& s, GrowingText& out) {
    static const struct { const char* name; const char* unit; } rows[kResourceLimitCount] = {
        {"Max cpu time", "seconds"},      {"Max file size", "bytes"},       {"Max data size", "bytes"},
        {"Max stack size", "bytes"},      {"Max core file size", "bytes"},  {"Max resident set", "bytes"},
        {"Max processes", "processes"},   {"Max open files", "files"},      {"Max locked memory", "bytes"},
        {"Max address space", "bytes"},   {"Max file locks", "locks"},      {"Max pending signals", "signals"},
        {"Max msgqueue size", "bytes"},   {"Max nice priority", ""},        {"Max realtime priority", ""},
        {"Max realtime timeout", "us"}};
    out.append("%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (u32 i = 0; i < kResourceLimitCount; ++i) {
        const ResourceLimit& l = s.process->limits[i];
        char soft[24], hard[24];
        auto text = [](char (&to)[24], u64 v) {
            if (v == kLimitInfinity) format(to, sizeof to, "unlimited");
            else format(to, sizeof to, "%lu", v);
        };
        text(soft, l.soft);
        text(hard, l.hard);
        out.append("%-25s %-20s %-20s %-10s\n", rows[i].name, soft, hard, rows[i].unit);
    }
    return {};
}

Result<void> io(const Subject&, GrowingText& out) {
    // Counting would cost every read and write; the format is what tools need.
    out.put("rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n");
    return {};
}

Result<void> wchan(const Subject&, GrowingText& out) {
    out.put("0");
    return {};
}

Result<void> cgroup(const Subject&, GrowingText& out) {
    out.put("0::/\n");
    return {};
}

Result<void> zero(const Subject&, GrowingText& out) {
    out.put("0\n");
    return {};
}

Result<void> loginuid(const Subject&, GrowingText& out) {
    out.put("4294967295");
    return {};
}

Result<void> oom_score_adj(const Subject& s, GrowingText& out) {
    out.append("%d\n", s.process->oom_score_adj.load(std::memory_order_relaxed));
    return {};
}

Result<void> coredump_filter(const Subject& s, GrowingText& out) {
    if (!process_space(*s.process)) return {};
    out.append("%08x\n", s.process->coredump_filter.load(std::memory_order_relaxed));
    return {};
}

/// A number, hexadecimal with 0x; bits without a meaning are dropped.
Result<void> set_coredump_filter(const Subject& s, const char* text, size_t n) {
    constexpr u32 kKnown = 0x1ff;
    if (n > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        u64 v = 0;
        size_t i = 2;
        for (; i < n && text[i] != '\n'; ++i) {
            const char c = text[i] | 0x20;
            if (c >= '0' && c <= '9') v = v << 4 | u64(c - '0');
            else if (c >= 'a' && c <= 'f') v = v << 4 | u64(c - 'a' + 10);
            else return EINVAL;
            if (v > UINT32_MAX) return ERANGE;
        }
        s.process->coredump_filter.store(u32(v) & kKnown, std::memory_order_relaxed);
        return i > 2 ? Result<void>() : EINVAL;
    }
    i64 v = TRY(parse_proc_number(text, n));
    if (v < 0) return EINVAL;
    s.process->coredump_filter.store(u32(v) & kKnown, std::memory_order_relaxed);
    return {};
}

/// Lowering it takes CAP_SYS_RESOURCE.
Result<void> set_oom_score_adj(const Subject& s, const char* text, size_t n) {
    i64 v = TRY(parse_proc_number(text, n));
    if (v < -1000 || v > 1000) return EINVAL;
    if (v < s.process->oom_score_adj.load() && !current().credentials->has_capability(abi::CAP_SYS_RESOURCE)) return EACCES;
    s.process->oom_score_adj.store(i32(v));
    return {};
}

Result<void> sched(const Subject& s, GrowingText& out) {
    auto t = thread_of(s);
    if (!t) return ESRCH;
    out.append("%lu %lu %lu\n", t->cpu_time_ns.load(), 0ul, t->voluntary_switches + t->involuntary_switches);
    return {};
}

Result<void> personality(const Subject& s, GrowingText& out) {
    auto t = thread_of(s);
    out.append("%08x\n", t ? t->personality : 0);
    return {};
}

Result<void> uid_map(const Subject&, GrowingText& out) {
    out.append("%10u %10u %10u\n", 0u, 0u, 4294967295u);
    return {};
}

Result<void> setgroups(const Subject&, GrowingText& out) {
    out.put("allow\n");
    return {};
}

Result<void> timerslack(const Subject& s, GrowingText& out) {
    auto t = thread_of(s);
    out.append("%lu\n", t ? t->timer_slack_ns : 0);
    return {};
}

} // namespace

const ProcessEntry process_entries[] = {
    {"stat", 0444, process_stat},
    {"status", 0444, process_status},
    {"statm", 0444, process_statm},
    {"cmdline", 0444, process_cmdline},
    {"comm", 0644, comm, set_comm},
    {"environ", 0400, process_environ},
    {"auxv", 0400, process_auxv},
    {"maps", 0444, process_maps},
    {"smaps", 0444, process_smaps},
    {"smaps_rollup", 0444, process_smaps_rollup},
    {"limits", 0444, limits},
    {"mounts", 0444, process_mounts, nullptr, true},
    {"mountinfo", 0444, process_mountinfo, nullptr, true},
    {"io", 0400, io},
    {"wchan", 0444, wchan},
    {"cgroup", 0444, cgroup},
    {"oom_score", 0444, zero},
    {"oom_score_adj", 0644, oom_score_adj, set_oom_score_adj},
    {"coredump_filter", 0644, coredump_filter, set_coredump_filter},
    {"oom_adj", 0644, zero},
    {"loginuid", 0444, loginuid},
    {"sessionid", 0444, loginuid},
    {"schedstat", 0444, sched},
    {"personality", 0400, personality},
    {"uid_map", 0444, uid_map},
    {"gid_map", 0444, uid_map},
    {"setgroups", 0444, setgroups},
    {"timerslack_ns", 0444, timerslack},
};
const u32 process_entry_count = sizeof process_entries / sizeof process_entries[0];

} // namespace linnet
