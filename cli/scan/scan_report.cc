#include "cli/scan/scan_report.h"

#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "cli/scan/call_status.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t line_width = 100;   // characters
constexpr std::size_t most_users = 3;     // of a call, in text
constexpr std::size_t most_places = 50;   // of unresolved numbers, in text
constexpr std::size_t most_json_users = 1000;

struct Call {
    std::uint32_t number;
    CallDescription info;
    const std::vector<NumberUse>* users;
};

std::vector<Call> calls_of(const Scan& scan) {
    std::vector<Call> calls;
    for (const auto& [number, users] : scan.calls().numbers())
        calls.push_back({number, describe_call(number), &users});
    std::sort(calls.begin(), calls.end(), [](const Call& a, const Call& b) { return a.info.name < b.info.name; });
    return calls;
}

std::vector<Call> with_status(const std::vector<Call>& calls, CallStatus status) {
    std::vector<Call> result;
    std::copy_if(calls.begin(), calls.end(), std::back_inserter(result),
                 [status](const Call& call) { return call.info.status == status; });
    return result;
}

std::string hex(std::uint64_t value) {
    std::ostringstream out;
    out << "0x" << std::hex << value;
    return out.str();
}

std::string place_text(const Scan& scan, std::uint32_t node, std::uint64_t at) {
    const Place place = scan.graph().nodes()[node].place;
    return concat(scan.files()[place.object].name(), "+", hex(at), " (", scan.function_name({place.object, at}), ")");
}

// The users of a call in files that differ come first, so that a few lines say much.
std::vector<NumberUse> some_users(const Scan& scan, const std::vector<NumberUse>& users, std::size_t most) {
    std::vector<NumberUse> first, rest;
    std::set<std::uint32_t> files;
    for (const NumberUse& user : users)
        (files.insert(scan.graph().nodes()[user.node].place.object).second ? first : rest).push_back(user);
    first.insert(first.end(), rest.begin(), rest.end());
    first.resize(std::min(first.size(), most));
    return first;
}

void write_users(std::ostream& out, const Scan& scan, const Call& call) {
    for (const NumberUse& user : some_users(scan, *call.users, most_users))
        out << "        " << scan.chain(user.node) << "\n";
    if (call.users->size() > most_users)
        out << "        and " << call.users->size() - most_users << " more\n";
}

void write_columns(std::ostream& out, const std::vector<Call>& calls) {
    std::string line = " ";
    for (const Call& call : calls) {
        const std::string word = " " + call.info.name;
        if (line.size() + word.size() > line_width) {
            out << line << "\n";
            line = " ";
        }
        line += word;
    }
    if (line.size() > 1)
        out << line << "\n";
}

void write_table(std::ostream& out, const Scan& scan, const std::vector<Call>& calls, bool users, bool verbose) {
    std::size_t width = 0;
    for (const Call& call : calls)
        width = std::max(width, call.info.name.size());
    for (const Call& call : calls) {
        out << "  " << std::left << std::setw(static_cast<int>(width)) << call.info.name;
        for (const std::string& text : {call.info.error, call.info.note})
            out << (text.empty() ? "" : "  ") << text;
        out << "\n";
        if (users || verbose)
            write_users(out, scan, call);
    }
}

std::string counted(std::size_t count, const std::string& one, const std::string& many) {
    return concat(count, " ", count == 1 ? one : many);
}

const char* role_name(FileRole role) {
    switch (role) {
    case FileRole::program: return "program";
    case FileRole::library: return "library";
    case FileRole::run_time: return "run time";
    case FileRole::named: return "named";
    case FileRole::interpreter: return "interpreter";
    }
    return "";
}

const char* status_name(CallStatus status) {
    switch (status) {
    case CallStatus::full: return "full";
    case CallStatus::partial: return "partial";
    case CallStatus::missing: return "missing";
    case CallStatus::unknown: return "unknown";
    }
    return "";
}

std::vector<std::size_t> functions_by_file(const Scan& scan) {
    std::vector<std::size_t> counts(scan.files().size());
    for (const FunctionNode& node : scan.graph().nodes())
        ++counts[node.place.object];
    return counts;
}

} // namespace

void write_scan_text(std::ostream& out, const Scan& scan, bool verbose) {
    const auto calls = calls_of(scan);
    const auto full = with_status(calls, CallStatus::full), partial = with_status(calls, CallStatus::partial),
               missing = with_status(calls, CallStatus::missing), unknown = with_status(calls, CallStatus::unknown);
    const std::size_t unresolved = scan.calls().unresolved().size();
    out << scan.request().program << ": " << counted(calls.size(), "system call", "system calls") << " from "
        << counted(scan.calls().sites(), "site", "sites") << " in " << counted(scan.files().size(), "file", "files") << ": "
        << full.size() << " full, " << partial.size() << " partial, " << missing.size() << " missing; "
        << (unresolved == 0 ? std::string("all numbers resolved") : counted(unresolved, "place", "places") + " not resolved")
        << "\n";
    if (verbose) {
        out << "\nfiles (functions that can run)\n";
        const auto counts = functions_by_file(scan);
        for (std::uint32_t i = 0; i < scan.files().size(); ++i)
            out << "  " << scan.files()[i].path() << " (" << role_name(scan.role(i)) << ", " << counts[i] << ")\n";
    }
    if (!missing.empty()) {
        out << "\nmissing: Linnet has no such call, and gives the errno\n";
        write_table(out, scan, missing, true, verbose);
    }
    if (!unknown.empty()) {
        out << "\nnumbers that Linux 6.1 does not have\n";
        write_table(out, scan, unknown, true, verbose);
    }
    if (!partial.empty()) {
        out << "\npartial: what is missing\n";
        write_table(out, scan, partial, false, verbose);
    }
    if (!full.empty()) {
        out << "\nfull\n";
        if (verbose)
            write_table(out, scan, full, true, true);
        else
            write_columns(out, full);
    }
    if (!scan.calls().old_sites().empty()) {
        out << "\nint $0x80 or sysenter: 32-bit system calls, not supported\n";
        for (const NumberUse& use : scan.calls().old_sites())
            out << "  " << place_text(scan, use.node, use.at) << "\n";
    }
    if (unresolved != 0) {
        out << "\nnot resolved: calls made from here may be missing above\n";
        std::size_t shown = 0;
        for (const Unresolved& place : scan.calls().unresolved()) {
            if (++shown > most_places && !verbose)
                break;
            out << "  " << place_text(scan, place.node, place.at) << ": " << place.why << "\n";
        }
        if (unresolved > most_places && !verbose)
            out << "  and " << unresolved - most_places << " more (-v)\n";
    }
    if (!scan.notes().empty()) {
        out << "\nnot seen\n";
        for (const std::string& line : scan.notes())
            out << "  " << line << "\n";
    }
}

void write_scan_json(std::ostream& out, const Scan& scan) {
    const auto user_of = [&](const NumberUse& use) {
        const Place place = scan.graph().nodes()[use.node].place;
        Json json{{"file", scan.files()[place.object].path()},
                  {"address", use.at},
                  {"function", scan.function_name({place.object, use.at})},
                  {"chain", scan.chain(use.node)}};
        if (use.wrapper != no_node)
            json["by"] = scan.function_name(scan.graph().nodes()[use.wrapper].place);
        return json;
    };
    Json files = Json::array(), calls = Json::array(), unresolved = Json::array(), old_sites = Json::array();
    const auto counts = functions_by_file(scan);
    for (std::uint32_t i = 0; i < scan.files().size(); ++i)
        files.push_back({{"path", scan.files()[i].path()}, {"role", role_name(scan.role(i))}, {"functions", counts[i]}});
    for (const Call& call : calls_of(scan)) {
        Json json{{"number", call.number}, {"name", call.info.name}, {"status", status_name(call.info.status)}};
        if (!call.info.error.empty())
            json["errno"] = call.info.error;
        if (!call.info.note.empty())
            json["note"] = call.info.note;
        Json users = Json::array();
        for (const NumberUse& use : some_users(scan, *call.users, most_json_users))
            users.push_back(user_of(use));
        json["users"] = std::move(users);
        calls.push_back(std::move(json));
    }
    for (const Unresolved& place : scan.calls().unresolved()) {
        Json json = user_of({place.node, place.at, no_node});
        json["why"] = place.why;
        unresolved.push_back(std::move(json));
    }
    for (const NumberUse& use : scan.calls().old_sites())
        old_sites.push_back(user_of(use));
    const Json all{{"program", scan.request().program}, {"sites", scan.calls().sites()}, {"files", files}, {"calls", calls},
                   {"unresolved", unresolved},          {"32-bit", old_sites},           {"not_seen", scan.notes()}};
    // Names of a hostile file need not be UTF-8.
    out << all.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

} // namespace linnet::cli
