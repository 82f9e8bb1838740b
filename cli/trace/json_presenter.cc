#include "cli/trace/json_presenter.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "cli/trace/call_names.h"
#include "linux-abi/errno.h"
#include "linux-abi/syscall_outcome.h"

namespace linnet::cli {
namespace {

using abi::TraceKind;
using Json = nlohmann::ordered_json;

std::string line(const Json& object) { return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json head(const char* kind, double time, int pid, int tid) {
    return Json{{"time", time}, {"kind", kind}, {"pid", pid}, {"tid", tid}};
}

} // namespace

std::vector<std::string> split_arguments(std::string_view text) {
    std::vector<std::string> parts;
    std::string part;
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\' && i + 1 < text.size())
                part += text[i++]; // what it escapes is no quote
            else
                quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '(' || c == '[' || c == '{') {
            ++depth;
        } else if (c == ')' || c == ']' || c == '}') {
            --depth;
        } else if (c == ',' && depth <= 0) {
            parts.push_back(std::exchange(part, {}));
            if (i + 1 < text.size() && text[i + 1] == ' ')
                ++i;
            continue;
        }
        part += text[i];
    }
    if (!part.empty() || !parts.empty())
        parts.push_back(part);
    return parts;
}

double JsonPresenter::seconds(std::uint64_t monotonic_ns) const {
    return static_cast<double>(monotonic_ns + static_cast<std::uint64_t>(realtime_offset_ns_)) / 1e9;
}

// `rest`: those of the exit's text. What was cut is split alone, as it may end inside of a string.
std::vector<std::string> JsonPresenter::arguments_of(const Call& call, std::string_view rest, bool rest_is_cut) {
    const auto open = call.text.find('(');
    std::string begun = open == std::string::npos ? std::string() : call.text.substr(open + 1);
    std::vector<std::string> parts;
    if (call.cut) {
        parts = split_arguments(begun);
        if (parts.empty())
            parts.emplace_back();
        parts.back() += "...";
        if (rest.starts_with(", "))
            rest.remove_prefix(2);
        begun.clear();
    }
    for (std::string& part : split_arguments(begun.append(rest)))
        parts.push_back(std::move(part));
    if (rest_is_cut && !rest.empty() && !parts.empty())
        parts.back() += "...";
    return parts;
}

void JsonPresenter::begin_call(const TraceEvent& event) {
    const abi::TraceRecord& r = event.record;
    if (const auto old = calls_.find(r.tid); old != calls_.end()) // its exit is missing
        end_call(old);
    if (!limits_.allow_thread(calls_.size()))
        return;
    Call call{event.text, (r.flags & abi::trace_flag_cut) != 0, r.number, r.time_ns, r.pid};
    if (!limits_.take_text(call.text.size())) {
        call.text.clear();
        call.cut = true;
    }
    calls_.emplace(r.tid, std::move(call));
}

JsonPresenter::Call JsonPresenter::end_call(std::map<int, Call>::iterator call) {
    Call ended = std::move(call->second);
    limits_.give_text(ended.text.size());
    calls_.erase(call);
    return ended;
}

void JsonPresenter::unfinished_call(int tid, const Call& call) {
    if (!options_.statuses.unfinished)
        return;
    Json object = head("call", seconds(call.began_ns), call.pid, tid);
    object["name"] = call_name(call.number);
    object["args"] = arguments_of(call, {}, false);
    object["result"] = nullptr;
    object["text"] = "?";
    object["unfinished"] = true;
    writer_.write(tid, line(object));
}

void JsonPresenter::take(const TraceEvent& event) {
    const abi::TraceRecord& r = event.record;
    switch (r.kind) {
    case TraceKind::start: realtime_offset_ns_ = r.result; return;
    case TraceKind::attach: writer_.write(r.tid, line(head("attach", seconds(r.time_ns), r.pid, r.tid))); return;
    case TraceKind::entry: return begin_call(event);
    case TraceKind::exit: {
        auto found = calls_.find(r.tid);
        // execve of a thread that is not the first returns under the first one's number.
        if (found == calls_.end())
            found = std::find_if(calls_.begin(), calls_.end(), [&](const auto& c) { return c.second.pid == r.pid && c.second.number == r.number; });
        if (found == calls_.end() || found->second.number != r.number)
            return;
        const Call call = end_call(found);
        const bool failed = is_failure(r.result);
        if (!(failed ? options_.statuses.failed : options_.statuses.successful))
            return;
        const abi::Outcome outcome = abi::Outcome::from_raw(r.result);
        const ExitText text = split_exit_text(event);
        Json object = head("call", seconds(call.began_ns), r.pid, r.tid);
        object["name"] = call_name(r.number);
        object["args"] = arguments_of(call, text.arguments, r.flags & abi::trace_flag_cut && text.result.empty());
        if (outcome.is_restart() || outcome.is_no_return())
            object["result"] = nullptr;
        else
            object["result"] = failed ? -1 : r.result;
        object["text"] = text.result;
        if (failed && !outcome.is_restart()) {
            const char* name = errno_name(outcome.error());
            const char* why = errno_text(outcome.error());
            object["errno"] = name ? name : std::to_string(-r.result);
            object["error"] = why ? why : "";
        }
        object["duration"] = static_cast<double>(r.time_ns > call.began_ns ? r.time_ns - call.began_ns : 0) / 1e9;
        writer_.write(r.tid, line(object));
        return;
    }
    case TraceKind::signal: {
        if (r.number > 64 || !options_.signals[r.number])
            return;
        Json object = head("signal", seconds(r.time_ns), r.pid, r.tid);
        object["number"] = r.number;
        object["text"] = event.text;
        writer_.write(r.tid, line(object));
        return;
    }
    case TraceKind::end: {
        if (const auto found = calls_.find(r.tid); found != calls_.end()) {
            unfinished_call(r.tid, end_call(found));
        }
        Json object = head("exit", seconds(r.time_ns), r.pid, r.tid);
        if (r.number & 0x7f)
            object["signal"] = r.number & 0x7f;
        else
            object["status"] = r.number >> 8 & 0xff;
        writer_.write(r.tid, line(object));
        return;
    }
    }
}

// The machine has ended in the middle of what is left.
void JsonPresenter::finish() {
    for (const auto& [tid, call] : calls_)
        unfinished_call(tid, call);
    calls_.clear();
}

} // namespace linnet::cli
