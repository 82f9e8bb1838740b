#!/usr/bin/env python3
"""Runs a compatibility test program on this Linux and in the guest, and compares case by case.

    run_suite.py [--host-only] [--linnet PATH] [--kernel PATH] [--cpus N] [--linker on|off] [--isolation none|user] [-m SIZE]
                 [--filter PATTERN] [--expectations FILE] BINARY

A case that takes the guest down (panic, hang, early end) fails alone: the program is started again behind
it. The expectation file (`expectations/<suite>.txt`, one per suite, both lanes) holds lines

    fail  NAME reason      the guest is known to fail; a pass is an error, so that the list shrinks
    flaky NAME reason      either result is accepted
    skip  NAME reason      not run in the guest

NAME is `suite.case`, or `suite.*`. Exit status: 0 as expected, 1 not, 77 when the guest cannot be run.
"""

import argparse
import fnmatch
import os
import re
import selectors
import subprocess
import sys
import time

STALL_SECONDS = 150  # no output for so long: the guest hangs (a case has 60 s of its own)
START_RETRIES = 2

RUN = re.compile(r"\[ RUN      \] (\S+\.\S+)")
DONE = re.compile(r"\[ *(OK|FAILED|SKIPPED) *\] (\S+\.[^\s,]+)(?:,.*)? \(\d+ ms\)")


class Results:
    """Outcome and output of each case: OK, FAILED, SKIPPED, CRASHED, HUNG."""

    def __init__(self):
        self.outcome = {}
        self.text = {}
        self.running = None
        self.buffer = []

    def line(self, line):
        started = RUN.search(line)
        done = DONE.search(line)
        if started:
            self.running = started.group(1)
            self.buffer = []
        elif done and self.running == done.group(2):
            self.outcome[self.running] = done.group(1)
            self.text[self.running] = self.buffer
            self.running = None
        elif self.running:
            self.buffer.append(line)

    def broke(self, outcome, extra):
        """The program ended while a case ran: that case is to blame. Returns its name."""
        name = self.running
        if name:
            self.outcome[name] = outcome
            self.text[name] = self.buffer + extra
            self.running = None
        return name


def stream(command, results, timeout, env=None):
    """Feeds the program's stdout to results. Returns (status or None for a stall, tail of stderr)."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=env, start_new_session=True)
    sel = selectors.DefaultSelector()
    sel.register(process.stdout, selectors.EVENT_READ, "out")
    sel.register(process.stderr, selectors.EVENT_READ, "err")
    pending = {"out": b"", "err": b""}
    errors = []
    last = time.monotonic()
    stalled = False
    while sel.get_map():
        events = sel.select(timeout=1)
        if time.monotonic() - last > timeout:
            stalled = True
            process.kill()
            break
        for key, _ in events:
            data = os.read(key.fd, 65536)
            if not data:
                sel.unregister(key.fileobj)
                continue
            last = time.monotonic()
            lines = (pending[key.data] + data).split(b"\n")
            pending[key.data] = lines.pop()
            for raw in lines:
                text = raw.decode("utf-8", "replace").rstrip("\r")
                if key.data == "out":
                    results.line(text)
                else:
                    errors.append(text)
                    if results.running:
                        results.buffer.append("stderr: " + text)
    if pending["out"]:
        results.line(pending["out"].decode("utf-8", "replace"))
    if pending["err"]:
        errors.append(pending["err"].decode("utf-8", "replace"))
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    sel.close()
    process.stdout.close()
    process.stderr.close()
    return (None if stalled else process.returncode), errors[-60:]


def run_all(prefix, binary, filter_text, timeout):
    """Runs every case, starting again behind a case that ended the program."""
    results = Results()
    boots = 0
    failures_to_start = 0
    after = None
    while True:
        command = prefix + [binary, "--gtest_filter=" + filter_text]
        if after:
            command.append("--start-after=" + after)
        before = len(results.outcome)
        boots += 1
        status, errors = stream(command, results, timeout)
        if results.running:
            after = results.broke("HUNG" if status in (None, 124) else "CRASHED",
                                  ["ended with status %s" % status] + errors)
            failures_to_start = 0
            continue
        if status in (0, 1) and (len(results.outcome) > before or after):
            return results, boots, None
        # Ended between two cases, or nothing ran at all.
        if len(results.outcome) > before:
            after = list(results.outcome)[-1]
            continue
        failures_to_start += 1
        if failures_to_start >= START_RETRIES:
            return results, boots, "status %s\n%s" % (status, "\n".join(errors))


def list_cases(binary, filter_text):
    out = subprocess.run([binary, "--gtest_list_tests", "--gtest_filter=" + filter_text],
                         stdout=subprocess.PIPE, check=True).stdout.decode()
    names, suite = [], ""
    for line in out.splitlines():
        if not line.startswith(" "):
            suite = line.strip()
        elif suite.endswith("."):
            names.append(suite + line.strip().split()[0])
    return list(dict.fromkeys(names))


def read_expectations(path):
    rules = []
    if not os.path.exists(path):
        return rules
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            words = line.split("#", 1)[0].split(None, 2)
            if not words:
                continue
            if words[0] not in ("fail", "flaky", "skip") or len(words) < 3:
                sys.exit("%s:%d: want `fail|flaky|skip NAME reason`" % (path, number))
            rules.append((words[0], words[1], words[2].strip()))
    return rules


def expectation(rules, name):
    for kind, pattern, reason in rules:
        if fnmatch.fnmatchcase(name, pattern):
            return kind, reason
    return None, ""


def suite_name(binary):
    name = os.path.basename(binary)
    name = name[len("compat-"):] if name.startswith("compat-") else name
    return name[:-len("-musl")] if name.endswith("-musl") else name


def show(name, results, limit=40):
    for line in results.text.get(name, [])[:limit]:
        print("    " + line)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host-only", action="store_true")
    parser.add_argument("--linnet", default="build/cli/linnet")
    parser.add_argument("--kernel")
    parser.add_argument("--cpus")
    parser.add_argument("--linker", choices=("on", "off"))
    parser.add_argument("--isolation", choices=("none", "user"))
    parser.add_argument("--machine")
    parser.add_argument("--qemu", help="more arguments for QEMU")
    parser.add_argument("-m", "--memory", default="256M")
    parser.add_argument("--filter", default="*")
    parser.add_argument("--expectations")
    parser.add_argument("--stall", type=int, default=STALL_SECONDS)
    parser.add_argument("--write-expectations", action="store_true",
                        help="print `fail` lines for the cases that fail in the guest")
    parser.add_argument("binary")
    options = parser.parse_args()

    binary = os.path.abspath(options.binary)
    path = options.expectations or os.path.join(os.path.dirname(os.path.abspath(__file__)), "expectations",
                                                suite_name(binary) + ".txt")
    rules = read_expectations(path)
    cases = list_cases(binary, options.filter)
    host, _, trouble = run_all([], binary, options.filter, options.stall)
    if trouble:
        print("the program does not run on this machine: " + trouble)
        return 1
    bad = 0
    for name in cases:
        if host.outcome.get(name) not in ("OK", "SKIPPED"):
            print("LINUX %-8s %s" % (host.outcome.get(name, "LOST"), name))
            show(name, host)
            bad += 1
    counts = {k: sum(1 for v in host.outcome.values() if v == k) for k in ("OK", "SKIPPED")}
    print("linux: %d cases, %d passed, %d skipped, %d failed" % (len(cases), counts["OK"], counts["SKIPPED"], bad))
    if options.host_only:
        return 1 if bad or not cases else 0

    if not os.access(options.linnet, os.X_OK):
        print("no %s: the guest lane is not run" % options.linnet)
        return 77
    prefix = [options.linnet, "run", "-m", options.memory]
    if options.kernel and os.path.exists(options.kernel):
        prefix += ["--kernel", options.kernel]
    for flag, value in (("--cpus", options.cpus), ("--linker", options.linker), ("--isolation", options.isolation),
                        ("--machine", options.machine), ("--qemu", options.qemu)):
        if value:
            prefix += [flag, value]
    skipped = [name for name in cases if expectation(rules, name)[0] == "skip"]
    chosen = options.filter
    if skipped:
        chosen += (":" if "-" in chosen else "-") + ":".join(skipped)
    guest, boots, trouble = run_all(prefix, binary, chosen, options.stall)
    if trouble and not guest.outcome:
        print("the guest does not start: " + trouble)
        return 1
    tally = dict.fromkeys(("same", "fail", "flaky", "skip", "wrong", "fixed", "unchecked"), 0)
    for name in cases:
        kind, reason = expectation(rules, name)
        ours = guest.outcome.get(name, "LOST")
        if name in skipped:
            tally["skip"] += 1
        elif kind == "flaky":
            tally["flaky"] += 1
        elif ours == host.outcome.get(name):
            if kind == "fail":
                print("FIXED    %s passes, but the expectation file says it fails: %s" % (name, reason))
                tally["fixed"] += 1
            else:
                tally["same"] += 1
        elif kind == "fail":
            tally["fail"] += 1
        elif ours == "OK" and host.outcome.get(name) == "SKIPPED":
            print("UNCHECKED %s passes; this Linux cannot run it" % name)
            tally["unchecked"] += 1
        else:
            print("%-8s %s (Linux: %s)" % (ours, name, host.outcome.get(name)))
            show(name, guest)
            tally["wrong"] += 1
            if options.write_expectations:
                print("fail %s %s" % (name, ours.lower()))
    if trouble:
        print("the guest does not start: " + trouble)
    print("guest: %(same)d as Linux, %(wrong)d not; expected: %(fail)d fail, %(flaky)d flaky, %(skip)d skipped;"
          " %(fixed)d fixed" % tally + "; %d boots" % boots)
    return 1 if bad or trouble or tally["wrong"] or tally["fixed"] else 0


if __name__ == "__main__":
    sys.exit(main())
