#!/usr/bin/env python3
"""Two independent loops on two CPUs meet no contended lock that they share: `linnet run --lockstat` shows it.

    lockstat_test.py --linnet build/cli/linnet --scale build/compat-tests/bench/scale [--kernel FILE]

Ranks whose locks belong to one CPU are left out: an idle CPU that looks for work takes those of the others for a moment. So are a few
meetings while the program starts and ends its threads: a lock that the loops share would be met thousands of times."""

import argparse
import re
import subprocess
import sys

LOOPS = ("getpid", "read_zero", "futex_wake", "pipe")
PER_CPU = {"RunQueue", "Timers"}
STARTING = 20  # contended acquisitions


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--linnet", required=True)
    parser.add_argument("--scale", required=True)
    parser.add_argument("--kernel")
    parser.add_argument("--ops", type=int, default=100000)
    options = parser.parse_args()
    command = [options.linnet, "run", "-q", "--lockstat", "--cpus", "2"]
    if options.kernel:
        command += ["--kernel", options.kernel]
    failed = 0
    for loop in LOOPS:
        done = subprocess.run(command + [options.scale, "--rounds", "1", "--ops", str(options.ops), loop], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        text = done.stdout.decode("utf-8", "replace")
        table = {m[1]: (int(m[2]), int(m[3])) for m in re.finditer(r"^(\w+) +(\d+) +(\d+) +\d+\s*$", text, re.M)}
        contended = {rank: n for rank, (_, n) in table.items() if n > STARTING and rank not in PER_CPU}
        if done.returncode or "scale_%s_two" % loop not in text:
            error = "status %d, no figure" % done.returncode
        elif sum(acquired for acquired, _ in table.values()) < 100:
            error = "the table counts nothing"
        elif contended:
            error = "contended: %s" % ", ".join("%s %d times of %d" % (r, n, table[r][0]) for r, n in contended.items())
        else:
            print("ok      %s: %d acquisitions, none contended" % (loop, sum(a for a, _ in table.values())))
            continue
        print(text)
        print("FAILED  %s: %s" % (loop, error))
        failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
