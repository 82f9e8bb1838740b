// The call-site table of one ELF file (linux-abi/site_table.h): which system calls of its code the kernel
// may bind to a jump, and which instructions are `hlt` (halt_finder.h).
//
// The form `mov $n,%eax; syscall` displaces the mov alone. A site is in the table only if
//  - a function that contains it decodes completely from its start, with the mov and the syscall among its
//    instructions;
//  - no direct branch can lead behind the mov's first byte: every function within reach of a short jump decodes
//    completely and has none; bytes in reach that belong to no function hold none at any alignment; the whole
//    code holds no near jump or call to there at any alignment.
// Indirect branches lead to starts of instructions, and the mov is one instruction.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace linnet::cli {

// The table's bytes; nothing if the file has no build-id or no site that can be proven.
std::optional<std::string> make_site_table(std::string_view elf_file);

} // namespace linnet::cli
