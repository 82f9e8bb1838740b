#include "cli/scan/scan.h"

#include <algorithm>
#include <set>

#include "cli/util/error.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

constexpr std::size_t most_files = 2000, longest_chain = 6, most_notes = 200;

std::string list_of(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names)
        text += (text.empty() ? "" : ", ") + name;
    return text;
}

// Names come from files that may hold anything; what is shown on a terminal may not.
std::string printable(std::string text) {
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < ' ' || c == 127)
            c = '?';
    }
    return text;
}

// Why the first function of a chain runs, if not as the program's entry.
const char* origin_name(Reached how) {
    switch (how) {
    case Reached::initializer: return "(initializer) ";
    case Reached::resolver: return "(ifunc) ";
    case Reached::data: return "(by data) ";
    case Reached::by_name: return "(by name) ";
    case Reached::listed: return "(any) ";
    default: return "";
    }
}

std::string hex(std::uint64_t value) {
    std::ostringstream out;
    out << "0x" << std::hex << value;
    return out.str();
}

} // namespace

Scan::Scan(ScanRequest request, FileView view)
    : request_(std::move(request)), view_(view), finder_(std::move(view)) {
    const auto info = view_.elf(request_.program);
    if (!info)
        throw CommandError(status_cannot_run, request_.program + ": not an ELF file");
    if (!info->fault.empty())
        throw CommandError(status_cannot_run, request_.program + ": " + info->fault);
    if (!add_file(request_.program, FileRole::program))
        throw CommandError(status_cannot_run, request_.program + ": cannot be read");
    const Dependencies needs = finder_.find(request_.program, request_.library_path);
    for (const std::string& file : needs.files) {
        if (file != info->interpreter)
            add_file(file, FileRole::library);
    }
    if (!info->interpreter.empty())
        add_file(info->interpreter, FileRole::interpreter);
    for (const std::string& name : needs.missing)
        missing_.emplace(name, request_.program);
    for (const std::string& file : request_.run_time)
        add_with_needs(file, FileRole::run_time);
    take_up();
    add_named_libraries();
    calls_.find();
    note_what_was_not_seen();
}

void Scan::take_up() {
    const std::uint32_t first = graph_.file_count();
    graph_.take_up(request_.every_function);
    for (std::uint32_t i = first; i < scope_.size(); ++i) {
        const bool runs_first = roles_[i] == FileRole::program || roles_[i] == FileRole::interpreter;
        if (runs_first && scope_[i].entry() != 0)
            graph_.add_entry({i, scope_[i].entry()});
        else if (roles_[i] == FileRole::named)
            graph_.add_named_exports(i);
        else if (roles_[i] != FileRole::library)
            graph_.add_exports(i);
    }
    graph_.walk();
}

void Scan::note_what_was_not_seen() {
    for (std::uint32_t i = 0; i < scope_.size(); ++i)
        missing_.erase(scope_[i].name()); // one that is loaded already serves whoever asks for its name
    for (const auto& [name, asker] : missing_)
        note(printable(asker + " needs " + name + ", which is not there"));
    std::vector<bool> runs(scope_.size());
    for (const FunctionNode& node : graph_.nodes())
        runs[node.place.object] = true;
    for (std::uint32_t i = 0; i < scope_.size(); ++i) {
        for (const std::string& text : scope_[i].problems())
            note(scope_[i].path() + ": " + text);
        if (runs[i] && !scope_[i].knows_functions())
            note(scope_[i].path() + ": neither symbols nor unwind tables: functions are found by the calls that lead to them");
        if (const std::uint64_t bytes = graph_.skipped_bytes(i))
            note(concat(scope_[i].path(), ": ", bytes, bytes == 1 ? " byte" : " bytes", " of functions could not be decoded"));
    }
    for (const std::string& text : graph_.problems())
        note(text);
    std::vector<std::string> unbound, loaders;
    for (const std::string& name : graph_.unbound()) {
        if (!scope_.find(name)) // a file that came later may define it
            unbound.push_back(name);
    }
    if (!unbound.empty())
        note(printable("symbols that no file defines: " + list_of(unbound)));
    for (const std::uint32_t i : graph_.loads_libraries())
        loaders.push_back(scope_[i].name());
    if (!loaders.empty())
        note("dlopen is called by " + list_of(loaders) +
             ": libraries that are chosen at run time are not in this, but those given by --add");
}

void Scan::note(std::string line) {
    if (notes_.size() < most_notes && std::find(notes_.begin(), notes_.end(), line) == notes_.end())
        notes_.push_back(std::move(line));
}

bool Scan::add_file(const std::string& path, FileRole role) {
    const std::string real = view_.real(path);
    if (const auto it = added_.find(real); it != added_.end() && !real.empty())
        return it->second;
    auto bytes = view_.contents(path);
    added_[real] = bytes.has_value();
    if (!bytes || scope_.size() >= most_files) {
        note(path + ": cannot be read");
        return false;
    }
    contents_.push_back(std::make_unique<std::string>(std::move(*bytes)));
    scope_.add(std::make_unique<ElfObject>(path, *contents_.back()));
    roles_.push_back(role);
    return true;
}

void Scan::add_with_needs(const std::string& path, FileRole role) {
    if (!add_file(path, role))
        return;
    const Dependencies needs = finder_.find(path, request_.library_path);
    for (const std::string& file : needs.files)
        add_file(file, FileRole::library);
    for (const std::string& name : needs.missing)
        missing_.emplace(name, path);
}

// A library whose name stands in reachable code is taken to be loaded by dlopen.
void Scan::add_named_libraries() {
    std::set<std::string> looked_for;
    while (true) {
        const std::uint32_t before = scope_.size();
        for (const std::string& name : graph_.library_names()) {
            if (!looked_for.insert(name).second)
                continue;
            const std::string found = finder_.find_library(request_.program, name, request_.library_path);
            if (!found.empty())
                add_with_needs(found, FileRole::named);
        }
        if (scope_.size() == before)
            return;
        take_up();
    }
}

std::string Scan::function_name(Place place) const {
    auto& table = names_[place.object];
    if (!table)
        table = std::make_unique<SymbolTable>(scope_[place.object].bytes());
    if (const auto name = table->name(place.address))
        return printable(*name);
    if (const std::string_view name = scope_[place.object].go_name(place.address); !name.empty())
        return printable(std::string(name));
    return hex(place.address);
}

std::string Scan::chain(std::uint32_t node) const {
    std::vector<std::string> names;
    std::uint32_t file = UINT32_MAX;
    std::vector<std::uint32_t> path;
    for (std::uint32_t at = node; at != no_node && path.size() < 10000; at = graph_.nodes()[at].reached_from)
        path.push_back(at);
    std::reverse(path.begin(), path.end());
    for (const std::uint32_t at : path) {
        const Place place = graph_.nodes()[at].place;
        std::string name = function_name(place);
        if (place.object != file)
            name = scope_[place.object].name() + ":" + name;
        file = place.object;
        names.push_back(std::move(name));
    }
    std::string text = path.empty() ? std::string() : origin_name(graph_.nodes()[path.front()].how);
    const std::size_t start = text.size();
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names.size() > longest_chain && i == 2) {
            i = names.size() - (longest_chain - 2);
            text += " > ...";
        }
        text += (text.size() == start ? "" : " > ") + names[i];
    }
    return text;
}

} // namespace linnet::cli
