// How far above the stack pointer a function's frame ends, at a place in its code: what an unwinder reads of .eh_frame.
// Source: DWARF 5, section 6.4; Linux Standard Base, "Exception Frames". The file is hostile.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace linnet::cli {

// The frame's end (DWARF's CFA) is a register and an offset; the return address stands in the 8 bytes below it.
struct FrameRule {
    bool from_rbp = false;   // else from RSP
    std::int64_t offset = 0; // bytes
};

// Nothing if the file has no frame information for that virtual address, or one of another form.
std::optional<FrameRule> frame_rule(std::string_view elf_file, std::uint64_t address);

} // namespace linnet::cli
