#!/usr/bin/env python3
"""node_cpio.py NAME:MAJOR:MINOR...: a newc archive of character devices on stdout, to append to another one, as
only root may make such nodes on the disk."""
import sys


def entry(name, mode=0, major=0, minor=0):
    data = name.encode() + b'\0'
    head = '070701' + ''.join(f'{v:08X}' for v in (0, mode, 0, 0, 1, 0, 0, 0, 0, major, minor, len(data), 0))
    data = head.encode() + data
    return data + b'\0' * (-len(data) % 4)


out = b''
for arg in sys.argv[1:]:
    name, major, minor = arg.split(':')
    out += entry(name, 0o020666, int(major), int(minor))
out += entry('TRAILER!!!')
sys.stdout.buffer.write(out + b'\0' * (-len(out) % 512))
