#!/usr/bin/env python3
"""Requires the traces of a program on Linux (strace) and in the guest to be equal, by `linnet compare`.

    golden_test.py --root DIR --binaries DIR --linnet PATH [--kernel PATH] make-root
    golden_test.py ... NAME        one of: ls bash python curl redis go calls calls-musl

`make-root` makes the root that both sides run in: packages of this machine by debian_root.py, and the programs of this folder. What may
differ stands in expectations/NAME.txt; its lines are counted in the output. A comparison that fails is made once more: two traces of
many processes differ in rare orders, a wrong decoding does so each time. Exit status: 0 equal, 1 not, 77 not possible here.
"""

import argparse
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = ("bash", "dash", "coreutils", "util-linux", "curl", "redis-tools", "python3-minimal", "python3.11-minimal", "libpython3.11-minimal",
            "libpython3.11-stdlib", "libc-bin", "libc6")
SCRIPT = """x=$(echo one | cat | wc -c)
echo "$x" | cat
printf '2 1' | sort -r
test -f /etc/passwd && ls /root/one > /dev/null
exit 3
"""
CURL = """/usr/bin/http_once 22580
exec /usr/bin/curl -s http://127.0.0.1:22580/
"""
PROGRAMS = {
    "ls": ["/bin/ls", "-l", "/root/one"],
    "bash": ["/bin/bash", "/root/script.sh"],
    "python": ["-e", "PYTHONHASHSEED=0", "/usr/bin/python3.11", "-B", "-c", "print(1 + 1)"],
    "curl": ["/bin/bash", "/root/curl.sh"],
    "redis": ["--until", "Ready to accept", "/usr/bin/redis-server", "--port", "22570", "--save", ""],
    "go": ["-e", "GOMAXPROCS=1", "/usr/bin/go_hello"],
    "calls": ["/usr/bin/trace_calls"],
    "calls-musl": ["/usr/bin/trace_calls_musl"],
}


def make_root(options):
    root = options.root
    made = subprocess.run([sys.executable, os.path.join(HERE, "..", "debian_root.py"), root] + list(PACKAGES), check=False)
    if made.returncode:
        return made.returncode
    subprocess.run(["ldconfig", "-r", root], check=True)
    os.makedirs(os.path.join(root, "root/one"), exist_ok=True)
    for name, text in (("root/one/file", ""), ("root/script.sh", SCRIPT), ("root/curl.sh", CURL)):
        with open(os.path.join(root, name), "w", encoding="ascii") as file:
            file.write(text)
    shutil.copy2("/usr/bin/redis-check-rdb", os.path.join(root, "usr/bin/redis-server")) # one program, by its name
    for name in ("trace_calls", "trace_calls_musl", "http_once", "go_hello"):
        shutil.copy2(os.path.join(options.binaries, name), os.path.join(root, "usr/bin", name))
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--linnet", required=True)
    parser.add_argument("--kernel")
    parser.add_argument("name")
    options = parser.parse_args()
    if options.name == "make-root":
        return make_root(options)
    if os.geteuid() != 0 or not shutil.which("strace"):
        print("needs root rights (chroot) and strace")
        return 77
    words = [options.linnet, "compare", "--all", "--timeout", "900", "-m", "512M", "--rootfs", options.root]
    words += ["--kernel", options.kernel] if options.kernel else []
    words += ["--expect", os.path.join(HERE, "expectations", options.name + ".txt")]
    for attempt in (1, 2):
        done = subprocess.run(words + PROGRAMS[options.name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        print(done.stdout, end="")
        if done.returncode != 1:
            break
        print("attempt %d: not equal" % attempt)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
