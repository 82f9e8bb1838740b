#include "cli/symbolize/listing.h"

#include <capstone/capstone.h>

#include "cli/util/text.h"

namespace linnet::cli {

std::vector<ListingLine> list_around(std::string_view code, std::uint64_t start, std::uint64_t place) {
    csh engine;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &engine) != CS_ERR_OK)
        return {};
    cs_option(engine, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
    cs_insn* instruction = cs_malloc(engine);
    std::vector<ListingLine> lines;
    const auto* at = reinterpret_cast<const std::uint8_t*>(code.data());
    std::size_t left = code.size();
    bool found = false;
    while (instruction && left != 0 && cs_disasm_iter(engine, &at, &left, &start, instruction)) {
        std::string text = instruction->mnemonic;
        if (*instruction->op_str)
            text += std::string(" ") + instruction->op_str;
        const bool before = instruction->address + instruction->size == place;
        if (!found && !before && instruction->address >= place)
            break; // no instruction ends there
        if (!found && lines.size() == 2)
            lines.erase(lines.begin());
        lines.push_back({instruction->address, std::move(text), before});
        if (found)
            break;
        found = before;
    }
    if (instruction)
        cs_free(instruction, 1);
    cs_close(&engine);
    if (!found)
        lines.clear();
    return lines;
}

} // namespace linnet::cli
