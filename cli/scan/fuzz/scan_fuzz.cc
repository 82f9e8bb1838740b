// Any bytes as a program, and as every library that it asks for: the scan ends, and its report can be written.
#include <elf.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <string>

#include "cli/scan/scan.h"
#include "cli/scan/scan_report.h"
#include "cli/util/error.h"

using namespace linnet::cli;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string bytes(reinterpret_cast<const char*>(data), size);
    // Mostly with a header that gets past the first checks, and all of the file as code.
    if (size > 256 && (data[size - 1] & 3) != 0) {
        Elf64_Ehdr header{};
        std::memcpy(&header, bytes.data(), sizeof header);
        std::memcpy(header.e_ident, "\177ELF\2\1\1", 7);
        header.e_type = data[size - 1] & 1 ? ET_DYN : ET_EXEC;
        header.e_machine = EM_X86_64;
        header.e_phoff = sizeof header;
        header.e_phentsize = sizeof(Elf64_Phdr);
        header.e_phnum = static_cast<std::uint16_t>(1 + header.e_phnum % 3);
        header.e_entry %= size;
        std::memcpy(bytes.data(), &header, sizeof header);
        if (data[size - 1] & 2) {
            Elf64_Phdr segment{.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 0, .p_vaddr = 0, .p_paddr = 0,
                               .p_filesz = size, .p_memsz = size, .p_align = 1};
            std::memcpy(bytes.data() + sizeof header, &segment, sizeof segment);
        }
    }
    const FileView view{[&](const std::string&) { return read_elf_bytes(bytes); },
                        [&](const std::string& path) {
                            return path.find("ld.so.cache") == std::string::npos ? std::optional(bytes) : std::nullopt;
                        },
                        [](const std::string& path) { return std::string(path == "p" ? "p" : "library"); }};
    // Its own mark would hardly be found by chance.
    for (const GoFunction& function : read_go_functions(bytes, 0, [](std::uint64_t, std::uint64_t word) { return word; })) {
        if (!function.name.empty() && (function.name.data() < bytes.data() || function.name.data() + function.name.size() > bytes.data() + size))
            __builtin_trap();
    }
    try {
        const Scan scan({.program = "p", .every_function = (data[0] & 1) != 0}, view);
        std::ostringstream out;
        write_scan_text(out, scan, true);
        write_scan_json(out, scan);
    } catch (const CommandError&) {
    }
    return 0;
}
