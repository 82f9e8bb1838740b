#!/usr/bin/env python3
"""Writes docs/compatibility.md from syscalls.def.

    compat_table.py [--check]     exit status 1 if the page is stale
"""
import pathlib
import re
import sys

here = pathlib.Path(__file__).resolve().parent
page = here.parent / "docs" / "compatibility.md"
LINE = re.compile(r'^(SYSCALL|SYSCALL_NONE)\((\d+), (\w+), (.*), (\w+), "(.*)"\)$')


def calls():
    for line in (here / "syscalls.def").read_text().splitlines():
        if line.startswith("//") or not line.strip():
            continue
        m = LINE.match(line)
        if not m:
            sys.exit(f"linux-abi/syscalls.def: not understood: {line}")
        kind, number, name, _, status, note = m.groups()
        yield int(number), name, "none" if kind == "SYSCALL_NONE" else status.lower(), \
            status if kind == "SYSCALL_NONE" else "", note


rows = list(calls())
count = {s: sum(1 for r in rows if r[2] == s) for s in ("full", "partial", "none")}
text = f"""# System calls

Generated from `linux-abi/syscalls.def` by `linux-abi/compat_table.py`; do not edit.

All {len(rows)} x86-64 system calls of Linux 6.1: {count['full']} full, {count['partial']} partial, {count['none']} not there.
*Full* calls have named tests for success and for an error; for *partial* ones the note says what is missing;
a call that is not there fails with the errno shown, as on a Linux without the feature, and is counted in the
gap report. Numbers that Linux does not have fail with ENOSYS.

| number | call | status | errno | note |
| ---: | --- | --- | --- | --- |
"""
for number, name, status, error, note in rows:
    text += f"| {number} | `{name}` | {status} | {error} | {note.replace('|', chr(92) + '|')} |\n"

if "--check" in sys.argv[1:]:
    if not page.exists() or page.read_text() != text:
        sys.exit("docs/compatibility.md is stale: run linux-abi/compat_table.py")
else:
    page.write_text(text)
