// Does a guest really run under KVM here? A /dev/kvm that opens is no proof: nested and restricted hosts have
// one that runs nothing.
#pragma once

#include <string>

namespace linnet::cli {

struct KvmAnswer {
    bool works = false;
    std::string reason;    // why not, in a few words
    bool was_known = false; // from the cache
};

// Runs a few instructions in a real guest, once for each boot of the host; a few hundred ms, a deadline of
// some seconds.
KvmAnswer probe_kvm();

} // namespace linnet::cli
