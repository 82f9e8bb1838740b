// The files of one process and what a symbol's name means there: ld.so's look-up scope, by order and version.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "cli/scan/elf_object.h"

namespace linnet::cli {

// A place in one of the files.
struct Place {
    std::uint32_t object = 0;
    std::uint64_t address = 0;
    bool operator==(const Place&) const = default;
    auto operator<=>(const Place&) const = default;
};

class LinkScope {
public:
    // In ld.so's order: the program, its libraries breadth first, then what is loaded at run time.
    std::uint32_t add(std::unique_ptr<ElfObject> object);

    std::uint32_t size() const { return static_cast<std::uint32_t>(objects_.size()); }
    const ElfObject& operator[](std::uint32_t index) const { return *objects_[index]; }

    struct Definition {
        Place place;
        bool resolver = false; // GNU_IFUNC: a function that returns the address
        bool function = false;
    };

    // What `symbol`, which an object asks for, is bound to. A definition of another version than asked for is taken only
    // from a file without versions, as ld.so does.
    std::optional<Definition> bind(const DynamicSymbol& symbol) const;
    // What dlsym(RTLD_DEFAULT, name) finds.
    std::optional<Definition> find(std::string_view name) const;

private:
    std::optional<Definition> look_up(std::string_view name, std::string_view version) const;

    std::vector<std::unique_ptr<ElfObject>> objects_;
};

} // namespace linnet::cli
