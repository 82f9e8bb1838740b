#include "linux-abi/cpio.h"


namespace linnet::abi {
namespace {

constexpr size_t header_size = 110; // 6 of magic, 13 fields of 8 hexadecimal digits

bool parse_field(const char* text, uint32_t& value) {
    uint32_t v = 0;
    for (int i = 0; i < 8; ++i) {
        char c = text[i];
        uint32_t d;
        if (c >= '0' && c <= '9') d = static_cast<uint32_t>(c - '0');
        else if (c >= 'a' && c <= 'f') d = static_cast<uint32_t>(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F') d = static_cast<uint32_t>(c - 'A' + 10);
        else return false;
        v = v << 4 | d;
    }
    value = v;
    return true;
}

constexpr uint64_t align4(uint64_t n) { return (n + 3) & ~uint64_t(3); }

std::string_view clean_path(std::string_view name) {
    for (;;) {
        if (name.starts_with('/')) name.remove_prefix(1);
        else if (name.starts_with("./")) name.remove_prefix(2);
        else break;
    }
    if (name == ".") return {};
    while (name.ends_with('/')) name.remove_suffix(1);
    return name;
}

} // namespace

Result<bool> CpioReader::next(CpioEntry& entry) {
    const uint64_t size = archive_.size();
    const char* bytes = reinterpret_cast<const char*>(archive_.data());
    for (;;) {
        while (at_ < size && bytes[at_] == '\0') ++at_;
        if (at_ == size) return false;
        if (size - at_ < header_size) return EINVAL;
        const char* h = bytes + at_;
        if (__builtin_memcmp(h, "070701", 6) != 0 && __builtin_memcmp(h, "070702", 6) != 0) return EINVAL;
        uint32_t f[13];
        for (int i = 0; i < 13; ++i)
            if (!parse_field(h + 6 + i * 8, f[i])) return EINVAL;
        const uint64_t file_size = f[6], name_size = f[11];
        const uint64_t name_at = at_ + header_size;
        if (name_size == 0 || name_size > size - name_at) return EINVAL;
        // Offsets are rounded up from the header, which itself stands on a multiple of 4.
        const uint64_t data_at = at_ + align4(header_size + name_size);
        if (data_at > size ? file_size != 0 : file_size > size - data_at) return EINVAL;
        std::string_view name(bytes + name_at, static_cast<size_t>(name_size));
        size_t nul = name.find('\0');
        if (nul == std::string_view::npos) return EINVAL;
        name = {name.data(), nul};
        uint64_t end = at_ + align4(header_size + name_size) + align4(file_size);
        at_ = end < size ? end : size;
        if (name == "TRAILER!!!") continue; // padding, or another archive, may follow
        entry.name = name;
        entry.path = clean_path(name);
        entry.data = file_size ? archive_.subspan(static_cast<size_t>(data_at), static_cast<size_t>(file_size))
                               : std::span<const std::byte>();
        entry.data_offset = data_at;
        entry.ino = f[0];
        entry.mode = f[1];
        entry.uid = f[2];
        entry.gid = f[3];
        entry.nlink = f[4];
        entry.mtime = f[5];
        entry.dev_major = f[7];
        entry.dev_minor = f[8];
        entry.rdev_major = f[9];
        entry.rdev_minor = f[10];
        return true;
    }
}

} // namespace linnet::abi
