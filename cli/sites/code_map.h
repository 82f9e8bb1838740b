// Where the code of one ELF file lies, and where its functions begin and end: from the program headers,
// .eh_frame (by PT_GNU_EH_FRAME's table, which stripped files keep) and the symbol tables. The file is hostile.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::cli {

struct CodeSegment {
    std::uint64_t address = 0; // virtual, as in the file
    std::string_view bytes;
};

struct FunctionRange {
    std::uint64_t start = 0, end = 0; // virtual addresses
};

class CodeMap {
public:
    // Where functions are read from: `sections`, also from .eh_frame itself, for static files without a table of it.
    enum class Unwind { table, sections };

    // `file` must outlive the map.
    explicit CodeMap(std::string_view file, Unwind unwind = Unwind::table);

    const std::vector<CodeSegment>& segments() const { return segments_; }
    // Sorted by start; each within one segment; they may overlap.
    const std::vector<FunctionRange>& functions() const { return functions_; }
    // Where functions begin, ascending: those of functions(), and those that symbols give no size.
    const std::vector<std::uint64_t>& starts() const { return starts_; }
    // Raw bytes; empty without one.
    const std::string& build_id() const { return build_id_; }

    // The bytes of [start, end) of code; empty if they are not all within one segment.
    std::string_view code(std::uint64_t start, std::uint64_t end) const;

private:
    struct Load {
        std::uint64_t address, size, offset;
    };
    void read_unwind_table(std::uint64_t address);
    void read_unwind_section(std::uint64_t address, std::uint64_t size);
    // The function of one FDE.
    FunctionRange unwind_entry(std::uint64_t address);
    bool cie_is_pcrel(std::uint64_t cie);
    std::string_view data_at(std::uint64_t address, std::uint64_t size) const;
    void add_function(std::uint64_t start, std::uint64_t size);

    std::string_view file_;
    std::vector<Load> loads_;
    std::vector<CodeSegment> segments_;
    std::vector<FunctionRange> functions_;
    std::vector<std::uint64_t> starts_;
    std::string build_id_;
    std::uint64_t known_cie_ = 0; // nearly all FDEs share one or two
    bool known_answer_ = false;
};

} // namespace linnet::cli
