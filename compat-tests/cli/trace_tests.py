#!/usr/bin/env python3
"""Tests of `linnet trace` as a user sees it.

    trace_tests.py --linnet PATH --programs DIR [--kernel PATH] [--only SUBSTRING]

Each `test_*` function is one test. Exit status: 0 all passed, 1 not, 77 nothing to run.
"""

import argparse
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile

TIMEOUT = 300
config = None


class Failed(Exception):
    pass


class Outcome:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __str__(self):
        return "status %s\nstdout: %r\nstderr: %s" % (self.status, self.out[-1000:], self.err[-4000:])


def target(*words):
    return [os.path.join(config.programs, "trace_target")] + [str(w) for w in words]


def trace(*words, flags=(), run=(), stdin=b"", command="trace"):
    kernel = ["--kernel", config.kernel] if config.kernel else []
    words = [config.linnet, command] + kernel + list(run) + list(flags) + [str(w) for w in words]
    try:
        done = subprocess.run(words, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired as e:
        raise Failed("no end within %d s; stderr: %r" % (TIMEOUT, (e.stderr or b"")[-2000:]))
    return Outcome(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))


def check(condition, *what):
    if not condition:
        raise Failed(" ".join(str(w) for w in what))


def lines_of(o):
    """The trace on stderr, without the command's own boot line, its word on KVM and on gaps, of which there are none."""
    return [l for l in o.err.splitlines() if not l.startswith(("linnet 0", "linnet: no KVM", "linnet: no gap"))]


def refused(o, *names):
    lines = [l for l in o.err.splitlines() if "TCG" not in l]
    check(o.status == 125 and len(lines) == 1 and o.out == b"", "wanted one line and 125:", o)
    for name in names:
        check(name in lines[0], "no", name, "in", lines[0])


def to_file(*words, flags=(), run=()):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "out")
        o = trace(*words, flags=list(flags) + ["-o", path], run=run)
        with open(path, encoding="utf-8", errors="replace") as f:
            return o, f.read()


# --- lines

def test_first_line_is_execve_and_the_last_the_end():
    o = trace("/bin/true", flags=("-q",))
    lines = lines_of(o)
    check(o.status == 0 and o.out == b"", o)
    check(re.fullmatch(r'execve\("/bin/true", \["/bin/true"\], 0x[0-9a-f]+ /\* \d+ vars? \*/\) = 0', lines[0]), lines[0])
    check(re.fullmatch(r"brk\(NULL\) {31}= 0x[0-9a-f]+", lines[1]), lines[1])
    check(lines[-2:] == ["exit_group(0)".ljust(40) + "= ?", "+++ exited with 0 +++"], lines[-2:])


def test_output_file_holds_the_trace_alone():
    o, text = to_file("/bin/echo", "hello")
    check(o.status == 0 and o.out == b"hello\n", o)
    check(lines_of(o) == [], "on stderr:", o)
    check(text.startswith("execve(") and 'write(1, "hello\\n", 6)' in text and text.endswith("+++ exited with 0 +++\n"), text)


def test_set_of_calls():
    o, text = to_file("/bin/echo", "hello", flags=("-e", "trace=write"))
    check([l for l in text.splitlines() if not l.startswith("+++")] == ['write(1, "hello\\n", 6)'.ljust(40) + "= 6"], text)
    o, text = to_file("/bin/echo", "hello", flags=("-e", "!%memory,%file,%desc"))
    check(not re.search(r"^(mmap|openat|write|execve|brk)\(", text, re.M) and "exit_group(0)" in text, text)


def test_unknown_names_are_refused_in_one_line():
    refused(trace("/bin/true", flags=("-e", "trace=nosuch")), "nosuch")
    refused(trace("/bin/true", flags=("-e", "nosuch=1")), "nosuch=1")
    refused(trace("/bin/true", flags=("-y",)), "-y")
    refused(trace("/bin/true", flags=("-o", "/no/such/folder/out")), "/no/such/folder/out")
    refused(trace("/bin/true", flags=("-z", "-Z")), "-z", "-Z")


def test_string_limit():
    o, text = to_file("/bin/echo", "x" * 100, flags=("-e", "write"))
    check('write(1, "%s"..., 101)' % ("x" * 32) in text, text)
    o, text = to_file("/bin/echo", "x" * 100, flags=("-e", "write", "-s", "200"))
    check('write(1, "%s\\n", 101)' % ("x" * 100) in text, text)


def test_times():
    o, text = to_file("/bin/true", flags=("-ttt", "-T"))
    calls = [l for l in text.splitlines() if "+++" not in l and "= ?" not in l]
    check(calls and all(re.match(r"\d{10}\.\d{6} \w+\(", l) and re.search(r" <\d+\.\d{6}>$", l) for l in calls), text)
    stamps = [float(l.split()[0]) for l in text.splitlines()]
    check(stamps == sorted(stamps), "times go back:", text)
    o, text = to_file("/bin/true", flags=("-r",))
    check(all(re.match(r" +\d+\.\d{6} ", l) for l in text.splitlines()), text)


def test_threads_and_processes_are_followed():
    o = trace(os.path.join(config.programs, "overlap"), flags=("-f",))
    text = "\n".join(lines_of(o)) + "\n"
    check(o.status == 0, o)
    attached = re.search(r"linnet: Process (\d+) attached\n", text)
    check(attached, "no word of the thread:", o)
    check(re.search(r"^\[pid +%s\] \+\+\+ exited with 0 \+\+\+$" % attached[1], text, re.M), o)
    begun = len(re.findall(r" <unfinished \.\.\.>$", text, re.M))
    check(begun == len(re.findall(r"<\.\.\. \w+ resumed>", text)), "not every unfinished call is resumed:", o)
    o, text = to_file(os.path.join(config.programs, "overlap"), flags=("-f",))
    check(all(re.match(r"\d+ {2,}\S", l) for l in text.splitlines()), text)
    o, text = to_file(os.path.join(config.programs, "overlap"))
    check(not re.search(r"^\d|\[pid", text, re.M) and "+++ exited" in text, "without -f:", text)


def test_separate_files():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "out")
        o = trace(os.path.join(config.programs, "overlap"), flags=("-ff", "-o", path))
        names = sorted(os.listdir(folder))
        check(o.status == 0 and len(names) == 2 and names[0] == "out.1", names, o)
        for name in names:
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                text = f.read()
            check("unfinished" not in text and text.endswith("+++ exited with 0 +++\n"), name, text)


def test_thousand_threads():
    for flags in (("-f",), ("-f", "-e", "getpriority")):
        o, text = to_file(*target("threads", 1000), flags=flags, run=("--cpus", "2", "-m", "512M"))
        check(o.status == 0, o)
        # A call may be in two pieces, when another thread's came in between.
        begun = re.findall(r"^(\d+) +getpriority\(PRIO_PROCESS, 4242(?:\) += -1 ESRCH| <unfinished)", text, re.M)
        check(len(begun) == 1000 == len(set(begun)), len(begun), "calls,", len(set(begun)), "threads")
        check(len(re.findall(r"ESRCH \(No such process\)$", text, re.M)) == 1000, "results")
        check(len(re.findall(r"\+\+\+ exited with 0 \+\+\+$", text, re.M)) == 1001, "ends")
        check(o.err.count(" attached\n") == 1000, "attached:", o.err.count(" attached\n"))


def test_nothing_is_lost():
    o, text = to_file(*target("calls", 50000), flags=("-e", "getppid"))
    check(o.status == 0 and text.count("getppid()") == 50000, text.count("getppid()"), o)


def test_death_in_mid_call():
    o, text = to_file(*target("die"), flags=("-f",))
    check(o.status == 7, o)
    check(re.search(r"^(\d+) +(read\(3, +|<\.\.\. read resumed>) <unfinished \.\.\.>\) += \?$", text, re.M), text)
    check(len(re.findall(r"\+\+\+ exited with 7 \+\+\+$", text, re.M)) == 2, text)
    o, text = to_file(*target("kill"), flags=("-f",))
    check(o.status == 0, o)
    check(re.search(r"read\(3, +<unfinished \.\.\.>", text) or re.search(r"read\(3,  <unfinished \.\.\.>\) += \?", text), text)
    check(re.search(r"<unfinished \.\.\.>\) += \?$", text, re.M), text)
    check(re.search(r"\+\+\+ killed by SIGKILL \+\+\+$", text, re.M), text)
    check("--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_KILLED" in text, text)


def test_execve_of_a_thread():
    o, text = to_file(*target("exec"), flags=("-f", "-e", "getppid"))
    lines = [re.sub(r"^1 +", "", l) for l in text.splitlines()]
    check(o.status == 0 and len(lines) == 4, o, text)
    # As strace 6.1 has it: the first call that is traced is told in two pieces.
    check(re.fullmatch(r"\+\+\+ superseded by execve in pid \d+ \+\+\+", lines[0]) and lines[1] == "getppid( <unfinished ...>", text)
    check(re.fullmatch(r"<\.\.\. getppid resumed>\) += 0", lines[2]) and lines[3] == "+++ exited with 0 +++", text)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "out")
        o = trace(*target("exec"), flags=("-ff", "-o", path, "-e", "execve,getppid"))
        names = sorted(os.listdir(folder))
        check(o.status == 0 and len(names) == 2 and names[0] == "out.1", names, o)
        first, second = (open(os.path.join(folder, name), encoding="utf-8").read() for name in names)
    thread = names[1].removeprefix("out.")
    check(re.search(r"^\+\+\+ superseded by execve in pid %s \+\+\+\n<\.\.\. execve resumed>\) +=[^\n]* 0\ngetppid\(\) += 0\n" % thread, first, re.M), first)
    check(re.fullmatch(r'execve\("/proc/self/exe", .* <pid changed to 1 \.\.\.>\n', second), second)


def test_unreadable_pointers_are_addresses():
    o, text = to_file(*target("pointers"))
    check(o.status == 0, o)
    for wanted in ("open(0x10, O_RDONLY)", "nanosleep(0x20, NULL)", "execve(0x30, ", "write(1, 0x60, 5)"):
        check(wanted in text, "no", wanted, "in", text)
    check(len(re.findall(r"-1 EFAULT \(Bad address\)$", text, re.M)) >= 4, text)


def test_successes_and_failures():
    o, text = to_file(*target("pointers"), flags=("-Z",))
    calls = [l for l in text.splitlines() if "+++" not in l]
    check(calls and all(" = -1 E" in l for l in calls), text)
    o, text = to_file(*target("pointers"), flags=("-z",))
    calls = [l for l in text.splitlines() if "+++" not in l]
    check(calls and not any(" = -1 E" in l or "= ?" in l for l in calls), text)


def test_quiet():
    o, text = to_file(os.path.join(config.programs, "overlap"), flags=("-f", "-qq"))
    check("attached" not in o.err and "exited" not in text, o, text)


# --- tables, JSON

def test_summary():
    o, text = to_file("/bin/echo", "hello", flags=("-c",))
    lines = text.splitlines()
    check(lines[0] == "% time     seconds  usecs/call     calls    errors syscall", text)
    check(set(lines[1]) == set("- ") and lines[1] == lines[-2], text)
    rows = {l.split()[-1]: l for l in lines[2:-2]}
    check("write" in rows and "execve" in rows and "exit_group" not in rows, text)
    total = lines[-1].split()
    check(total[0] == "100.00" and total[-1] == "total", text)
    check(sum(int(r[31:40]) for r in rows.values()) == int(lines[-1][31:40]), "calls do not add up:", text)
    errors = [r[41:50].strip() for r in rows.values()]
    check(sum(int(e or 0) for e in errors) == int(lines[-1][41:50].strip() or 0), "errors do not add up:", text)
    times = [float(r.split()[1]) for r in lines[2:-2]]
    check(times == sorted(times, reverse=True), "not sorted:", text)
    o, text = to_file("/bin/echo", "hello", flags=("-C", "-e", "write"))
    check(text.startswith('write(1, "hello') and " total\n" in text, text)


def test_json():
    o, text = to_file(os.path.join(config.programs, "overlap"), flags=("-f", "--json"))
    check(o.status == 0, o)
    objects = [json.loads(l) for l in text.splitlines()]
    kinds = {x["kind"] for x in objects}
    check(kinds == {"call", "attach", "exit"}, kinds)
    calls = [x for x in objects if x["kind"] == "call"]
    check(calls[0]["name"] == "execve" and calls[0]["result"] == 0 and len(calls[0]["args"]) == 3, calls[0])
    for x in calls:
        check(x["pid"] == 1 and x["tid"] >= 1 and x["time"] > 1e9 and isinstance(x["args"], list), x)
    ends = [x for x in objects if x["kind"] == "exit"]
    check(len(ends) == 2 and all(x["status"] == 0 for x in ends), ends)
    o, text = to_file(*target("pointers"), flags=("--json", "-e", "open"))
    call = next(json.loads(l) for l in text.splitlines() if '"open"' in l and "0x10" in l)
    check(call["args"] == ["0x10", "O_RDONLY"] and call["result"] == -1 and call["errno"] == "EFAULT" and call["error"] == "Bad address", call)


# --- what goes wrong

def test_full_disk_ends_the_trace_and_not_the_program():
    o = trace("/bin/echo", "hello", flags=("-o", "/dev/full"))
    check(o.status == 0 and o.out == b"hello\n", o)
    check(len(lines_of(o)) == 1 and "/dev/full: No space left on device" in lines_of(o)[0], o)


def test_statuses_are_those_of_run():
    check(trace(os.path.join(config.programs, "exit_status"), 42, flags=("-o", "/dev/null")).status == 42, "status")
    o = trace("/no/such/program")
    check(o.status == 127 and "/no/such/program" in o.err, o)
    check(trace(os.path.join(config.programs, "crash"), "segv", flags=("-o", "/dev/null")).status == 139, "crash")


def test_strace_of_run_is_the_same():
    o = trace(os.path.join(config.programs, "overlap"), command="run", flags=("--strace",))
    check("attached" in o.err and re.search(r"^\[pid +\d+\] ", o.err, re.M) and "+++ exited with 0 +++" in o.err, o)


def test_without_the_port_lines_go_to_the_log():
    o = trace(os.path.join(config.programs, "hello"), command="run", flags=("--kernel-option", "strace"))
    check(o.status == 0 and re.search(r"^write(v)?\(1, .*\) = 26$", o.err, re.M) and "+++ exited with 0 +++" in o.err, o)


def main():
    global config
    parser = argparse.ArgumentParser()
    parser.add_argument("--linnet", required=True)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--kernel")
    parser.add_argument("--only", default="")
    config = parser.parse_args()
    if not os.access(config.linnet, os.X_OK):
        print("no %s" % config.linnet)
        return 77
    if config.kernel and not os.path.exists(config.kernel):
        config.kernel = None
    failed = ran = 0
    for name, function in sorted(globals().items()):
        if not name.startswith("test_") or not inspect.isfunction(function) or config.only not in name:
            continue
        ran += 1
        try:
            function()
            print("ok     " + name, flush=True)
        except Failed as e:
            failed += 1
            print("FAILED %s\n    %s" % (name, str(e).replace("\n", "\n    ")), flush=True)
    print("%d tests, %d failed" % (ran, failed))
    return 1 if failed else 0


sys.exit(main())
