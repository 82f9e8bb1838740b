// Writing a core file: the threads stop, what they are and what they have mapped goes out. Format as Linux's fs/binfmt_elf.c makes it, so that
// debuggers read it.
#include "kernel/task/core_dump.h"

#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/program.h"
#include "kernel/binder/binder.h"
#include "kernel/lib/format.h"
#include "kernel/lib/log.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vec.h"
#include "kernel/mm/address_space.h"
#include "kernel/mm/page.h"
#include "kernel/task/lifecycle.h"
#include "kernel/task/machine_name.h"
#include "kernel/time/clock.h"
#include "linux-abi/core_file.h"

namespace linnet {

Result<Ref<CoreFile>> (*open_core_file)(const char* path) = nullptr;

namespace {

constexpr char kDeleted[] = " (deleted)";
constexpr size_t kMaxSegments = 0xfffe; // beyond, e_phnum has no room

struct Segment {
    u64 start, end, dumped; // `dumped` bytes from the start go into the file
    u32 prot;
    bool anonymous;
    u64 file_page;          // NT_FILE: offset in pages
    u32 path, path_length;  // in Dump::paths; length 0: no file
};

struct Dump {
    Task& self;
    Process& process;
    TrapFrame& frame;
    const abi::Siginfo& info;
    u64 limit;
    Vec<Segment> segments;
    Vec<char> paths;
    Vec<char> notes;
};

Result<void> append(Vec<char>& to, const void* data, size_t n) {
    const size_t at = to.size();
    TRY(to.resize(at + n));
    memcpy(to.data() + at, data, n);
    return {};
}

Result<void> pad(Vec<char>& to, size_t alignment) {
    while (to.size() % alignment) TRY(to.push_back(0));
    return {};
}

Result<void> add_note(Dump& d, const char* name, u32 type, const void* data, size_t n) {
    const abi::CoreNoteHeader h{u32(strlen(name) + 1), u32(n), type};
    TRY(append(d.notes, &h, sizeof h));
    TRY(append(d.notes, name, h.name_size));
    TRY(pad(d.notes, 4));
    TRY(append(d.notes, data, n));
    return pad(d.notes, 4);
}

/// What of a mapping goes out: core(5), "Controlling which mappings are written".
u64 bytes_to_dump(AddressSpace& space, const Vma& v, bool has_file, bool has_name, u32 filter) {
    const u64 size = v.end - v.start;
    if (v.start == space.vdso) return size;
    if (v.flags & kVmaDontDump) return 0;
    // Shared memory whose file has no name (any more) counts as anonymous.
    if (v.flags & kVmaShared) return filter & (has_name ? abi::core_file_shared : abi::core_anonymous_shared) ? size : 0;
    if (!has_file) return filter & abi::core_anonymous_private ? size : 0;
    if (filter & abi::core_file_private) return size;
    if (filter & abi::core_anonymous_private && !(v.prot & kProtExec)) {
        // Pages of a private mapping that were written are the program's own: then all of it goes out.
        PageTable& table = space.page_table();
        for (u64 a = table.next_present(v.start, v.end); a < v.end; a = table.next_present(a + kPageSize, v.end)) {
            bool huge = false;
            const Pte* pte = table.find(a, &huge);
            if (pte && (*pte & kPteOccupied) && (*pte & kPteDirty)) return size;
            if (a + kPageSize >= v.end) break;
        }
        if (v.prot & kProtWrite) return size;
    }
    // The ELF header tells debuggers the build.
    return filter & abi::core_elf_headers && v.offset == 0 && (v.prot & kProtRead) ? kPageSize : 0;
}

Result<void> collect_segments(Dump& d, AddressSpace& space) {
    const u32 filter = d.process.coredump_filter.load(std::memory_order_relaxed);
    Result<void> result;
    space.for_each_vma([&](const Vma& v) {
        char path_text[512] = "";
        TextBuffer path(path_text, sizeof path_text);
        u64 device = 0, inode = 0;
        if (v.object) v.object->describe(path, &device, &inode);
        const bool has_file = v.object && inode && path.length() && !v.label;
        Segment s{v.start, v.end, 0, v.prot, !v.object, v.offset >> kPageShift, u32(d.paths.size()), has_file ? u32(path.length()) : 0};
        const char* end = path_text + path.length();
        constexpr size_t kDeletedLength = sizeof kDeleted - 1;
        const bool deleted = path.length() > kDeletedLength && !strcmp(end - kDeletedLength, kDeleted);
        s.dumped = bytes_to_dump(space, v, has_file, has_file && !deleted, filter);
        result = d.segments.push_back(s);
        if (result && has_file) result = append(d.paths, path_text, path.length() + 1);
        return result.ok() && d.segments.size() < kMaxSegments;
    });
    if (!result) return result;
    return d.segments.size() < kMaxSegments ? Result<void>() : E2BIG;
}

abi::CoreTime core_time(u64 ns) { return {i64(ns / kNsPerSec), i64(ns % kNsPerSec / kNsPerUs)}; }

Result<void> add_thread(Dump& d, Task& t) {
    const bool own = &t == &d.self;
    const TrapFrame& f = own ? d.frame : *t.frame;
    abi::CorePrstatus s;
    memset(&s, 0, sizeof s);
    s.signo = s.current_signal = i16(d.info.signo);
    s.pending = t.pending.bits, s.held = t.blocked;
    s.pid = t.tid, s.ppid = d.process.parent ? d.process.parent->pid : 0;
    s.pgrp = d.process.pgid, s.sid = d.process.sid;
    const CpuTimes times = thread_cpu_times(t);
    s.utime = core_time(times.user_ns), s.stime = core_time(times.system_ns);
    s.cutime = core_time(d.process.children_user_ns), s.cstime = core_time(d.process.children_system_ns);
    s.registers = {f.r15, f.r14, f.r13, f.r12, f.rbp, f.rbx, f.r11, f.r10, f.r9, f.r8, f.rax, f.rcx, f.rdx, f.rsi, f.rdi, f.orig_rax, f.rip,
                   0x33, f.rflags, f.rsp, 0x2b, own ? get_fs_base() : t.fs_base, own ? get_gs_base() : t.gs_base, 0, 0, 0, 0};
    s.fpvalid = 1;
    return add_note(d, "CORE", abi::nt_prstatus, &s, sizeof s);
}

Result<void> add_extended_state(Dump& d, Task& t) {
    if (&t == &d.self) fpu_save_current();
    const size_t size = fpu_state_size();
    TRY(add_note(d, "CORE", abi::nt_fpregset, t.fpu_state, 512));
    if (!fpu_features()) return {};
    const size_t at = d.notes.size() + sizeof(abi::CoreNoteHeader) + 8; // behind "LINUX", padded
    TRY(add_note(d, "LINUX", abi::nt_x86_xstate, t.fpu_state, size));
    const u64 features = fpu_features();
    memcpy(d.notes.data() + at + abi::core_xstate_features_offset, &features, sizeof features);
    return {};
}

Result<void> add_process(Dump& d, AddressSpace& space) {
    const Credentials& c = *d.self.credentials;
    abi::CorePrpsinfo p;
    memset(&p, 0, sizeof p);
    p.state_letter = 'R';
    p.nice = d.self.nice;
    p.uid = c.uid, p.gid = c.gid;
    p.pid = d.process.pid, p.ppid = d.process.parent ? d.process.parent->pid : 0;
    p.pgrp = d.process.pgid, p.sid = d.process.sid;
    memcpy(p.name, d.self.name, sizeof p.name);
    u64 n = space.arg_end - space.arg_start;
    if (n > sizeof p.arguments - 1) n = sizeof p.arguments - 1;
    n = space.peek(space.arg_start, p.arguments, n);
    for (u64 i = 0; i + 1 < n; ++i)
        if (!p.arguments[i]) p.arguments[i] = ' ';
    p.arguments[n] = 0;
    return add_note(d, "CORE", abi::nt_prpsinfo, &p, sizeof p);
}

Result<void> add_files(Dump& d) {
    Vec<char> table, names;
    u64 count = 0;
    for (const Segment& s : d.segments) count += s.path_length != 0;
    const u64 head[2] = {count, kPageSize};
    TRY(append(table, head, sizeof head));
    for (const Segment& s : d.segments) {
        if (!s.path_length) continue;
        const u64 entry[3] = {s.start, s.end, s.file_page};
        TRY(append(table, entry, sizeof entry));
        TRY(append(names, d.paths.data() + s.path, s.path_length + 1));
    }
    TRY(append(table, names.data(), names.size()));
    return add_note(d, "CORE", abi::nt_file, table.data(), table.size());
}

/// Threads stand still: their list changes no more (one that was ending already has left).
Result<void> make_notes(Dump& d, AddressSpace& space) {
    TRY(add_thread(d, d.self));
    TRY(add_process(d, space));
    TRY(add_note(d, "CORE", abi::nt_siginfo, &d.info, sizeof d.info));
    TRY(add_note(d, "CORE", abi::nt_auxv, space.saved_auxv, space.saved_auxv_size));
    TRY(add_files(d));
    TRY(add_extended_state(d, d.self));
    for (i32 tid = 0;;) {
        Ref<Task> t = next_thread(d.process, tid);
        if (!t) return {};
        tid = t->tid;
        if (t.get() == &d.self || !t->frame) continue;
        TRY(add_thread(d, *t));
        TRY(add_extended_state(d, *t));
    }
}

/// Up to RLIMIT_CORE: EFBIG beyond.
Result<void> write_at(Dump& d, CoreFile& file, u64 offset, const void* data, size_t n) {
    if (offset + n > d.limit) {
        if (offset < d.limit) (void)file.write_at(offset, data, size_t(d.limit - offset));
        return EFBIG;
    }
    return file.write_at(offset, data, n);
}

Result<void> write_memory(Dump& d, CoreFile& file, AddressSpace& space, const Segment& s, u64 offset) {
    char* page = static_cast<char*>(kmalloc(kPageSize));
    if (!page) return ENOMEM;
    Result<void> result;
    const u64 end = s.start + s.dumped;
    for (u64 a = s.start; a < end && result; a += kPageSize) {
        // Pages that were never touched are holes.
        if (s.anonymous && (a = space.next_resident(a, end)) >= end) break;
        if (!(s.prot & (kProtRead | kProtWrite | kProtExec))) continue;
        if (space.peek(a, page, kPageSize) != kPageSize) continue;
        result = write_at(d, file, offset + (a - s.start), page, kPageSize);
    }
    kfree(page);
    return result;
}

Result<void> write_file(Dump& d, CoreFile& file, AddressSpace& space) {
    const size_t headers = sizeof(abi::CoreEhdr) + (d.segments.size() + 1) * sizeof(abi::CorePhdr);
    Vec<char> head;
    abi::CoreEhdr e{{0x7f, 'E', 'L', 'F', 2, 1, 1, 0}, abi::core_et_core, abi::core_em_x86_64, 1, 0, sizeof(abi::CoreEhdr), 0, 0,
                    sizeof(abi::CoreEhdr), sizeof(abi::CorePhdr), u16(d.segments.size() + 1), 0, 0, 0};
    TRY(append(head, &e, sizeof e));
    const abi::CorePhdr note{abi::core_pt_note, 0, headers, 0, 0, d.notes.size(), 0, 4};
    TRY(append(head, &note, sizeof note));
    const u64 memory = page_up(headers + d.notes.size());
    u64 at = memory;
    for (const Segment& s : d.segments) {
        const u32 flags = (s.prot & kProtRead ? 4 : 0) | (s.prot & kProtWrite ? 2 : 0) | (s.prot & kProtExec ? 1 : 0);
        const abi::CorePhdr h{abi::core_pt_load, flags, at, s.start, 0, s.dumped, s.end - s.start, kPageSize};
        TRY(append(head, &h, sizeof h));
        at += s.dumped;
    }
    TRY(write_at(d, file, 0, head.data(), head.size()));
    TRY(write_at(d, file, headers, d.notes.data(), d.notes.size()));
    u64 offset = memory;
    for (const Segment& s : d.segments) {
        TRY(write_memory(d, file, space, s, offset));
        offset += s.dumped;
    }
    if (at > d.limit) return EFBIG;
    return file.set_size(at);
}

/// core_pattern with its % sequences. ENAMETOOLONG
Result<void> expand_pattern(const Dump& d, char* to, size_t size) {
    char pattern[128];
    get_core_pattern(pattern);
    TextBuffer out(to, size);
    for (const char* p = pattern; *p; ++p) {
        if (*p != '%') {
            out.put(*p);
            continue;
        }
        const Credentials& c = *d.self.credentials;
        switch (*++p) {
        case '%': out.put('%'); break;
        case 'p': case 'P': out.append("%d", d.process.pid); break;
        case 'i': case 'I': out.append("%d", d.self.tid); break;
        case 'u': out.append("%u", c.uid); break;
        case 'g': out.append("%u", c.gid); break;
        case 's': out.append("%d", d.info.signo); break;
        case 't': out.append("%lu", realtime_ns() / kNsPerSec); break;
        case 'c': out.append("%lu", d.limit); break;
        case 'd': out.append("%d", int(d.process.dumpable)); break;
        case 'h': {
            char name[65];
            host_name.get(name);
            out.append("%s", name);
            break;
        }
        case 'e': case 'f':
            for (const char* n = d.self.name; *n; ++n) out.put(*n == '/' ? '!' : *n); // a name is no path
            break;
        case 'E':
            if (Ref<ExecFile> exe = share_ref(d.process.exe))
                for (const char* n = exe->exec_path(); *n; ++n) out.put(*n == '/' ? '!' : *n);
            break;
        case 0: --p; break;
        default: break;
        }
    }
    if (out.truncated() || !out.length()) return ENAMETOOLONG;
    return {};
}

Result<void> dump(Dump& d) {
    char path[512];
    TRY(expand_pattern(d, path, sizeof path));
    Ref<AddressSpace> space = d.process.space;
    TRY(collect_segments(d, *space));
    TRY(make_notes(d, *space));
    Ref<CoreFile> file = TRY(open_core_file(path));
    return write_file(d, *file, *space);
}

bool wants_core(const Process& p) {
    return open_core_file && p.dumpable && p.limit(RLIMIT_CORE) >= kPageSize;
}

} // namespace

bool leaves_core(int sig) {
    constexpr SignalSet kCoreSignals = kSynchronousSignals | signal_bit(SIGQUIT) | signal_bit(SIGABRT) | signal_bit(SIGXCPU) | signal_bit(SIGXFSZ);
    return kCoreSignals & signal_bit(sig);
}

void wait_for_core_dumper(Process& p) {
    {
        SpinGuard g(p.signal_lock);
        if (!p.core_dumper) return;
        ++p.core_parked;
    }
    p.core_wait.wake_all();
    wait_until(p.core_wait, [&] { return !__atomic_load_n(&p.core_dumper, __ATOMIC_ACQUIRE); }, kForever, false);
}

void die_with_core(TrapFrame& f, const abi::Siginfo& info) {
    Task& t = current();
    Process& p = *t.process;
    const bool wanted = wants_core(p);
    {
        SpinGuard g(p.signal_lock);
        if (p.exiting || (p.exec_task && p.exec_task != &t)) return; // somebody else was first
        if (wanted) {
            p.core_dumper = &t;
            p.core_parked = 0;
        }
        begin_group_exit(p, status_signaled(info.signo));
    }
    if (!wanted) return;
    wait_until(
        p.core_wait,
        [&] {
            SpinGuard g(p.signal_lock);
            return p.core_parked + 1 >= p.thread_count.load(std::memory_order_relaxed);
        },
        kForever, false);
    leave_stub(f);
    Dump d{t, p, f, info, p.limit(RLIMIT_CORE), {}, {}, {}};
    const Result<void> r = dump(d);
    if (!r) log_info("pid %d %s: no core file: %s", p.pid, t.name, errno_text(r.error()));
    {
        SpinGuard g(p.signal_lock);
        if (r) p.exit_status |= 0x80; // WCOREDUMP
        __atomic_store_n(&p.core_dumper, nullptr, __ATOMIC_RELEASE);
    }
    p.core_wait.wake_all();
}

} // namespace linnet
