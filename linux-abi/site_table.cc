#include "linux-abi/site_table.h"

namespace linnet::abi {
namespace {

bool bytes_at(const SiteEntry& e, size_t at, std::initializer_list<uint8_t> bytes) {
    if (at + bytes.size() > e.original_size) return false;
    for (uint8_t b : bytes)
        if (e.original[at++] != b) return false;
    return true;
}

/// The original bytes are what the form says they are.
bool form_fits(const SiteEntry& e) {
    switch (static_cast<SiteForm>(e.form)) {
    case SiteForm::mov_imm:
        return e.displaced == 5 && bytes_at(e, 0, {0xb8}) && bytes_at(e, 5, {0x0f, 0x05}) &&
               (e.number == site_number_unknown ||
                e.number == (uint32_t(e.original[1]) | uint32_t(e.original[2]) << 8 |
                             uint32_t(e.original[3]) << 16 | uint32_t(e.original[4]) << 24));
    case SiteForm::xor_eax:
        return e.displaced >= 4 && (bytes_at(e, 0, {0x31, 0xc0}) || bytes_at(e, 0, {0x33, 0xc0})) &&
               bytes_at(e, 2, {0x0f, 0x05}) && (e.number == 0 || e.number == site_number_unknown);
    case SiteForm::syscall_cmp:
        return e.displaced == 8 && bytes_at(e, 0, {0x0f, 0x05, 0x48, 0x3d});
    case SiteForm::run_before:
        return e.displaced >= 7 && bytes_at(e, e.displaced - 2u, {0x0f, 0x05});
    case SiteForm::halt:
        return e.displaced == 1 && e.original_size == 1 && bytes_at(e, 0, {0xf4}) && e.flags == 0 &&
               e.number == site_number_unknown;
    }
    return false;
}

bool entry_ok(const SiteEntry& e) {
    if (e.displaced < 1 || e.displaced > site_original_size || e.original_size < e.displaced ||
        e.original_size > site_original_size || (e.flags & ~site_known_flags))
        return false;
    if (!(e.flags & site_flag_padding) && e.padding_offset != 0) return false;
    for (uint8_t b : e.reserved)
        if (b) return false;
    for (size_t i = e.original_size; i < site_original_size; ++i)
        if (e.original[i]) return false;
    return e.vaddr <= UINT64_MAX - 2 * site_original_size && form_fits(e);
}

} // namespace

Result<SiteTable> open_site_table(std::span<const std::byte> file) {
    if (file.size() < sizeof(SiteTableHeader) || reinterpret_cast<uintptr_t>(file.data()) % 8 != 0)
        return EINVAL;
    const auto* h = reinterpret_cast<const SiteTableHeader*>(file.data());
    if (__builtin_memcmp(h->magic, site_table_magic, sizeof site_table_magic) != 0 ||
        h->version != site_table_version || h->build_id_size == 0 || h->build_id_size > sizeof h->build_id)
        return EINVAL;
    for (uint8_t b : h->reserved)
        if (b) return EINVAL;
    for (size_t i = h->build_id_size; i < sizeof h->build_id; ++i)
        if (h->build_id[i]) return EINVAL;
    size_t room = file.size() - sizeof(SiteTableHeader);
    if (room % sizeof(SiteEntry) != 0 || room / sizeof(SiteEntry) != h->count) return EINVAL;
    std::span<const SiteEntry> entries(reinterpret_cast<const SiteEntry*>(h + 1), h->count);
    uint64_t free_from = 0;
    for (const SiteEntry& e : entries) {
        if (!entry_ok(e) || e.vaddr < free_from) return EINVAL;
        free_from = e.vaddr + e.displaced;
    }
    return SiteTable{h, entries};
}

std::span<const SiteEntry> sites_between(const SiteTable& table, uint64_t first, uint64_t last) {
    auto lower = [&](uint64_t address) {
        size_t low = 0, high = table.entries.size();
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (table.entries[middle].vaddr < address) low = middle + 1;
            else high = middle;
        }
        return low;
    };
    size_t from = lower(first), to = lower(last);
    return from < to ? table.entries.subspan(from, to - from) : std::span<const SiteEntry>();
}

} // namespace linnet::abi
