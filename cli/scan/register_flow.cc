#include "cli/scan/register_flow.h"

#include <algorithm>
#include <deque>
#include <map>

namespace linnet::cli {
namespace {

constexpr std::size_t most_visits = 400; // of a block, on average; then nothing is known

std::int64_t sum(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

} // namespace

RegisterFlow::RegisterFlow(const ElfObject& object, const CodeUnit& unit, const std::set<std::uint64_t>& open_entries,
                           const std::function<bool(const Operation&)>& returns)
    : unit_(unit), effect_(object, escaped_) {
    if (unit_.operations.empty())
        return;
    make_blocks(open_entries, returns);
    run();
}

void RegisterFlow::make_blocks(const std::set<std::uint64_t>& open_entries,
                               const std::function<bool(const Operation&)>& returns) {
    const auto& code = unit_.operations;
    std::set<std::size_t> starts{0};
    std::set<std::size_t> open, last_calls; // calls that do not come back
    const auto enter_anywhere = [&](std::uint64_t address) {
        if (const std::size_t index = unit_.index_of(address); index < code.size()) {
            starts.insert(index);
            open.insert(index);
        }
    };
    std::for_each(unit_.table_targets.begin(), unit_.table_targets.end(), enter_anywhere);
    std::for_each(open_entries.begin(), open_entries.end(), enter_anywhere);
    for (std::size_t i = 0; i < code.size(); ++i) {
        const Operation& operation = code[i];
        const bool gap = i + 1 < code.size() && code[i + 1].address != operation.end();
        if (operation.is_call && !returns(operation))
            last_calls.insert(i);
        if (i + 1 < code.size() && (operation.is_jump || !operation.goes_on || gap || last_calls.contains(i)))
            starts.insert(i + 1);
        if (operation.is_jump && operation.has_target) {
            if (const std::size_t index = unit_.index_of(operation.target); index < code.size())
                starts.insert(index);
        }
    }
    std::map<std::size_t, std::size_t> block_of; // by first operation
    for (const std::size_t start : starts) {
        block_of[start] = blocks_.size();
        if (!blocks_.empty())
            blocks_.back().last = start;
        blocks_.push_back({.first = start, .last = code.size()});
    }
    open_.resize(blocks_.size());
    std::vector<bool> has_source(blocks_.size());
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
        Block& block = blocks_[b];
        const Operation& last = code[block.last - 1];
        const auto go_to = [&](std::size_t index) {
            block.next.push_back(block_of.at(index));
            has_source[block_of.at(index)] = true;
        };
        if (last.is_jump && last.has_target) {
            if (const std::size_t index = unit_.index_of(last.target); index < code.size())
                go_to(index);
        }
        if (last.goes_on && !last_calls.contains(block.last - 1) && block.last < code.size() && code[block.last].address == last.end())
            go_to(block.last);
    }
    // What no branch leads to is come to by ways that are not seen: landing pads, computed jumps.
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
        const bool entry = code[blocks_[b].first].address == unit_.start;
        const auto* begin = code.data();
        blocks_[b].padding = !has_source[b] && std::all_of(begin + blocks_[b].first, begin + blocks_[b].last,
                                                           [](const Operation& o) { return o.id == X86_INS_NOP; });
        open_[b] = open.contains(blocks_[b].first) || (!has_source[b] && !entry && !blocks_[b].padding);
    }
}

void RegisterFlow::run() {
    states_.resize(blocks_.size());
    std::deque<std::size_t> work;
    std::vector<bool> waiting(blocks_.size());
    const auto put = [&](std::size_t block, const RegisterState& state) {
        if (states_[block].merge(state) && !waiting[block]) {
            waiting[block] = true;
            work.push_back(block);
        }
    };
    const auto& code = unit_.operations;
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
        if (code[blocks_[b].first].address == unit_.start)
            put(b, RegisterState::at_entry());
        if (open_[b])
            put(b, RegisterState::unknown());
    }
    std::size_t visits = most_visits * blocks_.size(), looked_at = 0;
    while (true) {
        // Blocks that lead to one another, but that nothing leads to, are come to by ways that are not seen.
        for (; work.empty() && looked_at < blocks_.size(); ++looked_at) {
            if (!states_[looked_at].reached && !blocks_[looked_at].padding)
                put(looked_at, RegisterState::unknown());
        }
        if (work.empty())
            break;
        if (visits-- == 0) {
            gave_up_ = true;
            return;
        }
        const std::size_t b = work.front();
        work.pop_front();
        waiting[b] = false;
        const std::size_t known_addresses = escaped_.size();
        RegisterState state = states_[b];
        for (std::size_t i = blocks_[b].first; i < blocks_[b].last; ++i)
            effect_.apply(state, code[i], &escaped_);
        if (escaped_.size() != known_addresses) {
            // What calls may change grew: everything is looked at again.
            for (std::size_t other = 0; other < blocks_.size(); ++other) {
                if (states_[other].reached && !waiting[other]) {
                    waiting[other] = true;
                    work.push_back(other);
                }
            }
        }
        for (const std::size_t next : blocks_[b].next)
            put(next, state);
    }
}

RegisterState RegisterFlow::before(std::uint64_t address) const {
    const std::size_t index = unit_.index_of(address);
    if (gave_up_ || index >= unit_.operations.size())
        return RegisterState::unknown();
    const auto it = std::upper_bound(blocks_.begin(), blocks_.end(), index,
                                     [](std::size_t value, const Block& b) { return value < b.first; });
    const std::size_t b = static_cast<std::size_t>(it - blocks_.begin()) - 1;
    RegisterState state = states_[b];
    for (std::size_t i = blocks_[b].first; i < index; ++i)
        effect_.apply(state, unit_.operations[i]);
    return state;
}

RegisterValue RegisterFlow::at(std::uint64_t address, std::uint8_t reg) const {
    return before(address).registers[reg];
}

RegisterValue RegisterFlow::handed_over(std::uint64_t address, const Location& location) const {
    RegisterState state = before(address);
    const std::size_t index = unit_.index_of(address);
    if (index >= unit_.operations.size())
        return RegisterValue::anything();
    const Operation& operation = unit_.operations[index];
    if (!operation.is_call && !operation.is_jump) // control falls into the function behind it
        effect_.apply(state, operation);
    if (!location.on_stack)
        return state.registers[static_cast<std::size_t>(location.where) % register_count];
    const std::int64_t* top = state.registers[reg_rsp].stack_address();
    if (!top)
        return RegisterValue::anything();
    return state.word(sum(*top, location.where - (operation.is_call ? 8 : 0)));
}

RegisterValue RegisterFlow::target(const Operation& branch) const {
    return effect_.read(before(branch.address), branch.operands[0]);
}

} // namespace linnet::cli
