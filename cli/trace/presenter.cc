#include "cli/trace/presenter.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <set>
#include <utility>

#include "cli/trace/call_names.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

using abi::TraceKind;

constexpr std::string_view unfinished = " <unfinished ...>";

// Their results stand behind the arguments, which strace's decoder has all shown before the call.
bool shows_results_later(std::uint32_t number) {
    static const std::set<int> calls = {call_number("poll"), call_number("ppoll"), call_number("select"), call_number("pselect6")};
    return calls.contains(static_cast<int>(number));
}

bool is_exec(std::uint32_t number) {
    static const std::set<int> calls = {call_number("execve"), call_number("execveat")};
    return calls.contains(static_cast<int>(number));
}

} // namespace

ExitText split_exit_text(const TraceEvent& exit) {
    const std::string_view text = exit.text, result = ") = ";
    auto at = text.rfind(result);
    if (exit.record.flags & abi::trace_flag_cut) { // the last one may be in a string that has no end
        at = std::string_view::npos;
        bool quoted = false;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] == '"')
                quoted = !quoted;
            else if (quoted && text[i] == '\\')
                ++i; // what it escapes is no quote
            else if (!quoted && text.substr(i).starts_with(result))
                at = i;
        }
    }
    if (at == std::string_view::npos)
        return {text, {}};
    return {text.substr(0, at), text.substr(at + result.size())};
}

bool KeptLimits::allow_thread(std::size_t threads) {
    if (threads < most_threads)
        return true;
    if (!std::exchange(told_threads_, true))
        writer_.message(concat("linnet: more than ", most_threads, " threads at a time: the trace leaves some of them out"));
    return false;
}

bool KeptLimits::take_text(std::size_t bytes) {
    if (bytes <= most_text_bytes - text_bytes_) {
        text_bytes_ += bytes;
        return true;
    }
    if (!std::exchange(told_text_, true))
        writer_.message(concat("linnet: more than ", most_text_bytes >> 20, " MiB of calls at a time: the trace leaves some of them out"));
    return false;
}

bool is_failure(std::int64_t result) { return result < 0 && result >= -4095; }

// Null: there are too many.
StracePresenter::Thread* StracePresenter::thread(const abi::TraceRecord& record) {
    if (const auto known = threads_.find(record.tid); known != threads_.end())
        return &known->second;
    if (!limits_.allow_thread(threads_.size()))
        return nullptr;
    Thread& t = threads_[record.tid];
    t.tid = record.tid;
    t.pid = record.pid;
    ++living_[t.pid];
    return &t;
}

void StracePresenter::put(Thread& t, std::string_view text) {
    t.column += text.size();
    if (!staging() || !t.in_call)
        writer_.write(t.tid, text);
    else if (limits_.take_text(text.size()))
        t.staged += text;
}

void StracePresenter::end_line(Thread& t) {
    put(t, "\n");
    t.column = 0;
    writing_ = 0;
}

// Another line is about to be written: one that was begun ends here, and goes on later.
void StracePresenter::leave_begun_line(const Thread& next) {
    const auto begun = threads_.find(options_.separate ? next.tid : writing_);
    if (begun == threads_.end() || !has_begun_line(begun->second))
        return;
    writer_.write(begun->second.tid, std::string(unfinished) + "\n");
    begun->second.column = 0;
}

void StracePresenter::begin_line(Thread& t, std::uint64_t time_ns) {
    leave_begun_line(t);
    writing_ = t.tid;
    t.column = 0;
    char text[96];
    if (!options_.output.empty() && options_.follow && !options_.separate) {
        std::snprintf(text, sizeof text, "%-5d ", t.tid);
        put(t, text);
    } else if (options_.output.empty() && threads_.size() > 1) {
        std::snprintf(text, sizeof text, "[pid %5d] ", t.tid);
        put(t, text);
    }
    if (options_.timestamp != Timestamp::none) {
        const std::uint64_t real_ns = time_ns + static_cast<std::uint64_t>(realtime_offset_ns_);
        const std::time_t seconds = static_cast<std::time_t>(real_ns / 1'000'000'000);
        const long microseconds = static_cast<long>(real_ns % 1'000'000'000 / 1000);
        std::tm local{};
        char clock[32];
        if (options_.timestamp == Timestamp::unix_microseconds || !::localtime_r(&seconds, &local))
            std::snprintf(clock, sizeof clock, "%lld", static_cast<long long>(seconds));
        else
            std::strftime(clock, sizeof clock, "%T", &local);
        if (options_.timestamp == Timestamp::seconds)
            std::snprintf(text, sizeof text, "%s ", clock);
        else
            std::snprintf(text, sizeof text, "%s.%06ld ", clock, microseconds);
        put(t, text);
    }
    if (options_.relative) {
        // Records of two CPUs may overtake each other by less than a call takes.
        const std::uint64_t since = last_ns_ && time_ns > last_ns_ ? time_ns - last_ns_ : 0;
        last_ns_ = std::max(last_ns_, time_ns);
        const bool both = options_.timestamp != Timestamp::none;
        std::snprintf(text, sizeof text, "%s%6llu.%06llu%s ", both ? "(+" : "", static_cast<unsigned long long>(since / 1'000'000'000),
                      static_cast<unsigned long long>(since % 1'000'000'000 / 1000), both ? ")" : "");
        put(t, text);
    }
}

// Results stand in one column, where the arguments leave it free.
void StracePresenter::pad(Thread& t) {
    put(t, ") ");
    if (t.column < options_.column)
        put(t, std::string(options_.column - t.column, ' '));
    put(t, "= ");
}

void StracePresenter::enter(Thread& t, const TraceEvent& event) {
    t.in_call = true;
    t.number = event.record.number;
    t.began_ns = event.record.time_ns;
    t.more = event.record.flags & abi::trace_flag_more;
    if (!options_.lines)
        return;
    begin_line(t, event.record.time_ns);
    if (options_.numbers) {
        char text[16];
        std::snprintf(text, sizeof text, "[%4u] ", t.number);
        put(t, text);
    }
    put(t, event.text);
    if (event.record.flags & abi::trace_flag_cut)
        put(t, "...");
    t.comma = t.more && !event.text.ends_with('(');
    if (t.comma)
        put(t, ", ");
}

void StracePresenter::resume(Thread& t, std::uint64_t time_ns) {
    const bool reprint = std::exchange(t.reprint, false);
    if (t.column && !reprint && (options_.separate || writing_ == t.tid || staging()))
        return;
    begin_line(t, time_ns);
    put(t, concat("<... ", call_name(t.number), " resumed>"));
}

// What -e status= lets through is written when the line is whole.
void StracePresenter::unstage(Thread& t, bool shown) {
    t.in_call = false;
    const std::string line = std::exchange(t.staged, {});
    limits_.give_text(line.size());
    if (!staging() || !shown || line.empty())
        return;
    writer_.write(t.tid, line);
}

void StracePresenter::leave(Thread& t, const TraceEvent& event) {
    const abi::TraceRecord& record = event.record;
    const bool failed = is_failure(record.result);
    const std::uint64_t wall_ns = record.time_ns > t.began_ns ? record.time_ns - t.began_ns : 0;
    if (options_.summary)
        summary_.add(record.number, options_.wall_clock ? wall_ns : record.cpu_ns, failed);
    if (options_.lines) {
        resume(t, record.time_ns);
        ExitText text = split_exit_text(event);
        const bool cut = record.flags & abi::trace_flag_cut;
        if (t.comma && text.arguments.starts_with(", "))
            text.arguments.remove_prefix(2);
        put(t, text.arguments);
        if (cut && text.result.empty() && !text.arguments.empty())
            put(t, "...");
        pad(t);
        if (text.result.empty()) // it was cut off
            put(t, failed ? "-1 " : "");
        put(t, text.result.empty() ? concat(failed ? -record.result : record.result) : concat(text.result, cut ? "..." : ""));
        if (options_.durations) {
            char duration[48];
            std::snprintf(duration, sizeof duration, " <%llu.%06llu>", static_cast<unsigned long long>(wall_ns / 1'000'000'000),
                          static_cast<unsigned long long>(wall_ns % 1'000'000'000 / 1000));
            put(t, duration);
        }
        end_line(t);
    }
    unstage(t, failed ? options_.statuses.failed : options_.statuses.successful);
}

// The thread ends in the middle of a call.
void StracePresenter::give_up_call(Thread& t, std::uint64_t time_ns) {
    if (options_.lines) {
        resume(t, time_ns);
        if (t.more || shows_results_later(t.number))
            put(t, unfinished);
        pad(t);
        put(t, "?");
        end_line(t);
    }
    unstage(t, options_.statuses.unfinished);
}

void StracePresenter::forget(int tid) {
    const auto at = threads_.find(tid);
    if (at == threads_.end())
        return;
    if (has_begun_line(at->second))
        writer_.write(tid, concat(unfinished, "\n"));
    if (writing_ == tid)
        writing_ = 0;
    limits_.give_text(at->second.staged.size());
    if (--living_[at->second.pid] == 0)
        living_.erase(at->second.pid);
    threads_.erase(at);
    writer_.close(tid);
}

void StracePresenter::show_end(Thread& t, const TraceEvent& event) {
    const std::uint32_t signal = event.record.number & 0x7f;
    const bool shown = signal == 0 ? !options_.quiet_exit : signal > 64 || options_.signals[signal];
    if (!options_.lines || !shown)
        return;
    begin_line(t, event.record.time_ns);
    put(t, event.text);
    end_line(t);
}

// The end of a process's first thread is seen when it is the last.
void StracePresenter::show_held_end(int pid) {
    const auto leader = threads_.find(pid);
    if (leader == threads_.end() || !leader->second.end || living_[pid] > 1)
        return;
    const TraceEvent event = std::move(*leader->second.end);
    show_end(leader->second, event);
    forget(pid);
}

void StracePresenter::end(Thread& t, const TraceEvent& event) {
    if (t.in_call)
        give_up_call(t, event.record.time_ns);
    const int tid = t.tid, pid = t.pid;
    if (tid == pid && living_[pid] > 1) {
        t.end = event;
        t.end->text.resize(std::min<std::size_t>(t.end->text.size(), 256)); // a signal's name is far shorter
        return;
    }
    show_end(t, event);
    forget(tid);
    show_held_end(pid);
}

// The thread that has executed a program, and goes on under its first thread's number. Null: none is in execve, or known at all.
const StracePresenter::Thread* StracePresenter::successor_of(const Thread& leader) const {
    const Thread* last = nullptr;
    for (const auto& [tid, other] : threads_) {
        if (tid == leader.tid || other.pid != leader.pid)
            continue;
        if (other.in_call && is_exec(other.number))
            return &other;
        last = &other;
    }
    return leader.end ? last : nullptr; // execve is not traced, and all other threads' ends have been told
}

// As strace does it, up to what it leaves out with -z, and to the line in two pieces where execve was not traced.
void StracePresenter::supersede(Thread& leader, std::uint64_t time_ns) {
    const Thread* const found = successor_of(leader);
    leader.end.reset();
    if (!found)
        return;
    Thread call = *found;
    if (has_begun_line(call)) {
        writer_.write(call.tid, concat(" <pid changed to ", leader.tid, " ...>\n"));
        threads_[call.tid].column = 0;
    }
    std::vector<int> others;
    for (const auto& [tid, other] : threads_) {
        if (tid != leader.tid && other.pid == leader.pid)
            others.push_back(tid);
    }
    for (const int tid : others)
        forget(tid);
    if (options_.lines && !options_.quiet_superseded) {
        begin_line(leader, time_ns);
        put(leader, concat("+++ superseded by execve in pid ", call.tid, " +++"));
        end_line(leader);
    }
    if (!call.in_call)
        return void(leader.reprint = options_.lines && !staging());
    leader.in_call = true;
    leader.more = call.more;
    leader.comma = call.comma;
    leader.number = call.number;
    leader.began_ns = call.began_ns;
}

void StracePresenter::take(const TraceEvent& event) {
    const abi::TraceRecord& record = event.record;
    // What is told of a first thread that had ended is of the one that has its number now.
    if (const auto ended = threads_.find(record.tid); ended != threads_.end() && ended->second.end)
        supersede(ended->second, record.time_ns);
    if (record.kind == TraceKind::attach)
        forget(record.tid); // one that had this number before, and executed a program
    Thread* const known = thread(record);
    if (!known)
        return;
    Thread& t = *known;
    switch (record.kind) {
    case TraceKind::start: realtime_offset_ns_ = record.result; return;
    case TraceKind::attach:
        if (options_.follow && !options_.quiet_attach)
            writer_.message(concat("linnet: Process ", record.tid, " attached"));
        return;
    case TraceKind::entry:
        if (t.in_call)
            give_up_call(t, record.time_ns); // its exit is missing
        return enter(t, event);
    case TraceKind::exit:
        if (!t.in_call && is_exec(record.number))
            supersede(t, record.time_ns);
        if (t.in_call && t.number == record.number)
            leave(t, event);
        return;
    case TraceKind::signal:
        if (!options_.lines || record.number > 64 || !options_.signals[record.number])
            return;
        begin_line(t, record.time_ns);
        put(t, event.text);
        end_line(t);
        return;
    case TraceKind::end: return end(t, event);
    }
}

void StracePresenter::finish() {
    std::vector<int> held;
    for (const auto& [tid, t] : threads_) {
        if (t.end)
            held.push_back(tid);
    }
    for (const int tid : held) { // the machine has ended before the others told of their ends
        Thread& t = threads_[tid];
        const TraceEvent event = std::move(*t.end);
        show_end(t, event);
        forget(tid);
    }
    while (!threads_.empty())
        forget(threads_.begin()->first);
    if (options_.summary)
        writer_.write(0, summary_.table(options_.sort));
}

} // namespace linnet::cli
