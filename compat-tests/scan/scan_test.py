#!/usr/bin/env python3
"""Every system call that a run of a stock program makes on Linux is in the set of `linnet scan`.

    scan_test.py --linnet build/cli/linnet [--go-program FILE] NAME...     NAME: see PROGRAMS; exit status 77 is "skipped"

The program runs under `strace -f`. Calls count while a process runs the scanned file; those of other programs that it
executes do not. restart_syscall is the kernel's own. What the scan counts as not resolved is printed, and takes nothing away:
the run's calls have to be in the set all the same.
"""
import argparse
import glob
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
SCALE = float(os.environ.get('LINNET_TIMEOUT_SCALE', '1'))
PROGRAMS = {}
LINE = re.compile(r'^(\d+) +(?:<\.\.\. )?(\w+)(\(| resumed)')
CHILD = re.compile(r'^(\d+) .*\b(?:clone|clone3|fork|vfork)(?:\(| resumed).* = (\d+)$')
EXECUTED = re.compile(r'^(\d+) .*\bexecve(?:at)?(\(| resumed)')


def program(function):
    PROGRAMS[function.__name__] = function
    return function


class Skip(Exception):
    pass


def find(name, *folders):
    for folder in (*folders, '/usr/bin', '/usr/sbin', '/bin'):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return os.path.realpath(path)
    raise Skip(f'{name} is not here')


def wait_for(condition, what):
    end = time.monotonic() + 240 * SCALE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f'{what} did not happen')
        time.sleep(0.05)


class Package:
    """A Debian package with what it needs, unpacked below `root`: nothing is installed on this machine."""

    def __init__(self, linnet, name, folder):
        if os.geteuid() != 0:
            raise Skip(f'{name} runs from a folder, by chroot, which needs root')
        self.root = os.path.join(folder, 'root')
        os.mkdir(self.root, 0o755)
        archive = os.path.join(folder, 'root.cpio')
        subprocess.run([linnet, 'run', '-q', '-m', '4G', '--package', 'dash', '--save-image', archive, f'apt:{name}/sh'], check=True)
        with open(archive, 'rb') as f:
            subprocess.run(['cpio', '-idmu', '--quiet', '--no-absolute-filenames'], stdin=f, cwd=self.root, check=True)
        os.unlink(archive)
        shutil.rmtree(f'{self.root}/dev', ignore_errors=True)
        os.makedirs(f'{self.root}/dev/shm')
        for path, mode in (('dev/shm', 0o1777), ('', 0o755)):
            os.chmod(os.path.join(self.root, path), mode)
        for path, minor in (('null', 3), ('zero', 5), ('urandom', 9)):
            os.mknod(f'{self.root}/dev/{path}', 0o20666, os.makedev(1, minor))
            os.chmod(f'{self.root}/dev/{path}', 0o666)
        self.work = '/srv/work'  # as the program sees it
        os.makedirs(self.root + self.work)

    def command(self, words, user=None):
        return ['chroot', *([f'--userspec={user}'] if user else []), self.root, *words]


class Run:
    """strace of one command line, and the calls of one file in it."""

    def __init__(self, folder, package=None, user=None):
        self.folder, self.package, self.user, self.logs = folder, package, user, []

    def start(self, *words, **more):
        log = os.path.join(self.folder, f'strace.{len(self.logs)}')
        self.logs.append(log)
        command = self.package.command(words, self.user) if self.package else list(words)
        more.setdefault('stdin', subprocess.DEVNULL)
        return subprocess.Popen(['strace', '-f', '-qq', '-s', '64', '-o', log, *command], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, cwd=self.folder, **more)

    def run(self, *words, stdin=b'', status=0):
        process = self.start(*words, stdin=subprocess.PIPE)
        out, _ = process.communicate(stdin, timeout=240 * SCALE)
        assert process.returncode == status, f'{words}: status {process.returncode}: {out.decode(errors="replace")}'
        return out.decode(errors='replace')

    def traced(self, process):
        """the program that strace runs"""
        children = pathlib.Path(f'/proc/{process.pid}/task/{process.pid}/children')
        wait_for(lambda: children.read_text().split(), 'the start of the program')
        return int(children.read_text().split()[0])

    def end(self, process, number):
        os.kill(self.traced(process), number)
        out, _ = process.communicate(timeout=240 * SCALE)
        return out.decode(errors='replace')

    def calls(self, path):
        """names of the calls that were made by processes while they ran the file `path`"""
        made = set()
        for log in self.logs:
            with open(log, encoding='utf-8', errors='replace') as f:
                lines = f.read().splitlines()
            parent = {}
            for line in lines:
                if m := CHILD.match(line):
                    parent.setdefault(m[2], m[1])
            image, pending = {}, {}
            for line in lines:
                m = LINE.match(line)
                if not m:
                    continue
                pid, name = m[1], m[2]
                if pid not in image:
                    image[pid] = image.get(parent.get(pid, ''), None)
                if EXECUTED.match(line):
                    if (given := re.search(r'execve(?:at)?\((?:[^"(]*)"([^"]+)"', line)):
                        pending[pid] = os.path.realpath(os.path.join(self.folder, given[1]))
                        if image[pid] == path:
                            made.add(name)
                    if line.endswith(' = 0'):
                        image[pid] = pending.get(pid)
                    continue
                if image[pid] == path and name != 'restart_syscall':
                    made.add(name)
        return made


class Context:
    def __init__(self, linnet, folder):
        self.linnet, self.folder, self.failed = linnet, folder, False

    def scan(self, path, *flags):
        started = time.monotonic()
        done = subprocess.run([self.linnet, 'scan', '--json', *flags, path], stdout=subprocess.PIPE, check=True)
        found = json.loads(done.stdout)
        found['seconds'] = time.monotonic() - started
        return found

    def compare(self, run, path, *flags):
        made = run.calls(path)
        found = self.scan(path, *flags)
        names = {call['name'] for call in found['calls']}
        count = {s: sum(call['status'] == s for call in found['calls']) for s in ('full', 'partial', 'missing')}
        print(f"{path}: {len(made)} calls in the run, {len(names)} in the scan ({count['full']} full, {count['partial']} partial, "
              f"{count['missing']} missing), {len(found['unresolved'])} places not resolved, {found['seconds']:.1f} s")
        assert len(made) > 4, f'strace saw only {sorted(made)}'
        lacking = sorted(made - names)
        if lacking:
            print(f'  FAILED: made, but not in the scan: {" ".join(lacking)}')
            for place in found['unresolved']:
                print(f"    not resolved: {place['file']} {place['address']:#x} {place['function']}: {place['why']}")
            for line in found['not_seen']:
                print(f'    not seen: {line}')
            self.failed = True


@program
def hello(context):
    path = find('true')
    run = Run(context.folder)
    run.run(path)
    context.compare(run, path)
    assert not {'ptrace', 'mount', 'init_module'} & {call['name'] for call in context.scan(path)['calls']}


@program
def redis(context):
    client = find('redis-cli')
    # One file under three names; the package redis-tools has it without that of the server.
    path = find('redis-check-rdb')
    name = os.path.join(context.folder, 'redis-server')
    os.symlink(path, name)
    run = Run(context.folder)
    server = run.start(name, '--port', '0', '--unixsocket', 's', '--save', '', '--daemonize', 'no', '--io-threads', '2')

    def ask(*words):
        return subprocess.run([client, '-s', os.path.join(context.folder, 's'), *words], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False).stdout
    wait_for(lambda: ask('ping') == b'PONG\n', 'a PONG')
    assert ask('set', 'a', 'b') == b'OK\n'
    assert b'Background saving started' in ask('bgsave')
    wait_for(lambda: b'rdb_bgsave_in_progress:0' in ask('info', 'persistence'), 'the end of bgsave')
    assert b'Background append only' in ask('bgrewriteaof')
    wait_for(lambda: b'aof_rewrite_in_progress:0' in ask('info', 'persistence'), 'the end of bgrewriteaof')
    ask('shutdown', 'nosave')
    server.communicate(timeout=240 * SCALE)
    context.compare(run, path)


@program
def nginx(context):
    package = Package(context.linnet, 'nginx-light', context.folder)
    path, inside, outside = '/usr/sbin/nginx', package.work, package.root + package.work
    run = Run(context.folder, package)
    with open(f'{outside}/index.html', 'w', encoding='ascii') as f:
        f.write('x' * 100000)
    with open(f'{outside}/conf', 'w', encoding='ascii') as f:
        f.write(f'''daemon off; worker_processes 2; pid {inside}/pid; error_log {inside}/error.log;
events {{ }}
http {{ access_log {inside}/access.log; sendfile on; aio threads; server {{ listen unix:{inside}/s; root {inside}; }} }}
''')
    server = run.start(path, '-c', f'{inside}/conf')

    def fetch():
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(f'{outside}/s')
            s.sendall(b'GET / HTTP/1.0\r\n\r\n')
            return b''.join(iter(lambda: s.recv(65536), b''))
    wait_for(lambda: os.path.exists(f'{outside}/s'), 'the socket')
    got = fetch()
    assert b'200 OK' in got and got.endswith(b'x' * 1000), got[:300]
    os.kill(run.traced(server), signal.SIGHUP)
    run.end(server, signal.SIGQUIT)
    context.compare(run, path, f'--rootfs={package.root}')


@program
def postgres(context):
    package = Package(context.linnet, 'postgresql', context.folder)
    inside, outside = package.work, package.root + package.work
    os.chmod(outside, 0o777)
    path, = (p.removeprefix(package.root) for p in glob.glob(f'{package.root}/usr/lib/postgresql/*/bin/postgres'))
    folder = os.path.dirname(path)
    run = Run(context.folder, package, 'nobody:nogroup')
    run.run(f'{folder}/initdb', '-D', f'{inside}/data', '-U', 'postgres', '--no-sync', '-A', 'trust')
    server = run.start(path, '-D', f'{inside}/data', '-k', inside, '-c', 'listen_addresses=', '-F')

    def ask(text):
        return subprocess.run(package.command([f'{folder}/psql', '-h', inside, '-U', 'postgres', '-tAc', text]),
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    wait_for(lambda: ask('select 1') == b'1\n', 'an answer')
    assert ask('create table t as select generate_series(1, 5000) as n') == b'SELECT 5000\n'
    assert ask("do $$ begin perform count(*) from t; end $$") == b'DO\n'
    assert ask('select sum(n) from t') == b'12502500\n'
    ask('checkpoint')
    run.end(server, signal.SIGINT)
    # What the server loads by names that stand in its catalog; --add wants a path of this machine and one of the root.
    plugins = os.path.join(os.path.dirname(folder), 'lib')
    added = [f'--add={package.root}{plugins}/{name}.so:{plugins}/{name}.so' for name in ('plpgsql', 'dict_snowball')]
    context.compare(run, path, f'--rootfs={package.root}', *added)


@program
def opaque(context):
    """What the scan can't see it does not deny: a number that comes from outside is made, is not in the set, and is reported."""
    source, path = f'{context.folder}/opaque.c', os.path.realpath(f'{context.folder}/opaque')
    with open(source, 'w', encoding='ascii') as f:
        f.write('#include <stdlib.h>\n#include <unistd.h>\nint main(int n, char **words) { return syscall(atoi(words[n - 1])) <= 0; }\n')
    subprocess.run(['cc', '-o', path, source], check=True)
    run = Run(context.folder)
    run.run(path, '110')
    found = context.scan(path)
    lacking = run.calls(path) - {call['name'] for call in found['calls']}
    places = [place['function'] for place in found['unresolved']]
    print(f'{path}: not in the set: {sorted(lacking)}; not resolved: {places}')
    assert lacking == {'getppid'} and any(p.startswith('main') for p in places)


@program
def python(context):
    path = find('python3.11')
    run = Run(context.folder)
    out = run.run(path, '-c', '''
import os, socket, subprocess, sys, tempfile, threading, select, time, signal, mmap, json, hashlib, random
assert subprocess.run(["/bin/echo", "out"], stdout=subprocess.PIPE).stdout == b"out\\n"
listener = socket.create_server(("127.0.0.1", 0))
def serve():
    s, _ = listener.accept()
    s.sendall(s.recv(100)); s.close()
t = threading.Thread(target=serve); t.start()
c = socket.create_connection(listener.getsockname()); c.sendall(b"x"); assert c.recv(10) == b"x"; c.close(); t.join()
with tempfile.TemporaryFile() as f:
    f.write(b"y" * 5000); f.flush(); os.fsync(f.fileno())
    m = mmap.mmap(f.fileno(), 4096); m.close()
p = os.fork()
if p == 0: os._exit(3)
assert os.waitpid(p, 0)[1] == 3 << 8
e = select.epoll(); e.close()
signal.signal(signal.SIGUSR1, lambda *a: None); os.kill(os.getpid(), signal.SIGUSR1)
time.sleep(0.001); os.listdir("/"); os.getrandom(4); os.uname(); os.sched_yield(); os.getloadavg()
print(hashlib.sha256(b"z").hexdigest()[:4])
try: socket.getaddrinfo("localhost", 80)
except socket.gaierror: pass # a machine without /etc/hosts: the calls were made
''')
    assert out.startswith('594e'), out
    context.compare(run, path, '--add=/usr/lib/python3.11/lib-dynload')


@program
def sqlite3(context):
    path = find('sqlite3')
    run = Run(context.folder)
    out = run.run(path, 'file.db', stdin=b'pragma journal_mode=wal; create table t(a); insert into t values(1),(2);\n'
                                         b'select sum(a) from t; vacuum;\n.backup b.db\n.shell true\n')
    assert '3' in out, out
    context.compare(run, path)


@program
def go(context):
    if not context.go_program:
        raise Skip('no --go-program')
    path = os.path.realpath(context.go_program)
    run = Run(context.folder)
    out = run.run(path)
    assert 'all held' in out, out
    context.compare(run, path)
    # Without symbols it is the same program.
    stripped = f'{context.folder}/stripped'
    subprocess.run(['strip', '-s', '-o', stripped, path], check=True)
    assert [c['name'] for c in context.scan(stripped)['calls']] == [c['name'] for c in context.scan(path)['calls']]


@program
def rust(context):
    path = find('rg')
    run = Run(context.folder)
    where = f'{context.folder}/where'  # not where strace writes what rg reads
    os.mkdir(where)
    for i in range(20):
        with open(f'{where}/f{i}', 'w', encoding='ascii') as f:
            f.write('needle\n' * i)
    out = run.run(path, '--no-config', '-j', '4', '-c', 'needle', where)
    assert 'f19:19' in out, out
    context.compare(run, path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--linnet', required=True)
    parser.add_argument('--go-program')
    parser.add_argument('names', nargs='+', choices=sorted(PROGRAMS))
    options = parser.parse_args()
    if not shutil.which('strace'):
        print('no strace here')
        return SKIPPED
    skipped = failed = 0
    for name in options.names:
        with tempfile.TemporaryDirectory(prefix='linnet-scan.') as folder:
            context = Context(options.linnet, folder)
            context.go_program = options.go_program
            try:
                PROGRAMS[name](context)
            except Skip as why:
                print(f'{name}: skipped: {why}')
                skipped += 1
            except AssertionError as why:
                print(f'{name}: FAILED: {why}')
                context.failed = True
            failed += context.failed
    return 1 if failed else SKIPPED if skipped == len(options.names) else 0


sys.exit(main())
