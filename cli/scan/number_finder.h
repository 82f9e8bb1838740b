// Which numbers the system-call sites of reachable code are executed with: constants in RAX, and where the number is a
// parameter (syscall(2), Go's syscall.Syscall) what the callers hand over.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "cli/scan/call_graph.h"
#include "cli/scan/register_flow.h"

namespace linnet::cli {

struct NumberUse {
    std::uint32_t node = no_node;     // the function that chose the number
    std::uint64_t at = 0;             // the instruction: `syscall`, or the call of a wrapper
    std::uint32_t wrapper = no_node;  // the function that executes it, if that is another one
};

struct Unresolved {
    std::uint32_t node = no_node;
    std::uint64_t at = 0;
    std::string why;
};

class NumberFinder {
public:
    NumberFinder(const LinkScope& scope, CallGraph& graph) : scope_(scope), graph_(graph) {}

    void find();

    const std::map<std::uint32_t, std::vector<NumberUse>>& numbers() const { return numbers_; }
    const std::vector<Unresolved>& unresolved() const { return unresolved_; }
    const std::vector<NumberUse>& old_sites() const { return old_sites_; } // int $0x80, sysenter
    std::size_t sites() const { return sites_; }

private:
    struct Analysis {
        CodeUnit unit;
        std::unique_ptr<RegisterFlow> flow;
    };
    struct Question { // what is in `location` when `at` of `node` is executed?
        std::uint32_t node;
        std::uint64_t at;
        Location location;
        std::uint32_t wrapper;
    };
    const Analysis* analysis(std::uint32_t node);
    void answer(const Question& question);
    void ask_callers(std::uint32_t node, const Location& location);
    bool ask_indirect_calls(std::uint32_t caller, std::uint32_t wrapper, const Location& location);
    void ask(Question question);
    void give_up(std::uint32_t node, std::uint64_t at, std::string why);

    const LinkScope& scope_;
    CallGraph& graph_;
    std::unordered_map<std::uint32_t, Analysis> analyses_; // some, the last ones
    std::vector<Question> open_;
    std::set<std::tuple<std::uint32_t, std::uint64_t, Location>> asked_;
    std::set<std::pair<std::uint32_t, Location>> wrappers_;
    std::set<std::pair<Place, std::string>> given_up_; // each place once, though several functions share it
    std::map<std::uint32_t, std::vector<NumberUse>> numbers_;
    std::vector<Unresolved> unresolved_;
    std::vector<NumberUse> old_sites_;
    std::size_t sites_ = 0;
};

} // namespace linnet::cli
