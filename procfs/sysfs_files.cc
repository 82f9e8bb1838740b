// /sys: CPU topology, huge pages. Interfaces are added by net.
#include "kernel/lib/string.h"
#include "kernel/sched/scheduler.h"
#include "procfs/system.h"

namespace linnet {
namespace {

Result<void> cpu_range(GrowingText& out, u64) {
    u32 n = cpu_count();
    if (n > 1) out.append("0-%u\n", n - 1);
    else out.put("0\n");
    return {};
}

Result<void> number_line(GrowingText& out, u64 arg) {
    out.append("%lu\n", arg);
    return {};
}

Result<void> cpu_bit(GrowingText& out, u64 cpu) {
    u64 mask = 1ull << cpu;
    if (cpu_count() > 32) out.append("%08x,%08x\n", u32(mask >> 32), u32(mask));
    else out.append("%x\n", u32(mask));
    return {};
}

Result<void> all_cpus_mask(GrowingText& out, u64) {
    u32 n = cpu_count();
    u64 mask = n >= 64 ? ~0ull : (1ull << n) - 1;
    if (n > 32) out.append("%08x,%08x\n", u32(mask >> 32), u32(mask));
    else out.append("%x\n", u32(mask));
    return {};
}

u64 text(const char* s) { return reinterpret_cast<u64>(s); }

const ProcFile files[] = {
    {"sys/devices/system/cpu/online", 0444, cpu_range},
    {"sys/devices/system/cpu/possible", 0444, cpu_range},
    {"sys/devices/system/cpu/present", 0444, cpu_range},
    {"sys/devices/system/cpu/offline", 0444, constant_text, nullptr, text("\n")},
    {"sys/devices/system/cpu/kernel_max", 0444, number_line, nullptr, 63},
    {"sys/devices/system/node/online", 0444, constant_text, nullptr, text("0\n")},
    {"sys/devices/system/node/possible", 0444, constant_text, nullptr, text("0\n")},
    {"sys/devices/system/node/node0/cpulist", 0444, cpu_range},
    {"sys/devices/system/node/node0/cpumap", 0444, all_cpus_mask},
    {"sys/kernel/mm/transparent_hugepage/enabled", 0444, constant_text, nullptr, text("always [madvise] never\n")},
    {"sys/kernel/mm/transparent_hugepage/defrag", 0444, constant_text, nullptr,
     text("always defer defer+madvise [madvise] never\n")},
    {"sys/kernel/mm/transparent_hugepage/hpage_pmd_size", 0444, number_line, nullptr, 2 * MiB},
    {"sys/kernel/mm/transparent_hugepage/shmem_enabled", 0444, constant_text, nullptr,
     text("always within_size advise [never] deny force\n")},
    {"sys/kernel/mm/hugepages", 0040555, nullptr},
    {"sys/fs/cgroup", 0040555, nullptr},
    {"sys/block", 0040555, nullptr},
    {"sys/bus", 0040555, nullptr},
    {"sys/class/net", 0040555, nullptr},
    {"sys/class/tty", 0040555, nullptr},
    {"sys/devices/virtual", 0040555, nullptr},
    {"sys/firmware", 0040555, nullptr},
    {"sys/module", 0040555, nullptr},
    {"sys/power", 0040555, nullptr},
};

struct CpuFile { const char* name; Result<void> (*generate)(GrowingText&, u64); bool zero; };
const CpuFile cpu_files[] = {
    {"topology/core_id", number_line, false},
    {"topology/physical_package_id", number_line, true},
    {"topology/die_id", number_line, true},
    {"topology/thread_siblings", cpu_bit, false},
    {"topology/thread_siblings_list", number_line, false},
    {"topology/core_cpus_list", number_line, false},
    {"topology/core_siblings", all_cpus_mask, false},
    {"topology/core_siblings_list", cpu_range, false},
    {"topology/package_cpus_list", cpu_range, false},
};
constexpr size_t kCpuFiles = sizeof cpu_files / sizeof cpu_files[0];

} // namespace

void register_sysfs_files() {
    (void)register_proc_files(files);
    // Paths with a CPU's number are made here; without memory the machine has none of them.
    size_t count = kCpuFiles * cpu_count();
    constexpr size_t kPathBytes = 80;
    auto* list = static_cast<ProcFile*>(kmalloc(count * sizeof(ProcFile)));
    auto* paths = static_cast<char*>(kmalloc(count * kPathBytes));
    if (!list || !paths) {
        kfree(list);
        kfree(paths);
        return;
    }
    for (size_t i = 0; i < count; ++i) {
        u64 cpu = i / kCpuFiles;
        const CpuFile& f = cpu_files[i % kCpuFiles];
        char* path = paths + i * kPathBytes;
        format(path, kPathBytes, "sys/devices/system/cpu/cpu%lu/%s", cpu, f.name);
        list[i] = {path, 0444, f.generate, nullptr, f.zero ? 0 : cpu};
    }
    (void)register_proc_files(list, count);
}

} // namespace linnet
