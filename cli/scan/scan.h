// The whole scan of one program: its files, what can run of them, and the system calls that it can make.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/image/elf_deps.h"
#include "cli/scan/call_graph.h"
#include "cli/scan/link_scope.h"
#include "cli/scan/number_finder.h"
#include "cli/symbolize/symbol_table.h"

namespace linnet::cli {

struct ScanRequest {
    std::string program;                // as `view` names it: an ELF file
    std::vector<std::string> run_time;  // libraries that the program loads when it runs
    std::string library_path;           // LD_LIBRARY_PATH
    bool every_function = false;        // no call graph: all functions that are known
};

enum class FileRole : std::uint8_t {
    program,
    library,  // that ld.so maps at start
    run_time, // given as one that the program loads
    named,    // its name stands in reachable code
    interpreter,
};

class Scan {
public:
    // Throws CommandError (126, 127) if the program itself cannot be read. What else cannot be read is in notes().
    Scan(ScanRequest request, FileView view);
    Scan(const Scan&) = delete;
    Scan& operator=(const Scan&) = delete;

    const ScanRequest& request() const { return request_; }
    const LinkScope& files() const { return scope_; }
    FileRole role(std::uint32_t file) const { return roles_[file]; }
    const CallGraph& graph() const { return graph_; }
    const NumberFinder& calls() const { return calls_; }
    // What was not seen, a line each.
    const std::vector<std::string>& notes() const { return notes_; }

    // "main", "read+0x12" or the address.
    std::string function_name(Place place) const;
    // From the one that runs first to `node`, names of functions; those in the middle left out if there are many.
    std::string chain(std::uint32_t node) const;

private:
    bool add_file(const std::string& path, FileRole role);
    void add_with_needs(const std::string& path, FileRole role);
    void take_up();
    void add_named_libraries();
    void note_what_was_not_seen();
    void note(std::string line);

    ScanRequest request_;
    FileView view_;
    DependencyFinder finder_;
    std::vector<std::unique_ptr<std::string>> contents_; // of the files
    std::map<std::string, std::string> missing_;         // libraries that were not found, and who needs them
    std::map<std::string, bool> added_;                  // by real path; false: it could not be read
    LinkScope scope_;
    std::vector<FileRole> roles_;
    CallGraph graph_{scope_};
    NumberFinder calls_{scope_, graph_};
    std::vector<std::string> notes_;
    mutable std::map<std::uint32_t, std::unique_ptr<SymbolTable>> names_;
};

} // namespace linnet::cli
