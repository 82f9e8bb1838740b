#include "cli/gaps/gap_names.h"

#include "linux-abi/gap.h"
#include "linux-abi/trace_names.h"

namespace linnet::cli {
namespace {

struct Signature {
    unsigned number;
    const char* text; // "Fd(Path path, OpenFlags flags, Mode mode)"
};
constexpr Signature signatures[] = {
#define SYSCALL(nr, name, type, status, note) {nr, #type},
#define SYSCALL_NONE(nr, name, type, error, note) {nr, #type},
#include "linux-abi/syscalls.def"
#undef SYSCALL
#undef SYSCALL_NONE
};

// The name of a call's argument, from 0; empty if there is none.
std::string argument_name(std::uint64_t number, std::uint64_t argument) {
    for (const Signature& signature : signatures) {
        if (signature.number != number)
            continue;
        const std::string_view text = signature.text;
        std::size_t start = text.find('(') + 1;
        int depth = 0;
        for (std::size_t at = start; at < text.size(); ++at) {
            const char c = text[at];
            depth += c == '<' || c == '(';
            if (depth == 0 && (c == ',' || c == ')')) {
                if (argument-- == 0) {
                    const std::string_view whole = text.substr(start, at - start);
                    const auto blank = whole.rfind(' ');
                    return std::string(blank == std::string_view::npos ? whole : whole.substr(blank + 1));
                }
                start = at + 1;
            }
            depth -= (c == '>' || c == ')') && depth > 0;
        }
    }
    return {};
}

} // namespace

bool known_gap_kind(std::string_view kind) {
    abi::GapKind parsed;
    return abi::parse_gap_kind(kind, parsed);
}

GapNames gap_names(std::string_view kind, std::uint64_t a, std::uint64_t b, std::uint64_t c, std::string_view text, int error) {
    using abi::GapKind;
    GapNames names;
    GapKind parsed;
    if (!abi::parse_gap_kind(kind, parsed))
        return names;
    char buffer[512];
    abi::TraceText out(buffer, sizeof buffer);
    const bool argument = parsed == GapKind::Flag || parsed == GapKind::Value;
    const std::string name = argument ? argument_name(a, b) : std::string();
    abi::put_gap_name(out, parsed, a, b, c, text, name.empty() ? nullptr : name.c_str());
    names.what = out.text();
    if (argument) {
        if (const auto dot = names.what.find('.'); dot != std::string::npos)
            names.what.replace(dot, 1, ": ");
    } else if (parsed != GapKind::Call && parsed != GapKind::File) {
        names.what = std::string(kind) + " " + names.what;
    }
    const abi::SyscallInfo* call = abi::gap_call(parsed, a);
    const bool unwritable = parsed == GapKind::File && static_cast<Errno>(error) == EACCES;
    names.status = parsed == GapKind::Call || (parsed == GapKind::File && !unwritable) ? "missing" : "partial";
    if (unwritable)
        names.note = "it can be read; what it sets has no effect in Linnet";
    if (call) {
        names.call = call->name;
        names.note = call->note;
    }
    if (parsed == GapKind::Call && !call)
        names.note = "not a call of Linux 6.1";
    return names;
}

std::string gap_error_name(int error) {
    const char* name = errno_name(static_cast<Errno>(error));
    return name && *name && *name != '?' ? name : "errno " + std::to_string(error);
}

std::string gap_error_text(int error) {
    const char* text = errno_text(static_cast<Errno>(error));
    return text ? text : "";
}

std::string gap_signal_name(int signal) {
    char buffer[32];
    abi::TraceText out(buffer, sizeof buffer);
    abi::put_signal(out, signal);
    return std::string(out.text());
}

} // namespace linnet::cli
