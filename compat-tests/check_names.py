#!/usr/bin/env python3
"""Checks the naming convention of the compatibility cases, prints their number.

`TEST(sys_<syscall>, <what>)` names a case of one system call (Linux's name); what is no single call
has one of the prefixes below. An error case starts with the errno's name. No case may exist twice.
With --coverage, prints each system call with its numbers of success and error cases.
"""

import errno
import glob
import os
import re
import sys

PREFIXES = ("proc_", "dev_", "elf_", "fault_", "thread_", "net_", "tmpfs_", "pthread_", "vdso_", "sysfs_", "pty_", "tty_", "job_")
CASE = re.compile(r"^TEST\((\w+), *(\w+)\)", re.M)
ERRNO = re.compile(r"^(%s)(_|$)" % "|".join(list(errno.errorcode.values()) + ["EWOULDBLOCK"]))
UNISTD = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else os.path.dirname(__file__)
    known = set()
    if os.path.exists(UNISTD):
        with open(UNISTD, encoding="utf-8") as file:
            known = set(re.findall(r"#define __NR_(\w+)", file.read()))
    seen, coverage, bad = {}, {}, 0
    for path in sorted(glob.glob(os.path.join(folder, "*_test.cc"))):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        lines = text.count("\n")
        if lines > 800:
            print("%s: %d lines, more than 800" % (path, lines))
            bad += 1
        for suite, case in CASE.findall(text):
            name = suite + "." + case
            if name in seen:
                print("%s: %s is already in %s" % (path, name, seen[name]))
                bad += 1
            seen[name] = path
            if suite.startswith("sys_"):
                call = suite[4:]
                if known and call not in known:
                    print("%s: %s: no such system call" % (path, name))
                    bad += 1
                counts = coverage.setdefault(call, [0, 0])
                counts[1 if ERRNO.match(case) else 0] += 1
            elif not suite.startswith(PREFIXES):
                print("%s: %s: not sys_<syscall> nor a known prefix" % (path, name))
                bad += 1
    if "--coverage" in sys.argv:
        for call, (good, error) in sorted(coverage.items()):
            print("%-24s %3d success %3d error" % (call, good, error))
    print("%d cases, %d system calls" % (len(seen), len(coverage)))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
