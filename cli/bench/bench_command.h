// `linnet bench`: measures Linnet and Linux guests on the same QEMU.
#pragma once

#include <string>
#include <vector>

namespace linnet::cli {

// `bench [flags] [GROUP...]` runs compat-tests/bench/measure.py; `bench --table [FILE]` prints the figures
// against their goals; `bench compare` is measure.py's; `bench image FOLDER FILE` writes a guest's archive as
// `linnet run` would, for the guest scripts. The words are those after `bench`. Throws CommandError.
int bench_command(const std::vector<std::string>& words);

} // namespace linnet::cli
