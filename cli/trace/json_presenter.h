// Events as JSON, one object a line, for programs.
#pragma once

#include <map>

#include "cli/trace/presenter.h"

namespace linnet::cli {

// "call": time (s since 1970), pid, tid, name, args (texts, as strace shows them), result (a number, or null while restarted or unfinished), text (the
// result as strace shows it), errno and error (where it failed), duration (s); "signal": name, text; "attach"; "exit": status, or signal.
class JsonPresenter final : public TracePresenter {
public:
    JsonPresenter(const TraceOptions& options, TraceWriter& writer) : options_(options), writer_(writer), limits_(writer) {}
    void take(const TraceEvent& event) override;
    void finish() override;

private:
    struct Call {
        std::string text; // `NAME(ARGUMENTS`
        bool cut = false; // in the middle of anything
        std::uint32_t number = 0;
        std::uint64_t began_ns = 0;
        int pid = 0;
    };
    double seconds(std::uint64_t monotonic_ns) const;
    static std::vector<std::string> arguments_of(const Call& call, std::string_view rest, bool rest_is_cut);
    void begin_call(const TraceEvent& event);
    Call end_call(std::map<int, Call>::iterator call);
    void unfinished_call(int tid, const Call& call);

    const TraceOptions& options_;
    TraceWriter& writer_;
    KeptLimits limits_;
    std::map<int, Call> calls_; // by thread
    std::int64_t realtime_offset_ns_ = 0;
};

// Splits the text between a call's parentheses at its commas, but not inside of brackets, braces, comments and strings.
std::vector<std::string> split_arguments(std::string_view text);

} // namespace linnet::cli
