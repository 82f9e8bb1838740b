#include "cli/scan/link_scope.h"

namespace linnet::cli {

std::uint32_t LinkScope::add(std::unique_ptr<ElfObject> object) {
    objects_.push_back(std::move(object));
    return size() - 1;
}

std::optional<LinkScope::Definition> LinkScope::bind(const DynamicSymbol& symbol) const {
    return look_up(symbol.name, symbol.version);
}

std::optional<LinkScope::Definition> LinkScope::find(std::string_view name) const {
    return look_up(name, {});
}

std::optional<LinkScope::Definition> LinkScope::look_up(std::string_view name, std::string_view version) const {
    if (name.empty())
        return {};
    for (std::uint32_t i = 0; i < size(); ++i) {
        const DynamicSymbol* found = nullptr;
        for (const std::uint32_t index : objects_[i]->definitions(name)) {
            const DynamicSymbol& symbol = objects_[i]->symbols()[index];
            const bool fits = version.empty() ? !symbol.hidden_version || !found
                                              : symbol.version == version || symbol.version.empty();
            // Without a version the default one is meant, which is the one that is not hidden.
            if (fits && (!found || found->hidden_version))
                found = &symbol;
        }
        if (found)
            return Definition{{i, found->value}, found->resolver, found->function};
    }
    return {};
}

} // namespace linnet::cli
