#!/usr/bin/env python3
"""Runs the in-kernel tests in QEMU: all cases in one boot, then each case that must panic in a boot of its own, whose
panic block is compared with docs/boot-protocol.md and with the lines "expect ..." that the case printed.

    kernel/tests/run_ktest.py build/kernel/image/linnet-ktest.elf [--cpus N] [--machine microvm|q35] [--isolation none|user] [--filter 'Suite.*'] [--seed N]

QEMU's status: 1 passed, 3 failed, 255 panicked. Exit status 0 only if every case did as it should."""

import argparse
import os
import re
import subprocess
import sys

HEX = r"0x[0-9a-f]+"
# The block of docs/boot-protocol.md: each line's expression, and how many of them there may be.
BLOCK = [
    (rf"kernel {HEX} {HEX} build [0-9a-f]{{40}}", 1, 1),
    (r"cpu \d+ pid \d+ tid \d+ comm \S+", 1, 1),
    (rf"rip {HEX} rsp {HEX} rflags {HEX} cr2 {HEX} cr3 {HEX} error {HEX} vector \d+", 1, 1),
    (rf"rax {HEX} rbx {HEX} rcx {HEX} rdx {HEX}", 1, 1),
    (rf"rsi {HEX} rdi {HEX} rbp {HEX} r8 {HEX}", 1, 1),
    (rf"r9 {HEX} r10 {HEX} r11 {HEX} r12 {HEX}", 1, 1),
    (rf"r13 {HEX} r14 {HEX} r15 {HEX}", 1, 1),
    (r"code( (\?\?|[0-9a-f]{2})){16} <(\?\?|[0-9a-f]{2})>( (\?\?|[0-9a-f]{2})){15}", 1, 1),
    (rf"frame {HEX}", 1, 40),
    (rf"holds lock {HEX} of rank \d+", 0, 16),
    (r"syscalls cpu \d+|  \d+ \w+\(.*\) = (-?\d+|0x\.\.\.[0-9a-f]{8}|\?)", 0, 2000),
    (rf"maps .*", 0, 100),
]


def boot(options, words):
    command = ["qemu-system-x86_64", "-M", options.machine + (",rtc=on" if options.machine == "microvm" else ""),
               "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-accel", "tcg", "-cpu", "max",
               "-m", "64", "-smp", str(options.cpus), "-serial", "stdio",
               "-device", "isa-debug-exit,iobase=0x501,iosize=1", "-kernel", options.kernel,
               "-append", "loglevel=warn isolation=%s -- " % options.isolation + " ".join(words)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=options.timeout, check=False)
        return done.returncode, done.stdout.decode("utf-8", "replace").replace("\r", "")
    except subprocess.TimeoutExpired as e:
        return None, (e.stdout or b"").decode("utf-8", "replace")


def check_block(text, panic):
    """What is wrong with the output of a case that must panic; None: nothing."""
    lines = text.split("\n")
    begin = [i for i, l in enumerate(lines) if l.startswith("=== linnet panic: ")]
    if len(begin) != 1:
        return "%d panic blocks" % len(begin)
    title = lines[begin[0]][len("=== linnet panic: "):]
    if not re.fullmatch(panic, title):
        return "the panic is '%s', not '%s'" % (title, panic)
    try:
        end = lines.index("=== end of panic", begin[0])
    except ValueError:
        return "the block does not end"
    if any(l.strip() for l in lines[end + 1:]):
        return "text behind the block"
    block, at = lines[begin[0] + 1:end], 0
    for expression, least, most in BLOCK:
        count = 0
        while at < len(block) and count < most and re.fullmatch(expression, block[at]):
            at, count = at + 1, count + 1
        if count < least:
            return "line %d of the block is '%s', not '%s'" % (at + 1, block[at] if at < len(block) else "", expression)
    if at < len(block):
        return "the block has the line '%s' too many" % block[at]
    values = dict(re.findall(r"(?:^|\s)([a-z]\w*) (\S+)", "\n".join(block[1:7])))
    code = re.findall(r"[0-9a-f?]{2}", next(l for l in block if l.startswith("code "))[5:])
    for expected in [l[len("expect "):].split(" ") for l in lines[:begin[0]] if l.startswith("expect ")]:
        what = expected[0]
        if what == "byte":
            found = code[16 + int(expected[1])] == expected[2]
        elif what == "frame":
            found = "frame " + expected[1] in block
        elif what == "syscall":
            found = any(l.endswith(" " + " ".join(expected[1:])) for l in block)
        elif what == "holds":
            found = any(l.startswith("holds lock %s " % expected[1]) for l in block)
        elif len(expected) == 1:
            found = True
        else:
            found = values.get(what) == expected[1]
        if not found:
            return "the block does not show '%s'" % " ".join(expected)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kernel")
    parser.add_argument("--cpus", type=int, default=1)
    parser.add_argument("--machine", default="microvm")
    parser.add_argument("--isolation", default="none", choices=("none", "user"))
    parser.add_argument("--filter", default="*")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("LINNET_SEED", "1")))
    parser.add_argument("--timeout", type=int, default=900, help="seconds for a boot")
    options = parser.parse_args()
    status, text = boot(options, ["list"])
    cases = re.findall(r"^case (\S+)(?: panics (.*))?$", text, re.M)
    if status != 1 or not cases:
        print(text)
        print("the test image does not boot (QEMU's status %s)" % status)
        return 1
    pattern = re.compile(re.escape(options.filter).replace(r"\*", ".*"))
    chosen = [(n, p) for n, p in cases if pattern.fullmatch(n)]
    failed = 0
    if any(not p for _, p in chosen):
        status, text = boot(options, ["seed=%d" % options.seed, "filter=" + options.filter])
        sys.stdout.write(text)
        sys.stdout.flush()
        if status != 1:
            print("the boot ended with QEMU's status %s%s" % (status, " (no end)" if status is None else ""))
            failed += 1
    for name, panic in chosen:
        if not panic:
            continue
        status, text = boot(options, ["filter=" + name])
        wrong = check_block(text, panic)
        if status != 255:
            wrong = "QEMU's status is %s, not 255" % status
        print("[ %s ] %s%s" % (" FAILED " if wrong else "      OK", name, ": " + wrong if wrong else " (panics)"), flush=True)
        if wrong:
            print(text)
            failed += 1
    print("%d cases, %d of them panics, %s" % (len(chosen), sum(1 for _, p in chosen if p),
                                               "%d boots FAILED" % failed if failed else "all as they should"))
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
