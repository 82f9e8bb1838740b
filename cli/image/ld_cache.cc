#include "cli/image/ld_cache.h"

#include <cstdint>
#include <cstring>

namespace linnet::cli {
namespace {

// glibc's sysdeps/generic/dl-cache.h, format "glibc-ld.so.cache1.1".
constexpr std::string_view new_magic = "glibc-ld.so.cache1.1";
constexpr std::string_view old_magic = "ld.so-1.7.0";
constexpr std::int32_t flags_x86_64_libc6 = 0x0303;

struct CacheHeader {
    char magic[20];
    std::uint32_t libraries;
    std::uint32_t strings_size;
    std::uint8_t flags;
    std::uint8_t padding[3];
    std::uint32_t extension_offset;
    std::uint32_t unused[3];
};
static_assert(sizeof(CacheHeader) == 48);

struct CacheEntry {
    std::int32_t flags;
    std::uint32_t name;  // offsets from the start of the header
    std::uint32_t path;
    std::uint32_t os_version;
    std::uint64_t hwcap; // 0: for every processor
};
static_assert(sizeof(CacheEntry) == 24);

} // namespace

std::map<std::string, std::string> read_ld_cache(std::string_view file) {
    if (file.starts_with(old_magic)) {
        // The old format's table comes first; the new one follows at a multiple of 8.
        const auto at = file.find(new_magic);
        if (at == std::string_view::npos)
            return {};
        file.remove_prefix(at);
    }
    CacheHeader header;
    if (!file.starts_with(new_magic) || file.size() < sizeof header)
        return {};
    std::memcpy(&header, file.data(), sizeof header);
    if (header.libraries > (file.size() - sizeof header) / sizeof(CacheEntry))
        return {};
    const auto text = [&](std::uint32_t offset) {
        if (offset >= file.size())
            return std::string();
        return std::string(file.data() + offset, ::strnlen(file.data() + offset, file.size() - offset));
    };
    std::map<std::string, std::string> paths;
    for (std::uint32_t i = 0; i < header.libraries; ++i) {
        CacheEntry entry;
        std::memcpy(&entry, file.data() + sizeof header + i * sizeof entry, sizeof entry);
        if (entry.flags == flags_x86_64_libc6 && entry.hwcap == 0)
            paths.try_emplace(text(entry.name), text(entry.path));
    }
    return paths;
}

} // namespace linnet::cli
