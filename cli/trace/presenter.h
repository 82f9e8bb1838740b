// Events as strace(1) shows them: lines, interrupted lines, the summary; or as JSON.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "cli/trace/record_stream.h"
#include "cli/trace/summary.h"
#include "cli/trace/trace_options.h"

namespace linnet::cli {

// Where a presenter writes.
class TraceWriter {
public:
    virtual ~TraceWriter() = default;
    // A piece of the trace of thread `tid`.
    virtual void write(int tid, std::string_view text) = 0;
    // Thread `tid` is over.
    virtual void close(int tid) = 0;
    // A whole line for the user.
    virtual void message(const std::string& line) = 0;
};

class TracePresenter {
public:
    virtual ~TracePresenter() = default;
    virtual void take(const TraceEvent& event) = 0;
    // No event will come.
    virtual void finish() = 0;
};

// The text of an exit record: what stands before `)`, and the result. The result comes last, and no result has ") = " in it; it is empty
// where the text was cut before it.
struct ExitText {
    std::string_view arguments, result;
};
ExitText split_exit_text(const TraceEvent& exit);

// Bounds of what a presenter keeps of threads and of their calls under way, whatever the guest sends. What is over them is left out, and one line
// says so.
class KeptLimits {
public:
    explicit KeptLimits(TraceWriter& writer) : writer_(writer) {}
    // One more thread than `threads`?
    bool allow_thread(std::size_t threads);
    // So much more text? It is counted then, until it is given back.
    bool take_text(std::size_t bytes);
    void give_text(std::size_t bytes) { text_bytes_ -= bytes; }

private:
    static constexpr std::size_t most_threads = 65536, most_text_bytes = 64 << 20;

    TraceWriter& writer_;
    std::size_t text_bytes_ = 0;
    bool told_threads_ = false, told_text_ = false;
};

bool is_failure(std::int64_t result); // errors and restarts

class StracePresenter final : public TracePresenter {
public:
    StracePresenter(const TraceOptions& options, TraceWriter& writer) : options_(options), writer_(writer), limits_(writer) {}
    void take(const TraceEvent& event) override;
    void finish() override;

private:
    struct Thread {
        int tid = 0, pid = 0;
        std::size_t column = 0;     // of what is written of its line; 0: no line is begun
        bool in_call = false;
        bool more = false;          // the exit part has arguments
        bool comma = false;         // and the comma before them is written
        bool reprint = false;       // the next result stands in a line of its own
        std::uint32_t number = 0;
        std::uint64_t began_ns = 0; // monotonic
        std::string staged;         // with -e status: the line so far
        std::optional<TraceEvent> end; // of a first thread, while others of its process still run
    };

    Thread* thread(const abi::TraceRecord& record);
    bool staging() const { return !options_.statuses.all(); }
    void put(Thread& t, std::string_view text);
    void end_line(Thread& t);
    void begin_line(Thread& t, std::uint64_t time_ns);
    void leave_begun_line(const Thread& next);
    bool has_begun_line(const Thread& t) const { return t.column && !(staging() && t.in_call); }
    void pad(Thread& t);
    void enter(Thread& t, const TraceEvent& event);
    void leave(Thread& t, const TraceEvent& event);
    void end(Thread& t, const TraceEvent& event);
    void show_end(Thread& t, const TraceEvent& event);
    void forget(int tid);
    void show_held_end(int pid);
    void give_up_call(Thread& t, std::uint64_t time_ns);
    void resume(Thread& t, std::uint64_t time_ns);
    void unstage(Thread& t, bool shown);
    const Thread* successor_of(const Thread& leader) const;
    void supersede(Thread& leader, std::uint64_t time_ns);

    const TraceOptions& options_;
    TraceWriter& writer_;
    KeptLimits limits_;
    std::map<int, Thread> threads_;
    std::map<int, std::size_t> living_; // threads of a process
    int writing_ = 0;               // whose line is begun; 0: nobody's
    std::int64_t realtime_offset_ns_ = 0;
    std::uint64_t last_ns_ = 0;     // of the line before, for -r
    CallSummary summary_;
};

} // namespace linnet::cli
