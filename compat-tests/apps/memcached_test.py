#!/usr/bin/env python3
"""The memcached application test: the stock package by its recipe's arguments.

    memcached_test.py --linnet build/cli/linnet [--run-flag FLAG]... [--host]
"""
import socket
import sys

from machine import TIMEOUT, Machine, arguments, equal, run_cases

PORT = 11211


class Client:
    """The text protocol: a command's answer ends with one of these lines."""
    ENDS = (b'END', b'STORED', b'NOT_STORED', b'EXISTS', b'NOT_FOUND', b'DELETED', b'TOUCHED', b'OK', b'ERROR', b'CLIENT_ERROR',
            b'SERVER_ERROR', b'VERSION', b'HD', b'EN', b'NS')

    def __init__(self, m):
        self.socket = socket.create_connection(('127.0.0.1', m.ports[PORT]), TIMEOUT)
        self.file = self.socket.makefile('rb')

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.file.close()
        self.socket.close()

    def line(self):
        line = self.file.readline()
        assert line.endswith(b'\r\n'), f'the connection ended after {line!r}'
        return line[:-2]

    def call(self, command, data=None):
        """lines of the answer; the data of a VALUE line follows it"""
        self.socket.sendall(command.encode() + b'\r\n' + (b'' if data is None else data + b'\r\n'))
        answer = []
        while True:
            line = self.line()
            answer.append(line)
            if line.startswith(b'VALUE '):
                size = int(line.split()[3])
                answer.append(self.file.read(size + 2)[:-2])
            elif line.split(b' ')[0] in self.ENDS or line.isdigit():
                return answer

    def stats(self, what=''):
        return dict(line.split()[1:3] for line in self.call(f'stats {what}'.strip())[:-1])


def start(m):
    m.send(f'memcached -u memcache -m 64 -p {m.inside[PORT]} -U 0 -l 0.0.0.0 -t 4 & echo started\n')
    m.server.wait_for('started', TIMEOUT)

    def answers():
        try:
            with Client(m) as c:
                return c.call('version')[0].startswith(b'VERSION 1.')
        except (OSError, AssertionError):
            return False
    m.until('an answer', answers)
    equal(m.sh('ps -C memcached -o user='), 'memcache')


def set_and_get(m):
    with Client(m) as c:
        equal(c.call('set a 5 0 5', b'hello'), [b'STORED'])
        equal(c.call('get a'), [b'VALUE a 5 5', b'hello', b'END'])
        equal(c.call('get none'), [b'END'])
        equal(c.call('add a 0 0 1', b'x'), [b'NOT_STORED'])
        equal(c.call('append a 0 0 6', b' world'), [b'STORED'])
        equal(c.call('get a')[1], b'hello world')
        value = bytes(range(256)) * 4000 # close to the largest item, 1 MiB
        equal(c.call(f'set big 0 0 {len(value)}', value), [b'STORED'])
        equal(c.call('get big')[1] == value, True, 'what was set')
        equal(c.call('set huge 0 0 2000000', b'x' * 2000000), [b'SERVER_ERROR object too large for cache'])
        equal(c.call('delete a'), [b'DELETED'])
        equal(c.call('nonsense'), [b'ERROR'])


def counters_and_cas(m):
    with Client(m) as c:
        equal(c.call('set n 0 0 2', b'41'), [b'STORED'])
        equal(c.call('incr n 1'), [b'42'])
        equal(c.call('decr n 50'), [b'0'])
        unique = c.call('gets n')[0].split()[4].decode()
        equal(c.call(f'cas n 0 0 1 {unique}', b'7'), [b'STORED'])
        equal(c.call(f'cas n 0 0 1 {unique}', b'8'), [b'EXISTS'])
        equal(c.call('get n')[1], b'7')


def items_expire(m):
    with Client(m) as c:
        equal(c.call('set e 0 1 1', b'x'), [b'STORED'])
        equal(c.call('set past 0 -1 1', b'x'), [b'STORED'])
        equal(c.call('get past'), [b'END'])
        m.until('the end of its second', lambda: c.call('get e') == [b'END'])


def fifty_clients(m):
    clients = []
    try:
        for _ in range(50):  # QEMU's forwarder has a backlog of 1: the next one when this one has an answer
            clients.append(Client(m))
            clients[-1].call('version')
        equal(clients[0].call('set all 0 0 1', b'0'), [b'STORED'])
        for _ in range(10):
            for client in clients:
                client.socket.sendall(b'incr all 1\r\n')
            for client in clients:
                client.line()
        equal(clients[7].call('get all')[1], b'500')
        assert int(clients[0].stats()[b'curr_connections']) >= 50
        equal(clients[0].stats()[b'threads'], b'4')
    finally:
        for client in clients:
            client.__exit__()


def old_items_are_evicted(m):
    """64 MB of memory, 100 MB of items"""
    value = b'v' * 500_000
    with Client(m) as c:
        for i in range(200):
            equal(c.call(f'set item{i} 0 0 {len(value)}', value), [b'STORED'])
        stats = c.stats()
        assert int(stats[b'evictions']) > 0, stats
        assert int(stats[b'bytes']) <= 64 << 20, stats
        equal(c.call('get item199')[1] == value, True)
        equal(c.call('flush_all'), [b'OK'])
        equal(c.call('get item199'), [b'END'])


def sigterm_ends_it(m):
    m.sh('kill -TERM $(cat /proc/[0-9]*/stat | sed -n "s/^\\([0-9]*\\) (memcached).*/\\1/p")')
    m.until('its end', lambda: m.status('ps -C memcached >/tmp/ps')[0] != 0)
    equal(m.end(), 0)


def main():
    args = arguments(__doc__).parse_args()
    machine = Machine(args, 'memcached', memory='256M', ports=[PORT])
    return run_cases(machine, [start, set_and_get, counters_and_cas, items_expire, fifty_clients, old_items_are_evicted, sigterm_ends_it])


sys.exit(main())
