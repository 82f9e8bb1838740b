#!/usr/bin/env python3
"""Runs a shell script with stock packages in the guest and on Linux, and compares what it writes byte for byte.

    script_test.py --linnet build/cli/linnet [--run-flag FLAG]... [--host] scripts/NAME.sh

The script's first lines name the packages ("# packages: git dash") and the guest's memory ("# memory: 512M"). It
is process 1 on both sides, with the same root: on Linux by chroot, which needs root; without it the guest's run
alone counts. A script ends with status 0 and its last line is "end". --host runs it on Linux only.
"""
import difflib
import os
import subprocess
import sys

from machine import GUEST_ENVIRONMENT, TIMEOUT, Chroot, arguments
from server import clean_environment

ENVIRONMENT = {**GUEST_ENVIRONMENT, 'LC_ALL': 'C.UTF-8', 'TZ': 'UTC', 'TMPDIR': '/tmp'}


def header(script, word, default=''):
    with open(script) as f:
        for line in f:
            if line.startswith(f'# {word}: '):
                return line.split(': ', 1)[1].strip()
            if not line.startswith('#'):
                break
    return default


def verdict(where, done):
    """stdout, or None and what is wrong is printed"""
    lines = done.stdout.decode('utf8', 'replace').splitlines()
    if done.returncode == 0 and lines and lines[-1] == 'end':
        return done.stdout
    print(f'FAIL {where}: status {done.returncode}, the last lines are:', *lines[-20:], sep='\n')
    print('--- stderr:', *done.stderr.decode('utf8', 'replace').splitlines()[-20:], sep='\n')
    return None


def on_linux(args, package, packages, pair):
    chroot = Chroot(args.linnet, package, packages, [pair])
    try:
        argv = chroot.command('/bin/sh', pair.split(':')[1])
        return verdict('on Linux', subprocess.run(argv, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT))
    finally:
        chroot.remove()


def in_guest(args, package, packages, pair):
    argv = [args.linnet, 'run', '-q', '-m', args.memory or header(args.script, 'memory', '256M'), '--hostname', os.uname().nodename]
    for name in packages:
        argv += ['--package', name]
    for key, value in ENVIRONMENT.items():
        argv += ['-e', f'{key}={value}']
    argv += ['--add', pair, *args.run_flag, f'apt:{package}/sh', pair.split(':')[1]]
    return verdict('in the guest', subprocess.run(argv, env=clean_environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=2 * TIMEOUT))


def main():
    ap = arguments(__doc__)
    ap.add_argument('script')
    args = ap.parse_args()
    package, *packages = header(args.script, 'packages').split()
    pair = f'{os.path.abspath(args.script)}:/script.sh'
    want = None
    if args.host or os.geteuid() == 0:
        want = on_linux(args, package, packages, pair)
        if want is None:
            return 1
        if args.host:
            sys.stdout.write(want.decode('utf8', 'replace'))
            return 0
    got = in_guest(args, package, packages, pair)
    if got is None:
        return 1
    if want is None:
        print('ok, in the guest alone: the run on Linux needs root')
        return 0
    if got != want:
        print('FAIL: the guest\'s output (+) differs from that of Linux (-):')
        sys.stdout.writelines(line if line.endswith('\n') else line + '\n' for line in
                              difflib.unified_diff(want.decode('utf8', 'replace').splitlines(True), got.decode('utf8', 'replace').splitlines(True),
                                                   'Linux', 'guest'))
        return 1
    print(f'ok: {len(got)} bytes in {got.count(bytes([10]))} lines are the same')
    return 0


sys.exit(main())
