#!/usr/bin/env python3
"""Tests of the gap report: programs/ask_gaps.c asks for what Linnet lacks, `linnet gaps` has to say what, how often, with which errno, and
which function asked.

    gaps_test.py --linnet PATH --programs DIR [--kernel PATH] [--only SUBSTRING]

Each `test_*` function is one test. All runs share a cache folder of their own: the last run is the test's.
"""

import argparse
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
import time

TIMEOUT = 180
config = None
cache = None

# What `ask_gaps all` asks for: kind, what, times, errno, the function that asks, libc's function that makes the call (None: it differs).
ALL = [
    ("syscall", "ptrace", 2, "ENOSYS", "ask_ptrace", "syscall"),
    ("syscall", "syscall_0x270f", 1, "ENOSYS", "ask_unknown_call", "syscall"),
    ("syscall", "inotify_init1", 1, "ENOSYS", "ask_inotify", "inotify_init1"),
    ("flag", "memfd_create: flags=MFD_HUGETLB", 1, "EINVAL", "ask_memfd_flag", "syscall"),
    ("flag", "pipe2: flags=0x80", 1, "EINVAL", "ask_pipe_flag", "syscall"),
    ("value", "madvise: advice=MADV_MERGEABLE", 1, "EINVAL", "ask_advice", None),
    ("ioctl", "ioctl 0x1234abcd", 1, "ENOTTY", "ask_ioctl", "ioctl"),
    ("fcntl", "fcntl F_SETLEASE", 1, "EINVAL", "ask_fcntl", None),
    ("prctl", "prctl 9998", 1, "EINVAL", "ask_prctl", "prctl"),
    ("sockopt", "sockopt SOL_SOCKET.9997", 1, "ENOPROTOOPT", "ask_socket_option", "getsockopt"),
    ("socket", "socket AF_VSOCK.SOCK_STREAM.0", 1, "EAFNOSUPPORT", "ask_socket_family", None),
    ("file", "/proc/no-such-file", 1, "ENOENT", "ask_file", None),
    ("file", "/sys/no such\nfile", 1, "ENOENT", "ask_file_status", None),
    ("netlink", "netlink 0.16", 1, "EPERM", "ask_netlink", None),
    ("sockopt", "sockopt SOL_TCP.TCP_QUICKACK", 1, "", "ask_quick_ack", "setsockopt"),
    ("flag", "fcntl: arg=FASYNC", 1, "", "ask_async", None),
    ("file", "/proc/PID/nothing", 1, "ENOENT", "ask_process_file", None),
    ("file", "/proc/sys/vm/swappiness", 1, "EACCES", "ask_sysctl", None),
    ("ioctl", "ioctl TIOCLINUX", 1, "ENOTTY", "ask_terminal", "ioctl"),
    ("filesystem", "filesystem nosuchfs", 1, "ENODEV", "ask_mount", "mount"),
]


class Failed(Exception):
    pass


def check(condition, *what):
    if not condition:
        raise Failed(" ".join(str(w) for w in what))


def linnet(*words, stdin=b""):
    done = subprocess.run([config.linnet] + [str(w) for w in words], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=TIMEOUT, check=False, env=dict(os.environ, XDG_CACHE_HOME=cache))
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def run(name, *words, flags=(), status=0):
    kernel = ["--kernel", config.kernel] if config.kernel else []
    got, out, err = linnet("run", "-q", *kernel, *flags, os.path.join(config.programs, name), *words)
    check(got == status, "wanted status", status, "got", got, out[-1000:], err[-2000:])
    return out


# Guest time is then a count of instructions: no slow machine makes a second of it.
COUNTED = ("--qemu", "-icount shift=1,sleep=off", "--accel", "tcg")


def report(*words):
    status, out, err = linnet("gaps", "--json", *words)
    check(status == 0, "linnet gaps: status", status, err)
    return json.loads(out)


def gap(found, what):
    matching = [g for g in found["gaps"] if g["what"] == what]
    check(len(matching) == 1, len(matching), "gaps", repr(what), "in", [g["what"] for g in found["gaps"]])
    return matching[0]


def function(place):
    return place["symbol"].split("+")[0]


def check_all(found, libc, frames):
    check(found["complete"], "not complete")
    for kind, what, count, errno, asker, wrapper in ALL:
        g = gap(found, what)
        check(g["kind"] == kind and g["count"] == count and g["errno"] == errno, "wanted", kind, count, errno, "got", g)
        check(g["pid"] == 1 and g["comm"].startswith("ask_gaps"), "who asked:", g)
        check("died" not in g, "nobody died:", g)
        check(libc in g["asker"]["file"], "not in", libc, ":", g["asker"])
        if wrapper:
            check(function(g["asker"]) in (wrapper, "__" + wrapper), "asked in", g["asker"], "not in", wrapper)
        calls = [line for line in g["disassembly"] if line["call"]]
        check(len(calls) == 1 and calls[0]["text"] == "syscall", "no call in", g["disassembly"])
        check(2 <= len(g["disassembly"]) <= 3 and calls[0]["address"] + 2 == g["asker"]["address"], g["disassembly"], g["asker"])
        callers = [function(c) for c in g["callers"] if c["trust"] == "certain" or not frames]
        check(asker in callers, "not asked by", asker, "but by", g["callers"])
        if frames:
            check(callers.index(asker) <= 1, "too late:", g["callers"])
            check("ask_gaps" in g["callers"][0]["file"] or callers.index(asker) == 1, g["callers"])
    check(len(found["gaps"]) == len(ALL), "more than was asked for:", [g["what"] for g in found["gaps"]])
    check(gap(found, "ptrace")["status"] == "missing" and gap(found, "ptrace")["note"] == "no debugger interface yet", gap(found, "ptrace"))
    check(gap(found, "ioctl 0x1234abcd")["status"] == "partial", gap(found, "ioctl 0x1234abcd"))


# --- what is counted, and who asked

def test_dynamic_glibc_names_the_functions_that_asked():
    run("ask_gaps-glibc", "all")
    check_all(report(), "libc.so", True)


def test_without_the_binder_the_same_is_found():
    run("ask_gaps-glibc", "all", flags=("--linker", "off"))
    check_all(report(), "libc.so", True)


def test_in_ring_3_the_same_is_found():
    run("ask_gaps-glibc", "all", flags=("--isolation", "user"))
    check_all(report(), "libc.so", True)


def test_static_musl():
    run("ask_gaps", "all")
    check_all(report(), "ask_gaps", False)


def test_stripped_program_has_no_symbols_and_is_reported():
    run("ask_gaps-stripped", "all")
    found = report()
    g = gap(found, "ptrace")
    check(g["count"] == 2 and g["asker"]["symbol"] == "", g)
    check(any(line["text"] == "syscall" for line in g["disassembly"]), g)


def test_frame_pointers_serve_where_there_are_no_unwind_tables():
    run("ask_gaps-frames", "all")
    for what, asker in (("ptrace", "ask_ptrace"), ("prctl 9998", "ask_prctl")):
        callers = gap(report(), what)["callers"]
        known = [(function(c), c["trust"]) for c in callers if c["trust"] != "possible"]
        check(known[:2] == [(asker, "likely"), ("main", "certain")], callers)


def test_text():
    run("ask_gaps-glibc", "all", flags=("--name", "asks"))
    for words in ((), ("asks",)):
        status, out, err = linnet("gaps", *words)
        check(status == 0, status, err)
        check(re.search(r"^ptrace: missing, 2 times, ENOSYS \(Function not implemented\)\n    no debugger interface yet\n"
                        r"    first by ask_gaps-glibc, pid 1, at \S*libc\.so\S*\+0x[0-9a-f]+ \(syscall\+0x[0-9a-f]+\)\n", out, re.M), out)
        check(re.search(r"^      => 0x[0-9a-f]+  syscall$", out, re.M), out)
        check(re.search(r"^    from \S+ask_gaps-glibc\+0x[0-9a-f]+ \(ask_ptrace\+0x[0-9a-f]+\)$", out, re.M), out)
        check("/sys/no such\\x0afile: missing" in out, out)


def test_program_that_asks_for_nothing():
    run("ask_gaps", "none")
    found = report()
    check(found["complete"] and found["gaps"] == [] and found["others"] == 0, found)
    status, out, _ = linnet("gaps")
    check(status == 0 and out.splitlines()[1:] == ["no gaps: the program asked for nothing that Linnet lacks"], out)


def test_a_bound_call_and_a_trapped_one_name_the_same_place():
    places = []
    for linker, status in (("on", 0), ("off", 1)):
        run("ask_gaps-glibc", "bound", flags=("--linker", linker), status=status)
        g = gap(report(), "inotify_init1")
        check([line["text"] for line in g["disassembly"] if line["call"]] == ["syscall"], g)
        check(g["callers"][0]["trust"] == "certain" and function(g["callers"][0]) == "ask_inotify", g)
        places.append((g["asker"], g["disassembly"], g["callers"][:2]))
    check(places[0] == places[1], places)


# --- who died of it

def test_program_that_aborts_for_want_of_a_call():
    run("ask_gaps-glibc", "abort", flags=COUNTED, status=134)
    died = gap(report(), "inotify_init1").get("died")
    check(died and died["pid"] == 1 and died["signal"] == 6 and "SIGABRT" in died["how"], died)
    check("    died soon after: pid 1 killed by SIGABRT" in linnet("gaps")[1], linnet("gaps")[1])


def test_program_that_faults_for_want_of_a_call():
    run("ask_gaps", "segv", flags=COUNTED, status=139)
    check(gap(report(), "inotify_init1").get("died", {}).get("signal") == 11, report())


def test_program_that_gives_up_for_want_of_a_call():
    run("ask_gaps", "exit", flags=COUNTED, status=3)
    check(gap(report(), "inotify_init1").get("died", {}).get("status") == 3, report())


def test_child_that_dies_is_not_its_parent():
    run("ask_gaps-glibc", "child", flags=COUNTED)
    found = report()
    callers = gap(found, "inotify_init1")["callers"] # of a process that has hardly any of its pages yet
    check(callers and function(callers[0]) == "need_inotify" and callers[0]["trust"] == "certain", callers)
    died = gap(found, "inotify_init1").get("died")
    check(died and died["pid"] > 1 and died["signal"] == 6, found)
    check("died" not in gap(found, "ptrace"), found)


# --- hostile programs

def test_gaps_without_end_are_bounded_and_counted():
    run("ask_gaps", "endless")
    found = report()
    kinds = [g["kind"] for g in found["gaps"]]
    check(found["complete"] and len(kinds) <= 256, len(kinds))
    check(kinds.count("file") == 96 and kinds.count("syscall") == 32 and kinds.count("prctl") >= 100, {k: kinds.count(k) for k in set(kinds)})
    check(sum(g["count"] for g in found["gaps"]) + found["others"] == 6000, found["others"])


def test_wild_stack_pointers():
    for flags in ((), ("--isolation", "user")):
        run("ask_gaps", "wild", flags=flags)
        found = report()
        for i in range(8):
            g = gap(found, "syscall_0x%x" % (12000 + i))
            check(function(g["asker"]) in ("ask_with_wild_stack", "main"), g)


# --- the command

def test_running_vm_is_asked():
    kernel = ["--kernel", config.kernel] if config.kernel else []
    status, _, err = linnet("run", "-q", "-d", "--name", "waits", *kernel, os.path.join(config.programs, "ask_gaps"), "wait")
    check(status == 0, err)
    try:
        for _ in range(600):
            if "asked" in linnet("logs", "waits")[1]:
                break
            time.sleep(0.1)
        for words in (("waits",), ()):
            found = report(*words)
            check(found["complete"] and found["name"] == "waits" and gap(found, "ptrace")["count"] == 1, found)
    finally:
        linnet("stop", "waits")
    found = report("waits")
    check(found["complete"] and gap(found, "ptrace")["count"] == 1, found)
    linnet("rm", "waits")
    status, out, err = linnet("gaps", "waits")
    check(status == 125 and err.count("\n") == 1 and "waits" in err and out == "", status, out, err)


def test_vm_that_was_killed_says_so():
    kernel = ["--kernel", config.kernel] if config.kernel else []
    status, _, err = linnet("run", "-q", "-d", "--name", "killed", *kernel, os.path.join(config.programs, "ask_gaps"), "wait")
    check(status == 0, err)
    with open(os.path.join(cache, "linnet", "run", "killed", "state.json"), encoding="utf-8") as f:
        os.kill(json.load(f)["pid"], 9)
    for _ in range(600):
        if "killed" not in linnet("ps")[1]:
            break
        time.sleep(0.1)
    status, out, err = linnet("gaps", "killed")
    check(status == 0 and out.splitlines()[1:] == ["no gap report: the machine ended before it could tell"], status, out, err)
    linnet("rm", "-f", "killed")
    check(linnet("gaps", "killed")[0] == 125, "rm forgets the gaps")


def test_a_trace_ends_with_the_report():
    kernel = ["--kernel", config.kernel] if config.kernel else []
    for words in (("trace", "-q", "-e", "trace=inotify_init1"), ("run", "-q", "--strace")):
        status, _, err = linnet(*words, *kernel, os.path.join(config.programs, "ask_gaps-glibc"), "exit")
        check(status == 3, status, err)
        trace, _, text = err.partition("\ngaps: ")
        check("inotify_init1(0)" in trace and "+++ exited with 3 +++" in trace, err)
        check(text.startswith("1 kind, asked for 1 time\n\ninotify_init1: missing, 1 time, ENOSYS") and "(need_inotify+0x" in text, err)
    status, _, err = linnet("trace", "-q", "-e", "trace=getppid", *kernel, os.path.join(config.programs, "ask_gaps"), "none")
    check(status == 0 and "gap" not in err.replace("ask_gaps", ""), err)


def test_bad_words():
    for words in (("--nonsense",), ("a", "b"), ("no-such-vm",), ("../run",), (".",), ("x" * 300,)):
        status, out, err = linnet("gaps", *words)
        check(status == 125 and err.startswith("linnet: ") and err.count("\n") == 1 and out == "", words, status, out, err)


def test_many_runs_leave_a_bounded_number_of_reports():
    folder = os.path.join(cache, "linnet", "gaps")
    for i in range(150):
        with open(os.path.join(folder, "old-%d" % i), "w", encoding="utf-8") as f:
            f.write("linnet gaps 1\nprogram x\nimage /no\nstarted %d\n" % i)
        os.utime(os.path.join(folder, "old-%d" % i), (i, i))
    run("ask_gaps", "none")
    check(len(os.listdir(folder)) <= 100, len(os.listdir(folder)))


def test_damaged_reports_are_read_as_far_as_they_go():
    folder = os.path.join(cache, "linnet", "gaps")
    run("ask_gaps", "all", flags=("--name", "damaged"))
    path = os.path.join(folder, "damaged")
    with open(path, "rb") as f:
        whole = f.read()
    for cut in range(0, len(whole), max(1, len(whole) // 40)):
        for text in (whole[:cut], whole[:cut] + b"\xff\x00\n" + whole[cut + 1:]):
            with open(path, "wb") as f:
                f.write(text)
            for words in (("damaged",), ("--json", "damaged")):
                status, _, err = linnet("gaps", *words)
                check(status in (0, 125) and err.count("\n") <= 1, cut, status, err)
    os.unlink(path)


def main():
    global config, cache
    parser = argparse.ArgumentParser()
    parser.add_argument("--linnet", required=True)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--kernel")
    parser.add_argument("--only", default="")
    config = parser.parse_args()
    if not os.access(config.linnet, os.X_OK):
        print("no %s" % config.linnet)
        return 77
    failed = passed = 0
    with tempfile.TemporaryDirectory(prefix="linnet-gaps-") as folder:
        cache = folder
        for name, test in list(globals().items()):
            if not name.startswith("test_") or not inspect.isfunction(test) or config.only not in name:
                continue
            start = time.monotonic()
            try:
                test()
                passed += 1
                print("[ ok   ] %s (%.1f s)" % (name, time.monotonic() - start), flush=True)
            except (Failed, subprocess.TimeoutExpired, ValueError, KeyError) as e:
                failed += 1
                print("[ FAIL ] %s: %s" % (name, e), flush=True)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
