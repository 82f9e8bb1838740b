#!/usr/bin/env python3
"""Writes a C file with libc's and the UAPI headers' values, and a C++ list with ours, for constants_test.cc.

    constants_gen.py LINUX_ABI_DIR OUT.c OUT.inc
"""
import pathlib
import re
import sys

source, c_out, inc_out = map(pathlib.Path, sys.argv[1:])
names = []
for header in sorted(source.glob("*.h")):
    if header.name in ("host_headers.h", "host_undef.h", "errno_undef.h", "errno.h"):
        continue
    for line in re.findall(r"^inline constexpr [^;]*;", header.read_text(), re.M):
        names += [n for n in re.findall(r"\b([A-Z_][A-Za-z0-9_]+)\s*=", line)]
includes = [l for l in (source / "host_headers.h").read_text().splitlines()
            if l.startswith("#include <") and "gtest" not in l and "bits/stdc++" not in l]
text = "#define _GNU_SOURCE 1\n" + "\n".join(includes) + "\n"
text += "struct constant { const char* name; long long value; };\nconst struct constant libc_constants[] = {\n"
# No constants of libc's: values at run time, or of types that it does not declare.
VARIABLE = {"SIGRTMIN", "SIGRTMAX", "MINSIGSTKSZ", "TCGETS2", "TCSETS2", "TCSETSW2", "TCSETSF2"}
for n in names:
    if n in VARIABLE:
        continue
    text += f"#ifdef {n}\n    {{\"{n}\", (long long)({n})}},\n#endif\n"
text += "    {0, 0}};\n"
c_out.write_text(text)
inc_out.write_text("".join(f'{{"{n}", static_cast<long long>(linnet::abi::{n})}},\n' for n in names))
