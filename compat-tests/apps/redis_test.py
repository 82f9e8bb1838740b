#!/usr/bin/env python3
"""The Redis application test: a stock redis-server, in the guest or on this machine.

    redis_test.py --linnet build/cli/linnet [--run-flag FLAG]... [--only CASE,...]
    redis_test.py --host-server [--only CASE,...]

Prints one line a case; the exit status is 0 only if all passed and the server ended with status 0. The
clients are the host's redis-cli and redis-benchmark, and resp.py where many connections are needed: they
are opened one by one, since QEMU's port forwarder listens with a backlog of 1.
"""
import argparse
import os
import random
import shutil
import subprocess
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from resp import Client, ReplyError
from server import Scratch, Server, clean_environment, free_port

SCALE = float(os.environ.get('LINNET_TIMEOUT_SCALE', '1'))
READY = 'Ready to accept connections'
CASES = []


def case(function):
    CASES.append(function)
    return function


class Context:
    def __init__(self, server, port, scratch):
        self.server, self.port, self.scratch = server, port, scratch
        self.timeout = 240 * SCALE

    def client(self):
        return Client(self.port, self.timeout)

    def cli(self, *words, stdin=None):
        """stdout of the stock redis-cli"""
        done = subprocess.run(['redis-cli', '-h', '127.0.0.1', '-p', str(self.port), *words], input=stdin,
                              stdin=None if stdin is not None else subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=self.timeout)
        assert done.returncode == 0, f'redis-cli {words}: {done.stderr.decode()}'
        return done.stdout.decode()

    def until(self, client, field, value, section='persistence'):
        """asks INFO till a field has a value; the replies of the server pace it"""
        end = time.monotonic() + self.timeout
        while True:
            got = client.info(section)
            if got.get(field) == value:
                return got
            assert time.monotonic() < end, f'{field} is {got.get(field)}, not {value}'


def equal(got, wanted, what=''):
    assert got == wanted, f'{what}: {got!r:.300}, not {wanted!r:.300}'


@case
def ping(c):
    equal(c.cli('PING'), 'PONG\n', 'redis-cli')
    equal(c.cli('-r', '20', 'PING'), 'PONG\n' * 20, 'redis-cli -r 20')
    with c.client() as r:
        equal(r.call('PING', 'hello'), b'hello')
        r.socket.sendall(b'PING\r\n')  # inline
        equal(r.read(), 'PONG')
        assert 'unknown command' in r.error('NOSUCHCOMMAND')
        equal(r.call('ECHO', bytes(range(256))), bytes(range(256)))


@case
def saves_20000_sets_by_the_default_points(c):
    """20,000 changes: the point `60 10000` makes the server fork a save by itself within 60 s"""
    with c.client() as r:
        equal(r.call('CONFIG', 'GET', 'save')[1], b'3600 1 300 100 60 10000', 'save points')
        before = int(r.info()['rdb_changes_since_last_save'])
        c.server.mark()
        replies = r.pipeline([('SET', f'k:{i}', f'value {i}') for i in range(20000)])
        equal(replies, ['OK'] * 20000)
        equal(r.call('GET', 'k:19999'), b'value 19999')
        assert int(r.call('DBSIZE')) >= 20000 and before < 10000
        # The save may have begun before the last SET: then another follows only after 300 s.
        c.server.wait_for('changes in 60 seconds. Saving...', c.timeout)
        c.server.wait_for('Background saving terminated with success', c.timeout)
        equal(c.until(r, 'rdb_bgsave_in_progress', '0')['rdb_last_bgsave_status'], 'ok')


@case
def pipelined_set_and_get(c):
    rng = random.Random(1)
    values = {f'p:{i}': rng.randbytes(rng.choice((0, 1, 17, 100, 1000, 4096))) for i in range(3000)}
    with c.client() as r:
        equal(r.pipeline([('SET', k, v) for k, v in values.items()]), ['OK'] * len(values))
        equal(r.pipeline([('GET', k) for k in values]), list(values.values()), 'what was set')
        big = rng.randbytes(3 * 1024 * 1024 + 7)
        equal(r.call('SET', 'p:big', big), 'OK')
        equal(r.call('GET', 'p:big'), big, '3 MiB value')
        equal(r.call('STRLEN', 'p:big'), len(big))
        equal(r.call('DEL', 'p:big'), 1)


@case
def data_types(c):
    with c.client() as r:
        equal(r.pipeline([('RPUSH', 'l', i) for i in range(1000)])[-1], 1000)
        equal(r.call('LRANGE', 'l', -3, -1), [b'997', b'998', b'999'])
        equal(r.call('HSET', 'h', 'a', 1, 'b', 2), 2)
        equal(r.call('HINCRBYFLOAT', 'h', 'a', '0.5'), b'1.5')
        equal(r.pipeline([('ZADD', 'z', i * 0.5, f'm{i}') for i in range(500)]), [1] * 500)
        equal(r.call('ZRANGE', 'z', 0, 1, 'WITHSCORES'), [b'm0', b'0', b'm1', b'0.5'])
        equal(r.call('SADD', 's', *range(100)), 100)
        equal(r.call('SCARD', 's'), 100)
        assert r.call('XADD', 'x', '*', 'f', 'v')
        equal(r.call('XLEN', 'x'), 1)
        equal(r.call('SETBIT', 'b', 1000000, 1), 0)
        equal(r.call('BITCOUNT', 'b'), 1)
        equal(r.call('PFADD', 'hll', *range(100)), 1)


@case
def lua(c):
    with c.client() as r:
        equal(r.call('EVAL', 'return {KEYS[1], ARGV[1], 42}', 1, 'k', 'a'), [b'k', b'a', 42])
        equal(r.call('EVAL', "for i=1,1000 do redis.call('INCR', KEYS[1]) end return redis.call('GET', KEYS[1])",
                     1, 'lua:n'), b'1000')
        sha = r.call('SCRIPT', 'LOAD', 'return redis.sha1hex(ARGV[1])').decode()
        equal(r.call('EVALSHA', sha, 0, 'x'), b'11f6ad8ec52a2984abaafd7c3b516503785c2072')
        equal(r.call('EVAL', 'local s=0 for i=1,200000 do s=s+i end return s', 0), 20000100000)
        equal(r.call('EVAL', "return cjson.encode({1,2,{a=1}})", 0), b'[1,2,{"a":1}]')
        assert 'WRONGTYPE' in r.error('EVAL', "redis.call('SET','lua:s','x') return redis.call('LPUSH','lua:s',1)", 0)
        assert 'NOSCRIPT' in r.error('EVALSHA', 'f' * 40, 0)
    equal(c.cli('EVAL', 'return 7', '0'), '7\n', 'redis-cli EVAL')


@case
def multi(c):
    with c.client() as r, c.client() as other:
        equal(r.call('MULTI'), 'OK')
        equal(r.call('SET', 'm', 1), 'QUEUED')
        equal(r.call('INCR', 'm'), 'QUEUED')
        equal(other.call('GET', 'm'), None)
        equal(r.call('EXEC'), ['OK', 2])
        r.call('WATCH', 'm')
        other.call('SET', 'm', 'changed')
        r.call('MULTI')
        r.call('SET', 'm', 'lost')
        equal(r.call('EXEC'), None, 'EXEC after another client changed a watched key')
        r.call('MULTI')
        r.call('SET', 'm', 'gone')
        equal(r.call('DISCARD'), 'OK')
        equal(r.call('GET', 'm'), b'changed')
        r.call('MULTI')
        assert 'wrong number' in r.error('SET', 'm')
        assert 'EXECABORT' in r.error('EXEC')


@case
def pubsub(c):
    with c.client() as one, c.client() as two, c.client() as r:
        equal(one.call('SUBSCRIBE', 'news'), [b'subscribe', b'news', 1])
        equal(two.call('PSUBSCRIBE', 'n*'), [b'psubscribe', b'n*', 1])
        for i in range(200):
            equal(r.call('PUBLISH', 'news', f'message {i}'), 2)
        for i in range(200):
            equal(one.read(), [b'message', b'news', b'message %d' % i])
            equal(two.read(), [b'pmessage', b'n*', b'news', b'message %d' % i])
        equal(one.call('UNSUBSCRIBE', 'news'), [b'unsubscribe', b'news', 0])
        equal(r.call('PUBLISH', 'news', 'last'), 1)


@case
def blocking_pop_and_expiry(c):
    with c.client() as waiter, c.client() as r:
        waiter.send('BLPOP', 'queue', 0)
        c.until(r, 'blocked_clients', '1', 'clients')
        equal(r.call('RPUSH', 'queue', 'item'), 1)
        equal(waiter.read(), [b'queue', b'item'])
        equal(waiter.call('BLPOP', 'queue', '0.2'), None, 'BLPOP that times out')
        equal(r.call('SET', 'e', 'v', 'PX', 150), 'OK')
        equal(waiter.call('BLPOP', 'queue', '0.3'), None)
        equal(r.call('GET', 'e'), None, 'an expired key')
        now = r.call('TIME')
        assert abs(int(now[0]) - time.time()) < 60, f'the server\'s clock says {now[0]}'


@case
def two_hundred_clients(c):
    clients = [c.client() for _ in range(200)]
    try:
        assert int(clients[0].info('clients')['connected_clients']) >= 200
        for i, r in enumerate(clients):
            r.send('SET', f'c:{i}', i)
        equal([r.read() for r in clients], ['OK'] * 200)
        for n in range(5):
            for r in clients:
                r.send('INCR', 'c:all')
            equal(sorted(r.read() for r in clients), list(range(n * 200 + 1, n * 200 + 201)))
        for i, r in enumerate(clients):
            r.send('GET', f'c:{i}')
        equal([r.read() for r in clients], [b'%d' % i for i in range(200)])
        equal(clients[7].call('CLIENT', 'LIST').count(b'\n') >= 200, True)
    finally:
        for r in clients:
            r.close()
    with c.client() as r:
        c.until(r, 'connected_clients', '1', 'clients')


class Load:
    """Writers that go on till stopped, each counting what the server acknowledged."""

    def __init__(self, c, writers):
        self.stopping = False
        self.acknowledged = [0] * writers
        self.failures = []
        self.clients = [c.client() for _ in range(writers)]
        self.threads = [threading.Thread(target=self._write, args=(i,), daemon=True) for i in range(writers)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def _write(self, n):
        try:
            while not self.stopping:
                i = self.acknowledged[n]
                replies = self.clients[n].pipeline([('SET', f'load:{n}:{i % 500}', 'x' * 200),
                                                    ('INCR', f'load:{n}')])
                assert replies == ['OK', i + 1], f'{replies} at {i}'
                self.acknowledged[n] += 1
        except Exception as error:  # told by __exit__, in the main thread
            self.failures.append(error)

    def __exit__(self, *exc):
        self.stopping = True
        for thread in self.threads:
            thread.join(240 * SCALE)
        for client in self.clients:
            client.close()
        assert not self.failures, f'a writer failed: {self.failures[0]!r}'
        assert all(self.acknowledged), f'a writer stood still: {self.acknowledged}'


@case
def bgsave_and_bgrewriteaof_under_load(c):
    with c.client() as r:
        r.call('DEL', *(f'load:{n}' for n in range(4)))
        with Load(c, 4):
            for _ in range(2):
                saves = int(r.info()['rdb_saves'])
                assert 'Background saving started' in r.call('BGSAVE')
                got = c.until(r, 'rdb_bgsave_in_progress', '0')
                equal(got['rdb_last_bgsave_status'], 'ok')
                equal(int(got['rdb_saves']), saves + 1)
            equal(r.call('CONFIG', 'SET', 'appendonly', 'yes'), 'OK')
            c.until(r, 'aof_rewrite_scheduled', '0')
            c.until(r, 'aof_rewrite_in_progress', '0')
            rewrites = int(r.info()['aof_rewrites'])
            assert 'rewriting' in r.call('BGREWRITEAOF')
            c.until(r, 'aof_rewrite_scheduled', '0')
            got = c.until(r, 'aof_rewrite_in_progress', '0')
            equal(got['aof_last_bgrewrite_status'], 'ok')
            equal(got['aof_last_write_status'], 'ok')
            equal(int(got['aof_rewrites']), rewrites + 1)
            equal(r.call('BGSAVE', 'SCHEDULE') is not None, True)
            equal(c.until(r, 'rdb_bgsave_in_progress', '0')['rdb_last_bgsave_status'], 'ok')
        digest = r.call('DEBUG', 'DIGEST')
        equal(r.call('DEBUG', 'RELOAD'), 'OK', 'save and load again')
        equal(r.call('DEBUG', 'DIGEST'), digest, 'the data after DEBUG RELOAD')
        equal(r.call('DEBUG', 'LOADAOF'), 'OK')
        equal(r.call('DEBUG', 'DIGEST'), digest, 'the data after DEBUG LOADAOF')
        equal(r.call('CONFIG', 'SET', 'appendonly', 'no'), 'OK')


def restart(c, r, how):
    """The server replaces itself by execve, in the same guest. Its connection ends without a reply."""
    c.server.mark()
    r.send('DEBUG', how, 0)
    try:
        raise AssertionError(f'DEBUG {how} answered {r.read()!r}')
    except (ConnectionError, OSError):
        pass
    c.server.wait_for(READY, c.timeout)


@case
def aof_fsync_always_and_restart(c):
    with c.client() as r:
        equal(r.call('CONFIG', 'SET', 'appendfsync', 'always'), 'OK')
        equal(r.call('CONFIG', 'SET', 'appendonly', 'yes'), 'OK')
        c.until(r, 'aof_rewrite_scheduled', '0')
        c.until(r, 'aof_rewrite_in_progress', '0')
        equal(r.call('CONFIG', 'REWRITE'), 'OK')
        for i in range(300):
            equal(r.call('SET', f'aof:{i}', f'value {i}'), 'OK')
        equal(r.pipeline([('INCR', 'aof:n')] * 700)[-1], 700)
        digest, run_id, pid = r.call('DEBUG', 'DIGEST'), r.info()['run_id'], r.info()['process_id']
        restart(c, r, 'CRASH-AND-RECOVER')  # no shutdown: only what was fsynced is there
    with c.client() as r:
        got = r.info()
        assert got['run_id'] != run_id, 'it is the same server still'
        equal(got['process_id'], pid, 'the process')
        equal(got['aof_enabled'], '1')
        equal(r.call('GET', 'aof:299'), b'value 299')
        equal(r.call('GET', 'aof:n'), b'700')
        equal(r.call('DEBUG', 'DIGEST'), digest, 'the data that the AOF gave back')
        equal(r.call('SET', 'aof:again', 'x'), 'OK')
        digest = r.call('DEBUG', 'DIGEST')
        restart(c, r, 'RESTART')  # with an orderly shutdown before
    with c.client() as r:
        equal(r.call('GET', 'aof:again'), b'x')
        equal(r.call('DEBUG', 'DIGEST'), digest, 'the data after an orderly restart')
        equal(r.call('CONFIG', 'SET', 'appendonly', 'no'), 'OK')


@case
def config(c):
    with c.client() as r:
        equal(r.call('CONFIG', 'SET', 'maxmemory', '100mb'), 'OK')
        equal(r.call('CONFIG', 'GET', 'maxmemory'), [b'maxmemory', b'104857600'])
        equal(r.call('CONFIG', 'SET', 'maxmemory', '0', 'hz', '20'), 'OK')
        assert r.error('CONFIG', 'SET', 'maxmemory', 'much')
        assert r.error('CONFIG', 'SET', 'nosuchoption', '1')
        equal(r.call('CONFIG', 'RESETSTAT'), 'OK')
        assert len(r.call('CONFIG', 'GET', '*')) > 300
        assert int(r.call('CONFIG', 'GET', 'maxclients')[1]) >= 200


@case
def info(c):
    with c.client() as r:
        got = r.info()
        for field in ('redis_version', 'uptime_in_seconds', 'used_memory', 'connected_clients', 'executable',
                      'used_cpu_sys', 'used_cpu_user', 'total_system_memory'):
            assert field in got, f'INFO has no {field}'
        assert got['os'].startswith('Linux ') and got['os'].endswith(' x86_64'), got['os']
        assert got['executable'].startswith('/'), got['executable']
        assert int(got['used_memory_rss']) > 1 << 20, got['used_memory_rss']
        assert int(got['total_system_memory']) > 16 << 20
        assert float(got['used_cpu_user']) + float(got['used_cpu_sys']) > 0
        equal(got['loading'], '0')
        equal(r.call('MEMORY', 'DOCTOR') is not None, True)
    assert 'redis_version:' in c.cli('INFO', 'server')


@case
def redis_cli_mass_insertion(c):
    commands = b''.join(Client.encode('SET', f'mass:{i}', i) for i in range(5000))
    assert 'errors: 0, replies: 5000' in c.cli('--pipe', stdin=commands)
    equal(c.cli('GET', 'mass:4999'), '4999\n')
    equal(len(c.cli('--scan', '--pattern', 'mass:*').split()), 5000, '--scan')


@case
def redis_benchmark(c):
    # One connection: the burst of connects of more would overflow the forwarder's backlog.
    done = subprocess.run(['redis-benchmark', '-h', '127.0.0.1', '-p', str(c.port), '-c', '1', '-P', '16',
                           '-n', '4000', '-t', 'set,get,incr,lpush,lrange_100,mset', '--csv'],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=c.timeout)
    equal(done.returncode, 0, done.stderr.decode())
    rows = [l for l in done.stdout.decode().splitlines() if l.startswith('"') and not l.startswith('"test"')]
    assert len(rows) == 7, done.stdout.decode()


@case
def flush(c):
    with c.client() as r:
        assert int(r.call('DBSIZE')) > 0
        equal(r.call('FLUSHALL', 'ASYNC'), 'OK')
        equal(r.call('DBSIZE'), 0)


def shutdown(c):
    """Not a case of the list: always last."""
    with c.client() as r:
        r.call('SET', 'last', 'x')
        r.send('SHUTDOWN', 'SAVE')
        try:
            raise AssertionError(f'SHUTDOWN answered {r.read()!r}')
        except (ConnectionError, OSError):
            pass
    status = c.server.wait(c.timeout)
    equal(status, 0, 'exit status')
    assert any('bye bye' in line for line in c.server.lines), 'no last line of the log'


def start(args, scratch, port):
    options = ['--enable-debug-command', 'yes', *args.server_flag]
    if args.host_server:
        # redis-tools has the program under another name; what it is goes by argv[0].
        program = shutil.which('redis-server') or shutil.which('redis-check-rdb')
        if not program:
            sys.exit('neither redis-server nor redis-tools is installed')
        with open(os.path.join(scratch, 'redis.conf'), 'w') as f:
            f.write(f'port {port}\nbind 127.0.0.1\ndir {scratch}\n')
        return Server([os.path.join(scratch, 'redis-server'), os.path.join(scratch, 'redis.conf'), *options],
                      cwd=scratch, env=clean_environment(), executable=link_server(program, scratch))
    argv = [args.linnet, 'run', '-p', f'{port}:6379', '-m', args.memory]
    for flag in args.run_flag:
        argv.append(flag)
    return Server([*argv, 'apt:redis-server', *options], env=clean_environment())


def link_server(program, scratch):
    """DEBUG RESTART starts argv[0] anew, so the name has to be there."""
    link = os.path.join(scratch, 'redis-server')
    os.symlink(os.path.realpath(program), link)
    return link


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--linnet', help='the command `linnet`')
    ap.add_argument('--host-server', action='store_true', help='a server on this machine instead')
    ap.add_argument('--memory', default='256M')
    ap.add_argument('--run-flag', action='append', default=[], help='more flags of `linnet run`')
    ap.add_argument('--server-flag', action='append', default=[], help='more words of redis-server: --server-flag=--io-threads --server-flag=2')
    ap.add_argument('--only', help='cases, separated by commas')
    ap.add_argument('--log', help='a file for what the server wrote')
    args = ap.parse_args()
    if bool(args.linnet) == args.host_server:
        ap.error('either --linnet or --host-server')
    names = args.only.split(',') if args.only else [f.__name__ for f in CASES]
    unknown = set(names) - {f.__name__ for f in CASES}
    if unknown:
        ap.error(f'no case {", ".join(sorted(unknown))}')

    failed = 0
    with Scratch() as scratch:
        port = free_port()
        server = start(args, scratch, port)
        context = Context(server, port, scratch)
        try:
            begin = time.monotonic()
            try:
                server.wait_for(READY, context.timeout)
            except AssertionError as error:
                print(f'FAIL start: {error}')
                server.report()
                return 1
            print(f'ok   start ({time.monotonic() - begin:.1f} s)', flush=True)
            todo = [f for f in CASES if f.__name__ in names] + [shutdown]
            for function in todo:
                begin = time.monotonic()
                try:
                    function(context)
                    print(f'ok   {function.__name__} ({time.monotonic() - begin:.1f} s)', flush=True)
                except (AssertionError, ReplyError, OSError, subprocess.SubprocessError) as error:
                    failed += 1
                    print(f'FAIL {function.__name__}: {type(error).__name__}: {error}', flush=True)
                    traceback.print_exc(limit=-4)
                    if server.process.poll() is not None:
                        print(f'the server ended with status {server.process.returncode}; no further cases')
                        break
            if failed:
                server.report()
        finally:
            server.stop()
            if args.log:
                with open(args.log, 'w') as f:
                    f.write('\n'.join(server.lines + ['--- stderr'] + server.errors) + '\n')
    print(f'{len(todo) - failed} of {len(todo)} passed' if failed else f'all {len(todo)} passed')
    return 1 if failed else 0


sys.exit(main())
