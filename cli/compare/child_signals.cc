#include "cli/compare/child_signals.h"

#include <deque>
#include <map>

#include "cli/compare/call_text.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

// The number behind `name` (which ends with '='); 0 if it is not there.
long number_after(std::string_view text, std::string_view name) {
    const std::size_t at = text.find(name);
    if (at == std::string_view::npos)
        return 0;
    std::string_view digits = text.substr(at + name.size());
    digits = digits.substr(0, digits.find_first_not_of("0123456789"));
    return static_cast<long>(parse_number(digits, 0x7fffffff).value_or(0));
}

// The child that a wait has told of; 0: none.
long waited_child(const CallText& call) {
    if (call.name == "wait4")
        return std::max(0L, call.number_result());
    if (call.name == "waitid" && call.result == "0" && call.arguments.size() > 2)
        return number_after(call.arguments[2], "si_pid=");
    return 0;
}

class Thread {
public:
    Thread(const Trace& trace, std::map<std::string, bool>& handled) : trace_(trace), handled_(handled) {}

    void order(ThreadTrace& thread) {
        bool handles = handled_[thread.label];
        std::vector<std::string> rest;
        std::map<long, std::deque<std::string>> signals;
        for (std::string& line : thread.lines) {
            if (line.starts_with("--- SIGCHLD ") && !handles) {
                if (!rest.empty() && rest.back().find(") = ? ERESTART") != std::string::npos)
                    rest.pop_back();
                const long child = number_after(line, "si_pid=");
                signals[child].push_back(std::move(line));
                continue;
            }
            const CallText call = parse_call(line);
            if (call.name == "rt_sigaction" && call.result == "0" && call.arguments.size() > 1 && call.arguments[0] == "SIGCHLD" &&
                call.arguments[1] != "NULL")
                handles = call.arguments[1].find("sa_handler=SIG_") == std::string::npos;
            else if (call.name == "execve" && call.result == "0")
                handles = false;
            else if (const auto child = trace_.labels.find(call.number_result()); child != trace_.labels.end() && call.name.starts_with("clone"))
                handled_[child->second] = handles;
            rest.push_back(std::move(line));
        }
        thread.lines.clear();
        for (std::string& line : rest) {
            const long child = waited_child(parse_call(line));
            // An end is the last line of a thread.
            if (line.starts_with("+++ ")) {
                for (auto& [pid, left] : signals) {
                    for (std::string& signal : left)
                        thread.lines.push_back(std::move(signal));
                    left.clear();
                }
            }
            thread.lines.push_back(std::move(line));
            auto& left = signals[child];
            if (child && !left.empty()) {
                thread.lines.push_back(std::move(left.front()));
                left.pop_front();
            }
        }
        for (auto& [pid, left] : signals) {
            for (std::string& signal : left)
                thread.lines.push_back(std::move(signal));
        }
    }

private:
    const Trace& trace_;
    std::map<std::string, bool>& handled_; // by label: whether a thread begins with a handler
};

} // namespace

void order_child_signals(Trace& trace) {
    std::map<std::string, bool> handled;
    for (ThreadTrace& thread : trace.threads)
        Thread(trace, handled).order(thread);
}

} // namespace linnet::cli
