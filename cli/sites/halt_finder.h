// The `hlt` instructions of a file, for the form SiteForm::halt of linux-abi/site_table.h.
//
// One byte says little, so that more is asked for than of a system call. A byte f4 counts only if
//  - at least one function contains it, and every function that does decodes completely from its start with a
//    hlt of one byte there;
//  - control can come there from the function's start, or from the target of a near jump of the file, by direct branches
//    and by going on from one instruction to the next. Data among code, which may decode by accident, is never come to so;
//  - no such path branches between two instructions of that decoding.
// What only a jump table leads to is not found.
#pragma once

#include <cstdint>
#include <vector>

#include "cli/sites/code_map.h"
#include "cli/sites/disassembler.h"

namespace linnet::cli {

// Virtual addresses, ascending.
std::vector<std::uint64_t> find_halts(const CodeMap& map, Disassembler& disassembler);

} // namespace linnet::cli
