#!/usr/bin/env python3
"""Tests of `linnet run` as a user sees it: statuses, streams, one-line refusals, panics, signals.

    cli_tests.py --linnet PATH --programs DIR [--kernel PATH] [--only SUBSTRING] [--slow]

Each `test_*` function is one test. `../expectations/cli.txt`, if there, lists those known to fail, in the form that
run_suite.py describes. Exit status: 0 as expected, 1 not, 77 when there is nothing to run.
"""

import argparse
import fcntl
import hashlib
import inspect
import os
import pty
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from run_suite import expectation, read_expectations

TIMEOUT = 120
EXPECTATIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../expectations/cli.txt")
config = None


class Failed(Exception):
    pass


class Outcome:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __str__(self):
        return "status %s\nstdout: %r\nstderr: %s" % (self.status, self.out[-2000:], self.err.decode("utf-8", "replace")[-4000:])


def program(name):
    return os.path.join(config.programs, name)


def command(*words, flags=()):
    base = [config.linnet, "run"]
    if config.kernel:
        base += ["--kernel", config.kernel]
    return base + list(flags) + [str(w) for w in words]


def run(*words, flags=(), stdin=b"", timeout=TIMEOUT):
    try:
        done = subprocess.run(command(*words, flags=flags), input=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as e:
        raise Failed("no end within %d s; stderr: %r" % (timeout, (e.stderr or b"")[-2000:]))
    return Outcome(done.returncode, done.stdout, done.stderr)


def check(condition, *what):
    if not condition:
        raise Failed(" ".join(str(w) for w in what))


def refused(outcome, status, *names):
    """The documented status, one line on stderr that names the thing, no crash, no output."""
    check(outcome.status == status, "wanted status", status, "got", outcome)
    text = outcome.err.decode("utf-8", "replace")
    for name in names:
        check(str(name) in text, "stderr does not name", name, ":", outcome)
    check("Traceback" not in text and "terminate called" not in text and "panic" not in text, "a crash:", outcome)
    lines = [line for line in text.splitlines() if line.strip() and "TCG" not in line]
    check(len(lines) == 1, "wanted one line:", outcome)
    check(outcome.out == b"", "output:", outcome)


# --- what programs start with, and how they end

def backtrace(name, core):
    return subprocess.run(["gdb", "-batch", "-nx", "-iex", "set debuginfod enabled off", "-ex", "thread apply all bt", program(name), core],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT, check=False).stdout.decode("utf-8", "replace")


def test_cores_come_to_the_host_and_gdb_reads_them():
    with tempfile.TemporaryDirectory() as folder:
        for name, how, status, wanted in (("crash-glibc", "segv", 139, ["SIGSEGV", "main (argc=2", "crash.c"]),
                                          ("crash-glibc", "abort", 134, ["SIGABRT", "abort", "main (argc=2"]),
                                          ("crash", "segv", 139, ["SIGSEGV", "main (argc=2"]),
                                          ("crash", "ud2", 132, ["SIGILL", "main (argc=2"])):
            o = run(program(name), how, flags=("--core", folder))
            check(o.status == status, name, how, o)
            core = os.path.join(folder, "core.%s.1" % name)
            check(core in o.err.decode(), "stderr does not name the core:", o)
            text = backtrace(name, core)
            for w in wanted:
                check(w in text, name, how, "no", w, "in gdb's backtrace:", text)
            check(os.stat(core).st_mode & 0o777 == 0o600, "mode of the core")
            os.unlink(core)
        o = run(program("crash"), "term", flags=("--core", folder))
        check(o.status == 143, o)
        check(os.listdir(folder) == [], "left behind:", os.listdir(folder))


def test_core_of_a_missing_folder_is_refused():
    refused(run(program("hello"), flags=("--core", "/no/such/folder")), 125, "/no/such/folder")


def test_hello_static_musl():
    o = run(program("hello"))
    check(o.status == 0 and o.out == b"Hello from a stock binary\n", o)


def hello_variant(name):
    o = run(program(name))
    check(o.status == 0 and o.out == b"Hello from a stock binary\n", o)


def test_hello_static_pie():
    hello_variant("hello-static-pie")


def test_hello_static_glibc():
    hello_variant("hello-static-glibc")


def test_hello_dynamic_glibc_nopie():
    hello_variant("hello-nopie")


def test_hello_dynamic_glibc_pie():
    hello_variant("hello-pie")


def test_hello_dynamic_musl():
    hello_variant("hello-musl")


def test_exit_statuses():
    statuses = range(256) if config.slow else (0, 1, 2, 42, 63, 64, 99, 124, 125, 126, 127, 128, 129, 137, 139, 200, 254, 255)
    for status in statuses:
        o = run(program("exit_status"), status)
        check(o.status == status, "wanted", status, "got", o)


def test_death_by_signal_is_128_plus_number():
    for how, number in (("segv", signal.SIGSEGV), ("ud2", signal.SIGILL), ("div0", signal.SIGFPE),
                        ("stack", signal.SIGSEGV), ("abort", signal.SIGABRT),
                        ("trap", signal.SIGTRAP), ("bus", signal.SIGBUS), ("kill", signal.SIGKILL),
                        ("term", signal.SIGTERM), ("pipe", signal.SIGPIPE)):
        o = run(program("crash"), how)
        check(o.status == 128 + number, how, "wanted", 128 + number, "got", o)
        check(o.out == b"about to die: %s\n" % how.encode(), o)
        check(b"panic" not in o.err, "a panic:", o)


def test_hlt_is_SIGSEGV():
    for name in ("crash", "crash-glibc"):
        for linker in ("on", "off"):
            o = run(program(name), "hlt", flags=("--linker", linker))
            check(o.status == 128 + signal.SIGSEGV, name, "linker", linker, o)


def test_isolated_programs_die_by_what_they_do_to_the_machine():
    for how in ("cli", "out", "wrmsr", "cr3", "lidt", "direct-map", "hlt", "segv"):
        here = subprocess.run([program("crash"), how], stdout=subprocess.DEVNULL, check=False)
        check(here.returncode == -signal.SIGSEGV, how, "on this machine:", here.returncode)
        o = run(program("crash"), how, flags=("--isolation", "user"))
        check(o.status == 128 + signal.SIGSEGV, how, o)
        check(o.out == b"about to die: %s\n" % how.encode() and b"panic" not in o.err, o)


def test_isolation_is_told_by_v_and_by_the_binder():
    for isolation, told in (("user", True), ("none", False)):
        o = run(program("hello"), flags=("-v", "--isolation", isolation))
        check(o.status == 0 and (b"programs run in ring 3" in o.err) == told, isolation, o)
        o = run("/bin/sh", "-c", "while read line; do echo $line; done < /proc/linnet/binder", flags=("--isolation", isolation))
        check(b"isolation %s\n" % isolation.encode() in o.out and (b"linker off\n" in o.out) == told, isolation, o)


def test_musl_that_finds_a_double_free_is_SIGSEGV():
    here = subprocess.run([program("crash"), "double-free"], stdout=subprocess.DEVNULL, check=False)
    check(here.returncode == -signal.SIGSEGV, "on this machine:", here.returncode)
    o = run(program("crash"), "double-free")
    check(o.status == 128 + signal.SIGSEGV, o)


def test_every_deadly_signal():
    if not config.slow:
        return
    for number in range(1, 65):
        if number in (17, 18, 19, 20, 21, 22, 23, 28, 32, 33):  # ignored, stopping, or libc's own
            continue
        o = run(program("crash"), "signal", number)
        check(o.status == 128 + number, number, o)


def test_arguments_and_environment():
    words = ["plain", "two words", "", "quote\"s", "back\\slash", "new\nline", "ünï", "--flag", "a=b", "$HOME", "--"]
    o = run(program("show_start"), *words, flags=("-e", "K=some value", "-w", "/tmp"))
    lines = o.out.decode("utf-8", "replace")
    check(o.status == 0, o)
    for i, word in enumerate(words, 1):
        check("argv[%d]=%s\n" % (i, word) in lines, "argument", i, repr(word), o)
    check("argv[%d]" % (len(words) + 1) not in lines, o)
    check("env K=some value\n" in lines, o)
    check("cwd /tmp\n" in lines, o)
    check("uid 0 gid 0" in lines, o)
    check("auxv 6=0x1000\n" in lines, o)  # AT_PAGESZ


def test_user():
    # At a place that everybody may look into: the folders of the image have the host's modes.
    with tempfile.TemporaryDirectory() as d:
        os.chmod(d, 0o755)
        shutil.copy(program("show_start"), d)
        o = run("/show_start", flags=("--user", "1000:2000", "--rootfs", d))
    check(o.status == 0 and b"uid 1000 gid 2000" in o.out, o)


# --- streams

def test_a_megabyte_through_stdin_and_stdout():
    data = random.Random(7).randbytes(1 << 20)
    o = run(program("copy"), stdin=data)
    check(o.status == 0, o)
    check(hashlib.sha256(o.out).digest() == hashlib.sha256(data).digest(), "got", len(o.out), "bytes")


def test_every_byte_value_passes():
    data = bytes(range(256)) * 17
    o = run(program("copy"), stdin=data)
    check(o.status == 0 and o.out == data, o)


def test_stdout_and_stderr_are_separate():
    rng = random.Random(8)
    blocks = [bytes([65 + i % 26]) * 4095 + b"\n" for i in range(64)]
    o = run(program("copy"), "-e", stdin=b"".join(blocks), flags=("-q",))
    check(o.status == 0, o)
    check(o.out == b"".join(blocks[0::2]), "stdout differs")
    err = o.err
    check(b"".join(blocks[1::2]) in err, "stderr differs")
    check(rng is not None)


def test_empty_stdin_is_end_of_file():
    o = run(program("copy"))
    check(o.status == 0 and o.out == b"", o)


def test_a_line_right_before_the_end_of_stdin_arrives():
    for i in range(12):
        o = run(program("copy"), stdin=b"line %d\n" % i)
        check(o.status == 0 and o.out == b"line %d\n" % i, "round", i, o)


def test_a_slow_reader_gets_the_last_output_too():
    # The program has ended, and more than every buffer on the way holds is still to be read.
    p = start(program("copy"))
    feeder = threading.Thread(target=lambda: (p.stdin.write(b"y" * 400000), p.stdin.close()))
    feeder.start()
    first = p.stdout.read(1)
    feeder.join()
    time.sleep(7)  # longer than the command waits for a QEMU that does nothing; the right answer does not hang on it
    rest = p.stdout.read()
    p.stderr.read()
    check(p.wait(TIMEOUT) == 0 and len(first + rest) == 400000, p.returncode, len(first + rest))


def test_quiet_prints_nothing_of_its_own():
    o = run(program("hello"), flags=("-q",))
    err = [l for l in o.err.splitlines() if l.strip() and b"TCG" not in l]
    check(o.status == 0 and not err, o)


def test_output_of_a_large_burst_is_complete():
    data = b"x" * (3 << 20)
    o = run(program("copy"), stdin=data)
    check(o.status == 0 and len(o.out) == len(data), o.status, len(o.out))


# --- refusals

def test_missing_program_is_127():
    refused(run("/no/such/program"), 127, "/no/such/program")
    refused(run("no-such-program-on-path"), 127, "no-such-program-on-path")


def test_no_exec_bit_is_126():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "plain")
        with open(program("hello"), "rb") as src, open(path, "wb") as dst:
            dst.write(src.read())
        os.chmod(path, 0o644)
        refused(run(path), 126, path)


def test_folder_is_126():
    refused(run("/tmp"), 126, "/tmp")


def changed_hello(change):
    with open(program("hello"), "rb") as src:
        data = bytearray(src.read())
    changed = change(data)
    data = data if changed is None else changed
    fd, path = tempfile.mkstemp(prefix="linnet-cli-")
    with os.fdopen(fd, "wb") as dst:
        dst.write(data)
    os.chmod(path, 0o755)
    return path


def refused_file(change, status):
    path = changed_hello(change)
    try:
        refused(run(path), status, path)
    finally:
        os.unlink(path)


def set_bytes(offset, *values):
    def change(data):
        data[offset:offset + len(values)] = bytes(values)
    return change


def test_arm_binary_is_126():
    refused_file(set_bytes(18, 183, 0), 126)


def test_32_bit_binary_is_126():
    refused_file(set_bytes(4, 1), 126)


def test_truncated_elf_is_126():
    for size in (0, 3, 16, 40, 64, 100):
        refused_file(lambda data, size=size: data[:size], 126)


def test_huge_segment_is_126():
    def change(data):
        phoff = int.from_bytes(data[32:40], "little")
        data[phoff + 40:phoff + 48] = (1 << 62).to_bytes(8, "little")
    refused_file(change, 126)


def test_overlapping_segments():
    # The second segment begins within the first one. Linux maps one over the other, and what runs then is anybody's guess:
    # what counts is that the command and the kernel survive.
    def change(data):
        phoff = int.from_bytes(data[32:40], "little")
        loads = [phoff + 56 * i for i in range(int.from_bytes(data[56:58], "little"))
                 if int.from_bytes(data[phoff + 56 * i:phoff + 56 * i + 4], "little") == 1]
        first = int.from_bytes(data[loads[0] + 16:loads[0] + 24], "little")
        offset = int.from_bytes(data[loads[1] + 8:loads[1] + 16], "little")
        data[loads[1] + 16:loads[1] + 24] = (first + offset % 4096).to_bytes(8, "little")
    path = changed_hello(change)
    try:
        o = run(path)
        check(o.status != 0 and b"panic" not in o.err and b"Traceback" not in o.err, o)
        check(o.status in (125, 126) or o.status > 128, o)
    finally:
        os.unlink(path)


def test_qemu_that_is_missing_is_125():
    with tempfile.TemporaryDirectory() as d:
        done = subprocess.run(command(program("hello"), flags=("--accel", "tcg")), env=dict(os.environ, PATH=d), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT, check=False)
        refused(Outcome(done.returncode, done.stdout, done.stderr), 125, "qemu-system-x86_64")


def test_no_network_is_one_line():
    with tempfile.TemporaryDirectory() as d:
        nowhere = "http://127.0.0.1:9/"  # the discard port, where nobody listens
        env = dict(os.environ, XDG_CACHE_HOME=d, http_proxy=nowhere, https_proxy=nowhere, HTTP_PROXY=nowhere, HTTPS_PROXY=nowhere)
        done = subprocess.run(command("apt:hello", flags=("--accel", "tcg")), env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=600, check=False)
        o = Outcome(done.returncode, done.stdout, done.stderr)
        check(o.status == 125 and o.out == b"", o)
        lines = [line for line in o.err.decode("utf-8", "replace").splitlines() if not line.endswith("reading package lists")]
        check(len(lines) == 1 and lines[0].startswith("linnet: "), o)


def test_ipv6_address_of_the_host_is_refused():
    refused(run(program("hello"), flags=("-p", "[::1]:8080:80")), 125, "[::1]:8080:80", "IPv6")


def test_missing_elf_interpreter():
    o = run(program("hello-no-interpreter"))
    refused(o, o.status, "/no/such/ld.so")
    check(o.status in (126, 127), o)


def test_script_with_bad_interpreter():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "script")
        with open(path, "w", encoding="utf-8") as f:
            f.write("#!/no/such/interpreter\n")
        os.chmod(path, 0o755)
        o = run(path)
        refused(o, o.status, "/no/such/interpreter")
        check(o.status in (126, 127), o)


def test_unknown_flag_is_125():
    refused(run(program("hello"), flags=("--no-such-flag",)), 125, "--no-such-flag")


def test_bad_flag_values_are_125():
    for flags in (("-m", "12"), ("-m", "lots"), ("--cpus", "0"), ("-p", "nonsense"), ("--machine", "pdp11"),
                  ("--isolation", "maybe")):
        refused(run(program("hello"), flags=flags), 125, flags[1])


def test_no_program_is_125():
    o = run()
    check(o.status == 125, o)


def test_port_in_use_is_125():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(1)
        port = s.getsockname()[1]
        refused(run(program("hello"), flags=("-p", "%d:80" % port)), 125, port)


def test_unknown_package_is_125():
    o = run("apt:no-such-package-anywhere", timeout=600)
    check(o.status in (125, 127), o)
    check(b"no-such-package-anywhere" in o.err, o)


def test_image_larger_than_memory():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "big")
        with open(path, "wb") as f:
            f.write(random.Random(1).randbytes(1 << 20) * 48)
        o = run(program("hello"), flags=("-m", "32M", "--add", path + ":/big"))
        check(o.status != 0 and o.out == b"", o)
        check(b"memory" in o.err.lower() or b"32" in o.err, o)
        check(b"panic" not in o.err, o)


def test_memory_exhausted_in_the_guest_is_an_orderly_end():
    o = run(program("eat_memory"), flags=("-m", "64M"))
    check(o.status in (3, 128 + 9), o)
    check(b"panic" not in o.err, o)


def test_every_memory_size():
    """From the smallest to 128 MiB in steps of 4: boots or refuses with a line."""
    if not config.slow:
        return
    booted = False
    for mib in range(4, 132, 4):
        o = run(program("hello"), flags=("-m", "%dM" % mib), timeout=60)
        if o.status == 0:
            booted = True
            check(o.out == b"Hello from a stock binary\n", mib, o)
        else:
            check(not booted, "boots with less, but not with", mib, o)
            check(o.err.strip(), "no line at", mib)
            check(b"=== linnet panic" not in o.err, mib, o)
    check(booted, "never booted")


def test_help_and_version():
    done = subprocess.run([config.linnet, "--version"], stdout=subprocess.PIPE, check=False)
    check(done.returncode == 0 and re.match(rb"linnet \d", done.stdout), done)
    done = subprocess.run([config.linnet, "run", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    check(done.returncode == 0 and b"--memory" in done.stdout + done.stderr, done)


def test_dry_run_runs_nothing():
    o = run(program("hello"), flags=("--dry-run",))
    check(o.status == 0 and b"qemu" in o.out + o.err and b"Hello" not in o.out, o)
    o = run(program("hello"), flags=("--dry-run", "--kernel", "/no/such/kernel"))
    check(o.status == 0 and b"-kernel /no/such/kernel" in o.out, o)


# --- terminal

def terminal(words, rows, columns, flags=()):
    """`linnet run -t` on a pseudo-terminal of that size: (pid, descriptor)."""
    pid, fd = pty.fork()
    if pid == 0:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(0, termios.TIOCSWINSZ, size)
        os.execv(config.linnet, command(*words, flags=("-t", "-q") + flags))
    return pid, fd


def read_terminal(fd, wanted, nudge=None):
    """Up to the text that is wanted, or the end; calls nudge() each second. An end of the other side is EIO."""
    text = b""
    end = time.monotonic() + TIMEOUT
    while wanted is None or wanted not in text:
        if not select.select([fd], [], [], 1 if nudge else TIMEOUT)[0]:
            if nudge and time.monotonic() < end:
                nudge()
                continue
            raise Failed("no more output within %d s: %r" % (TIMEOUT, text))
        try:
            chunk = os.read(fd, 65536)
        except OSError:
            break
        if not chunk:
            break
        text += chunk
    return text


def test_terminal_size_is_known_from_the_start():
    pid, fd = terminal(["stty", "size"], 37, 101)
    text = read_terminal(fd, None)
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    check(b"37 101\r\n" in text and status == 0, text, status)


def test_terminal_size_follows():
    stty = shutil.which("stty")
    script = 'trap "stty size; exit 7" WINCH; echo ready; while :; do read x; done'
    pid, fd = terminal(["/bin/sh", "-c", script], 30, 90, ("--add", stty))
    text = read_terminal(fd, b"ready\r\n")
    check(b"ready" in text, text)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 133, 0, 0))
    # A signal right before the shell's read() is noted only when that returns: lines make it return.
    text += read_terminal(fd, b"44 133\r\n", lambda: os.write(fd, b"\n"))
    text += read_terminal(fd, None)
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    check(b"44 133\r\n" in text and os.waitstatus_to_exitcode(status) == 7, text, status)


# --- signals and panics

def start(*words, flags=()):
    return subprocess.Popen(command(*words, flags=flags), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, start_new_session=True)


def wait_ready(process):
    line = process.stdout.readline()
    check(line == b"ready\n", "wanted ready, got", line)


def finish(process, timeout=TIMEOUT):
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Failed("no end after the signal")
    return Outcome(process.returncode, out, err)


def test_ctrl_c_is_SIGINT_for_the_program():
    p = start(program("wait_signal"))
    wait_ready(p)
    p.send_signal(signal.SIGINT)
    o = finish(p)
    check(o.status == 42 and b"signal 2\n" in o.out, o)


def test_sigterm_is_passed_on():
    p = start(program("wait_signal"))
    wait_ready(p)
    p.send_signal(signal.SIGTERM)
    o = finish(p)
    check(o.status == 55 and b"signal 15\n" in o.out, o)


def test_killed_command_takes_qemu_along():
    p = start(program("wait_signal"))
    wait_ready(p)
    with open("/proc/%d/task/%d/children" % (p.pid, p.pid), encoding="ascii") as f:
        children = [int(word) for word in f.read().split()]
    check(len(children) == 1, "children:", children)
    qemu = os.pidfd_open(children[0])
    p.kill()
    p.communicate()
    check(select.select([qemu], [], [], TIMEOUT)[0], "QEMU outlives the command")
    os.close(qemu)


def test_second_sigterm_stops_the_vm():
    p = start("sleep", "1000")  # process 1 has no handler: it is ended at once, or by the second one
    for _ in range(1200):
        if p.poll() is not None:
            break
        p.send_signal(signal.SIGTERM)
        time.sleep(0.1)
    o = finish(p)
    check(o.status in (143, -signal.SIGTERM), o)  # the latter: before the command had set out


def test_second_ctrl_c_stops_the_vm():
    # The program blocks SIGINT and SIGTERM only to wait for one; a stopped QEMU ends the command anyway.
    p = start(program("copy"))
    time.sleep(0)
    for _ in range(200):
        if p.poll() is not None:
            break
        p.send_signal(signal.SIGINT)
        time.sleep(0.1)
    o = finish(p)
    check(o.status != 0, o)


def test_strace_shows_calls():
    o = run(program("hello"), flags=("--strace",))
    check(o.status == 0 and o.out == b"Hello from a stock binary\n", o)
    check(re.search(rb"write(v)?\(1, ", o.err) and b"exit_group(0" in o.err, o)


def test_strace_shows_overlapping_calls_of_threads():
    o = run(program("overlap"), flags=("--strace",))
    text = o.err.decode("utf-8", "replace")
    check(o.status == 0, o)
    check(re.search(r"\[pid +\d+\] (read|futex)\(.* <unfinished \.\.\.>$", text, re.M), o)
    check(re.search(r"\[pid +\d+\] <\.\.\. (read|futex) resumed>.*\) += \d+$", text, re.M), o)
    begun = len(re.findall(r" <unfinished \.\.\.>$", text, re.M))
    check(begun == len(re.findall(r"<\.\.\. \w+ resumed>", text)), "not every unfinished call is resumed:", o)


def test_gaps_are_counted():
    o = run(program("gaps"))
    lines = o.out.decode().splitlines()
    check(o.status == 0, o)
    for line in ("syscall ptrace 2 ENOSYS", "syscall syscall_0x270f 1 ENOSYS", "prctl 9998 1 EINVAL", "file /proc/no-such-file 1 ENOENT",
                 "ioctl 0x1234abcd 1 ENOTTY", "sockopt SOL_SOCKET.9997 1 ENOPROTOOPT"):
        of_it = [l for l in lines if l.startswith(line + " ")]
        check(len(of_it) == 1, "no line", line, ":", o)
        check(re.fullmatch(r" 1 gaps \S*/gaps\+0x[0-9a-f]+ -", of_it[0][len(line):]), "who asked:", of_it[0])
    check(all(len(line.split(" ")) == 8 for line in lines), "eight words a line:", o)


def test_last_calls_of_each_cpu():
    for flags in (("--cpus", "1"), ("--cpus", "2"), ("--linker", "off")):
        o = run(program("last_calls"), flags=flags)
        text = o.out.decode()
        check(o.status == 0 and text.count("syscalls cpu ") >= 1, o)
        second = re.search(r"^second (\d+)$", text, re.M)[1]
        low = re.search(r"^low half (\w+)$", text, re.M)[1]
        lines = re.findall(r"^  (\d+) (.*)$", text, re.M)
        for tid, line in ((second, "getppid() = 0"), (second, "exit(0x0) = ?"), ("1", "syscall_0x3e7(0x7, ...) = -38"), ("1", "close(0x4d) = -9"),
                          ("1", "mmap(0x0, ...) = 0x..." + low), ("1", "read(0x3, ...) = ?")):
            check((tid, line) in lines, "no", tid, line, o)
        check(any(tid == second and re.fullmatch(r"(clock_)?nanosleep\(0x\w+, \.\.\.\) = [0?]", line) for tid, line in lines), o)
        if flags == ("--cpus", "1"):  # else the thread may have moved: two lists
            words = [line.split("(")[0] for tid, line in lines if tid == "1"]
            check(words[-5:] == ["mmap", "syscall_0x3e7", "close", "open", "read"], words, o)


def test_boot_line():
    o = run(program("hello"))
    check(re.search(rb"linnet \d+\.\d+: \d+(\.\d+)? ms to ", o.err), o)


def main():
    global config
    parser = argparse.ArgumentParser()
    parser.add_argument("--linnet", required=True)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--kernel")
    parser.add_argument("--only", default="")
    parser.add_argument("--slow", action="store_true", help="every status, every signal, every memory size; only these")
    config = parser.parse_args()
    if not os.access(config.linnet, os.X_OK):
        print("no %s" % config.linnet)
        return 77
    if config.kernel and not os.path.exists(config.kernel):
        config.kernel = None
    tests = [(n, f) for n, f in sorted(globals().items()) if n.startswith("test_") and inspect.isfunction(f)]
    slow = ("test_exit_statuses", "test_every_deadly_signal", "test_every_memory_size")
    rules = read_expectations(EXPECTATIONS)
    failed = ran = expected = 0
    for name, function in tests:
        if config.only not in name or (config.slow and name not in slow):
            continue
        if not config.slow and name in slow and name != "test_exit_statuses":
            continue
        ran += 1
        kind, reason = expectation(rules, name)
        if kind == "skip":
            print("skip   %s: %s" % (name, reason))
            expected += 1
            continue
        try:
            function()
            if kind == "fail":
                failed += 1
                print("FIXED  %s passes, but the expectation file says it fails: %s" % (name, reason), flush=True)
            else:
                print("ok     " + name, flush=True)
        except Failed as e:
            if kind:
                expected += 1
                print("known  %s: %s" % (name, reason), flush=True)
                continue
            failed += 1
            print("FAILED %s\n    %s" % (name, str(e).replace("\n", "\n    ")), flush=True)
    print("%d tests, %d failed, %d known" % (ran, failed, expected))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
