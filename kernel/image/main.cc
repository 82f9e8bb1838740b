// The order of the boot.
#include "drivers/acpi/acpi.h"
#include "drivers/drivers.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/interrupts.h"
#include "kernel/arch/x86_64/isolation.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/smp.h"
#include "kernel/binder/binder.h"
#include "kernel/boot/boot_info.h"
#include "kernel/boot/options.h"
#include "kernel/boot/serial.h"
#include "kernel/dev/device.h"
#include "kernel/ipc/ipc_files.h"
#include "kernel/lib/log.h"
#include "kernel/lib/random.h"
#include "kernel/mm/init.h"
#include "kernel/mm/page.h"
#include "kernel/sched/cross_call.h"
#include "kernel/sched/idle.h"
#include "kernel/sched/scheduler.h"
#include "kernel/task/init.h"
#include "kernel/task/lifecycle.h"
#include "kernel/time/clock.h"
#include "kernel/time/clock_init.h"
#include "kernel/time/kvm_clock.h"
#include "kernel/time/timer_queue.h"
#include "kernel/vdso/vdso.h"
#include "linux-abi/fcntl.h"
#include "net/interface.h"
#include "syscall/dispatch.h"
#include "syscall/trace/ring.h"
#include "syscall/trace/trace.h"
#include "vfs/path_walk.h"
#include "vfs/file_table.h"
#include "vfs/fs_context.h"
#include "syscall/gaps.h"
#include "vfs/tty/core_port.h"
#include "vfs/tty/stdio.h"
#include "vfs/tty/console.h"
#include "vfs/vfs.h"
#if __has_include("procfs/procfs.h")
#include "procfs/procfs.h"
#endif
#if LINNET_KTEST
#include "kernel/tests/main.h"
#endif

extern "C" {
extern void (*init_array_start[])();
extern void (*init_array_end[])();
}

namespace linnet {

namespace {

PerCpu boot_cpu;
CallRequest boot_call_nodes[kMaxCpus];
alignas(Thread) char boot_thread_memory[sizeof(Thread)];

/// RDRAND, the TSC and the time of day; virtio-rng is asked once the drivers are there.
void gather_boot_entropy() {
    u64 pool[8] = {cpu::rdtsc(), boot_info.start_tsc, load_bias, boot_info.initrd_end};
    u32 bits = 0;
    if (cpu_features.rdrand)
        for (int i = 4; i < 8; ++i) {
            unsigned char good;
            asm volatile("rdrand %0; setc %1" : "=r"(pool[i]), "=qm"(good)::"cc");
            if (good) bits += 64;
        }
    random_add(pool, sizeof pool, bits);
}

void gather_device_entropy() {
    for (EntropySource& s : entropy_sources()) {
        u8 bytes[32];
        size_t n = s.get_entropy(bytes, sizeof bytes);
        random_add(bytes, n, u32(n * 8));
    }
}

/// Process 1 is about to run: it leads the console's session.
void report_started() {
    if (Console* t = console_terminal()) t->acquire_at_open();
    report_to_host("main %lu", monotonic_ns());
    trace_program_started();
}
/// The last line of a run. What programs asked for in vain goes before it.
void report_line(const char* line) {
    report_gaps(0, true);
    report_to_host("%s", line);
}

/// chdir for the option cwd=.
Result<void> enter_directory(const char* path) {
    Location l = TRY(walk_path(AT_FDCWD, path, kWalkFollow | kWalkDirectory));
    current_fs().set_cwd(std::move(l));
    return {};
}

/// What the control port and terminals ask of processes, and processes of terminals.
void connect_streams() {
    stdio_hooks.signal_init = signal_init;
    on_session_leader_exit = [](Process& leader) { leave_terminal(leader, true); };
    stdio_hooks.reset = [] { machine_reset(); };
    stdio_hooks.gaps = [](u64 request) { report_gaps(request, false); };
}

/// The first thread: what may sleep, then process 1.
void start_program(void*) {
    machine_hooks.report = report_line;
    machine_hooks.drain_and_reset = [] {
        trace_finish();
        drain_and_reset();
    };
    machine_hooks.init_started = report_started;
    machine_hooks.change_directory = enter_directory;
    map_vdso = map_vdso_image;
    syscall_init();
    binder_init();
    if (auto r = vfs_init(); !r) panic("file systems: %s", errno_name(r.error()));
    // With the port that `linnet run --core` gives, cores go to the host.
    if (find_char_device("linnet.core")) open_core_file = [](const char*) { return open_core_port(); };
    net_start();
    auto files = FileTable::make();
    auto fs = make_init_fs_context();
    if (!files || !fs) panic("no memory for the first process");
    if (auto r = open_standard_streams(**files); !r) panic("standard streams: %s", errno_name(r.error()));
    finish_cpu_start();
    if (boot_options.trace) trace_init();
#if LINNET_KTEST
    start_kernel_tests(std::move(*files), std::move(*fs));
#else
    start_init(std::move(*files), std::move(*fs));
#endif
}

} // namespace

extern "C" [[noreturn]] void kernel_start() {
    // Constructors run before anything else: the locks and lists of the kernel are globals.
    for (auto f = init_array_start; f < init_array_end; ++f) (*f)();
    boot_cpu.index = 0;
    boot_cpu.call_nodes = boot_call_nodes;
    boot_cpu.online.store(true, std::memory_order_relaxed);
    per_cpu_table[0] = &boot_cpu;
    init_cpu(boot_cpu);
    boot_cpu.active_root = cpu::read_cr3();
    init_serial();
    init_memory();
    Thread* boot = new (boot_thread_memory) Thread;
    extern char boot_stack_start[] asm("boot_stack");
    boot->stack_base = reinterpret_cast<u64>(boot_stack_start);
    boot->stack_top = boot->stack_base + 16384;
    __builtin_strcpy(boot->name, "idle/0");
    init_scheduler(boot_cpu, *boot);
    boot_cpu.stack_top = boot->stack_top;
    boot_cpu.stack_limit = boot->stack_base + 256;
    init_local_apic();
    parse_options();
    if (boot_options.isolate_programs) isolate_programs();
    drop_identity_map();
    read_machine_tables();
    init_clock(boot_options.tsc_khz);
    init_timers();
    calibrate_apic_timer();
    if (programs_isolated)
        log_info("isolation=user: programs run in ring 3%s%s%s", cpu_features.smep ? ", SMEP" : "", cpu_features.smap ? ", SMAP" : "",
                 cpu_features.umip ? ", UMIP" : "");
    if (boot_options.lock_stat) lock_stat_init();
    start_other_cpus();
    gather_boot_entropy();
    cpu::enable_interrupts();
    if (auto ns = kvm_clock_realtime_ns()) set_realtime_ns(*ns);
    else if (auto seconds = cmos_read_unix_seconds()) set_realtime_ns(*seconds * kNsPerSec);
    drivers_init();
    gather_device_entropy();
    connect_streams();
    stdio_init();
    register_ipc_files();
#if __has_include("procfs/procfs.h")
    procfs_init();
#endif
    if (auto t = start_kernel_thread("init", start_program, nullptr); !t) panic("no memory for the first thread");
    idle_loop();
}

} // namespace linnet

