// What a long host operation tells its user. The command line prints steps on its stderr; tests drop them.
#pragma once

#include <string_view>

namespace linnet::cli {

class Progress {
public:
    virtual ~Progress() = default;

    // Something that takes time begins: "reading package lists", "downloading 14 packages, 9.1 MB".
    virtual void step(std::string_view text) = 0;

    // Something the user may want to know, and that does not end the operation.
    virtual void note(std::string_view text) = 0;
};

class SilentProgress final : public Progress {
public:
    void step(std::string_view) override {}
    void note(std::string_view) override {}
};

} // namespace linnet::cli
