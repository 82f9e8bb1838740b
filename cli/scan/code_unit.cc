#include "cli/scan/code_unit.h"

#include <algorithm>
#include <map>

namespace linnet::cli {
namespace {

constexpr unsigned most_tables = 1024, most_table_entries = 4096, longest_instruction = 15;

bool is_padding(unsigned id) {
    return id == X86_INS_NOP || id == X86_INS_HLT || id == X86_INS_INT3;
}

} // namespace

std::size_t CodeUnit::index_of(std::uint64_t address) const {
    const auto it = std::lower_bound(operations.begin(), operations.end(), address,
                                     [](const Operation& o, std::uint64_t value) { return o.address < value; });
    return it != operations.end() && it->address == address ? static_cast<std::size_t>(it - operations.begin())
                                                            : operations.size();
}

bool UnitReader::decode(std::uint64_t address, Operation& operation) {
    return disassembler_.decode_operation(object_.code_from(address).substr(0, longest_instruction), address, operation);
}

// A switch of compiled code jumps by a table of 4-byte distances from its own start, or of 8-byte addresses.
void UnitReader::add_table_targets(const Operation& operation, CodeUnit& unit) {
    for (unsigned i = 0; i < operation.operand_count; ++i) {
        const Operand& operand = operation.operands[i];
        if (operand.kind != Operand::Kind::memory || operand.segment)
            continue;
        const auto table = static_cast<std::uint64_t>(operand.value);
        const bool by_address = operand.base == no_register && operand.index != no_register && operand.scale == 8;
        const bool by_distance = operation.id == X86_INS_LEA && operand.fixed;
        if ((!by_address && !by_distance) || object_.is_code(table) || tables_.size() > most_tables ||
            !tables_.insert(table).second)
            continue;
        const unsigned width = by_address ? 8 : 4;
        for (unsigned entry = 0; entry < most_table_entries; ++entry) {
            const auto word = object_.constant_at(table + entry * width, width);
            if (!word)
                break;
            const std::uint64_t target =
                by_address ? *word
                           : table + static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(*word)});
            if (!unit.contains(target))
                break;
            unit.table_targets.push_back(target);
        }
    }
}

std::optional<CodeUnit> UnitReader::read_range(FunctionRange range) {
    const std::uint64_t size = range.end - range.start;
    if (size > budget_)
        return {};
    budget_ -= size;
    tables_.clear();
    CodeUnit unit{.start = range.start, .end = range.end};
    std::uint64_t at = range.start;
    while (at < range.end) {
        Operation operation;
        if (!decode(at, operation) || operation.end() > range.end) {
            ++unit.skipped_bytes;
            ++at;
            continue;
        }
        at = operation.end();
        add_table_targets(operation, unit);
        unit.operations.push_back(operation);
    }
    std::erase_if(unit.table_targets,
                  [&](std::uint64_t target) { return unit.index_of(target) == unit.operations.size(); });
    if (!unit.operations.empty()) {
        const Operation& last = unit.operations.back();
        if (last.end() == range.end && last.goes_on && !last.is_call && !is_padding(last.id))
            unit.falls_into = range.end;
    }
    return unit;
}

std::optional<CodeUnit> UnitReader::follow(std::uint64_t entry) {
    tables_.clear();
    CodeUnit unit{.start = entry, .end = object_.next_start(entry)};
    std::map<std::uint64_t, Operation> found;
    std::vector<std::uint64_t> open{entry};
    std::size_t tables_done = 0;
    while (!open.empty()) {
        std::uint64_t at = open.back();
        open.pop_back();
        while (unit.contains(at) && !found.contains(at)) {
            Operation operation;
            if (!decode(at, operation)) {
                ++unit.skipped_bytes;
                break;
            }
            if (operation.size > budget_)
                return {};
            budget_ -= operation.size;
            found.emplace(at, operation);
            add_table_targets(operation, unit);
            if (operation.is_jump && operation.has_target)
                open.push_back(operation.target);
            if (!operation.goes_on || operation.id == X86_INS_HLT)
                break;
            at = operation.end();
            if (at == unit.end)
                unit.falls_into = at;
        }
        for (; open.empty() && tables_done < unit.table_targets.size(); ++tables_done)
            open.push_back(unit.table_targets[tables_done]);
    }
    for (const auto& [address, operation] : found)
        unit.operations.push_back(operation);
    std::erase_if(unit.table_targets, [&](std::uint64_t target) { return !found.contains(target); });
    return unit;
}

std::optional<std::uint64_t> UnitReader::stub_slot(std::uint64_t address) {
    for (int i = 0; i < 3; ++i) {
        Operation operation;
        if (!decode(address, operation))
            return {};
        if (operation.id == X86_INS_JMP && operation.operand_count == 1 && operation.operands[0].fixed &&
            operation.operands[0].kind == Operand::Kind::memory)
            return static_cast<std::uint64_t>(operation.operands[0].value);
        if (operation.id != X86_INS_ENDBR64 && operation.id != X86_INS_NOP)
            return {};
        address = operation.end();
    }
    return {};
}

} // namespace linnet::cli
