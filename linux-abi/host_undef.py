#!/usr/bin/env python3
"""Writes linux-abi/host_undef.h: takes libc's macros away for every constant that the ABI headers define.

    host_undef.py [--check]     exit status 1 if the file is stale
"""
import pathlib
import re
import sys

here = pathlib.Path(__file__).resolve().parent
text = ("// Takes libc's macros away, so that the constants can have their names (host builds).\n"
        "// Written by linux-abi/host_undef.py; do not edit.\n#pragma once\n\n")
text += '#include "linux-abi/host_headers.h"\n\n'
names = set()
for header in sorted(here.glob("*.h")):
    if header.name in ("host_undef.h", "errno_undef.h", "errno.h", "host_headers.h"):
        continue
    for line in re.findall(r"^inline constexpr [^;]*;", header.read_text(), re.M):
        names.update(re.findall(r"\b([A-Z_][A-Za-z0-9_]+)\s*=", line))
text += "".join(f"#undef {n}\n" for n in sorted(names))
target = here / "host_undef.h"
if "--check" in sys.argv[1:]:
    if not target.exists() or target.read_text() != text:
        sys.exit("linux-abi/host_undef.h is stale: run linux-abi/host_undef.py")
else:
    target.write_text(text)
