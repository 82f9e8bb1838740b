#include "cli/qemu/tsc.h"

#include <cpuid.h>
#include <time.h>
#include <x86intrin.h>

#include <algorithm>

#include "cli/util/paths.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

struct Reading {
    std::uint64_t tsc = 0;
    std::uint64_t ns = 0; // CLOCK_MONOTONIC_RAW
};

// The tightest of several pairs: an interrupt in between would spoil one.
Reading take_reading() {
    Reading best;
    std::uint64_t best_width = UINT64_MAX;
    for (int i = 0; i < 16; ++i) {
        timespec now;
        const std::uint64_t before = __rdtsc();
        ::clock_gettime(CLOCK_MONOTONIC_RAW, &now);
        const std::uint64_t after = __rdtsc();
        if (after - before < best_width) {
            best_width = after - before;
            best = {before + (after - before) / 2,
                    static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
                        static_cast<std::uint64_t>(now.tv_nsec)};
        }
    }
    return best;
}

bool invariant_tsc() {
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8));
}

} // namespace

std::uint64_t host_tsc_khz() {
    if (!invariant_tsc())
        return 0;
    constexpr std::uint64_t least_ns = 20'000'000;
    const std::string path = cache_folder() / "tsc";
    const std::string key = host_boot_id();
    Reading first;
    if (const auto known = read_file(path)) {
        const auto lines = split(*known, '\n');
        if (lines.size() >= 3 && lines[0] == key) {
            first.tsc = parse_number(lines[1], UINT64_MAX).value_or(0);
            first.ns = parse_number(lines[2], UINT64_MAX).value_or(0);
        }
    }
    Reading now = take_reading();
    if (first.tsc == 0 || now.tsc <= first.tsc || now.ns <= first.ns) {
        first = now;
        write_file_atomically(path, concat(key, "\n", first.tsc, "\n", first.ns, "\n"));
    }
    if (now.ns - first.ns < least_ns) {
        const timespec pause{0, static_cast<long>(least_ns)};
        ::nanosleep(&pause, nullptr);
        now = take_reading();
    }
    // cycles per ns * 10^6
    const unsigned __int128 cycles = now.tsc - first.tsc;
    return static_cast<std::uint64_t>(cycles * 1'000'000 / (now.ns - first.ns));
}

} // namespace linnet::cli
