// The kernel's panic block (docs/boot-protocol.md, "The end"), and what the host can add to it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::cli {

struct PanicMapping {
    std::uint64_t start = 0, end = 0, offset = 0; // addresses; offset into the file
    std::string path;
};

struct Panic {
    std::string text;
    std::uint64_t kernel_base = 0; // where the kernel's first segment was mapped
    std::uint64_t load_bias = 0;   // to subtract from an address to get the symbol table's
    std::string build_id;
    std::map<std::string, std::uint64_t> registers; // by name, "rip" and "cr2" too
    std::vector<unsigned char> code;
    std::size_t code_at = 0; // index of the byte at RIP
    std::vector<std::uint64_t> frames;
    std::vector<PanicMapping> maps;
    bool complete = false; // the end line was seen
};

// Lines that do not parse are left out: the block comes from a broken kernel.
Panic parse_panic(const std::vector<std::string>& lines);

struct PanicSources {
    std::string kernel; // ELF file with symbols
    std::string image;  // the guest's archive, for the symbols of programs
};

// The block's own lines, followed by RIP's and each frame's function, and the code disassembled.
std::vector<std::string> explain_panic(const std::vector<std::string>& lines, const PanicSources& sources);

} // namespace linnet::cli
