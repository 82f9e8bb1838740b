// Process 1, from the kernel's command line.
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/program.h"
#include "kernel/boot/boot_info.h"
#include "kernel/dev/device.h"
#include "kernel/lib/format.h"
#include "kernel/lib/log.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vec.h"
#include "kernel/mm/address_space.h"
#include "kernel/mm/page.h"
#include "kernel/task/cpu_times.h"
#include "kernel/task/machine_name.h"
#include "kernel/task/init.h"
#include "kernel/task/lifecycle.h"
#include "kernel/time/clock.h"
#include "linux-abi/fcntl.h"

namespace linnet {

namespace {

constexpr char kDefaultPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const char* path_variable() {
    for (u32 i = 0; i < boot_options.env_count; ++i)
        if (!strncmp(boot_options.env[i], "PATH=", 5)) return boot_options.env[i] + 5;
    return kDefaultPath;
}

Result<void> exec_at(const char* path) {
    static const char* const default_env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                              "HOME=/root", "TERM=linux"};
    Vec<const char*> args;
    for (u32 i = 0; i < boot_options.arg_count; ++i) TRY(args.push_back(boot_options.args[i]));
    if (boot_options.argv0) args[0] = boot_options.argv0;
    StringArray argv{0, args.data(), args.size()};
    StringArray envp{0, boot_options.env, boot_options.env_count};
    if (!boot_options.env_count) envp = {0, default_env, 3};
    return exec_program(AT_FDCWD, path, argv, envp, 0);
}

/// A name with a slash is a path; another is looked up along PATH, as execvp(3) does.
Result<void> exec_init(const char* program) {
    if (strchr(program, '/')) return exec_at(program);
    Errno result = ENOENT;
    const char* p = path_variable();
    while (true) {
        const char* end = strchr(p, ':');
        size_t n = end ? size_t(end - p) : strlen(p);
        char full[4096];
        size_t length = format(full, sizeof full, "%.*s%s%s", int(n), p, n ? "/" : "", program);
        if (length < sizeof full) {
            auto r = exec_at(full);
            if (r) return {};
            if (r.error() == EACCES) result = EACCES;
            else if (r.error() != ENOENT && r.error() != ENOTDIR) return r.error();
        }
        if (!end) return result;
        p = end + 1;
    }
}

[[noreturn]] void fail(const char* program, Errno e) {
    char text[480];
    const char* why = errno_text(e);
    if (e == ENOEXEC) why = "not a program for this machine (ELF, x86-64)";
    if (e == ELIBBAD) why = "its interpreter (PT_INTERP) is not a usable ELF file";
    // A missing file and a missing interpreter are both ENOENT: say which.
    if (e == ENOENT && open_exec && open_exec(AT_FDCWD, program, 0).ok()) why = "its interpreter (PT_INTERP or #!) is missing";
    format(text, sizeof text, "%s: %s", program, why ? why : "could not be started");
    machine_fail(e == ENOENT || e == ENOTDIR ? 127 : 126, text);
}

void init_start(void* arg) {
    Task& t = *static_cast<Task*>(arg);
    alignas(16) TrapFrame frame{};
    t.frame = &frame;
    if (!boot_options.arg_count || !boot_options.args[0][0]) machine_fail(127, "no program given on the kernel command line");
    const char* program = boot_options.args[0];
    if (machine_hooks.change_directory && strcmp(boot_options.cwd, "/")) {
        auto r = machine_hooks.change_directory(boot_options.cwd);
        if (!r) {
            char text[480];
            format(text, sizeof text, "working directory %s: %s", boot_options.cwd, errno_text(r.error()));
            machine_fail(126, text);
        }
    }
    auto r = exec_init(program);
    if (!r) fail(program, r.error());
    if (machine_hooks.init_started) machine_hooks.init_started();
    enter_program(&frame);
}

void set_default_limits(Process& p) {
    for (ResourceLimit& l : p.limits) l = {kLimitInfinity, kLimitInfinity};
    p.limits[RLIMIT_STACK].soft = 8 * MiB;
    p.limits[RLIMIT_CORE].soft = find_char_device("linnet.core") ? kLimitInfinity : 0; // the host asks for cores
    p.limits[RLIMIT_NOFILE] = {1024, 1048576};
    const u64 threads = max_threads() / 2;
    p.limits[RLIMIT_NPROC] = {threads, threads};
    p.limits[RLIMIT_SIGPENDING] = {threads, threads};
    p.limits[RLIMIT_MEMLOCK] = {8 * MiB, 8 * MiB};
    p.limits[RLIMIT_MSGQUEUE] = {819200, 819200};
    p.limits[RLIMIT_NICE] = {0, 0};
    p.limits[RLIMIT_RTPRIO] = {0, 0};
}

Result<Ref<Task>> make_init(Ref<FileTableBase> files, Ref<FsContextBase> fs) {
    init_cpu_limits();
    init_machine_names();
    Ref<Task> t = TRY(make_ref<Task>());
    t->process = TRY(make_ref<Process>());
    Process& p = *t->process;
    p.handlers = TRY(make_ref<SignalHandlers>());
    set_default_limits(p);
    Ref<Credentials> c = TRY(make_ref<Credentials>());
    c->uid = c->euid = c->suid = c->fsuid = boot_options.uid;
    c->gid = c->egid = c->sgid = c->fsgid = boot_options.gid;
    if (u32 n = boot_options.group_count) {
        auto* groups = static_cast<u32*>(kmalloc(n * sizeof(u32)));
        if (!groups) return ENOMEM;
        for (u32 i = 0; i < n; ++i) groups[i] = boot_options.groups[i];
        c->set_groups(groups, n);
    }
    if (c->uid != 0) c->cap_permitted = c->cap_effective = 0;
    t->credentials = std::move(c);
    t->files = std::move(files);
    t->fs = std::move(fs);
    t->start_time_ns = monotonic_ns();
    if (!boot_options.aslr) t->personality = 0x0040000; // ADDR_NO_RANDOMIZE
    format(t->name, sizeof t->name, "init");
    TRY(prepare_kernel_stack(*t, init_start, t.get()));
    t->fpu_state = TRY(fpu_alloc());
    {
        SpinGuard g(process_lock);
        p.pid = t->tid = TRY(allocate_pid());
        Ref<Process>(&p).release(); // the table's reference
        set_pid_process(p.pid, &p);
        set_pid_task(t->tid, t.get());
        SpinGuard s(p.signal_lock);
        p.threads.push_back(t->link);
        p.thread_count.store(1, std::memory_order_relaxed);
        enter_group(p, p.pid);
        enter_session(p, p.pid);
    }
    count_thread(1);
    return t;
}

/// The process with most memory dies; oom_score_adj weighs as on Linux, in thousandths of all memory. kernel/mm's allocation calls it, in thread context.
bool kill_for_memory() {
    Ref<Process> victim;
    u64 resident = 0;
    i64 most = 0, thousandth = i64(memory_stats().total_pages / 1000);
    for (Ref<Process> p = next_process(0); p; p = next_process(p->pid)) {
        Ref<AddressSpace> space = process_space(*p);
        if (!space || p->exiting) continue;
        i32 adjust = p->oom_score_adj.load(std::memory_order_relaxed);
        if (adjust == -1000) continue;
        i64 points = i64(space->resident_pages()) + adjust * thousandth;
        if (!victim || points >= most) {
            most = points;
            victim = p;
            resident = space->resident_pages();
        }
    }
    if (!victim) return false;
    if (victim->killed_for_memory.exchange(true)) return true; // another CPU has chosen it too, and kills it
    Ref<Task> t = main_thread(*victim);
    log_error("out of memory: killed process %d (%s), %lu KiB resident", victim->pid, t ? t->name : "?",
              resident * kPageSize / KiB);
    kill_process(*victim);
    return true;
}

} // namespace

void start_init(Ref<FileTableBase> files, Ref<FsContextBase> fs) {
    oom_kill = kill_for_memory;
    auto t = make_init(std::move(files), std::move(fs));
    if (!t) machine_fail(125, "not enough memory for the first process");
    start_thread(**t); // takes a reference of its own
}

} // namespace linnet
