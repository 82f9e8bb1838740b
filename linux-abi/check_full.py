#!/usr/bin/env python3
"""Checks that each call that syscalls.def calls Full has tests in compat-tests: TEST(sys_NAME, ...), two at
least, of which one is for an error, its name beginning with the errno: EBADF_on_a_closed_descriptor. Calls that
the man page gives no error (on a system call with valid pointers) need two tests of what they do."""
import pathlib
import re
import sys

here = pathlib.Path(__file__).resolve().parent
errnos = re.findall(r"^LINNET_ERRNO\((\w+),", (here / "errno.def").read_text(), re.M)
is_error = re.compile("(?:" + "|".join(errnos) + "|EWOULDBLOCK|ENOTSUP)(?:_|$)")
# "These calls are always successful": the list is here, so that a missing test is no oversight.
without_errors = set("""munlockall sync umask
    getpid getppid getpgrp gettid getuid geteuid getgid getegid
    alarm sched_yield set_tid_address setfsuid setfsgid
    exit exit_group rt_sigreturn""".split()) # the last three do not return; setfs*id give the old ID and no error
tests = {}
for source in sorted((here.parent / "compat-tests").rglob("*.cc")):
    for name, what in re.findall(r"^TEST(?:_F)?\(\s*sys_(\w+)\s*,\s*(\w+)", source.read_text(), re.M):
        tests.setdefault(name, set()).add(what)
bad = []
for name in re.findall(r"^SYSCALL\(\d+, (\w+),.*, Full, \".*\"\)$", (here / "syscalls.def").read_text(), re.M):
    cases = tests.get(name, set())
    if len(cases) < 2:
        bad.append(f"{name}: {len(cases)} of 2 tests")
    elif name not in without_errors and not any(is_error.match(c) for c in cases):
        bad.append(f"{name}: no test named for an errno")
if bad:
    sys.exit("Full in linux-abi/syscalls.def, but:\n  " + "\n  ".join(bad))
