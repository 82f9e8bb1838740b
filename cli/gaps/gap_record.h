// The gaps of a run as the kernel tells them: control lines that begin with `gap ` (docs/boot-protocol.md). They come from a guest, which may
// be hostile: what does not parse is left out, and all is bounded.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::cli {

// A place in the program's code.
struct GapPlace {
    std::int64_t slot = -1;    // of a return address: it stood 8 * slot bytes above RSP; -1: RIP itself
    std::uint64_t address = 0; // in the process
    std::uint64_t offset = 0;  // bytes into the file
    std::string path;          // of the file in the guest; empty: none is known
    bool in_chain = false;     // the chain of RBP leads to it
};

struct GapRecord {
    std::string kind;                 // a name that known_gap_kind() knows
    std::uint64_t a = 0, b = 0, c = 0; // linux-abi/gap.h says what they are
    std::uint64_t count = 0;
    int error = 0;                    // errno that it got; 0: none
    int pid = 0;                      // the first that asked; 0: not known
    std::string comm;
    int dead_pid = 0;                 // the first process that ended badly soon after asking; 0: none did
    unsigned death = 0;               // its status, as wait4's
    std::int64_t frame_slot = -1;     // RBP points 8 * frame_slot bytes above RSP; -1: it does not
    std::string text;                 // a path, a file system's name
    std::vector<GapPlace> places;     // RIP first, then what may be return addresses, by slot
};

struct GapReport {
    std::vector<GapRecord> gaps; // in the order of their first asking
    std::uint64_t others = 0;    // times that something was asked for that the kernel's table had no room for
    std::uint64_t request = 0;   // the command that it answers; 0: sent at the end of the run
    bool complete = false;       // the whole report came
};

// Makes reports of control lines.
class GapCollector {
public:
    static constexpr std::size_t most_gaps = 1024, most_paths = 1024, most_places = 64;
    static constexpr std::size_t most_line_bytes = 16384, most_path_bytes = 256; // the kernel keeps no longer paths

    // A line without its end. True: a report is complete with it.
    bool take(std::string_view line);
    // The last complete report; before there is one, what has come so far.
    const GapReport& report() const { return report_.complete ? report_ : building_; }

private:
    void take_path(std::string_view rest);
    void take_gap(std::string_view rest);
    bool take_end(std::string_view rest);

    GapReport report_, building_;
    std::map<std::uint64_t, std::string> paths_;
    bool begun_ = false;
};

} // namespace linnet::cli
