// Places of a gap with their names: files come out of the image that was booted.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/gaps/gap_record.h"
#include "cli/image/cpio_reader.h"
#include "cli/sites/code_map.h"
#include "cli/symbolize/listing.h"
#include "cli/symbolize/symbol_table.h"

namespace linnet::cli {

// How sure it is that a caller is one. A word on the stack that looks like a return address may be left from an earlier call.
enum class PlaceTrust {
    certain,  // by unwind tables, or the chain of frame pointers
    likely,   // the call before it is one of the function above it
    possible, // nothing else is known
};

struct NamedPlace {
    std::string file;          // path in the guest; empty: not in a file
    std::uint64_t address = 0; // virtual address in the file; in the process where there is none
    std::string symbol;        // "main+0x12"; empty: none covers it
    PlaceTrust trust = PlaceTrust::certain;
};

struct NamedGap {
    std::optional<NamedPlace> asker;    // behind the instruction that made the call
    std::vector<ListingLine> listing;   // around it
    std::vector<NamedPlace> callers;    // innermost first
};

class PlaceNamer {
public:
    // An image that is not there, or damaged: places keep their files and addresses, and have no symbols.
    explicit PlaceNamer(const std::string& image);

    NamedGap name(const GapRecord& gap);
    bool has_image() const { return !file_.bytes().empty(); }

private:
    struct CodeFile {
        explicit CodeFile(std::string_view bytes) : bytes(bytes), symbols(bytes), map(bytes) {}
        std::string_view bytes;
        SymbolTable symbols;
        CodeMap map;
    };
    CodeFile* code_file(const std::string& path);
    NamedPlace name_place(const GapPlace& place, std::uint64_t back);
    std::string called_function(const GapPlace& place);
    std::vector<ListingLine> list(const GapPlace& place);

    MappedFile file_;
    CpioReader archive_;
    std::map<std::string, std::unique_ptr<CodeFile>> files_;
};

} // namespace linnet::cli
