// What the scan has to know of one ELF file: its code, what its dynamic symbols offer and ask for, and which pointers
// its relocations make. Read from the program headers and PT_DYNAMIC, which stripped files keep. The file is hostile:
// what does not parse is left out, and problems() says what.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cli/scan/bytes.h"
#include "cli/scan/go_functions.h"
#include "cli/sites/code_map.h"

namespace linnet::cli {

struct DynamicSymbol {
    std::string_view name, version; // version empty: none
    std::uint64_t value = 0;        // virtual address; 0 and not `defined`: asked for
    bool defined = false, local = false, weak = false, hidden_version = false;
    bool function = false, resolver = false; // resolver: GNU_IFUNC
};

// What a word of memory holds once the run-time linker is through.
struct Pointer {
    std::uint64_t place = 0;   // virtual address of the word
    std::int32_t symbol = -1;  // index in symbols(), or -1: `value` is an address in this file
    std::uint64_t value = 0;   // address, or what is added to the symbol's
    bool bound_by_name = false; // a slot of the GOT for a symbol: counts only where code uses it
    bool resolver = false;     // IRELATIVE: `value` is a function that the linker calls
};

class ElfObject {
public:
    // `bytes` must outlive the object; `path` is what to call it.
    ElfObject(std::string path, std::string_view bytes);
    ElfObject(const ElfObject&) = delete;
    ElfObject& operator=(const ElfObject&) = delete;

    const std::string& path() const { return path_; }
    std::string name() const { return path_.substr(path_.rfind('/') + 1); }
    std::string_view bytes() const { return bytes_; }
    const CodeMap& code() const { return code_; }
    const std::vector<std::string>& problems() const { return problems_; }
    bool dynamic() const { return dynamic_; }
    // Made by Go's linker: functions pass arguments in Go's registers, and all of them change over a call.
    bool go() const { return go_; }
    bool knows_functions() const { return !functions_.empty(); } // by symbols or unwind tables
    bool fixed_address() const { return fixed_address_; } // not relocated when loaded
    std::uint64_t entry() const { return entry_; }
    // Functions that run when the file is loaded or unloaded.
    const std::vector<std::uint64_t>& initializers() const { return initializers_; }
    const std::vector<DynamicSymbol>& symbols() const { return symbols_; }

    // Definitions of a name, as indexes of symbols().
    std::vector<std::uint32_t> definitions(std::string_view name) const;

    // By place.
    const std::vector<Pointer>& pointers() const { return pointers_; }
    const Pointer* pointer_at(std::uint64_t place) const;
    // Words of data that may be pointers to code, in files that are not relocated.
    const std::vector<std::uint64_t>& unrelocated_code_pointers() const { return raw_pointers_; }

    bool is_code(std::uint64_t address) const { return !code_.code(address, address + 1).empty(); }
    // The function that begins at or covers the address, by symbols and unwind tables; nothing if none does.
    std::optional<FunctionRange> function_at(std::uint64_t address) const;
    // Where functions begin, ascending.
    const std::vector<std::uint64_t>& starts() const { return starts_; }
    // The name that Go's own table has for the function there; empty if it has none.
    std::string_view go_name(std::uint64_t address) const;
    // Where the next function begins, or the segment of code ends.
    std::uint64_t next_start(std::uint64_t address) const;
    // The bytes from there to the end of its segment of code.
    std::string_view code_from(std::uint64_t address) const;
    // A value in memory that is never written; nothing if the linker or the program may write it.
    std::optional<std::uint64_t> constant_at(std::uint64_t address, unsigned size) const;
    // What the file says that memory holds at first; nothing where it says nothing.
    std::optional<std::uint64_t> first_value_at(std::uint64_t address) const;
    // The text at an address of data, up to its NUL; empty if there is none.
    std::string_view text_at(std::uint64_t address) const;

private:
    struct Load {
        std::uint64_t address, size, memory_size, offset;
        bool writable, executable;
    };
    void read_headers();
    void read_dynamic(std::uint64_t address, std::uint64_t size);
    void read_symbols(std::uint64_t table, std::uint64_t count, std::string_view strings);
    void read_versions();
    void read_relocations(std::uint64_t address, std::uint64_t size);
    void read_packed_relocations(std::uint64_t address, std::uint64_t size);
    void find_raw_pointers();
    void find_functions();
    void find_go_functions();
    std::uint64_t count_symbols() const;
    std::uint64_t highest_symbol(std::uint64_t relocations, std::uint64_t size) const;
    std::string_view data_at(std::uint64_t address, std::uint64_t size) const;
    template <typename T>
    std::optional<T> read(std::uint64_t address) const {
        return load<T>(data_at(address, sizeof(T)), 0);
    }
    void problem(std::string text);

    std::string path_;
    std::string_view bytes_;
    CodeMap code_;
    std::vector<FunctionRange> functions_; // one a start, the longest
    std::vector<std::uint64_t> starts_;
    std::vector<GoFunction> go_functions_;
    std::uint64_t longest_function_ = 0;
    std::vector<Load> loads_;
    std::vector<std::string> problems_;
    bool dynamic_ = false, go_ = false, fixed_address_ = false;
    std::uint64_t entry_ = 0;
    std::vector<std::uint64_t> initializers_;
    std::vector<DynamicSymbol> symbols_;
    std::unordered_map<std::string_view, std::vector<std::uint32_t>> by_name_;
    std::vector<Pointer> pointers_;
    std::vector<std::uint64_t> raw_pointers_;

    struct DynamicTable {
        std::uint64_t symbols = 0, strings = 0, strings_size = 0, hash = 0, gnu_hash = 0;
        std::uint64_t versions = 0, defined_versions = 0, needed_versions = 0;
        std::uint64_t defined_count = 0, needed_count = 0;
    } table_;
};

} // namespace linnet::cli
