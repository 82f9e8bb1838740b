#!/usr/bin/env python3
"""An interactive bash in the guest, driven through a terminal as a user drives it: `linnet run -it --rootfs DIR /bin/bash`.

    shell_test.py --linnet PATH --root DIR [--kernel PATH] [--host] [--only SUBSTRING]

The root is made by ../debian_root.py. Each `test_*` function gets a shell at its prompt and leaves it there; all share one guest. With
--host the same tests run in a chroot of this machine, which shows that they are right. Exit status: 0 all passed, 1 not, 77 nothing to run.
"""

import argparse
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

TIMEOUT = 120  # seconds; only a hang takes so long
PROMPT = "ready> "
CTRL_C, CTRL_D, CTRL_Z, CTRL_U, CTRL_A, CTRL_R, TAB = "\x03", "\x04", "\x1a", "\x15", "\x01", "\x12", "\t"
UP, LEFT, RUBOUT = "\x1b[A", "\x1b[D", "\x7f"


class Failed(Exception):
    pass


def check(condition, *what):
    if not condition:
        raise Failed(" ".join(str(w) for w in what))


class Shell:
    def __init__(self, words, rows=30, columns=100):
        self.seen = ""   # all output
        self.at = 0      # what expect() has passed
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # Terminal settings of the session do not depend on what runs this test.
            for name in ("PS1", "PROMPT_COMMAND", "HISTFILE"):
                os.environ.pop(name, None)
            os.execvp(words[0], words)
        self.resize(rows, columns)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def take(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.seen += data.decode("utf-8", "replace")
        return bool(data)

    def type(self, keys):
        os.write(self.fd, keys.replace("\n", "\r").encode()) # the Enter key is a carriage return

    def expect(self, pattern, timeout=TIMEOUT):
        """Waits for a match behind the last one; returns it."""
        end = time.monotonic() + timeout
        while True:
            found = re.compile(pattern, re.S | re.M).search(self.seen, self.at)
            if found:
                self.at = found.end()
                return found
            if time.monotonic() > end or not self.take(1):
                raise Failed("no %r in %r" % (pattern, self.seen[self.at:][-1500:]))

    def prompt(self):
        self.expect(re.escape(PROMPT))

    def run(self, line):
        """A command line; its output, without the echo and the next prompt."""
        self.type(line + "\n")
        self.expect(re.escape(line[-40:]) + r"\r?\n")
        start = self.at
        found = self.expect(r"(?:^|\n)" + re.escape(PROMPT))
        return re.sub(r"\x1b\[\?2004[hl]|\r", "", self.seen[start:found.start() + 1])

    def end(self):
        """Waits for the end; the status as a shell shows it."""
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end and self.take(1):
            pass
        pid, status = os.waitpid(self.pid, 0)
        check(pid == self.pid)
        return os.waitstatus_to_exitcode(status)

    def kill(self):
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def start(options):
    if options.host:
        mounts = "mount --rbind /dev $0/dev && mount -t proc proc $0/proc && mount -t sysfs sysfs $0/sys && exec chroot $0 /bin/bash --norc -i"
        words = ["unshare", "--mount", "sh", "-c", mounts, options.root]
    else:
        words = [options.linnet, "run", "-q", "-it", "-e", "TERM=xterm", "--rootfs", options.root]
        words += ["--kernel", options.kernel] if options.kernel else []
        words += ["--cpus", "2", "/bin/bash", "--norc", "-i"]
    shell = Shell(words)
    shell.expect(r"[#$] ")
    shell.type("bind 'set enable-bracketed-paste off'; PS1='ready''> '; export TERM=xterm; cd /tmp\n")
    shell.prompt()
    return shell


# --- typing

def test_a_command_and_its_output(sh):
    check(sh.run("echo one two") == "one two\n", sh.seen)
    check(sh.run("echo $((6 * 7)); (exit 3); echo $?") == "42\n3\n", sh.seen[-300:])


def test_editing_keys(sh):
    sh.type("echo abXc" + LEFT + RUBOUT + "\n")
    sh.expect(r"\nabc\r")
    sh.prompt()
    sh.type("rubbish" + CTRL_U + "echo front" + CTRL_A + "command \n")
    sh.expect(r"\nfront\r")
    sh.prompt()


def test_history(sh):
    sh.run("echo history-1")
    sh.type(UP + "\n")
    sh.expect(r"\nhistory-1\r")
    sh.prompt()
    sh.type(CTRL_R + "history-")
    sh.expect(r"reverse-i-search")
    sh.type("\n")
    sh.expect(r"\nhistory-1\r")
    sh.prompt()


def test_completion(sh):
    sh.run("mkdir -p completing; touch completing/only-one")
    sh.type("ls comple" + TAB + "\n")
    sh.expect(r"completing/\r\nonly-one")
    sh.prompt()


def test_a_program_reads_lines_until_the_end_of_file(sh):
    # Keys that come before bash has given the terminal its modes back are no line editing's: the program says when it is there.
    sh.type("sh -c 'echo typ''ing; exec cat > typed'\n")
    sh.expect(r"\ntyping\r\n")
    sh.type("first\nsecoNd" + RUBOUT * 2 + "nd\n" + CTRL_D)
    sh.prompt()
    check(sh.run("cat typed") == "first\nsecond\n", sh.seen[-300:])


def test_read_without_echo(sh):
    sh.type("stty -echo; echo go''ing; read word; stty echo; echo \"got-$word\"\n")
    sh.expect(r"\ngoing\r\n")
    start_of_typing = sh.at
    sh.type("secret\n")
    found = sh.expect(r"got-secret\r\n")
    check(found.start() == start_of_typing, "the word was shown")
    sh.prompt()


# --- signals and jobs

def start_job(sh, number):
    """A foreground job that says when it runs."""
    sh.type("sh -c 'echo start''ed-%d; exec sleep 1000'\n" % number)
    sh.expect(r"\nstarted-%d\r\n" % number)


def until_jobs_show(sh, pattern):
    end = time.monotonic() + TIMEOUT
    while not re.search(pattern, sh.run("jobs")):
        check(time.monotonic() < end, "jobs never show", pattern, sh.seen[-300:])


def test_ctrl_c_ends_the_foreground_job(sh):
    start_job(sh, 1)
    sh.type(CTRL_C)
    sh.prompt()
    check(sh.run("echo status $?") == "status 130\n", sh.seen[-300:])


def test_ctrl_c_at_the_prompt_gives_a_new_one(sh):
    sh.type("half a line")
    sh.expect("half a line")
    for _ in range(20):  # a signal that comes while bash is about to wait for a key is acted on at the next key
        sh.type(CTRL_C)
        try:
            sh.expect(re.escape(PROMPT), 3)
            break
        except Failed:
            pass
    else:
        check(False, sh.seen[-300:])
    check(sh.run("echo whole") == "whole\n")


def test_ctrl_backslash(sh):
    start_job(sh, 2)
    sh.type("\x1c")
    sh.expect(r"Quit")
    sh.prompt()


# Says when it comes to the foreground (fields 5 and 8 of its stat: its group, and the terminal's), and leaves a file when it has left it: bash
# names a job before it gives it the terminal, and until then keys stop nobody. It starts no program: a shell in vfork does not stop.
WATCHER = """sh -c 'while :; do read -r a b c d group e f front r </proc/$$/stat
if [ $group != $front ]; then said=; : >behind; elif [ -z "$said" ]; then said=yes; echo in''-front; fi; done'
"""


def test_ctrl_z_jobs_bg_fg(sh):
    sh.run("rm -f behind")
    sh.type(WATCHER)
    sh.expect(r"\nin-front\r\n")
    sh.type(CTRL_Z)
    sh.expect(r"Stopped\s+sh -c")
    sh.prompt()
    check(re.search(r"\[1\]\+\s+Stopped\s+sh -c", sh.run("jobs")), sh.seen[-300:])
    check(re.search(r"\[1\]\+ sh -c .* &", sh.run("bg"), re.S), sh.seen[-300:])
    check(re.search(r"\[1\]\+\s+Running\s+sh -c", sh.run("jobs")), sh.seen[-300:])
    sh.run("until [ -e behind ]; do sleep 0.1; done")
    sh.type("fg\n")
    sh.expect(r"fg\r?\nsh -c")
    sh.expect(r"\nin-front\r\n")
    sh.type(CTRL_Z)
    sh.expect(r"Stopped\s+sh -c")
    sh.prompt()
    sh.run("kill -9 %1")
    # bash looks for children that have died when it waits for one.
    end = time.monotonic() + TIMEOUT
    while "sh -c" in sh.run("/bin/true; jobs"):
        check(time.monotonic() < end, "the killed job stays:", sh.seen[-300:])


def test_a_stopped_pipeline_continues(sh):
    sh.run("rm -f pause; mkfifo pause")
    sh.type("(echo start''ed-4; read word < pause; echo from-the-job) | cat\n")
    sh.expect(r"\nstarted-4\r\n")
    sh.type(CTRL_Z)
    sh.expect(r"Stopped")
    sh.prompt()
    sh.run("(sleep 0.3; echo x > pause) &")
    sh.type("fg %1\n")
    sh.expect(r"\nfrom-the-job")
    sh.prompt()
    sh.run("wait")


def test_a_background_reader_is_stopped(sh):
    sh.run("cat > from-fg &")
    until_jobs_show(sh, r"Stopped( \(tty input\))?\s+cat")
    sh.type("fg\n")
    sh.expect(r"cat > from-fg\r?\n")
    sh.type("now it reads\n" + CTRL_D)
    sh.prompt()
    check(sh.run("cat from-fg") == "now it reads\n", sh.seen[-300:])


def test_tostop(sh):
    sh.run("stty tostop")
    sh.run("/bin/echo quiet &")
    until_jobs_show(sh, r"Stopped( \(tty output\))?\s+/bin/echo quiet")
    sh.run("stty -tostop")
    sh.type("fg\n")
    sh.expect(r"\nquiet")
    sh.prompt()


# --- what the terminal is

def test_size_and_its_changes(sh):
    check(sh.run("stty size") == "30 100\n", sh.seen[-200:])
    sh.type("bash -c 'trap \"echo resized-\\$((1 + 1))\" WINCH; echo wait''ing; while :; do sleep 0.1; done'\n")
    sh.expect(r"\nwaiting\r\n")
    sh.resize(41, 90)
    sh.expect(r"resized-2")
    sh.type(CTRL_C)
    sh.prompt()
    check(sh.run("stty size") == "41 90\n", sh.seen[-200:])
    sh.resize(30, 100)
    while "30 100" not in sh.run("stty size"):
        pass


def test_stty_shows_usual_modes(sh):
    out = sh.run("stty -a < $(tty)")
    for word in ("speed 38400 baud", "intr = ^C", "susp = ^Z", "icanon", "isig", "opost", "onlcr"):
        check(word in out, word, "not in", out)


def test_tty_and_ps_agree(sh):
    name = sh.run("tty").strip()
    check(name.startswith("/dev/"), name)
    out = sh.run("ps -o tty= -p $$").strip()
    check("/dev/" + out == name, out, name)
    check("bash" in sh.run("ps -t " + out), sh.seen[-300:])
    check(re.search(r"^root\s+\d+ .* %s\s+S[sl+]*\s.*bash" % re.escape(out), sh.run("ps aux"), re.M), sh.seen[-800:])
    check(sh.run("ps -o tpgid= -p $$; ps -o stat= -p $$").split()[0].isdigit())


def test_a_terminal_within_the_terminal(sh):
    out = sh.run("script -qc 'tty; stty size' /dev/null")
    check(re.match(r"/dev/pts/\d+\n30 100\n", out), repr(out))


# --- programs that tell the truth

def test_interactive_top(sh):
    sh.type("top\n")
    sh.expect(r"load average")
    sh.expect(r"PID USER")
    sh.type("q")
    sh.prompt()


def test_top_in_batch_mode(sh):
    out = sh.run("top -b -n1 -p $$")
    check("Tasks:" in out and "%Cpu(s):" in out and " bash" in out, out)


def test_mount_and_df_agree(sh):
    mounts = sh.run("mount")
    for kind, place in (("proc", "/proc"), ("sysfs", "/sys"), ("devpts", "/dev/pts"), ("tmpfs", "/dev/shm")):
        check(re.search(r" on %s type %s \(" % (place, kind), mounts), place, mounts)
    sh.run("mkdir -p mnt; mount -t tmpfs -o size=1m small mnt; head -c 102400 /dev/zero > mnt/file")
    check(re.search(r"^small\s+1024\s+100\s+924\s+10%\s+/tmp/mnt", sh.run("df -k mnt"), re.M), sh.seen[-400:])
    check("size=1024k" in sh.run("mount | grep mnt"), sh.seen[-200:])
    check("/tmp/mnt" in sh.run("findmnt -n -o TARGET /tmp/mnt"), sh.seen[-200:])
    sh.run("umount mnt")


def test_free_sees_memory_taken(sh):
    def used():
        return int(sh.run("free -k | awk '/Mem:/ {print $3 + $5}'"))
    seen = []
    for _ in range(5):  # others use this machine's memory too
        before = used()
        sh.run("head -c 50331648 /dev/zero > /dev/shm/filler")
        during = used()
        sh.run("rm /dev/shm/filler")
        seen.append((before, during))
        if during - before > 40000:
            return
    check(False, seen)


def test_ip_addr(sh):
    out = sh.run("ip addr")
    check("127.0.0.1/8" in out and "LOOPBACK" in out, out)


def test_ss_lists_listeners(sh):
    sh.run("busybox nc -l -p 12345 < /dev/null > /dev/null &")
    end = time.monotonic() + TIMEOUT
    while ":12345" not in sh.run("ss -tln"):
        check(time.monotonic() < end, "no listener", sh.seen[-300:])
    out = sh.run("ss -tlnp")
    check(re.search(r"LISTEN\s+0\s+\d+\s+\S+:12345\s+\S+\s+users:\(\(\"busybox\",pid=\d+,fd=\d+\)\)", out), out)
    sh.run("kill %%; wait 2>/dev/null")
    check(":12345" not in sh.run("ss -tln"), sh.seen[-200:])


def test_ss_lists_connections(sh):
    sh.run("sleep 1000 | busybox nc -l -p 12346 > /dev/null &")
    end = time.monotonic() + TIMEOUT
    while ":12346" not in sh.run("ss -tln"):
        check(time.monotonic() < end, "no listener", sh.seen[-300:])
    sh.run("exec 6<>/dev/tcp/127.0.0.1/12346 5<>/dev/udp/127.0.0.1/9")
    out = sh.run("ss -Htnp state established '( dport = :12346 )'")
    check(re.match(r"0\s+0\s+127\.0\.0\.1:\d+\s+127\.0\.0\.1:12346\s+users:\(\(.*\"bash\",pid=\d+,fd=6\)\)\s*$", out), out)
    check(len(sh.run("ss -Htn src :12346 or dst :12346").splitlines()) == 2, sh.seen[-300:])
    out = sh.run("ss -Hunap dst 127.0.0.1:9")
    check(re.match(r"ESTAB\s+0\s+0\s+127\.0\.0\.1:\d+\s+127\.0\.0\.1:9\s+users:\(\(.*\"bash\",pid=\d+,fd=5\)\)\s*$", out), out)
    out = sh.run("ss -s")
    estab = re.search(r"^TCP:\s+\d+ \(estab (\d+), closed \d+, orphaned \d+, timewait \d+\)", out, re.M)
    check(estab and int(estab[1]) >= 2 and re.search(r"^UDP\s+[1-9]", out, re.M), out)
    sh.run("exec 6>&- 5>&-; kill %% 2>/dev/null; wait 2>/dev/null")


def test_ss_complains_of_nothing(sh):
    out = sh.run("for f in -tuwx0a -afnetlink -s; do ss $f 2>&1 >/dev/null; done; echo end")
    check(out == "end\n", out)
    check(re.search(r"^nl\s+UNCONN.*tcpdiag:ss/\d+", sh.run("ss -a"), re.M), sh.seen[-800:])
    if "linnet" in sh.run("uname -r"): # others may have families of which this ss knows nothing
        check(sh.run("ss -a 2>&1 > /dev/null; echo end") == "end\n", sh.seen[-300:])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--linnet")
    parser.add_argument("--root", required=True)
    parser.add_argument("--kernel")
    parser.add_argument("--host", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    if not options.host and not os.access(options.linnet or "", os.X_OK):
        print("no linnet command")
        return 77
    tests = [(n, f) for n, f in sorted(globals().items(), key=lambda item: getattr(item[1], "__code__", None) and item[1].__code__.co_firstlineno or 0)
             if n.startswith("test_") and options.only in n]
    bad = 0
    shell = start(options)
    for name, body in tests:
        try:
            body(shell)
            print("ok      %s" % name)
        except Failed as e:
            bad += 1
            print("FAILED  %s: %s" % (name, e))
            shell.kill()
            shell = start(options)
        sys.stdout.flush()
    # The shell's own status is the command's.
    shell.type("exit 7\n")
    status = shell.end()
    if status != 7:
        bad += 1
        print("FAILED  exit status: %d, not 7" % status)
    shell = start(options)
    shell.type("(exit 5)\n")
    shell.prompt()
    shell.type(CTRL_D)
    status = shell.end()
    if status != 5:
        bad += 1
        print("FAILED  status after Ctrl-D: %d, not 5" % status)
    print("%d tests, %d failed" % (len(tests) + 2, bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
