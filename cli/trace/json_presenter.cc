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

// `NAME(ARGUMENTS`, without the parenthesis that closes.
Json arguments_of(std::string_view text) {
    const auto open = text.find('(');
    return split_arguments(open == std::string_view::npos ? std::string_view() : text.substr(open + 1));
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

void JsonPresenter::unfinished_call(int tid, const Call& call) {
    if (!options_.statuses.unfinished)
        return;
    Json object = head("call", seconds(call.began_ns), call.pid, tid);
    object["name"] = call_name(call.number);
    object["args"] = arguments_of(call.text);
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
    case TraceKind::entry: calls_[r.tid] = {event.text, r.number, r.time_ns, r.pid}; return;
    case TraceKind::exit: {
        auto found = calls_.find(r.tid);
        // execve of a thread that is not the first returns under the first one's number.
        if (found == calls_.end())
            found = std::find_if(calls_.begin(), calls_.end(), [&](const auto& c) { return c.second.pid == r.pid && c.second.number == r.number; });
        if (found == calls_.end() || found->second.number != r.number)
            return;
        const Call call = std::move(found->second);
        calls_.erase(found);
        const bool failed = is_failure(r.result);
        if (!(failed ? options_.statuses.failed : options_.statuses.successful))
            return;
        const abi::Outcome outcome = abi::Outcome::from_raw(r.result);
        const ExitText text = split_exit_text(event.text);
        Json object = head("call", seconds(call.began_ns), r.pid, r.tid);
        object["name"] = call_name(r.number);
        object["args"] = arguments_of(call.text + std::string(text.arguments));
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
            unfinished_call(r.tid, found->second);
            calls_.erase(found);
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
