// Which functions of a process can run: walked from the program's entry, the run-time linker's entry and the
// initializers of every file, along calls, jumps, and addresses that are taken.
//
// It takes more than what runs, never less as far as it can see: a function whose address is taken by reachable code, or
// that data of a loaded file points to, counts as called. What it cannot see is listed (problems(), unbound()).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cli/scan/code_unit.h"
#include "cli/scan/link_scope.h"

namespace linnet::cli {

constexpr std::uint32_t no_node = UINT32_MAX;

enum class Reached : std::uint8_t {
    entry,       // the program's or the run-time linker's first instruction
    initializer, // DT_INIT and the like
    resolver,    // of an IFUNC
    called,      // by a call or a jump of reachable code
    taken,       // its address is taken by reachable code
    data,        // data of its file or of another one holds its address
    by_name,     // its name is a text of a file that calls dlsym
    listed,      // every function of the file counts: exports of a file loaded at run time, Go programs, --all
};

struct FunctionNode {
    Place place;
    bool ranged = false; // its extent is known, and it was decoded from end to end
    Reached how = Reached::entry;
    std::uint32_t reached_from = no_node;
    struct Edge {
        std::uint32_t from = no_node;
        std::uint64_t at = 0; // the instruction's address
    };
    std::vector<Edge> callers, takers;
    bool pointed_to = false;                  // anyone may call it, with anything in registers
    std::set<std::uint64_t> other_entries;    // within it, from outside
    std::vector<std::uint64_t> sites;         // `syscall` instructions
    std::vector<std::uint64_t> old_sites;     // `int $0x80` and `sysenter`
    std::vector<std::uint32_t> continued_in;  // functions that it jumps to
    bool may_return = false;                  // after walk()
    bool scanned = false;
};

class CallGraph {
public:
    explicit CallGraph(const LinkScope& scope) : scope_(scope) {}

    // Takes up the files that the scope has got since the last call. `all`: every function that is known can be called.
    void take_up(bool all);
    // Everything that a file exports can be called.
    void add_exports(std::uint32_t file);
    // What a file exports can be called where its name stands as a text in reachable code.
    void add_named_exports(std::uint32_t file);
    void add_entry(Place place) { enter({place, Reached::entry, no_node, 0}); }
    // Goes on until nothing new is reached.
    void walk();

    std::uint32_t file_count() const { return static_cast<std::uint32_t>(files_.size()); }
    const std::vector<FunctionNode>& nodes() const { return nodes_; }
    // The function that is called through this word of memory, or that begins at this address; no_node if none is known.
    std::uint32_t node_of_pointer(std::uint32_t object, std::uint64_t place) const;
    std::uint32_t node_at(Place place) const;
    // Decodes a function once more; nothing if it can't be.
    std::optional<CodeUnit> unit_of(std::uint32_t node);
    // Whether control can come back behind a call in a file; if in doubt, yes.
    bool returns(std::uint32_t file, const Operation& call) const;

    // Texts of reachable code that look like a library's name.
    const std::set<std::string>& library_names() const { return library_names_; }
    // Symbols that reachable code uses and no file defines (weak ones left out).
    const std::set<std::string>& unbound() const { return unbound_; }
    // Files that call dlopen.
    const std::set<std::uint32_t>& loads_libraries() const { return loads_libraries_; }
    const std::vector<std::string>& problems() const { return problems_; }
    // Bytes of reachable functions that are no instruction that the disassembler knows.
    std::uint64_t skipped_bytes(std::uint32_t file) const { return files_[file]->skipped_bytes; }

private:
    struct Arrival {
        Place place;
        Reached how;
        std::uint32_t from;
        std::uint64_t at;
        bool by_jump = false;
    };
    struct File {
        explicit File(const ElfObject& object) : reader(object) {}
        UnitReader reader;
        std::unordered_map<std::uint64_t, std::uint32_t> nodes;     // by address
        std::unordered_map<std::uint64_t, std::uint64_t> stubs;     // address to slot; 0: no stub
        std::unordered_set<std::uint64_t> followed;                 // instructions of units without extent
        // Where instructions begin, as distances from the start, of functions that are entered in their middle; none if not all
        // of it decodes.
        std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> boundaries;
        bool looks_up_names = false;                                // calls dlsym
        bool exhausted = false;                                     // functions overlap without end
        std::uint64_t skipped_bytes = 0;
    };
    void enter(const Arrival& arrival);
    void arrive(const Arrival& arrival);
    void enter_pointer(std::uint32_t object, const Pointer& pointer, Reached how, std::uint32_t from, std::uint64_t at,
                       bool by_jump = false);
    std::optional<LinkScope::Definition> target_of(std::uint32_t object, const Pointer& pointer) const;
    std::uint32_t node(Place place, bool ranged, const Arrival& arrival);
    bool begins_instruction(std::uint32_t object, FunctionRange range, std::uint64_t address);
    std::uint64_t stub_slot(Place place);
    void scan(std::uint32_t index);
    void scan_operation(std::uint32_t index, const CodeUnit& unit, const Operation& operation);
    void use_address(std::uint32_t index, const CodeUnit& unit, std::uint64_t address, std::uint64_t at);
    void find_what_returns();
    void read_text(std::uint32_t object, std::uint64_t address, std::uint32_t from, std::uint64_t at);

    const LinkScope& scope_;
    std::vector<std::unique_ptr<File>> files_;
    std::vector<FunctionNode> nodes_;
    std::deque<Arrival> open_, open_data_; // what data points to comes last
    std::deque<std::uint32_t> unscanned_;
    std::set<std::string> library_names_, unbound_;
    std::unordered_map<std::string_view, FunctionNode::Edge> texts_; // that may be names of functions, and where they stand
    std::vector<std::uint32_t> named_files_;
    std::set<std::uint32_t> loads_libraries_;
    std::vector<std::string> problems_;
};

} // namespace linnet::cli
