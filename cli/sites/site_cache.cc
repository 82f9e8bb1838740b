#include "cli/sites/site_cache.h"

#include <cstring>
#include <vector>

#include "cli/image/cpio_reader.h"
#include "cli/image/elf_file.h"
#include "cli/sites/site_maker.h"
#include "cli/util/error.h"
#include "cli/util/paths.h"

namespace linnet::cli {
namespace {

constexpr std::uint64_t largest_file = std::uint64_t{512} << 20; // bytes

// The maker's version is part of the name: a better proof makes new tables.
std::filesystem::path cache_file(const std::string& build_id, std::uint64_t size) {
    return cache_folder("sites-2") / concat(build_id, "-", size);
}

std::string table_of(const Entry& entry, const std::string& build_id) {
    const std::filesystem::path cached = cache_file(build_id, entry.size());
    if (auto table = read_file(cached))
        return std::move(*table);
    std::string table;
    if (const auto* host = std::get_if<HostFile>(&entry.data)) {
        const MappedFile file(host->path);
        table = make_site_table(file.bytes()).value_or("");
    } else {
        table = make_site_table(read_data(entry.data, 0, entry.size())).value_or("");
    }
    write_file_atomically(cached, table); // an empty one too: it need not be tried again
    return table;
}

std::optional<ElfInfo> info_of(const Entry& entry) {
    if (const auto* host = std::get_if<HostFile>(&entry.data))
        return read_elf(host->path);
    if (read_data(entry.data, 0, 4) != "\x7f"
                                       "ELF")
        return {};
    return read_elf_bytes(read_data(entry.data, 0, entry.size()));
}

} // namespace

void add_site_tables(Tree& tree) {
    std::vector<std::pair<std::string, std::string>> tables;
    for (const auto& [path, entry] : tree.entries()) {
        if (!entry.is_file() || entry.size() < 512 || entry.size() > largest_file)
            continue;
        const auto info = info_of(entry);
        if (!info || !info->fault.empty() || info->build_id.empty())
            continue;
        std::string table = table_of(entry, info->build_id);
        if (!table.empty())
            tables.emplace_back(info->build_id, std::move(table));
    }
    for (auto& [build_id, table] : tables)
        tree.add_text("/.linnet/sites/" + build_id, std::move(table));
}

} // namespace linnet::cli
