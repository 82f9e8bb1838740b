#!/usr/bin/env python3
"""Runs the hostile sweep in the guest. A call that takes the guest down is reported, and the sweep goes on
behind it in a new guest; status 0 only if none did, 77 when there is no command to run it with."""

import argparse
import os
import re
import subprocess
import sys


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--linnet", required=True)
    parser.add_argument("--kernel")
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--to", type=int, default=460)
    parser.add_argument("--elf", type=int, default=200)
    parser.add_argument("--isolation", choices=("none", "user"))
    parser.add_argument("-m", "--memory", default="256M")
    parser.add_argument("--stall", type=int, default=300, help="seconds for a range of calls without an end")
    parser.add_argument("binary")
    options = parser.parse_args()
    if not os.access(options.linnet, os.X_OK):
        print("no %s: not run" % options.linnet)
        return 77
    prefix = [options.linnet, "run", "-q", "-m", options.memory]
    if options.kernel and os.path.exists(options.kernel):
        prefix += ["--kernel", options.kernel]
    if options.isolation:
        prefix += ["--isolation", options.isolation]
    down, first, step = [], options.first, 40
    while first <= options.to + 1:
        last = min(first + step - 1, options.to)
        elf = options.elf if first > options.to else 0
        words = ["--from", str(first), "--to", str(last), "--elf", str(elf)]
        try:
            done = subprocess.run(prefix + [options.binary] + words, stdin=subprocess.DEVNULL, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=options.stall * 4)
            status, out, err = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as e:
            status, out, err = None, e.stdout or b"", e.stderr or b""
        text = out.decode("utf-8", "replace")
        sys.stdout.write("".join(l + "\n" for l in text.splitlines() if not l.startswith("survived")))
        if status == 0 and "survived" in text:
            first = last + 1 if first <= options.to else options.to + 2
            continue
        if status == 1 and "random_elf:" in text:
            print("FAILED: random files as programs (the guest is alive)")
            print("hostile sweep: the guest went down in %d calls%s" % (len(down), ": %s" % down if down else ""))
            return 1
        calls = [int(n) for n in re.findall(r"^call (\d+):", text, re.M)]
        culprit = (calls[-1] if calls else first - 1) + 1
        print("DOWN in call %s (status %s)" % (culprit if culprit <= options.to else "execve of random files", status))
        print("    " + "\n    ".join(err.decode("utf-8", "replace").splitlines()[-40:]), flush=True)
        down.append(culprit)
        first = culprit + 1
    print("hostile sweep: the guest went down in %d calls%s" % (len(down), ": %s" % down if down else ""))
    return 1 if down else 0


if __name__ == "__main__":
    sys.exit(main())
