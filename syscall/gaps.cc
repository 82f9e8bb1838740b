// The table of gaps only grows, and has a bound: programs must not be able to fill memory. A gap that is known costs a look-up without a lock
// and two stores.
#include "syscall/gaps.h"

#include <atomic>

#include "kernel/lib/format.h"
#include "kernel/lib/proc_file.h"
#include "kernel/lib/string.h"
#include "kernel/sync/spinlock.h"
#include "kernel/task/task.h"
#include "kernel/time/clock.h"
#include "net/socket.h"
#include "syscall/gap_caller.h"
#include "vfs/tty/stdio.h"

namespace linnet {

using abi::TraceText;

namespace {

constexpr size_t kMaxGaps = 256;
constexpr size_t kMaxOfText = 96;         // files and file systems among them
constexpr size_t kMaxUnknownCalls = 32;   // numbers that are no call's
constexpr size_t kSlots = 512;            // of the hash table; a power of two
constexpr size_t kTextBytes = 80;         // with NUL
constexpr u64 kSoonNs = kNsPerSec;        // a process that ends this long after it asked died soon after

struct Gap {
    GapKind kind;
    Errno error;
    u64 a, b, c;
    std::atomic<u64> count{0};
    std::atomic<u64> last{0};   // who asked last, and when: last_word()
    std::atomic<u64> death{0};  // the first process that died soon after: PID, wait4's status in the low half; 0: none
    Caller caller;              // the first that asked
    char text[kTextBytes];
};

std::atomic<Gap*> slots[kSlots];
std::atomic<Gap*> in_order[kMaxGaps]; // of the first asking
SpinLock<Rank::MiscSpin> lock; // additions
size_t total GUARDED_BY(lock), of_text GUARDED_BY(lock), unknown_calls GUARDED_BY(lock);
std::atomic<u64> others{0}; // asked for, with no room left

u64 last_word(i32 pid, u64 ns) { return u64(pid) << 48 | (ns >> 10 & 0xffff'ffff'ffff); }

u64 hash_of(GapKind kind, u64 a, u64 b, u64 c, const char* text) {
    constexpr u64 kMix = 0x9e3779b97f4a7c15;
    u64 h = u64(kind) + 1;
    for (u64 v : {a, b, c}) h = (h ^ v) * kMix, h ^= h >> 29;
    for (; *text; ++text) h = (h ^ u8(*text)) * kMix, h ^= h >> 29;
    return h;
}

bool same(const Gap& g, GapKind kind, u64 a, u64 b, u64 c, const char* text) {
    return g.kind == kind && g.a == a && g.b == b && g.c == c && !strcmp(g.text, text);
}

/// The gap, or null; `at` is its slot, or the free one where it belongs.
Gap* find(GapKind kind, u64 a, u64 b, u64 c, const char* text, size_t& at) {
    for (at = hash_of(kind, a, b, c, text) % kSlots;; at = (at + 1) % kSlots) {
        Gap* g = slots[at].load(std::memory_order_acquire);
        if (!g || same(*g, kind, a, b, c, text)) return g;
    }
}

bool is_full(bool has_text, bool unknown_call) REQUIRES(lock) {
    return total == kMaxGaps || (has_text && of_text == kMaxOfText) || (unknown_call && unknown_calls == kMaxUnknownCalls);
}

/// Null: there is no room, or no memory.
Gap* add(GapKind kind, u64 a, u64 b, u64 c, const char* text, Errno error) {
    const bool has_text = *text;
    const bool unknown_call = kind == GapKind::Call && !abi::syscall_info(a);
    {
        SpinGuard g(lock);
        if (is_full(has_text, unknown_call)) return nullptr;
    }
    void* memory = kmalloc(sizeof(Gap));
    if (!memory) return nullptr;
    Gap* fresh = new (memory) Gap{.kind = kind, .error = error, .a = a, .b = b, .c = c, .caller = {}, .text = {}};
    memcpy(fresh->text, text, strlen(text) + 1);
    find_caller(fresh->caller);
    Gap* known;
    {
        SpinGuard g(lock);
        size_t at;
        known = find(kind, a, b, c, text, at);
        if (!known && !is_full(has_text, unknown_call)) {
            slots[at].store(fresh, std::memory_order_release);
            in_order[total++].store(fresh, std::memory_order_release);
            of_text += has_text;
            unknown_calls += unknown_call;
            return fresh;
        }
    }
    kfree(memory);
    return known;
}

void count(GapKind kind, u64 a, u64 b, u64 c, const char* text, Errno error) {
    size_t at;
    Gap* g = find(kind, a, b, c, text, at);
    if (!g) [[unlikely]] {
        g = add(kind, a, b, c, text, error);
        if (!g) {
            others.fetch_add(1, std::memory_order_relaxed);
            return;
        }
    }
    g->count.fetch_add(1, std::memory_order_relaxed);
    if (const Task* t = current_or_null()) g->last.store(last_word(t->process->pid, monotonic_ns()), std::memory_order_relaxed);
}

/// f(Gap&) for each; it stops when that gives false.
template <class F>
void for_each_gap(F&& f) {
    for (auto& place : in_order) {
        Gap* g = place.load(std::memory_order_acquire);
        if (!g || !f(*g)) return;
    }
}

/// A process has ended. Gaps that it asked for last, and a moment ago, are marked if its end was no good one.
void note_end(Process& p, u32 status) {
    if (!status) return;
    const u64 now = last_word(p.pid, monotonic_ns());
    for_each_gap([&](Gap& g) {
        const u64 last = g.last.load(std::memory_order_relaxed);
        if (last >> 48 == u64(p.pid) && last <= now && now - last <= kSoonNs >> 10) {
            u64 none = 0;
            g.death.compare_exchange_strong(none, u64(p.pid) << 32 | status, std::memory_order_relaxed);
        }
        return true;
    });
}

const char* error_name(Errno e) {
    const char* name = errno_name(e);
    return name ? name : "-";
}

/// One word of a line of /proc: blanks and backslashes in octal.
void put_word(GrowingText& out, const char* s) {
    if (!*s) out.put('-');
    for (; *s; ++s) {
        if (u8(*s) <= ' ' || u8(*s) >= 0x7f || *s == '\\') out.append("\\%03o", u8(*s));
        else out.put(*s);
    }
}

Result<void> show(GrowingText& out, u64) {
    for_each_gap([&](const Gap& g) {
        char name[256];
        TraceText text(name, sizeof name - 1);
        abi::put_gap_name(text, g.kind, g.a, g.b, g.c, g.text);
        name[text.text().size()] = 0;
        out.append("%s ", abi::gap_kind_name(g.kind));
        put_word(out, name);
        out.append(" %lu %s %d ", g.count.load(std::memory_order_relaxed), error_name(g.error), g.caller.pid);
        put_word(out, g.caller.name);
        const CodePlace& p = g.caller.places[0];
        const char* path = code_path(p.path);
        out.put(' ');
        if (path) put_word(out, path);
        out.append(path ? "+%#lx" : "%#lx", path ? p.offset : p.address);
        const u32 death = u32(g.death.load(std::memory_order_relaxed));
        if (!death) out.put(" -\n");
        else if (death & 0x7f) out.append(" signal:%u\n", death & 0x7f);
        else out.append(" exit:%u\n", death >> 8 & 0xff);
        return !out.failed();
    });
    if (const u64 rest = others.load(std::memory_order_relaxed)) out.append("other - %lu - 0 - 0 -\n", rest);
    return {};
}

const ProcFile files[] = {{"proc/linnet/gaps", 0400, show}}; // places in other users' programs

// ---- to the host -------------------------------------------------------------------------------------------------

constexpr size_t kLineBytes = 1536;
std::atomic<bool> reporting{false};
char line_bytes[kLineBytes]; // the reporter's

/// A line that is being made. What does not fit is cut, and the line is not sent.
class Line {
  public:
    Line() : text_(line_bytes, kLineBytes) {}
    void append(const char* format, ...) __attribute__((format(printf, 2, 3))) {
        char piece[160];
        va_list ap;
        va_start(ap, format);
        size_t n = format_va(piece, sizeof piece, format, ap);
        va_end(ap);
        text_.put(piece, n < sizeof piece ? n : sizeof piece - 1);
    }
    void quoted(const char* s) {
        text_.put(" \"", 2);
        for (; *s; ++s) {
            const u8 c = u8(*s);
            if (c == '"' || c == '\\') text_.put('\\'), text_.put(*s);
            else if (c < ' ' || c >= 0x7f) append("\\x%02x", c);
            else text_.put(*s);
        }
        text_.put('"');
    }
    /// False: the host takes no more.
    bool send() {
        if (text_.truncated()) return true;
        text_.put('\n');
        return text_.truncated() || write_to_host(line_bytes, text_.length());
    }

  private:
    TextBuffer text_;
};

bool send_gap(const Gap& g, u32 number) {
    Line line;
    const u64 death = g.death.load(std::memory_order_relaxed);
    line.append("gap %u %s %#lx %#lx %#lx %lu %d", number, abi::gap_kind_name(g.kind), g.a, g.b, g.c, g.count.load(std::memory_order_relaxed),
                int(g.error));
    line.append(" %d %u %u %d", g.caller.pid, u32(death >> 32), u32(death), g.caller.frame_slot);
    line.quoted(g.caller.name);
    line.quoted(g.text);
    for (u32 i = 0; i < g.caller.count; ++i) {
        const CodePlace& p = g.caller.places[i];
        line.append(" %d:%#lx:%#lx:%u:%u", p.slot == kNoSlot ? -1 : int(p.slot), p.address, p.offset, p.path, p.in_chain ? 1u : 0u);
    }
    return line.send();
}

bool send_all(u64 request) {
    {
        Line line;
        line.append("gap begin %lu", request);
        if (!line.send()) return false;
    }
    for (u16 i = 1; const char* path = code_path(i); ++i) {
        Line line;
        line.append("gap path %u", i);
        line.quoted(path);
        if (!line.send()) return false;
    }
    u32 number = 0;
    bool taken = true;
    for_each_gap([&](const Gap& g) { return taken = send_gap(g, ++number); });
    if (!taken) return false;
    Line line;
    line.append("gap end %lu %u %lu", request, number, others.load(std::memory_order_relaxed));
    return line.send();
}

bool contains(const char* text, const char* part) {
    const size_t n = strlen(part);
    for (; *text; ++text)
        if (!strncmp(text, part, n)) return true;
    return false;
}

} // namespace

void count_gap(GapKind kind, u64 a, u64 b, u64 c, Errno error) { count(kind, a, b, c, "", error); }

void count_missing_file(const char* path, Errno error) {
    const bool proc = !strncmp(path, "/proc/", 6);
    if (!proc && strncmp(path, "/sys/", 5) && strncmp(path, "/dev/", 5)) return;
    char of_process[kTextBytes];
    if (proc && path[6] >= '0' && path[6] <= '9') {
        i32 pid = 0;
        const char* rest = path + 6;
        for (; *rest >= '0' && *rest <= '9' && pid <= kPidMax; ++rest) pid = pid * 10 + (*rest - '0');
        if (*rest != '/' || !find_process(pid)) return; // gone, or never there
        format(of_process, sizeof of_process, "/proc/PID%s", rest);
        path = of_process;
    }
    // They come and go with what a process has.
    if (proc && (contains(path, "/fd/") || contains(path, "/fdinfo/") || contains(path, "/task/") || contains(path, "/map_files/"))) return;
    // What programs themselves put there.
    for (const char* own : {"/dev/shm/", "/dev/mqueue/", "/dev/log", "/proc/linnet/"})
        if (!strncmp(path, own, strlen(own))) return;
    if (strlen(path) < kTextBytes) count(GapKind::File, 0, 0, 0, path, error);
}

void count_missing_filesystem(const char* type, Errno error) {
    if (*type && strlen(type) < kTextBytes) count(GapKind::Filesystem, 0, 0, 0, type, error);
}

void report_gaps(u64 request, bool last) {
    while (reporting.exchange(true, std::memory_order_acquire)) {
        if (!last) return;
        __builtin_ia32_pause(); // kernel code is not preempted: the other CPU comes to its end
    }
    (void)send_all(request); // a host that takes no more reads no later line either
    if (!last) reporting.store(false, std::memory_order_release);
}

void init_gaps() {
    (void)register_proc_files(files); // the list is full: counted, and not shown there
    process_ended = note_end;
    proc_write_refused = [](const char* path) {
        char whole[kTextBytes];
        if (format(whole, sizeof whole, "/%s", path) < sizeof whole) count_missing_file(whole, EACCES);
    };
    netlink_refused = [](int protocol, u32 type, Errno e) { count_gap(GapKind::Netlink, u32(protocol), type, 0, e); };
}

} // namespace linnet
