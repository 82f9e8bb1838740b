// Reading of what lies at an offset of untrusted bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace linnet::cli {

// Nothing if it does not lie within.
template <typename T>
std::optional<T> load(std::string_view bytes, std::uint64_t at) {
    T value;
    if (at > bytes.size() || sizeof value > bytes.size() - at)
        return {};
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

} // namespace linnet::cli
