#include "syscall/trace/trace.h"

#include "kernel/lib/log.h"
#include "kernel/mm/user.h"
#include "kernel/task/lifecycle.h"
#include "linux-abi/trace_format.h"

namespace linnet {

namespace {

/// The line of the call that a thread is in.
class TraceLine : public RefCounted {
  public:
    char buffer[1024];
    abi::TraceText text{buffer, sizeof buffer - 1}; // room for the newline
    abi::TraceState state;
    u64 regs[6];
    u64 number = 0;
    bool open = false;
    size_t resumed_at = 0;   // where `resumed>` ends; the comma after it went out with the first part
    bool unfinished = false; // its first part is out; output_lock
};

/// As on strace's terminal, one call at a time stands there with its line begun. Whoever writes next ends that line by `<unfinished ...>`.
/// Guards `begun`, and the text of the line that it names.
SpinLock<Rank::MiscSpin> output_lock;
TraceLine* begun GUARDED_BY(output_lock) = nullptr;

constexpr char kUnfinished[] = " <unfinished ...>\n";

/// More arguments follow in the exit part.
bool stops_in_arguments(const TraceLine& l) {
    const abi::SyscallInfo* info = abi::syscall_info(l.number);
    return info && l.state.next_argument && l.state.next_argument < info->argument_count;
}

void leave_begun() REQUIRES(output_lock) {
    if (!begun) return;
    log_text(begun->buffer, begun->text.text().size());
    if (stops_in_arguments(*begun)) log_text(", ", 2);
    log_text(kUnfinished, sizeof kUnfinished - 1);
    begun->unfinished = true;
    begun = nullptr;
}

/// The line is its thread's alone from here on. True if its first part is out.
bool take_back(TraceLine& l) {
    SpinGuard g(output_lock);
    if (begun == &l) begun = nullptr;
    return std::exchange(l.unfinished, false);
}

class ProgramReader final : public abi::MemoryReader {
  public:
    bool read(u64 address, void* to, size_t size) override { return copy_from_user(to, address, size).ok(); }
};

void put_prefix(Task& t, abi::TraceText& text) {
    if (live_threads() < 2) return;
    text.put("[pid ");
    text.decimal(t.tid);
    text.put("] ");
}

void write_line(TraceLine& l) {
    size_t n = l.text.text().size();
    l.buffer[n] = '\n';
    {
        SpinGuard g(output_lock);
        leave_begun();
        const size_t at = std::exchange(l.resumed_at, 0);
        const bool comma = at && at + 2 <= n && l.buffer[at] == ',' && l.buffer[at + 1] == ' ';
        if (at) log_text(l.buffer, at);
        log_text(l.buffer + at + 2 * comma, n + 1 - at - 2 * comma);
    }
    l.text.clear();
    l.open = false;
}

TraceLine* line_of(Task& t) {
    if (!t.trace_line) {
        auto l = make_ref<TraceLine>();
        if (!l) return nullptr;
        t.trace_line = std::move(*l);
    }
    return static_cast<TraceLine*>(t.trace_line.get());
}

/// The second part of a line whose first is out.
void begin_resumed(Task& t, TraceLine& l) {
    l.text.clear();
    put_prefix(t, l.text);
    const abi::SyscallInfo* info = abi::syscall_info(l.number);
    l.text.put("<... ");
    l.text.put(info ? info->name : "syscall");
    l.text.put(" resumed>");
    l.resumed_at = stops_in_arguments(l) ? l.text.text().size() : 0;
}

void on_signal(Task& t, const abi::Siginfo& info) {
    TraceLine* l = line_of(t);
    if (!l) return;
    l->text.clear();
    put_prefix(t, l->text);
    abi::format_signal(l->text, info);
    write_line(*l);
}

void on_end(Task& t, u32 status) {
    TraceLine* l = line_of(t);
    if (!l) return;
    if (l->open) { // it ends in the middle of a call
        if (take_back(*l)) begin_resumed(t, *l);
        l->text.put(" <unfinished ...>) = ?");
        write_line(*l);
    }
    l->text.clear();
    put_prefix(t, l->text);
    abi::format_exit(l->text, status);
    write_line(*l);
}

} // namespace

void trace_init() {
    trace_signal = on_signal;
    trace_end = on_end;
}

void trace_entry(Task& t, TrapFrame& f) {
    TraceLine* l = line_of(t);
    if (!l) return;
    ProgramReader memory;
    const u64 regs[6] = {f.rdi, f.rsi, f.rdx, f.r10, f.r8, f.r9};
    for (int i = 0; i < 6; ++i) l->regs[i] = regs[i];
    l->number = f.orig_rax;
    l->text.clear();
    put_prefix(t, l->text);
    l->state = abi::format_call_entry(l->text, l->number, l->regs, memory);
    l->open = true;
    if (l->number == u64(abi::number::exit) || l->number == u64(abi::number::exit_group)) {
        l->text.put(") = ?");
        write_line(*l);
        return;
    }
    SpinGuard g(output_lock);
    leave_begun();
    begun = l;
}

void trace_exit(Task& t, TrapFrame&, abi::Outcome o) {
    TraceLine* l = line_of(t);
    if (!l || !l->open) return;
    ProgramReader memory;
    if (o.is_no_return() && l->number == u64(abi::number::execve)) o = abi::Outcome(0); // strace shows a success so
    if (take_back(*l)) begin_resumed(t, *l);
    abi::format_call_exit(l->text, l->number, l->regs, o, l->state, memory);
    write_line(*l);
}

} // namespace linnet
