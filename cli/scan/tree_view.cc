#include "cli/scan/tree_view.h"

#include "cli/util/error.h"

namespace linnet::cli {
namespace {

constexpr std::uint64_t largest_file = std::uint64_t{1} << 31; // bytes

std::optional<std::string> contents_of(const Tree& tree, const std::string& path) {
    const auto real = tree.resolve(path);
    const Entry* entry = real ? tree.find(*real) : nullptr;
    if (!entry || !entry->is_file() || entry->size() > largest_file)
        return {};
    try {
        return read_data(entry->data, 0, entry->size());
    } catch (const CommandError&) {
        return {};
    }
}

std::optional<ElfInfo> elf_of(const Tree& tree, const std::string& path) {
    const auto real = tree.resolve(path);
    const Entry* entry = real ? tree.find(*real) : nullptr;
    if (!entry || !entry->is_file())
        return {};
    if (const auto* file = std::get_if<HostFile>(&entry->data))
        return read_elf(file->path); // without reading all of it
    const auto bytes = contents_of(tree, path);
    return bytes ? read_elf_bytes(*bytes) : std::nullopt;
}

} // namespace

FileView view_of_tree(const Tree& tree) {
    return {[&tree](const std::string& path) { return elf_of(tree, path); },
            [&tree](const std::string& path) { return contents_of(tree, path); },
            [&tree](const std::string& path) { return tree.resolve(path).value_or(""); }};
}

} // namespace linnet::cli
