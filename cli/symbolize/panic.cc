#include "cli/symbolize/panic.h"

#include <capstone/capstone.h>

#include <cinttypes>
#include <cstdlib>
#include <memory>
#include <optional>

#include "cli/image/cpio_reader.h"
#include "cli/symbolize/symbol_table.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

std::optional<std::uint64_t> parse_hex(std::string_view text) {
    if (text.starts_with("0x"))
        text.remove_prefix(2);
    if (text.empty() || text.size() > 16)
        return {};
    std::uint64_t value = 0;
    for (const char c : text) {
        if (!std::isxdigit(static_cast<unsigned char>(c)))
            return {};
        value = value << 4 | static_cast<std::uint64_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    for (std::string& word : split(line, ' ')) {
        if (!word.empty())
            words.push_back(std::move(word));
    }
    return words;
}

std::string hex_address(std::uint64_t address) {
    char text[32];
    std::snprintf(text, sizeof text, "0x%016" PRIx64, address);
    return text;
}

class Resolver {
public:
    Resolver(const Panic& panic, const PanicSources& sources)
        : panic_(panic), kernel_file_(sources.kernel), kernel_(kernel_file_.bytes()),
          image_file_(sources.image), image_(image_file_.bytes()) {}

    std::string describe(std::uint64_t address) {
        if (address >= panic_.kernel_base && panic_.kernel_base != 0) {
            const auto name = kernel_.name(address - panic_.load_bias);
            return name ? *name : "(kernel, no symbol)";
        }
        for (const PanicMapping& mapping : panic_.maps) {
            if (address < mapping.start || address >= mapping.end)
                continue;
            const std::uint64_t offset = address - mapping.start + mapping.offset;
            char place[32];
            std::snprintf(place, sizeof place, "+0x%" PRIx64, offset);
            std::string text = mapping.path + place;
            const SymbolTable& symbols = table(mapping.path);
            if (const auto in_file = symbols.address_of_offset(offset)) {
                if (const auto name = symbols.name(*in_file))
                    text += " " + *name;
            }
            return text;
        }
        return "(no mapping)";
    }

private:
    const SymbolTable& table(const std::string& path) {
        auto& slot = programs_[path];
        if (!slot)
            slot = std::make_unique<SymbolTable>(path.starts_with('/') ? image_.file(path)
                                                                       : std::string_view());
        return *slot;
    }

    const Panic& panic_;
    MappedFile kernel_file_;
    SymbolTable kernel_;
    MappedFile image_file_;
    CpioReader image_;
    std::map<std::string, std::unique_ptr<SymbolTable>> programs_;
};

// From the byte at RIP on: what stands before it cannot be decoded for certain.
std::vector<std::string> disassemble(const Panic& panic) {
    std::vector<std::string> lines;
    const auto rip = panic.registers.find("rip");
    csh engine;
    if (rip == panic.registers.end() || panic.code_at >= panic.code.size() ||
        cs_open(CS_ARCH_X86, CS_MODE_64, &engine) != CS_ERR_OK)
        return lines;
    cs_option(engine, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
    cs_insn* instructions = nullptr;
    const std::size_t count = cs_disasm(engine, panic.code.data() + panic.code_at,
                                        panic.code.size() - panic.code_at, rip->second, 4, &instructions);
    for (std::size_t i = 0; i < count; ++i)
        lines.push_back(concat(i == 0 ? "  => " : "     ", hex_address(instructions[i].address), "  ",
                               instructions[i].mnemonic, " ", instructions[i].op_str));
    if (count == 0)
        lines.push_back(concat("  => ", hex_address(rip->second), "  (not an instruction)"));
    if (instructions)
        cs_free(instructions, count);
    cs_close(&engine);
    return lines;
}

} // namespace

Panic parse_panic(const std::vector<std::string>& lines) {
    Panic panic;
    for (const std::string& line : lines) {
        constexpr std::string_view head = "=== linnet panic: ";
        if (line.starts_with(head)) {
            panic.text = line.substr(head.size());
            if (panic.text.ends_with("==="))
                panic.text.erase(panic.text.size() - 3);
            continue;
        }
        if (line.starts_with("=== end of panic")) {
            panic.complete = true;
            continue;
        }
        const auto words = words_of(line);
        if (words.empty() || line.starts_with(' '))
            continue;
        if (words[0] == "kernel" && words.size() >= 3) {
            panic.kernel_base = parse_hex(words[1]).value_or(0);
            panic.load_bias = parse_hex(words[2]).value_or(0);
            if (words.size() >= 5)
                panic.build_id = words[4];
        } else if (words[0] == "code") {
            for (std::size_t i = 1; i < words.size(); ++i) {
                std::string byte = words[i];
                if (byte.starts_with('<') && byte.ends_with('>')) {
                    panic.code_at = panic.code.size();
                    byte = byte.substr(1, byte.size() - 2);
                }
                const auto value = parse_hex(byte);
                if (value && *value <= 0xff)
                    panic.code.push_back(static_cast<unsigned char>(*value));
            }
        } else if (words[0] == "frame" && words.size() >= 2) {
            if (const auto address = parse_hex(words[1]); address && panic.frames.size() < 256)
                panic.frames.push_back(*address);
        } else if (words[0] == "maps" && words.size() >= 4) {
            const auto dash = words[1].find('-');
            const auto start = parse_hex(words[1].substr(0, dash));
            const auto end = dash == std::string::npos ? std::nullopt : parse_hex(words[1].substr(dash + 1));
            const auto offset = parse_hex(words[3]);
            if (start && end && offset)
                panic.maps.push_back({*start, *end, *offset, words.size() >= 5 ? words[4] : ""});
        } else if (words[0][0] == 'r' || words[0] == "cr2") {
            for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
                if (const auto value = parse_hex(words[i + 1]))
                    panic.registers[words[i]] = *value;
            }
        }
    }
    return panic;
}

std::vector<std::string> explain_panic(const std::vector<std::string>& lines, const PanicSources& sources) {
    std::vector<std::string> result = lines;
    const Panic panic = parse_panic(lines);
    Resolver resolver(panic, sources);
    result.push_back("with symbols:");
    if (const auto rip = panic.registers.find("rip"); rip != panic.registers.end())
        result.push_back(concat("  rip   ", hex_address(rip->second), "  ", resolver.describe(rip->second)));
    for (const std::string& line : disassemble(panic))
        result.push_back(line);
    for (const std::uint64_t frame : panic.frames) {
        // A return address may be the next function's first byte: the call lies before it.
        result.push_back(concat("  frame ", hex_address(frame), "  ", resolver.describe(frame - 1)));
    }
    if (!panic.complete)
        result.push_back("(the block is cut short: the machine ended before its last line)");
    return result;
}

} // namespace linnet::cli
