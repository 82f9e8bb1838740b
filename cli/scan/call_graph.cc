#include "cli/scan/call_graph.h"

#include <algorithm>

#include "cli/util/text.h"

namespace linnet::cli {
namespace {

// "libx.so", "libx.so.1", also with folders before it.
bool is_library_name(std::string_view text) {
    const std::string_view name = text.substr(text.rfind('/') + 1);
    const auto suffix = name.find(".so");
    if (text.size() > 200 || suffix == std::string_view::npos || suffix < 4 || !name.starts_with("lib"))
        return false;
    if (name.find_first_not_of("0123456789.", suffix + 3) != std::string_view::npos)
        return false;
    return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c < 127 && c != '%' && c != '*'; });
}

bool is_function_name(std::string_view text) {
    return text.size() >= 2 && text.size() < 128 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
}

constexpr unsigned most_bindings = 8; // stubs that lead to stubs

} // namespace

void CallGraph::take_up(bool all) {
    const auto first = static_cast<std::uint32_t>(files_.size());
    for (std::uint32_t i = first; i < scope_.size(); ++i) {
        files_.push_back(std::make_unique<File>(scope_[i]));
        for (const DynamicSymbol& symbol : scope_[i].symbols()) {
            if (symbol.defined || symbol.local)
                continue;
            files_[i]->looks_up_names = files_[i]->looks_up_names || symbol.name == "dlsym" || symbol.name == "dlvsym";
            if (symbol.name == "dlopen" || symbol.name == "dlmopen")
                loads_libraries_.insert(i);
        }
    }
    for (std::uint32_t i = first; i < scope_.size(); ++i) {
        const ElfObject& object = scope_[i];
        for (const std::uint64_t address : object.initializers())
            enter({{i, address}, Reached::initializer, no_node, 0});
        for (const Pointer& pointer : object.pointers()) {
            if (!pointer.bound_by_name || pointer.resolver)
                enter_pointer(i, pointer, pointer.resolver ? Reached::resolver : Reached::data, no_node, 0);
            if (pointer.symbol < 0 && !pointer.resolver)
                read_text(i, pointer.value, no_node, 0);
        }
        for (const std::uint64_t address : object.unrelocated_code_pointers())
            enter({{i, address}, Reached::data, no_node, 0});
        if (all || object.go()) {
            for (const std::uint64_t start : object.starts())
                enter({{i, start}, Reached::listed, no_node, 0});
        }
    }
}

void CallGraph::add_exports(std::uint32_t file) {
    for (const DynamicSymbol& symbol : scope_[file].symbols()) {
        if (symbol.defined) // what is no code is passed over
            enter({{file, symbol.value}, Reached::listed, no_node, 0});
    }
}

void CallGraph::add_named_exports(std::uint32_t file) {
    named_files_.push_back(file);
    for (const DynamicSymbol& symbol : scope_[file].symbols()) {
        const auto text = texts_.find(symbol.name);
        if (symbol.defined && symbol.function && text != texts_.end())
            enter({{file, symbol.value}, Reached::by_name, text->second.from, text->second.at});
    }
}

void CallGraph::enter(const Arrival& arrival) {
    (arrival.how == Reached::data ? open_data_ : open_).push_back(arrival);
}

void CallGraph::walk() {
    while (true) {
        if (!open_.empty()) {
            const Arrival next = open_.front();
            open_.pop_front();
            arrive(next);
        } else if (!unscanned_.empty()) {
            const std::uint32_t next = unscanned_.front();
            unscanned_.pop_front();
            scan(next);
        } else if (!open_data_.empty()) {
            const Arrival next = open_data_.front();
            open_data_.pop_front();
            arrive(next);
        } else {
            break;
        }
    }
    find_what_returns();
}

// A function can return if it has a return, or if one that it jumps to can.
void CallGraph::find_what_returns() {
    std::vector<std::vector<std::uint32_t>> jumped_from(nodes_.size());
    std::vector<std::uint32_t> open;
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
        for (const std::uint32_t next : nodes_[i].continued_in)
            jumped_from[next].push_back(i);
        if (nodes_[i].may_return)
            open.push_back(i);
    }
    while (!open.empty()) {
        const std::uint32_t at = open.back();
        open.pop_back();
        for (const std::uint32_t from : jumped_from[at]) {
            if (!nodes_[from].may_return) {
                nodes_[from].may_return = true;
                open.push_back(from);
            }
        }
    }
}

bool CallGraph::returns(std::uint32_t file, const Operation& call) const {
    std::uint32_t callee = no_node;
    if (call.has_target)
        callee = node_at({file, call.target});
    else if (call.operands[0].kind == Operand::Kind::memory && call.operands[0].fixed)
        callee = node_of_pointer(file, static_cast<std::uint64_t>(call.operands[0].value));
    return callee == no_node || nodes_[callee].may_return || !nodes_[callee].other_entries.empty();
}

std::optional<LinkScope::Definition> CallGraph::target_of(std::uint32_t object, const Pointer& pointer) const {
    if (pointer.symbol < 0)
        return LinkScope::Definition{{object, pointer.value}, pointer.resolver, true};
    const DynamicSymbol& symbol = scope_[object].symbols()[static_cast<std::size_t>(pointer.symbol)];
    auto found = scope_.bind(symbol);
    if (!found && symbol.defined)
        found = LinkScope::Definition{{object, symbol.value}, symbol.resolver, symbol.function};
    if (found)
        found->place.address += pointer.bound_by_name ? 0 : pointer.value;
    return found;
}

void CallGraph::enter_pointer(std::uint32_t object, const Pointer& pointer, Reached how, std::uint32_t from,
                              std::uint64_t at, bool by_jump) {
    const auto target = target_of(object, pointer);
    if (target) {
        if (scope_[target->place.object].is_code(target->place.address))
            enter({target->place, target->resolver ? Reached::resolver : how, from, at, by_jump});
        return;
    }
    const DynamicSymbol& symbol = scope_[object].symbols()[static_cast<std::size_t>(pointer.symbol)];
    if (!symbol.weak && how != Reached::data)
        unbound_.insert(std::string(symbol.name));
}

std::uint64_t CallGraph::stub_slot(Place place) {
    File& file = *files_[place.object];
    const auto it = file.stubs.find(place.address);
    if (it != file.stubs.end())
        return it->second;
    std::uint64_t slot = file.reader.stub_slot(place.address).value_or(0);
    if (slot != 0 && !scope_[place.object].pointer_at(slot))
        slot = 0;
    file.stubs.emplace(place.address, slot);
    return slot;
}

std::uint32_t CallGraph::node(Place place, bool ranged, const Arrival& arrival) {
    auto [it, is_new] = files_[place.object]->nodes.try_emplace(place.address, static_cast<std::uint32_t>(nodes_.size()));
    if (is_new) {
        nodes_.push_back({.place = place, .ranged = ranged, .how = arrival.how, .reached_from = arrival.from});
        unscanned_.push_back(it->second);
    }
    return it->second;
}

bool CallGraph::begins_instruction(std::uint32_t object, FunctionRange range, std::uint64_t address) {
    File& file = *files_[object];
    const auto [it, is_new] = file.boundaries.try_emplace(range.start);
    if (is_new) {
        const auto unit = file.reader.read_range(range);
        if (unit && unit->skipped_bytes == 0) {
            for (const Operation& operation : unit->operations)
                it->second.push_back(static_cast<std::uint32_t>(operation.address - range.start));
        }
    }
    return std::binary_search(it->second.begin(), it->second.end(), address - range.start);
}

void CallGraph::arrive(const Arrival& arrival) {
    Place place = arrival.place;
    for (unsigned i = 0; i < most_bindings; ++i) {
        if (!scope_[place.object].is_code(place.address))
            return;
        const std::uint64_t slot = stub_slot(place);
        if (slot == 0)
            break;
        const Pointer& pointer = *scope_[place.object].pointer_at(slot);
        const auto target = target_of(place.object, pointer);
        if (!target || target->resolver) {
            if (arrival.by_jump)
                nodes_[arrival.from].may_return = true;
            enter_pointer(place.object, pointer, arrival.how, arrival.from, arrival.at);
            return;
        }
        place = target->place;
    }
    File& file = *files_[place.object];
    const auto range = scope_[place.object].function_at(place.address);
    std::uint32_t index;
    if (range && range->start != place.address) {
        // Data that points into a function is a table of its own jumps.
        if (arrival.how == Reached::data)
            return;
        if (arrival.from != no_node && nodes_[arrival.from].place == Place{place.object, range->start} &&
            arrival.how == Reached::taken)
            return;
        if (!begins_instruction(place.object, *range, place.address)) {
            index = node(place, false, arrival);
        } else {
            index = node({place.object, range->start}, true, arrival);
            if (arrival.by_jump)
                nodes_[arrival.from].continued_in.push_back(index);
            nodes_[index].other_entries.insert(place.address);
            return;
        }
    } else {
        if (!range && arrival.how == Reached::data && file.followed.contains(place.address))
            return;
        index = node(place, range.has_value(), arrival);
    }
    if (arrival.by_jump)
        nodes_[arrival.from].continued_in.push_back(index);
    FunctionNode& reached = nodes_[index];
    if (arrival.how == Reached::called)
        reached.callers.push_back({arrival.from, arrival.at});
    else if (arrival.how == Reached::taken)
        reached.takers.push_back({arrival.from, arrival.at});
    else if (arrival.how != Reached::listed)
        reached.pointed_to = true;
}

std::optional<CodeUnit> CallGraph::unit_of(std::uint32_t index) {
    const FunctionNode& node = nodes_[index];
    File& file = *files_[node.place.object];
    std::optional<CodeUnit> unit;
    if (const auto range = scope_[node.place.object].function_at(node.place.address); node.ranged && range)
        unit = file.reader.read_range(*range);
    else
        unit = file.reader.follow(node.place.address);
    if (!unit && !file.exhausted) {
        file.exhausted = true;
        problems_.push_back(scope_[node.place.object].path() + ": functions overlap without end, not all were read");
    }
    return unit;
}

void CallGraph::scan(std::uint32_t index) {
    const auto unit = unit_of(index);
    nodes_[index].scanned = true;
    nodes_[index].may_return = !unit || unit->skipped_bytes != 0;
    if (!unit)
        return;
    const Place place = nodes_[index].place;
    File& file = *files_[place.object];
    file.skipped_bytes += unit->skipped_bytes;
    for (const Operation& operation : unit->operations) {
        if (!nodes_[index].ranged)
            file.followed.insert(operation.address);
        scan_operation(index, *unit, operation);
    }
    if (unit->falls_into)
        enter({{place.object, *unit->falls_into}, Reached::called, index, unit->operations.back().address, true});
}

void CallGraph::scan_operation(std::uint32_t index, const CodeUnit& unit, const Operation& operation) {
    const std::uint32_t object = nodes_[index].place.object;
    const ElfObject& file = scope_[object];
    const std::uint64_t at = operation.address;
    const Operand& first = operation.operands[0];
    if (operation.id == X86_INS_SYSCALL)
        nodes_[index].sites.push_back(at);
    if (operation.id == X86_INS_SYSENTER || (operation.id == X86_INS_INT && (first.value & 0xff) == 0x80))
        nodes_[index].old_sites.push_back(at);
    if (operation.is_return)
        nodes_[index].may_return = true;
    if (operation.is_call || operation.is_jump) {
        if (operation.has_target) {
            if (!unit.contains(operation.target) || (operation.is_call && operation.target != operation.end()))
                enter({{object, operation.target}, Reached::called, index, at, operation.is_jump});
            return;
        }
        const Pointer* pointer = first.kind == Operand::Kind::memory && first.fixed
                                     ? file.pointer_at(static_cast<std::uint64_t>(first.value))
                                     : nullptr;
        const auto target = pointer ? target_of(object, *pointer) : std::nullopt;
        if (operation.is_jump && (!target || target->resolver || !scope_[target->place.object].is_code(target->place.address)))
            nodes_[index].may_return = true; // it goes on somewhere
        if (pointer)
            enter_pointer(object, *pointer, Reached::called, index, at, operation.is_jump);
        return;
    }
    for (unsigned i = 0; i < operation.operand_count; ++i) {
        const Operand& operand = operation.operands[i];
        const auto value = static_cast<std::uint64_t>(operand.value);
        if (operand.kind == Operand::Kind::memory && operand.fixed) {
            const Pointer* pointer = file.pointer_at(value);
            if (operation.id == X86_INS_LEA)
                use_address(index, unit, value, at);
            else if (pointer && pointer->bound_by_name)
                enter_pointer(object, *pointer, Reached::taken, index, at);
        } else if (operand.kind == Operand::Kind::immediate && file.fixed_address() && value > 0xffff) {
            use_address(index, unit, value, at);
        }
    }
}

void CallGraph::use_address(std::uint32_t index, const CodeUnit& unit, std::uint64_t address, std::uint64_t at) {
    const std::uint32_t object = nodes_[index].place.object;
    if (!scope_[object].is_code(address)) {
        read_text(object, address, index, at);
        return;
    }
    const bool inside = nodes_[index].ranged ? unit.contains(address) : unit.index_of(address) != unit.operations.size();
    if (!inside || address == unit.start)
        enter({{object, address}, Reached::taken, index, at});
}

void CallGraph::read_text(std::uint32_t object, std::uint64_t address, std::uint32_t from, std::uint64_t at) {
    const std::string_view text = scope_[object].text_at(address);
    if (text.empty())
        return;
    if (is_library_name(text))
        library_names_.insert(std::string(text));
    if (!is_function_name(text))
        return;
    if (from != no_node && texts_.try_emplace(text, FunctionNode::Edge{from, at}).second) {
        for (const std::uint32_t file : named_files_) {
            for (const std::uint32_t index : scope_[file].definitions(text)) {
                if (scope_[file].symbols()[index].function)
                    enter({{file, scope_[file].symbols()[index].value}, Reached::by_name, from, at});
            }
        }
    }
    if (files_[object]->looks_up_names) {
        const auto found = scope_.find(text);
        if (found && found->function)
            enter({found->place, found->resolver ? Reached::resolver : Reached::by_name, from, at});
    }
}

std::uint32_t CallGraph::node_at(Place place) const {
    for (unsigned i = 0; i < most_bindings; ++i) {
        const File& file = *files_[place.object];
        const auto stub = file.stubs.find(place.address);
        if (stub == file.stubs.end() || stub->second == 0)
            break;
        const auto target = target_of(place.object, *scope_[place.object].pointer_at(stub->second));
        if (!target)
            return no_node;
        place = target->place;
    }
    const auto& nodes = files_[place.object]->nodes;
    const auto it = nodes.find(place.address);
    return it == nodes.end() ? no_node : it->second;
}

std::uint32_t CallGraph::node_of_pointer(std::uint32_t object, std::uint64_t place) const {
    const Pointer* pointer = scope_[object].pointer_at(place);
    const auto target = pointer ? target_of(object, *pointer) : std::nullopt;
    return target ? node_at(target->place) : no_node;
}

} // namespace linnet::cli
