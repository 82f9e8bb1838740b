#!/usr/bin/env python3
"""Runs the shell scripts of scripts/ on this Linux (in a chroot) and in the guest, and compares output and status byte for byte.

    compare_scripts.py --root DIR --linnet PATH [--kernel PATH] [--cpus N] [--only SUBSTRING]

NAME.sh runs in dash and in bash, NAME.bash in bash alone. Only the process numbers in bash's own messages are not compared. The root is made by debian_root.py; both sides run the same programs. A script
prints nothing that differs from run to run on Linux (checked: each runs there twice). Exit status: 0 all equal, 1 not, 77 nothing to run.
"""

import argparse
import difflib
import glob
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# Sections end by their status, in a line of its own that no script prints. A script has 120 s: a hang fails alone.
DRIVER = r"""
for s in "$@"; do
    shell=${s%%:*}; file=${s#*:}
    rm -rf /tmp/* ; cd /tmp || exit 99
    printf '@@@ %s\n' "$s"
    env -i PATH=/usr/bin:/usr/sbin:/bin:/sbin HOME=/root LC_ALL=C TERM=dumb timeout -k 5 120 "$shell" "/scripts/$file" > /out 2>&1 < /dev/null
    status=$?
    cat /out
    printf '\n@@@ status %s\n' "$status"
done
"""


def sections(raw):
    """{name: bytes} of the driver's output."""
    found = {}
    for part in raw.split(b"@@@ ")[1:]:
        head, _, body = part.partition(b"\n")
        if head.startswith(b"status "):
            found[name] += b"status " + head[7:] + b"\n"
        else:
            name = head.decode()
            found[name] = re.sub(rb"(: line \d+: +)\d+ ", rb"\1PID ", body)
    return found


def on_linux(root, jobs):
    mounts = ("mount -t proc proc $0/proc && mount --rbind /dev $0/dev && mount -t tmpfs tmpfs $0/tmp && mount -t tmpfs tmpfs $0/run && "
              'exec chroot $0 /bin/dash /scripts/driver "$@"')
    words = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", mounts, root] + jobs
    return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=3600, check=False).stdout


def in_guest(options, jobs):
    words = [options.linnet, "run", "-q", "-m", "512M", "--cpus", options.cpus, "--rootfs", options.root]
    words += ["--kernel", options.kernel] if options.kernel else []
    done = subprocess.run(words + ["/bin/dash", "/scripts/driver"] + jobs, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=3600, check=False)
    if done.returncode:
        print("linnet run: status %d\n%s" % (done.returncode, done.stderr.decode("utf-8", "replace")[-3000:]))
    return done.stdout


def show(a, b, names):
    lines = difflib.unified_diff(a.decode("utf-8", "replace").split("\n"), b.decode("utf-8", "replace").split("\n"), *names, lineterm="", n=2)
    for line in list(lines)[:40]:
        print("    " + line)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--linnet", required=True)
    parser.add_argument("--kernel")
    parser.add_argument("--cpus", default="2")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    if not os.access(options.linnet, os.X_OK) or os.geteuid() != 0 or not os.path.exists(os.path.join(options.root, "bin/bash")):
        print("needs root rights, a root folder and the linnet command")
        return 77
    folder = os.path.join(options.root, "scripts")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    jobs = []
    for path in sorted(glob.glob(os.path.join(HERE, "scripts", "*"))):
        name = os.path.basename(path)
        shutil.copy(path, folder)
        if options.only in name:
            jobs += [s + ":" + name for s in (("dash", "bash") if name.endswith(".sh") else ("bash",))]
    with open(os.path.join(folder, "driver"), "w", encoding="ascii") as file:
        file.write(DRIVER)
    first, second = sections(on_linux(options.root, jobs)), sections(on_linux(options.root, jobs))
    guest = sections(in_guest(options, jobs))
    bad = 0
    for job in jobs:
        a, b = first.get(job, b"(not run)\n"), guest.get(job, b"(not run)\n")
        if a != second.get(job):
            print("UNSTABLE %s: differs from run to run on Linux" % job)
            show(a, second.get(job, b""), ("first", "second"))
        elif a != b:
            print("DIFFERS  %s" % job)
            show(a, b, ("linux", "guest"))
        else:
            continue
        bad += 1
    print("%d runs of scripts, %d lines; %d not equal" % (len(jobs), sum(v.count(b"\n") for v in first.values()), bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
