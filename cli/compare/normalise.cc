#include "cli/compare/normalise.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>

#include "cli/compare/call_text.h"
#include "cli/compare/child_signals.h"
#include "cli/compare/normalise_rules.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

// The lowest address that a program can have (vm.mmap_min_addr), and the greatest number that is taken for a flag word or a size:
// programs without PIE stand at 0x400000.
constexpr std::uint64_t least_address = 0x400000;
// Numbers in hexadecimal that are known not to be addresses.
constexpr std::uint64_t known_numbers[] = {
    0x53053053, // glibc's signature of restartable sequences
    0x1021994,  // TMPFS_MAGIC
    0xffffffff,
};

bool word_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

std::size_t value_end(std::string_view text, std::size_t at) {
    std::size_t depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = skip_quoted(text, at);
            continue;
        }
        if (c == '(' || c == '[' || c == '{')
            ++depth;
        else if ((c == ')' || c == ']' || c == '}') && depth-- == 0)
            break;
        else if (c == ',' && depth == 0)
            break;
        ++at;
    }
    return at;
}

// Calls `replace` with the value of every field `name=`.
template <class Replace>
std::string map_field(std::string_view text, std::string_view name, Replace&& replace) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] == '"') {
            const std::size_t end = skip_quoted(text, i);
            out += text.substr(i, end - i);
            i = end;
            continue;
        }
        const bool starts = i == 0 || !word_char(text[i - 1]);
        if (!starts || !text.substr(i).starts_with(name) || i + name.size() >= text.size() || text[i + name.size()] != '=') {
            out += text[i++];
            continue;
        }
        i += name.size() + 1;
        const std::size_t end = value_end(text, i);
        out += name;
        out += '=';
        out += replace(text.substr(i, end - i));
        i = end;
    }
    return out;
}

// What a program has open, as far as the rules need it.
enum class Opened { machine_file, folder, random };

class Normaliser {
public:
    Normaliser(const Trace& trace, const NormaliseOptions& options)
        : trace_(trace), drop_(options.drop_scheduling && trace.several_threads) {}

    // Nothing: the line is left out.
    std::optional<std::string> line(std::string_view text) {
        CallText call = parse_call(text);
        if (call.name.empty())
            return generic(text, "");
        if (drop_) {
            for (const CallRule& rule : call_rules()) {
                if (rule.subject == Subject::drop && rule.call == call.name)
                    return std::nullopt;
            }
        }
        follow_files(call);
        for (const CallRule& rule : call_rules()) {
            if (rule.call == call.name)
                apply(rule, call);
        }
        if (call.name == "prlimit64" || call.name == "getrlimit" || call.name == "setrlimit")
            hide_limits(call);
        if (call.name == "time")
            call.tail.clear(); // the date
        if (call.name == "semctl" && call.arguments.size() > 2 && call.arguments[2] == "GETPID")
            call.result = process(call.result);
        // What is left of a time-out.
        if (const std::size_t left = call.tail.find("left {"); left != std::string::npos)
            call.tail.replace(left + 5, value_end(call.tail, left + 5) - left - 5, "TIME");
        return generic(call.text(), call.name);
    }

private:
    std::string process(std::string_view value) const {
        // "[12]" as a pointer to it, "-12" as a group.
        std::string_view digits = value;
        std::string before, after;
        if (digits.starts_with('[') && digits.ends_with(']') && digits.size() > 2) {
            before = "[", after = "]";
            digits = digits.substr(1, digits.size() - 2);
        }
        if (digits.starts_with('-')) {
            before += "-";
            digits.remove_prefix(1);
        }
        const auto number = parse_number(digits, 0x7fffffff);
        if (!number || *number == 0 || (*number == 1 && before.ends_with('-')))
            return std::string(value); // an error, "any child", an address
        const auto label = trace_.labels.find(static_cast<long>(*number));
        return before + (label == trace_.labels.end() ? "PID" : "T" + label->second) + after;
    }

    void apply(const CallRule& rule, CallText& call) const {
        std::string* place = nullptr;
        if (rule.place == result_place)
            place = call.result == "-1" || call.result == "?" ? nullptr : &call.result;
        else if (static_cast<std::size_t>(rule.place) < call.arguments.size())
            place = &call.arguments[static_cast<std::size_t>(rule.place)];
        if (!place)
            return;
        if (rule.subject == Subject::process || rule.subject == Subject::parent) {
            *place = rule.subject == Subject::parent && *place == "0" ? "PID" : process(*place);
            return;
        }
        if (rule.subject == Subject::timeout) {
            if (parse_number(*place, 0x7fffffff).value_or(0) > 0)
                *place = rule.word;
            return;
        }
        // An address, or NULL, says that there is nothing to hide.
        if (rule.subject == Subject::word && *place != "NULL" && !place->starts_with("0x"))
            *place = rule.word;
    }

    // Limits that Linux sets by the machine's memory, or its administrator by hand.
    static void hide_limits(CallText& call) {
        static constexpr std::string_view of_machine[] = {"RLIMIT_NPROC", "RLIMIT_NOFILE", "RLIMIT_MEMLOCK", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE", "RLIMIT_CORE"};
        const std::size_t which = call.name == "prlimit64" ? 1 : 0;
        if (call.arguments.size() < 2 || std::ranges::find(of_machine, call.arguments[which]) == std::end(of_machine))
            return;
        if (call.arguments.back().starts_with("{"))
            call.arguments.back() = "LIMITS";
    }

    std::string generic(std::string_view text, std::string_view call) const {
        std::string line(text);
        for (const FieldRule& rule : field_rules()) {
            if ((!rule.call.empty() && rule.call != call) || line.find(rule.field) == std::string::npos)
                continue;
            line = map_field(line, rule.field, [&](std::string_view value) {
                return rule.subject == Subject::process ? process(value) : std::string(rule.word);
            });
        }
        return ephemeral_ports(without_addresses(without_pointers(line)));
    }

    // The data of epoll events is a pointer, with programs that keep one there.
    static std::string without_pointers(std::string_view line) {
        return map_field(line, "data", [](std::string_view value) {
            const std::size_t at = value.find("u64=");
            const auto number = at == std::string_view::npos || !value.starts_with("{u32=") || !value.ends_with('}')
                                    ? std::optional<std::uint64_t>()
                                    : parse_number(value.substr(at + 4, value.size() - at - 5), std::uint64_t{1} << 48);
            return number && *number >= std::uint64_t{1} << 32 ? std::string("ADDR") : std::string(value);
        });
    }

    // Ports that the kernel chose: 32768 and up, by ip_local_port_range.
    static std::string ephemeral_ports(std::string line) {
        for (std::size_t at = 0; (at = line.find("htons(", at)) != std::string::npos;) {
            at += 6;
            std::size_t end = at;
            while (end < line.size() && std::isdigit(static_cast<unsigned char>(line[end])))
                ++end;
            const auto port = parse_number(std::string_view(line).substr(at, end - at), 65535);
            if (port && *port >= 32768)
                line.replace(at, end - at, "PORT");
        }
        return line;
    }

    // Data and sizes of files that the machine makes, and of folders.
    void follow_files(CallText& call) {
        const auto argument = [&](std::size_t i) { return i < call.arguments.size() ? call.arguments[i] : std::string(); };
        const long result = call.number_result();
        if (call.name == "close" || call.name == "dup2" || call.name == "dup3") {
            open_.erase(argument(call.name == "close" ? 0 : 1));
        } else if (call.name == "open" || call.name == "openat") {
            const std::string path = argument(call.name == "open" ? 0 : 1);
            open_.erase(call.result);
            if (result >= 0 && (path.starts_with("\"/proc/") || path.starts_with("\"/sys/") || path.starts_with("\"/etc/mtab")))
                open_[call.result] = Opened::machine_file;
            else if (result >= 0 && (path == "\"/dev/urandom\"" || path == "\"/dev/random\""))
                open_[call.result] = Opened::random;
            else if (result >= 0 && call.arguments.back().find("O_DIRECTORY") != std::string::npos)
                open_[call.result] = Opened::folder;
        } else if (call.name == "read" || call.name == "pread64") {
            const auto file = open_.find(argument(0));
            if (file == open_.end() || result < 0 || call.arguments.size() < 3)
                return;
            call.arguments[1] = file->second == Opened::random ? "RANDOM" : "DATA";
            if (file->second == Opened::machine_file && result > 0)
                call.result = "N";
        } else if (call.name == "getdents64" || call.name == "getdents") {
            // What a folder's entries take depends on the file system, and on how many fit.
            if (result > 0)
                call.result = "N";
        }
        // A folder's size is its file system's business.
        for (std::string& text : call.arguments) {
            if (text.find("S_IFDIR") != std::string::npos)
                text = with_field(with_field(text, "st_size", "SIZE"), "stx_size", "SIZE");
        }
    }

    const Trace& trace_;
    const bool drop_;
    std::map<std::string, Opened> open_;
};

} // namespace

std::string with_field(std::string_view text, std::string_view name, std::string_view word) {
    return map_field(text, name, [&](std::string_view) { return std::string(word); });
}

std::string without_addresses(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] == '"') {
            const std::size_t end = skip_quoted(text, i);
            out += text.substr(i, end - i);
            i = end;
            continue;
        }
        if ((i && word_char(text[i - 1])) || !text.substr(i).starts_with("0x")) {
            out += text[i++];
            continue;
        }
        std::size_t end = i + 2;
        std::uint64_t value = 0;
        while (end < text.size() && std::isxdigit(static_cast<unsigned char>(text[end]))) {
            const char c = text[end++];
            value = value << 4 | static_cast<std::uint64_t>(std::isdigit(static_cast<unsigned char>(c)) ? c - '0' : (c | 32) - 'a' + 10);
        }
        const bool address = value >= least_address && value < std::uint64_t{1} << 47 &&
                             std::ranges::find(known_numbers, value) == std::end(known_numbers);
        out += address ? "ADDR" : std::string(text.substr(i, end - i));
        i = end;
    }
    return out;
}

namespace {

// What ld.so takes before it has a thread pointer depends on the CPU: the more of the CPU's features it knows, the more folders of libraries it
// names (glibc-hwcaps).
void hide_early_memory(std::vector<std::string>& lines) {
    for (std::size_t i = 1; i < lines.size(); ++i) {
        constexpr std::string_view start = "mmap(NULL, ";
        if (!lines[i].starts_with("arch_prctl(ARCH_SET_FS, ") || !lines[i - 1].starts_with(start))
            continue;
        const std::size_t comma = lines[i - 1].find(',', start.size());
        if (comma != std::string::npos)
            lines[i - 1].replace(start.size(), comma - start.size(), "N");
    }
}

// Go's runtime preempts its threads by SIGURG, when they have run for 10 ms.
void drop_preemption(std::vector<std::string>& lines) {
    std::vector<std::string> rest;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (lines[i].starts_with("--- SIGURG ") && i + 1 < lines.size() && lines[i + 1].starts_with("rt_sigreturn(")) {
            ++i;
        } else if (lines[i].starts_with("tgkill(") && lines[i].find(", SIGURG)") != std::string::npos) {
            if (!rest.empty() && rest.back().starts_with("getpid("))
                rest.pop_back();
        } else {
            rest.push_back(std::move(lines[i]));
        }
    }
    lines = std::move(rest);
}

} // namespace

void normalise(Trace& trace, const NormaliseOptions& options) {
    if (options.drop_scheduling && trace.several_threads) {
        for (ThreadTrace& thread : trace.threads)
            drop_preemption(thread.lines);
    }
    order_child_signals(trace);
    for (ThreadTrace& thread : trace.threads) {
        Normaliser rules(trace, options);
        std::vector<std::string> lines;
        for (const std::string& line : thread.lines) {
            if (auto normal = rules.line(line))
                lines.push_back(std::move(*normal));
        }
        hide_early_memory(lines);
        thread.lines = std::move(lines);
    }
}

std::vector<std::string> normalise_rules() {
    std::vector<std::string> rules;
    for (const CallRule& rule : call_rules()) {
        const std::string place = rule.place == result_place ? "result" : concat("argument ", rule.place + 1);
        rules.push_back(concat(rule.call, " ", place, ": ", rule.subject == Subject::drop ? "left out" : rule.word.empty() ? "process" : rule.word,
                               " (", rule.reason, ")"));
    }
    for (const FieldRule& rule : field_rules())
        rules.push_back(concat(rule.field, "=: ", rule.subject == Subject::process ? "process" : rule.word, " (", rule.reason, ")"));
    rules.push_back("0x400000 to 0x7fffffffffff: ADDR (addresses are chosen at random)");
    rules.push_back("prlimit64, getrlimit: LIMITS of processes, files, locked memory, signals, queues, cores (the machine's)");
    rules.push_back("mmap before arch_prctl(ARCH_SET_FS): length N (what ld.so needs depends on the CPU's features)");
    rules.push_back("SIGURG with its rt_sigreturn, tgkill of SIGURG: left out where several threads run (Go's preemption by time)");
    rules.push_back("SIGCHLD without a handler: behind the wait for the child (a child's end and a wait are not ordered)");
    rules.push_back("data={u32=, u64=} of epoll events from 2^32 on: ADDR (a pointer of the program's)");
    rules.push_back("htons(32768) and up: PORT (chosen by the kernel)");
    rules.push_back("data of files below /proc and /sys: DATA, its length N (tells of the machine)");
    rules.push_back("st_size of folders, results of getdents: SIZE, N (the file system's business)");
    return rules;
}

} // namespace linnet::cli
