#!/usr/bin/env python3
"""`linnet run -p PORT:N apt:PACKAGE` answers on its port, with nothing else said.

    recipes_test.py --linnet build/cli/linnet [--run-flag FLAG]... [PACKAGE...]
"""
import argparse
import os
import socket
import struct
import sys
import time

from server import Server, clean_environment, free_port

TIMEOUT = 240 * float(os.environ.get('LINNET_TIMEOUT_SCALE', '1'))
STARTUP = struct.pack('!II', 23, 196608) + b'user\0postgres\0\0'
# package: port, memory, what is sent, what the answer begins with, a part of it
SERVICES = {
    'nginx-light': (80, '256M', b'GET / HTTP/1.0\r\n\r\n', b'HTTP/1.1 200 OK', b'Welcome to nginx!'),
    'memcached': (11211, '256M', b'version\r\nquit\r\n', b'VERSION 1.', b'\r\n'),
    'openssh-server': (22, '256M', b'SSH-2.0-test\r\n', b'SSH-2.0-OpenSSH_9', b'Debian'),
    'postgresql': (5432, '256M', STARTUP, b'R', b'server_version\00015'),
}


def answer(port, question, wanted):
    """what the service says till it says what is wanted, or ends; empty when there is no connection yet"""
    got = b''
    try:
        with socket.create_connection(('127.0.0.1', port), TIMEOUT) as s:
            s.sendall(question)
            while wanted not in got and (piece := s.recv(65536)):
                got += piece
    except OSError:
        pass  # QEMU's forwarder takes connections before the guest listens, and resets them
    return got


def check(args, package):
    guest_port, memory, question, begin, part = SERVICES[package]
    port = free_port()
    server = Server([args.linnet, 'run', '-q', '-m', memory, '-p', f'{port}:{guest_port}', *args.run_flag, f'apt:{package}'], env=clean_environment())
    try:
        end = time.monotonic() + TIMEOUT
        while not ((got := answer(port, question, part)).startswith(begin) and part in got):
            if server.process.poll() is not None or time.monotonic() > end:
                print(f'FAIL {package}: status {server.process.poll()}, the last answer is {got!r:.300}')
                server.report()
                return False
        print(f'ok   {package}', flush=True)
        return True
    finally:
        server.stop()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--linnet', required=True)
    ap.add_argument('--run-flag', action='append', default=[])
    ap.add_argument('packages', nargs='*', default=list(SERVICES))
    args = ap.parse_args()
    return 0 if all([check(args, package) for package in args.packages]) else 1


sys.exit(main())
