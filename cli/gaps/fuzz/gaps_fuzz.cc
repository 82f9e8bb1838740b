// Control lines of a hostile guest, and unwind tables of hostile files.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cli/gaps/gap_names.h"
#include "cli/gaps/gap_record.h"
#include "cli/symbolize/unwind.h"
#include "cli/util/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace linnet::cli;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (bytes.starts_with("\x7f" "ELF")) {
        for (std::uint64_t address : {std::uint64_t{0}, std::uint64_t{0x1000}, std::uint64_t{size / 2}, UINT64_MAX})
            frame_rule(bytes, address);
        return 0;
    }
    GapCollector collector;
    collector.take("gap begin 1");
    for (const std::string& line : split(bytes, '\n'))
        collector.take(line);
    for (const GapRecord& gap : collector.report().gaps)
        gap_names(gap.kind, gap.a, gap.b, gap.c, gap.text);
    return 0;
}
