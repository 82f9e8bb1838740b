#include "cli/scan/register_value.h"

#include <algorithm>

namespace linnet::cli {

void RegisterValue::add(Possibility possibility) {
    const auto it = std::lower_bound(possibilities_.begin(), possibilities_.end(), possibility);
    if (it != possibilities_.end() && *it == possibility)
        return;
    if (possibilities_.size() >= most)
        anything_ = true; // those that are known stay: they are still possible
    else
        possibilities_.insert(it, possibility);
}

bool RegisterValue::merge(const RegisterValue& other) {
    if (*this == other)
        return false;
    const std::size_t before = possibilities_.size();
    const bool had_anything = anything_;
    for (const Possibility& possibility : other.possibilities_)
        add(possibility);
    anything_ = anything_ || other.anything_;
    return possibilities_.size() != before || anything_ != had_anything;
}

const std::int64_t* RegisterValue::stack_address() const {
    if (anything_ || possibilities_.size() != 1 || possibilities_[0].kind != Possibility::Kind::stack_address)
        return nullptr;
    return &possibilities_[0].value;
}

} // namespace linnet::cli
