// The kernel's command line: `options -- PROGRAM ARGS...` (docs/boot-protocol.md).
#pragma once

#include <span>
#include <string_view>

#include "linux-abi/errno.h"

namespace linnet::abi {

/// The words of a command line, unquoted, NUL-terminated, in the caller's storage.
struct CommandLine {
    std::span<const char* const> options;   // before `--`, and virtio_mmio.device= words from anywhere
    std::span<const char* const> arguments; // PROGRAM and ARGS
};

/// Splits `text` (up to its first NUL). `storage` for the characters: text.size() + 1 bytes are enough;
/// `words` for the pointers: text.size() / 2 + 1 are enough. E2BIG if either is too small.
/// An unterminated quote ends with the text.
Result<CommandLine> parse_command_line(std::string_view text, std::span<char> storage,
                                       std::span<const char*> words);

/// The value of option `name` (with its '='), or nullptr if `word` is another option.
const char* option_value(const char* word, std::string_view name);

/// One `virtio_mmio.device=SIZE@ADDR:IRQ[:ID]` value; SIZE with K, M, G. EINVAL.
struct MmioDeviceOption {
    uint64_t size, address;
    uint32_t irq;
};
Result<MmioDeviceOption> parse_mmio_device(std::string_view value);

/// A decimal, 0x-hexadecimal or 0-octal number that fills the whole text. EINVAL, ERANGE.
Result<uint64_t> parse_number(std::string_view text);

} // namespace linnet::abi
