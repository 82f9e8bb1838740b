#include "cli/compare/trace_file.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "cli/compare/call_text.h"

namespace linnet::cli {
namespace {

constexpr std::string_view unfinished = " <unfinished ...>";

bool is_name_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// "openat(", "--- SIG", "+++ exited", "<... read resumed>"
bool looks_like_trace(std::string_view text) {
    if (text.starts_with("--- ") || text.starts_with("+++ ") || text.starts_with("<... "))
        return true;
    std::size_t n = 0;
    while (n < text.size() && is_name_char(text[n]))
        ++n;
    return n && n < text.size() && text[n] == '(' && !std::isdigit(static_cast<unsigned char>(text[0]));
}

// A number at the start, at most 10 digits; taken off.
long take_number(std::string_view& text) {
    long value = 0;
    std::size_t n = 0;
    while (n < text.size() && n < 10 && std::isdigit(static_cast<unsigned char>(text[n])))
        value = value * 10 + (text[n++] - '0');
    text.remove_prefix(n);
    return value;
}

void skip_blanks(std::string_view& text) {
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
}

// The process number of "12  read(" or "[pid 12] read(", taken off; 0 if there is none.
long take_pid(std::string_view& text) {
    const std::string_view whole = text;
    long pid = 0;
    if (text.starts_with("[pid ")) {
        text.remove_prefix(5);
        skip_blanks(text);
        pid = take_number(text);
        if (text.starts_with(']'))
            text.remove_prefix(1);
        else
            text = whole;
    } else if (!text.empty() && std::isdigit(static_cast<unsigned char>(text[0]))) {
        pid = take_number(text);
        if (!text.starts_with(' '))
            text = whole;
    }
    if (text.size() == whole.size())
        return 0;
    skip_blanks(text);
    return pid;
}

// strace sets the result apart from the call: "close(3)       = 0".
std::string without_padding(std::string text) {
    const std::size_t at = result_position(text);
    if (at == std::string::npos)
        return text;
    std::size_t from = at;
    while (from > 0 && text[from - 1] == ' ')
        --from;
    return text.replace(from, at - from, " ");
}

// Threads by number, while some lines bear none: the last one alive alone has written those.
class Living {
public:
    long resolve(long pid) {
        if (pid) {
            last_ = pid;
            alive_.insert(pid);
            return pid;
        }
        return alive_.size() == 1 ? *alive_.begin() : alive_.empty() ? 0 : last_;
    }
    void note(long pid, std::string_view text) {
        if (text.starts_with("+++ exited") || text.starts_with("+++ killed"))
            alive_.erase(pid);
    }

private:
    std::set<long> alive_;
    long last_ = 0;
};

} // namespace

std::vector<TraceLine> read_trace(std::string_view text) {
    std::vector<TraceLine> lines;
    std::map<long, std::string> begun; // first parts, by thread
    Living living;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!line.empty() && line.back() == '\r')
            line.remove_suffix(1);
        std::string_view rest = line;
        long pid = take_pid(rest);
        if (!looks_like_trace(rest))
            continue;
        pid = living.resolve(pid);
        std::string whole;
        if (rest.starts_with("<... ")) {
            const std::size_t close = rest.find(" resumed>");
            const auto first = begun.find(pid);
            if (close != std::string_view::npos && first != begun.end()) {
                whole = first->second + std::string(rest.substr(close + 9));
                begun.erase(first);
            } else {
                whole = rest;
            }
        } else {
            whole = rest;
        }
        if (whole.ends_with(unfinished)) {
            begun[pid] = whole.substr(0, whole.size() - unfinished.size());
            continue;
        }
        // A thread that ended inside of its call.
        if (const std::size_t at = whole.rfind(" <unfinished ...>) = ?"); at != std::string::npos)
            whole.erase(at, unfinished.size());
        living.note(pid, whole);
        lines.push_back({pid, without_padding(std::move(whole))});
    }
    return lines;
}

Trace by_thread(std::vector<TraceLine> lines, unsigned executions) {
    Trace trace;
    if (lines.empty())
        return trace;
    const long first = lines.front().pid;
    std::size_t from = 0;
    for (std::size_t i = 0; i < lines.size() && executions; ++i) {
        if (lines[i].pid != first)
            continue;
        const CallText call = parse_call(lines[i].text);
        if (call.name == "execve" && call.result == "0") {
            from = i + 1;
            --executions;
        }
    }
    lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(from));

    trace.labels[first] = "1";
    // The maker's line stands behind its children's when it was resumed late: children are named until nothing is left to name.
    std::map<long, unsigned> made;
    std::vector<bool> named(lines.size());
    for (bool again = true; again;) {
        again = false;
        for (std::size_t i = 0; i < lines.size(); ++i) {
            if (named[i] || !trace.labels.contains(lines[i].pid))
                continue;
            named[i] = true;
            const CallText call = parse_call(lines[i].text);
            if (call.name != "clone" && call.name != "clone3" && call.name != "fork" && call.name != "vfork")
                continue;
            const long child = call.number_result();
            if (child <= 0)
                continue;
            trace.several_threads = trace.several_threads || lines[i].text.find("CLONE_THREAD") != std::string::npos;
            std::string label = trace.labels[lines[i].pid] + "." + std::to_string(++made[lines[i].pid]);
            again = trace.labels.emplace(child, std::move(label)).second || again;
        }
    }
    std::map<long, std::size_t> index;
    for (TraceLine& line : lines) {
        auto [at, is_new] = index.emplace(line.pid, trace.threads.size());
        if (is_new) {
            const auto label = trace.labels.find(line.pid);
            trace.threads.push_back({label == trace.labels.end() ? "?" + std::to_string(line.pid) : label->second, line.pid, {}});
        }
        trace.threads[at->second].lines.push_back(std::move(line.text));
    }
    const auto key = [](const std::string& label) {
        std::vector<unsigned long> parts;
        for (std::size_t i = 0; i < label.size();) {
            unsigned long n = 0;
            while (i < label.size() && std::isdigit(static_cast<unsigned char>(label[i])))
                n = n * 10 + static_cast<unsigned long>(label[i++] - '0');
            parts.push_back(n);
            ++i;
        }
        return parts;
    };
    std::ranges::stable_sort(trace.threads, [&](const ThreadTrace& a, const ThreadTrace& b) { return key(a.label) < key(b.label); });
    return trace;
}

} // namespace linnet::cli
