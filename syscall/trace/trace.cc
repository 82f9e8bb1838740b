#include "syscall/trace/trace.h"

#include "kernel/boot/boot_info.h"
#include "kernel/lib/log.h"
#include "kernel/lib/string.h"
#include "kernel/mm/user.h"
#include "kernel/task/lifecycle.h"
#include "kernel/time/clock.h"
#include "linux-abi/cmdline.h"
#include "linux-abi/trace_format.h"
#include "net/socket.h"
#include "syscall/trace/ring.h"
#include "vfs/file_table.h"

namespace linnet {

bool trace_calls = false;
TraceChoice trace_choice;

namespace {

using abi::TraceKind;
using abi::TraceRecord;

/// Room for the text of one part of a call: execve with 32 strings of 32 bytes, each as \ooo, is 4.5 KiB.
u32 line_bytes = 8192;

class ProgramReader final : public abi::MemoryReader {
  public:
    explicit ProgramReader(uint8_t* room) {
        string_limit = boot_options.trace_limit;
        if (string_limit > abi::trace_string_limit) string_room = room;
    }
    bool read(u64 address, void* to, size_t size) override { return copy_from_user(to, address, size).ok(); }
    u64 signal_frame_mask() override { return stack_pointer ? stack_pointer + abi::signal_frame_mask_offset : 0; }
    u64 stack_pointer = 0; // at the entry of a call
    bool is_netlink(i32 fd) override {
        FdRef file(fd);
        if (!file || !file->is_socket()) return false;
        const Socket& s = static_cast<Socket&>(*file);
        return s.family == AF_NETLINK && s.protocol == 0; // NETLINK_ROUTE
    }
};

/// What a thread keeps from the entry of its call to the exit.
class TraceLine : public RefCounted {
  public:
    explicit TraceLine(char* memory) : buffer(memory) {}
    ~TraceLine() override { kfree(buffer); }
    char* const buffer; // line_bytes, and behind them room for a string
    uint8_t* string_room() const { return reinterpret_cast<uint8_t*>(buffer + line_bytes); }
    abi::TraceState state;
    u64 regs[6];
    u64 number = 0;
    bool open = false;      // its entry was put, and no exit yet
    size_t entry_bytes = 0; // of text in the buffer, while open (without a port: the line goes out as a whole)
    u64 begun_cpu_ns = 0;   // the thread's CPU time when the call began
};

TraceLine* line_of(Task& t) {
    if (!t.trace_line) {
        auto* memory = static_cast<char*>(kmalloc(line_bytes + (boot_options.trace_limit > abi::trace_string_limit ? boot_options.trace_limit : 0)));
        if (!memory) return nullptr;
        auto l = make_ref<TraceLine>(memory);
        if (!l) {
            kfree(memory);
            return nullptr;
        }
        t.trace_line = std::move(*l);
    }
    return static_cast<TraceLine*>(t.trace_line.get());
}

/// Of the current thread.
u64 cpu_time(const Task& t, u64 now) {
    const u64 since = t.exec_start_ns;
    return t.cpu_time_ns.load(std::memory_order_relaxed) + (now > since ? now - since : 0);
}

SpinLock<Rank::MiscSpin> log_line_lock; // the pieces of a line stay together

/// Without a port (another VMM) the log gets the lines, when a call has returned.
void put_log_line(const Task& t, TraceKind kind, std::string_view text) {
    TraceLine* l = static_cast<TraceLine*>(t.trace_line.get());
    if (kind == TraceKind::start || kind == TraceKind::attach) return;
    if (kind == TraceKind::entry) {
        if (l) l->entry_bytes = text.size();
        return;
    }
    char bytes[24];
    abi::TraceText prefix(bytes, sizeof bytes);
    if (live_threads() >= 2) {
        prefix.put("[pid ");
        prefix.decimal(t.tid);
        prefix.put("] ");
    }
    const size_t begun = l ? std::exchange(l->entry_bytes, 0) : 0;
    SpinGuard g(log_line_lock);
    auto write = [](std::string_view s) { log_text(s.data(), s.size()); };
    write(prefix.text());
    if (begun) write({l->buffer, begun});
    if (begun && kind == TraceKind::end) {
        write(") = ?\n");
        write(prefix.text());
    }
    write(text);
    write("\n");
}

/// To the port, or, without one, to the log. False: it was not taken (the thread is being killed, or the machine ends).
bool put(const Task& t, TraceRecord& r, const abi::TraceText& text) {
    r.pid = t.process->pid;
    r.tid = t.tid;
    if (text.truncated()) r.flags |= abi::trace_flag_cut;
    if (!trace_ring_active()) {
        put_log_line(t, r.kind, text.text());
        return true;
    }
    return trace_put(r, text.text().data(), text.text().size());
}

/// The exit part has arguments of its own.
bool stops_in_arguments(u64 number, const abi::TraceState& state) {
    const abi::SyscallInfo* info = abi::syscall_info(number);
    if (!info || state.next_argument >= info->argument_count) return false;
    if (number == u64(abi::number::futex)) return false; // how many are shown depends on the operation: all of them at the entry
    const abi::ArgSpec& next = info->arguments[state.next_argument];
    return next.direction != abi::Direction::in || next.kind == abi::ArgKind::ioctl_arg;
}

bool is_exec(u64 number) { return number == u64(abi::number::execve) || number == u64(abi::number::execveat); }

void on_clone(Task& child) {
    if (!trace_wants_thread(child)) return;
    abi::TraceText empty(nullptr, 0);
    TraceRecord r{};
    r.kind = TraceKind::attach;
    (void)put(child, r, empty);
}

void on_signal(Task& t, const abi::Siginfo& info) {
    if (!trace_wants_thread(t)) return;
    char bytes[512];
    abi::TraceText text(bytes, sizeof bytes);
    abi::format_signal(text, info);
    TraceRecord r{};
    r.kind = TraceKind::signal;
    r.number = u32(info.signo);
    r.time_ns = monotonic_ns();
    (void)put(t, r, text);
}

void on_end(Task& t, u32 status) {
    if (!trace_wants_thread(t)) return;
    char bytes[64];
    abi::TraceText text(bytes, sizeof bytes);
    abi::format_exit(text, status);
    TraceRecord r{};
    r.kind = TraceKind::end;
    r.number = status;
    r.time_ns = monotonic_ns();
    (void)put(t, r, text);
}

/// `all`, `none`, or a list of numbers, ranges and `unknown`.
bool parse_choice(const char* p, TraceChoice& choice) {
    auto set = [&](u64 first, u64 last) {
        for (u64 n = first; n <= last && n <= u64(abi::max_syscall); ++n) choice.calls[n / 64] |= 1ull << (n % 64);
    };
    auto number = [&p](u64& n) {
        if (*p < '0' || *p > '9') return false;
        for (n = 0; *p >= '0' && *p <= '9' && n < 100000; ++p) n = n * 10 + u64(*p - '0');
        return true;
    };
    while (*p) {
        u64 first, last;
        if (!strncmp(p, "all", 3)) {
            set(0, u64(abi::max_syscall));
            choice.unknown_calls = true;
            p += 3;
        } else if (!strncmp(p, "none", 4)) {
            p += 4;
        } else if (!strncmp(p, "unknown", 7)) {
            choice.unknown_calls = true;
            p += 7;
        } else if (number(first)) {
            last = first;
            if (*p == '-' && (++p, !number(last))) return false;
            set(first, last);
        } else {
            return false;
        }
        if (*p == ',') ++p;
        else if (*p) return false;
    }
    return true;
}

/// A string of the kernel's as an argument.
void put_kernel_string(abi::TraceText& text, const char* s, size_t limit = boot_options.trace_limit) {
    const size_t n = strlen(s);
    abi::put_quoted(text, reinterpret_cast<const uint8_t*>(s), n < limit ? n : limit, n > limit);
}

/// Process 1 is no program's child, so that nobody saw its execve: made up from what the kernel did.
void put_first_exec(Task& t, char* buffer) {
    abi::TraceText text(buffer, line_bytes);
    const u32 args = boot_options.arg_count;
    const char* path = boot_options.args[0];
    text.put("execve(");
    put_kernel_string(text, strchr(path, '/') || !t.process->exe ? path : t.process->exe->exec_path(), 4096);
    text.put(", [");
    for (u32 i = 0; i < args; ++i) {
        if (i) text.put(", ");
        if (i == 32) {
            text.put("...");
            break;
        }
        put_kernel_string(text, i == 0 && boot_options.argv0 ? boot_options.argv0 : boot_options.args[i]);
    }
    text.put("], ");
    text.address(t.frame->rsp + 8 * (args + 2)); // argc, argv and its null pointer stand before the environment
    const u32 variables = boot_options.env_count ? boot_options.env_count : 3;
    text.put(" /* ");
    text.unsigned_decimal(variables);
    text.put(variables == 1 ? " var */" : " vars */");
    TraceRecord r{};
    r.kind = TraceKind::entry;
    r.number = u32(abi::number::execve);
    r.time_ns = monotonic_ns();
    (void)put(t, r, text);
    const size_t begun = text.text().size();
    abi::TraceText rest(buffer + begun, line_bytes - begun);
    rest.put(") = 0");
    r = {};
    r.kind = TraceKind::exit;
    r.number = u32(abi::number::execve);
    r.time_ns = monotonic_ns();
    (void)put(t, r, rest);
}

} // namespace

void trace_init() {
    if (!parse_choice(boot_options.trace, trace_choice)) {
        log_warn("option trace=%s: numbers and ranges, all, none, unknown", boot_options.trace);
        return;
    }
    trace_choice.follow = boot_options.trace_follow;
    // A byte of a string is at most four characters, and a few strings stand in one call.
    if (u64 wanted = 8192 + 16ull * boot_options.trace_limit; boot_options.trace_limit > abi::trace_string_limit)
        line_bytes = u32(wanted < abi::trace_text_limit ? wanted : abi::trace_text_limit);
    const auto r = trace_ring_init();
    if (!r && r.error() != ENODEV) machine_fail(125, "not enough memory for the trace's buffers (-m)");
    trace_calls = true;
    initial_fast_calls = 0;
    trace_clone = on_clone;
    trace_signal = on_signal;
    trace_end = on_end;
}

void trace_program_started() {
    if (!trace_calls) return;
    Task& t = current();
    if (!trace_choice.follow) initial_fast_calls = u32(abi::max_syscall) + 1; // of every thread but this one
    abi::TraceText empty(nullptr, 0);
    TraceRecord r{};
    r.kind = TraceKind::start;
    r.time_ns = monotonic_ns();
    r.result = realtime_offset_ns();
    (void)put(t, r, empty);
    if (TraceLine* l = trace_wants(t, u64(abi::number::execve)) ? line_of(t) : nullptr) put_first_exec(t, l->buffer);
}

void trace_entry(Task& t, const TrapFrame& f) {
    TraceRecord r{};
    r.kind = TraceKind::entry;
    r.number = u32(f.orig_rax);
    TraceLine* l = line_of(t);
    if (!l) { // no memory for the arguments: the name alone
        char bytes[64];
        abi::TraceText text(bytes, sizeof bytes);
        const abi::SyscallInfo* info = abi::syscall_info(f.orig_rax);
        text.put(info ? info->name : "syscall");
        text.put("(...");
        (void)put(t, r, text);
        return;
    }
    ProgramReader memory(l->string_room());
    memory.stack_pointer = f.rsp;
    const u64 regs[6] = {f.rdi, f.rsi, f.rdx, f.r10, f.r8, f.r9};
    for (int i = 0; i < 6; ++i) l->regs[i] = regs[i];
    l->number = f.orig_rax;
    abi::TraceText text(l->buffer, line_bytes);
    l->state = abi::format_call_entry(text, l->number, l->regs, memory);
    if (stops_in_arguments(l->number, l->state)) r.flags |= abi::trace_flag_more;
    l->open = put(t, r, text);
    l->begun_cpu_ns = cpu_time(t, monotonic_ns());
}

void trace_exit(Task& t, const TrapFrame& f, u64 number, abi::Outcome o) {
    TraceRecord r{};
    r.time_ns = monotonic_ns();
    // A call that the thread's death ends does not return.
    if (fatal_signal_pending()) return;
    r.kind = TraceKind::exit;
    r.number = u32(number);
    if (o.is_no_return() && is_exec(number)) o = abi::Outcome(0); // strace shows a success so
    if (o.is_no_return() && number == u64(abi::number::rt_sigreturn)) o = abi::Outcome::from_raw(i64(f.rax)); // what the interrupted code had there
    r.result = o.raw();
    TraceLine* l = t.trace_line ? static_cast<TraceLine*>(t.trace_line.get()) : nullptr;
    if (!l || !l->open) {
        if (l) return; // nobody took its entry
        char bytes[128];
        abi::TraceText text(bytes, sizeof bytes);
        const u64 regs[6] = {};
        ProgramReader memory(nullptr);
        abi::TraceState state;
        state.next_argument = 6;
        abi::format_call_exit(text, number, regs, o, state, memory);
        (void)put(t, r, text);
        return;
    }
    r.cpu_ns = cpu_time(t, r.time_ns) - l->begun_cpu_ns;
    l->open = false;
    ProgramReader memory(l->string_room());
    const size_t kept = trace_ring_active() ? 0 : l->entry_bytes;
    abi::TraceText text(l->buffer + kept, line_bytes - kept);
    abi::format_call_exit(text, number, l->regs, o, l->state, memory);
    (void)put(t, r, text);
}

} // namespace linnet
