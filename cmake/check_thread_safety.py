#!/usr/bin/env python3
"""clang's thread-safety analysis over all kernel code, with its annotations (kernel/sync/annotations.h):

    cmake/check_thread_safety.py CLANG++ build/compile_commands.json [PATH...]     PATH: only files whose name holds it

Reads each source as the debug kernel is built from it, makes no code, and fails on any finding."""
import concurrent.futures
import json
import os
import shlex
import subprocess
import sys

# gcc's own, and what clang 16 lacks. General registers only is the two -mno here.
DROPPED = {'-mgeneral-regs-only', '-fno-asynchronous-unwind-tables', '-c', '-g', '-O2', '-O1', '-MD', '-fno-plt'}
WITH_ARGUMENT = {'-o', '-MT', '-MF'}
ADDED = ['-fsyntax-only', '-mno-sse', '-mno-mmx', '-Wno-everything', '-Werror=thread-safety', '-fno-color-diagnostics']


def command_for(clang, entry):
    words = shlex.split(entry['command']) if 'command' in entry else entry['arguments']
    kept, skip = [], False
    for word in words[1:]:
        if skip:
            skip = False
        elif word in WITH_ARGUMENT:
            skip = True
        elif word.startswith(('-W', '-std=')) or word in DROPPED or word.endswith(('/c++', '/g++', entry['file'])):
            continue
        else:
            kept.append(word)
    return [clang, '-std=gnu++2b'] + kept + ADDED + [entry['file']]


def check(clang, entry):
    done = subprocess.run(command_for(clang, entry), cwd=entry['directory'], capture_output=True, text=True, check=False)
    return entry['file'], done.returncode, done.stderr


def main():
    clang, database, wanted = sys.argv[1], sys.argv[2], sys.argv[3:]
    with open(database, encoding='utf-8') as f:
        entries = json.load(f)
    chosen = {}
    for e in entries:
        command = e.get('command') or ' '.join(e['arguments'])
        if e['file'].endswith('.cc') and '-DLINNET_KERNEL=1' in command and '-DLINNET_DEBUG=1' in command:
            if not wanted or any(w in e['file'] for w in wanted):
                chosen.setdefault(e['file'], e)
    failed, seen = 0, set()
    with concurrent.futures.ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as pool:
        for _, status, text in pool.map(lambda e: check(clang, e), chosen.values()):
            failed += status != 0
            if status and text not in seen:
                seen.add(text)
                print(text, end='')
    print('%d files, %d with findings' % (len(chosen), failed))
    return 1 if failed or not chosen else 0


sys.exit(main())
