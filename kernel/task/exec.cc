// execve(2): the new program is built in an address space of its own before the old one is touched, so that every error but
// a kill reaches the caller. Layout as Linux 6.1's: fs/binfmt_elf.c, arch/x86/mm/mmap.c.
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/program.h"
#include "kernel/lib/format.h"
#include "kernel/lib/log.h"
#include "kernel/lib/random.h"
#include "kernel/lib/string.h"
#include "kernel/mm/address_space.h"
#include "kernel/task/exec_args.h"
#include "kernel/task/lifecycle.h"
#include "kernel/task/posix_timer.h"
#include "linux-abi/elf_plan.h"
#include "linux-abi/fcntl.h"
#include "linux-abi/script.h"

namespace linnet {

Result<u64> (*map_vdso)(AddressSpace& space) = nullptr;

namespace {

constexpr u32 kNoRandomize = 0x0040000;          // ADDR_NO_RANDOMIZE
constexpr u64 kDynBase = 0x555555554000;         // ELF_ET_DYN_BASE: two thirds of the address space
constexpr u64 kRandomPages = (u64(1) << 28) - 1; // vm.mmap_rnd_bits of x86-64
constexpr u64 kStackRandomPages = 0x3fffff;      // 16 GiB
constexpr u64 kGuardGap = 256 * kPageSize;
constexpr u64 kStackRoom = 128 * KiB;            // mapped beyond the arguments at once

class ExecSource final : public abi::ByteSource {
  public:
    explicit ExecSource(ExecFile& f) : file_(f) {}
    Result<size_t> read_at(u64 offset, void* to, size_t size) override { return file_.read_exec(to, offset, size); }

  private:
    ExecFile& file_;
};

struct LoadedFile {
    Ref<ExecFile> file;
    Owned<abi::ElfPlan> plan;
    u64 bias = 0;
};

/// Everything that is known of the program before it replaces the old one.
struct NewProgram {
    LoadedFile program, interpreter;
    Ref<AddressSpace> space;
    Ref<Credentials> credentials;
    bool secure = false;
    u64 entry = 0, rsp = 0;
};

Result<Owned<abi::ElfPlan>> read_plan(ExecFile& f, abi::ElfRole role) {
    Owned<abi::ElfPlan> plan = TRY(make_owned<abi::ElfPlan>());
    ExecSource source(f);
    TRY(abi::make_elf_plan(source, role, *plan));
    return plan;
}

/// Follows `#!` lines until a binary is reached.
Result<Ref<ExecFile>> open_program(int dirfd, const char* path, int at_flags, ExecStrings& strings) {
    Ref<ExecFile> file = TRY(open_exec(dirfd, path, at_flags));
    Vec<char> script_path; // of the file at hand
    char descriptor[32] = ""; // what stands before a path that is relative to a descriptor: its interpreter opens /dev/fd/N/PATH
    if (dirfd != AT_FDCWD && path[0] != '/') format(descriptor, sizeof descriptor, "/dev/fd/%d%s", dirfd, path[0] ? "/" : "");
    const size_t before = strlen(descriptor);
    TRY(script_path.resize(before + strlen(path) + 1));
    memcpy(script_path.data(), descriptor, before);
    memcpy(script_path.data() + before, path, strlen(path) + 1);
    for (int depth = 0;; ++depth) {
        char head[abi::script_buffer_size];
        size_t n = TRY(file->read_exec(head, 0, sizeof head));
        if (n < 2 || head[0] != '#' || head[1] != '!') return file;
        if (depth >= abi::script_max_depth) return ELOOP;
        if (file->name_is_gone_after_exec()) return ENOENT;
        abi::ScriptLine line = TRY(abi::parse_script(std::string_view(head, n)));
        char interpreter[abi::script_buffer_size], argument[abi::script_buffer_size];
        memcpy(interpreter, line.interpreter.data(), line.interpreter.size());
        interpreter[line.interpreter.size()] = 0;
        memcpy(argument, line.argument.data(), line.argument.size());
        argument[line.argument.size()] = 0;
        TRY(strings.put_script(interpreter, line.has_argument ? argument : nullptr, script_path.data()));
        TRY(script_path.resize(strlen(interpreter) + 1));
        memcpy(script_path.data(), interpreter, script_path.size());
        file = TRY(open_exec(AT_FDCWD, interpreter, 0));
    }
}

/// Set-id bits and what follows for capabilities: execve(2), capabilities(7).
Result<void> new_credentials(Task& t, NewProgram& n) {
    const Credentials& old = *t.credentials;
    Ref<Credentials> c = TRY(old.clone());
    ExecFile::SetId id = n.program.file->exec_setid();
    if (!t.no_new_privs) {
        if (id.setuid) c->euid = id.uid;
        if (id.setgid) c->egid = id.gid;
    }
    c->suid = c->fsuid = c->euid;
    c->sgid = c->fsgid = c->egid;
    if (c->euid != old.euid || c->egid != old.egid) c->cap_ambient = 0;
    if (c->euid == 0) {
        c->cap_permitted = c->cap_effective = c->cap_bounding | c->cap_inheritable;
    } else if (c->uid == 0) {
        c->cap_permitted = c->cap_bounding | c->cap_inheritable;
        c->cap_effective = c->cap_ambient;
    } else {
        c->cap_permitted = c->cap_effective = c->cap_ambient;
    }
    c->securebits &= ~u32(16); // SECBIT_KEEP_CAPS
    n.secure = c->euid != c->uid || c->egid != c->gid;
    n.credentials = std::move(c);
    return {};
}

Result<void> map_segments(AddressSpace& space, LoadedFile& f) {
    Ref<VmObject> object = TRY(f.file->exec_object());
    for (unsigned i = 0; i < f.plan->segment_count; ++i) {
        const abi::ElfSegment& s = f.plan->segments[i];
        if (s.map_size()) {
            MapRequest r;
            r.addr = f.bias + s.map_start();
            r.length = s.map_size();
            r.prot = s.prot;
            r.fixed = true;
            r.object = object;
            r.offset = s.map_offset();
            TRY(space.map(r));
        }
        if (s.zero_end() > s.zero_start() && (s.prot & kProtWrite)) {
            static const char zeroes[256] = {};
            for (u64 at = s.zero_start(); at < s.zero_end();) {
                u64 n = s.zero_end() - at < sizeof zeroes ? s.zero_end() - at : sizeof zeroes;
                if (space.poke(f.bias + at, zeroes, n) != n) return ENOMEM;
                at += n;
            }
        }
        if (s.anonymous_end() > s.anonymous_start()) {
            MapRequest r;
            r.addr = f.bias + s.anonymous_start();
            r.length = s.anonymous_end() - s.anonymous_start();
            r.prot = s.prot;
            r.fixed = true;
            TRY(space.map(r));
        }
    }
    return {};
}

/// Finds room below mmap_base for a position-independent file.
Result<void> choose_bias(AddressSpace& space, LoadedFile& f) {
    MapRequest r;
    r.length = f.plan->span_end - f.plan->span_start;
    r.alignment = f.plan->alignment;
    u64 at = TRY(space.map(r));
    TRY(space.unmap(at, r.length));
    f.bias = at - f.plan->span_start;
    return {};
}

class SpaceWriter final : public abi::StackWriter {
  public:
    explicit SpaceWriter(AddressSpace& s) : space_(s) {}
    Result<void> write(u64 address, const void* data, size_t size) override {
        if (space_.poke(address, data, size) != size) return ENOMEM;
        return {};
    }

  private:
    AddressSpace& space_;
};

/// The stack mapping with arguments, environment and auxiliary vector on it.
Result<void> build_stack(Task& t, NewProgram& n, const ExecStrings& strings, const char* file_name, u64 stack_top,
                         bool randomize) {
    AddressSpace& space = *n.space;
    const abi::ElfPlan& plan = *n.program.plan;
    abi::InitialStack in{};
    in.stack_top = stack_top;
    in.strings = std::span<const char>(strings.bytes.data(), strings.bytes.size());
    in.argc = strings.argc, in.envc = strings.envc;
    in.file_name = std::string_view(file_name, strlen(file_name));
    in.gap = randomize ? random_u64() % 8192 : 0;
    random_bytes(in.random, sizeof in.random);
    in.sysinfo_ehdr = space.vdso;
    in.min_signal_stack = align_up(fpu_state_size() + 4 + 440 + 64 + 16 + 128, 16);
    in.hwcap = elf_hwcap(), in.hwcap2 = elf_hwcap2();
    in.phdr = plan.phdr_vaddr ? n.program.bias + plan.phdr_vaddr : 0;
    in.phnum = plan.phdr_count;
    in.base = n.interpreter.plan ? n.interpreter.bias : 0;
    in.entry = n.program.bias + plan.entry;
    in.uid = n.credentials->uid, in.euid = n.credentials->euid;
    in.gid = n.credentials->gid, in.egid = n.credentials->egid;
    in.secure = n.secure;
    const u64 limit = t.process->limit(RLIMIT_STACK);
    const abi::InitialStackLayout l = TRY(abi::plan_initial_stack(in, limit < 6 * MiB + kStackRoom ? 6 * MiB + kStackRoom : limit));

    MapRequest r;
    r.addr = page_down(l.rsp) - kStackRoom;
    r.length = stack_top - r.addr;
    r.prot = kProtRead | kProtWrite | (plan.stack == abi::ElfStack::executable ? kProtExec : 0);
    r.vma_flags = kVmaGrowsDown;
    r.fixed = true;
    r.label = "[stack]";
    TRY(space.map(r));
    SpaceWriter writer(space);
    TRY(abi::write_initial_stack(in, l, writer));

    n.rsp = l.rsp;
    space.stack_start = l.rsp;
    space.arg_start = l.arg_start, space.arg_end = l.arg_end;
    space.env_start = l.env_start, space.env_end = l.env_end;
    space.saved_auxv_size = u32(l.auxv_size < sizeof space.saved_auxv ? l.auxv_size : sizeof space.saved_auxv);
    space.peek(l.auxv, space.saved_auxv, space.saved_auxv_size);
    return {};
}

Result<void> build_space(Task& t, NewProgram& n, const ExecStrings& strings, const char* file_name) {
    const Process& p = *t.process;
    n.space = TRY(AddressSpace::create());
    AddressSpace& space = *n.space;
    const bool randomize = !(t.personality & kNoRandomize);
    u64 random[4];
    random_bytes(random, sizeof random);

    u64 stack_top = kUserEnd;
    if (randomize) stack_top -= (random[0] & kStackRandomPages) << kPageShift;
    const u64 stack_limit = p.limit(RLIMIT_STACK);
    u64 gap = stack_limit + (randomize ? kStackRandomPages << kPageShift : 0) + kGuardGap;
    if (gap < stack_limit) gap = stack_limit;
    if (gap < 128 * MiB) gap = 128 * MiB;
    if (gap > kUserEnd / 6 * 5) gap = kUserEnd / 6 * 5;
    space.mmap_base = page_up(kUserEnd - gap - (randomize ? (random[1] & kRandomPages) << kPageShift : 0));
    space.stack_limit = stack_limit;
    space.huge_pages_disabled = p.thp_disabled;
    space.address_limit = p.limit(RLIMIT_AS);
    space.data_limit = p.limit(RLIMIT_DATA);

    LoadedFile& program = n.program;
    const abi::ElfPlan& plan = *program.plan;
    if (plan.position_independent) {
        if (plan.has_interpreter) {
            u64 base = kDynBase + (randomize ? (random[2] & kRandomPages) << kPageShift : 0);
            program.bias = align_down(base, plan.alignment) - plan.span_start;
        } else {
            TRY(choose_bias(space, program)); // a static PIE, or ld.so run as a program: among the mappings
        }
    }
    TRY(map_segments(space, program));
    space.code_start = program.bias + plan.code_start, space.code_end = program.bias + plan.code_end;
    space.data_start = program.bias + plan.data_start, space.data_end = program.bias + plan.data_end;
    u64 heap = page_up(program.bias + plan.memory_end);
    if (randomize) {
        if (plan.position_independent && !plan.has_interpreter) heap = kDynBase;
        heap += page_down(random[3] % (32 * MiB));
    }
    space.init_break(heap);

    n.entry = program.bias + plan.entry;
    if (n.interpreter.plan) {
        LoadedFile& i = n.interpreter;
        if (i.plan->position_independent) TRY(choose_bias(space, i));
        TRY(map_segments(space, i));
        n.entry = i.bias + i.plan->entry;
    }
    if (n.entry >= kUserEnd) return ENOEXEC;
    if (map_vdso) {
        auto at = map_vdso(space);
        space.vdso = at ? *at : 0; // a program does without
    }
    return build_stack(t, n, strings, file_name, stack_top, randomize);
}

Result<NewProgram> prepare(Task& t, int dirfd, const char* path, const StringArray& argv, const StringArray& envp,
                           int at_flags) {
    if (!open_exec) return ENOENT;
    NewProgram n;
    // The strings count even if the file does not exist, but Linux looks for the file first.
    { Ref<ExecFile> probe = TRY(open_exec(dirfd, path, at_flags)); }
    ExecStrings strings = TRY(ExecStrings::collect(argv, envp, t.process->limit(RLIMIT_STACK)));
    n.program.file = TRY(open_program(dirfd, path, at_flags, strings));
    n.program.plan = TRY(read_plan(*n.program.file, abi::ElfRole::program));
    if (n.program.plan->has_interpreter) {
        Vec<char> buffer;
        TRY(buffer.resize(4096));
        ExecSource source(*n.program.file);
        TRY(abi::read_interpreter(source, *n.program.plan, std::span<char>(buffer.data(), buffer.size())));
        n.interpreter.file = TRY(open_exec(AT_FDCWD, buffer.data(), 0));
        n.interpreter.plan = TRY(read_plan(*n.interpreter.file, abi::ElfRole::interpreter));
    }
    TRY(new_credentials(t, n));
    TRY(build_space(t, n, strings, path));
    return n;
}

void set_name(Task& t, const char* path) {
    const char* base = strrchr(path, '/');
    base = base ? base + 1 : path;
    size_t length = strnlen(base, sizeof t.name - 1);
    memset(t.name, 0, sizeof t.name);
    memcpy(t.name, base, length);
}

/// The point of no return is behind: the old program goes, the new one's registers are set.
void commit(Task& t, NewProgram& n, Ref<SignalHandlers> own_handlers, Ref<FileTableBase> own_files, const char* path) {
    Process& p = *t.process;
    leave_program_memory(t);
    Ref<AddressSpace> old = std::move(n.space);
    Ref<ExecFile> old_exe = std::move(n.program.file);
    old->users.store(1, std::memory_order_relaxed); // still the new one
    {
        SpinGuard g(process_lock);
        std::swap(p.space, old);
        old_exe = publish_ref(p.exe, std::move(old_exe));
        n.credentials = publish_ref(t.credentials, std::move(n.credentials));
        t.space = p.space.get();
        activate(t.space);
        p.has_execed = true;
        p.dumpable = !n.secure;
        if (n.secure) t.parent_death_signal = 0;
        if (own_files) own_files = publish_ref(t.files, std::move(own_files));
        p.exit_signal = p.exit_signal ? SIGCHLD : p.exit_signal;
        set_name(t, path);
    }
    if (old) { // null for init
        if (old->peak_resident_pages() > p.max_rss_pages) p.max_rss_pages = old->peak_resident_pages();
        old->users.fetch_sub(1, std::memory_order_relaxed);
        old.reset();
    }
    t.files->close_on_exec();
    delete_posix_timers(p);
    {
        SpinGuard g(p.signal_lock);
        if (own_handlers) std::swap(p.handlers, own_handlers);
        p.handlers->reset(false);
    }
    t.alternate_stack = {0, SS_DISABLE, 0, 0};
    t.restart = RestartBlock{};
    p.membarrier_registered = 0;
    fpu_reset_current();
    (void)set_fs_base(0);
    (void)set_gs_base(0);
    *t.frame = new_program_frame(n.entry, n.rsp);
    t.frame->orig_rax = ~u64(0);
    t.raise_work(kWorkFullReturn);
}

} // namespace

Result<void> exec_program(int dirfd, const char* path, const StringArray& argv, const StringArray& envp, int at_flags) {
    Task& t = current();
    Process& p = *t.process;
    if (std::exchange(t.beyond_process_limit, false) && beyond_process_limit(0)) {
        t.beyond_process_limit = true;
        return EAGAIN;
    }
    NewProgram n = TRY(prepare(t, dirfd, path, argv, envp, at_flags));
    Ref<SignalHandlers> handlers;
    Ref<FileTableBase> files;
    if (p.handlers->ref_count() > 1) handlers = TRY(p.handlers->copy());
    TRY(end_other_threads());
    if (t.files->ref_count() > 1) files = TRY(t.files->copy());
    commit(t, n, std::move(handlers), std::move(files), path);
    return {};
}

} // namespace linnet
