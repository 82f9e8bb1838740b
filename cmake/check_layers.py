#!/usr/bin/env python3
"""Fails on an #include that goes against the order of the layers (docs/architecture.md):

    linux-abi <- kernel <- { drivers, vfs <- net } <- { procfs, syscall } <- kernel/image

    cmake/check_layers.py [ROOT]      one line for each wrong include; exit status 1 if there is any
"""
import os
import re
import sys

ABI = {'linux-abi'}
CORE = ABI | {'kernel'}
ALLOWED = {
    'linux-abi': ABI,
    'kernel': CORE,
    'drivers': CORE | {'drivers'},
    'vfs': CORE | {'vfs'},
    'net': CORE | {'vfs', 'net'},
    'procfs': CORE | {'vfs', 'net', 'procfs'},
    'syscall': CORE | {'vfs', 'net', 'syscall'},
    'kernel/image': CORE | {'drivers', 'vfs', 'net', 'procfs', 'syscall', 'kernel/image'},
}
LAYERS = sorted(ALLOWED, key=len, reverse=True)


def layer_of(path):
    return next((l for l in LAYERS if path.startswith(l + '/')), None)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), '..')
    wrong = checked = 0
    for top in sorted({l.split('/')[0] for l in LAYERS}):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), root)
                layer = layer_of(path)
                if not name.endswith(('.cc', '.h', '.S', '.c')) or '/tests/' in path or '/fuzz/' in path:
                    continue
                checked += 1
                with open(os.path.join(root, path), encoding='utf-8') as f:
                    for number, line in enumerate(f, 1):
                        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
                        used = layer_of(m[1]) if m else None
                        if used and used not in ALLOWED[layer]:
                            print(f'{path}:{number}: {layer} may not include {m[1]} ({used})')
                            wrong += 1
    print(f'{checked} files, {wrong} includes against the order')
    return 1 if wrong or not checked else 0


sys.exit(main())
