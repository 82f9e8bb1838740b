#include "cli/scan/number_finder.h"

#include <algorithm>

namespace linnet::cli {
namespace {

constexpr std::size_t most_analyses = 32;
constexpr std::uint64_t largest_number = 1000; // a variable with more is none of a system call

} // namespace

void NumberFinder::find() {
    const auto count = static_cast<std::uint32_t>(graph_.nodes().size());
    for (std::uint32_t i = 0; i < count; ++i) {
        const FunctionNode& node = graph_.nodes()[i];
        for (const std::uint64_t at : node.old_sites)
            old_sites_.push_back({i, at, no_node});
        for (const std::uint64_t at : node.sites) {
            ++sites_;
            ask({i, at, {false, reg_rax}, no_node});
        }
        while (!open_.empty()) {
            const Question next = open_.back();
            open_.pop_back();
            answer(next);
        }
    }
}

void NumberFinder::ask(Question question) {
    if (asked_.insert({question.node, question.at, question.location}).second)
        open_.push_back(question);
}

void NumberFinder::give_up(std::uint32_t node, std::uint64_t at, std::string why) {
    if (given_up_.insert({Place{graph_.nodes()[node].place.object, at}, why}).second)
        unresolved_.push_back({node, at, std::move(why)});
}

const NumberFinder::Analysis* NumberFinder::analysis(std::uint32_t node) {
    if (const auto it = analyses_.find(node); it != analyses_.end())
        return &it->second;
    auto unit = graph_.unit_of(node);
    if (!unit)
        return nullptr;
    if (analyses_.size() >= most_analyses)
        analyses_.clear();
    Analysis& made = analyses_[node];
    made.unit = std::move(*unit);
    const FunctionNode& function = graph_.nodes()[node];
    const std::uint32_t file = function.place.object;
    made.flow = std::make_unique<RegisterFlow>(scope_[file], made.unit, function.other_entries,
                                               [&](const Operation& call) { return graph_.returns(file, call); });
    return &made;
}

void NumberFinder::answer(const Question& question) {
    const Analysis* code = analysis(question.node);
    if (!code)
        return give_up(question.node, question.at, "the function cannot be read a second time");
    const bool at_site = question.wrapper == no_node;
    const RegisterValue value = at_site ? code->flow->at(question.at, reg_rax)
                                        : code->flow->handed_over(question.at, question.location);
    if (value.may_be_anything())
        give_up(question.node, question.at, "the number is not a constant");
    for (const Possibility& possibility : value.possibilities()) {
        const std::int64_t v = possibility.value;
        switch (possibility.kind) {
        case Possibility::Kind::constant:
            // The kernel looks at EAX alone.
            numbers_[static_cast<std::uint32_t>(v)].push_back({question.node, question.at, question.wrapper});
            break;
        case Possibility::Kind::entry_register:
            ask_callers(question.node, {false, v});
            break;
        case Possibility::Kind::entry_stack:
            ask_callers(question.node, {true, v});
            break;
        case Possibility::Kind::memory:
            // What the variable holds at first is one possibility, and the only one that the file tells.
            if (const auto first = scope_[graph_.nodes()[question.node].place.object].first_value_at(
                    static_cast<std::uint64_t>(v)); first && *first != 0 && *first <= largest_number)
                numbers_[static_cast<std::uint32_t>(*first)].push_back({question.node, question.at, question.wrapper});
            give_up(question.node, question.at, "the number is read from a variable");
            break;
        case Possibility::Kind::stack_address:
            give_up(question.node, question.at, "the number is not a constant");
            break;
        }
    }
}

void NumberFinder::ask_callers(std::uint32_t node, const Location& location) {
    if (!wrappers_.insert({node, location}).second)
        return;
    const FunctionNode& function = graph_.nodes()[node];
    const std::uint64_t start = function.place.address;
    if (function.pointed_to)
        give_up(node, start, "the number is a parameter, and data or an initializer list holds the function's address");
    for (const FunctionNode::Edge& caller : function.callers)
        ask({caller.from, caller.at, location, node});
    std::set<std::uint32_t> takers;
    for (const FunctionNode::Edge& taker : function.takers) {
        if (takers.insert(taker.from).second && !ask_indirect_calls(taker.from, node, location))
            give_up(taker.from, taker.at, "takes the address of a function whose parameter is the number");
    }
    if (function.callers.empty() && function.takers.empty() && !function.pointed_to)
        give_up(node, start, "the number is a parameter, and no caller is known");
}

bool NumberFinder::ask_indirect_calls(std::uint32_t caller, std::uint32_t wrapper, const Location& location) {
    const Analysis* code = analysis(caller);
    if (!code)
        return false;
    const std::uint32_t object = graph_.nodes()[caller].place.object;
    bool found = false;
    for (const Operation& operation : code->unit.operations) {
        if ((!operation.is_call && !operation.is_jump) || operation.has_target)
            continue;
        const RegisterValue target = code->flow->target(operation);
        const bool here = std::any_of(
            target.possibilities().begin(), target.possibilities().end(), [&](const Possibility& p) {
                const auto v = static_cast<std::uint64_t>(p.value);
                return (p.kind == Possibility::Kind::memory && graph_.node_of_pointer(object, v) == wrapper) ||
                       (p.kind == Possibility::Kind::constant && graph_.node_at({object, v}) == wrapper);
            });
        if (here) {
            ask({caller, operation.address, location, wrapper});
            found = true;
        }
    }
    return found;
}

} // namespace linnet::cli
