// What the command has to know of an ELF file before it runs: read with libelf from the program headers
// alone, so that stripped and sectionless files work. Every file is hostile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::cli {

struct ElfInfo {
    bool is_64 = false;
    bool little_endian = false;
    std::uint16_t machine = 0; // EM_*
    std::uint16_t type = 0;    // ET_EXEC, ET_DYN
    std::string interpreter;
    std::vector<std::string> needed;
    std::string rpath;   // DT_RPATH as written
    std::string runpath; // DT_RUNPATH as written
    bool has_runpath = false;
    bool dynamic = false;  // has PT_DYNAMIC
    std::string build_id;  // hexadecimal
    std::string fault;     // why it cannot be run on x86-64 ("truncated ELF file", ...); empty if it can
};

// Nothing if the file is not an ELF file at all. `fault` is set for one that is damaged or foreign.
std::optional<ElfInfo> read_elf(int fd);
std::optional<ElfInfo> read_elf(const std::string& path);
std::optional<ElfInfo> read_elf_bytes(std::string_view bytes);

} // namespace linnet::cli
