#!/usr/bin/env python3
"""measure.py - measures a guest kernel under QEMU, or two side by side.

    measure.py run --out FILE [--guests linux,linnet] [--kernel linnet.elf] [--runs N] GROUP...
    measure.py compare [--best] FILE [FILE2]      ratio of guest `linnet` to guest `linux`
    measure.py table [FILE]                       what was measured, against the goals

Groups (see README.md): micro-icount micro-tcg boot boot-icount minmem idle
redis-fwd redis-bench-fwd redis-in redis-in-icount nginx-fwd
nginx-in-icount pong split; and `figures`: all that the table shows, and no more.

Every group makes several runs and, with more than one guest, alternates between
them run by run, so that a change in the load of the host hits both.  A line of the
result is: guest group config metric unit better median min max runs.
`qemu_cpu` figures are the CPU time (user + system) of the QEMU process: they move
less with the load of the host than wall time does.
"""
import argparse, os, re, shlex, shutil, socket, statistics, subprocess, sys, threading, time

import figures
import postgresql

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TMP = os.environ.setdefault('BENCH_TMP', os.path.join(ROOT, 'build', 'bench'))
HZ = os.sysconf('SC_CLK_TCK')
# redis-tools has the server too, under another name; what it is goes by argv[0]
REDIS_BIN = (shutil.which('redis-server') or '/usr/bin/redis-check-rdb') + ':/bin/redis-server'
REDIS = ("redis-server --port 6379 --bind 0.0.0.0 --protected-mode no --save '' "
         "--appendonly no --daemonize no").replace("''", '""')
NGINX_CONF = """daemon off; master_process off; worker_processes 1; pid /tmp/nginx.pid;
error_log stderr error;
events { worker_connections 512; }
http { access_log off; keepalive_requests 10000000;
  client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f;
  uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
  server { listen 8080; root /srv; default_type application/octet-stream; } }
"""
NGINX = 'nginx -e stderr -p /tmp -c /srv/nginx.conf'


def log(*a):
    print(time.strftime('%H:%M:%S'), *a, file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Guest:
    def __init__(self, name, args):
        self.name, self.variants = name, {}
        self.linux = name in ('linux', 'lean')
        self.base = [os.path.join(HERE, 'guest-linux.sh' if self.linux else 'guest-linnet.sh')]
        kernel = (args.lean_kernel if name == 'lean' else args.linux_kernel if self.linux else
                  f'{TMP}/floor.elf' if name == 'floor' else args.kernel)
        if kernel:
            self.base += ['--kernel', kernel]
        self.images = {}

    def argv(self, opts, cmd=()):
        """QEMU's argument list for these options; archives are built once"""
        tail = ['--', *cmd] if cmd else []
        # what the archive depends on; the rest is only QEMU's business
        key, i = [], 0
        while i < len(opts):
            if opts[i] in ('--smp', '--mem', '--append', '--cpu', '--qemu-args'):
                i += 2
                continue
            if opts[i] == '--fwd':
                key.append('--net')
                i += 2
                continue
            if opts[i] != '--icount':
                key.append(opts[i])
            i += 1
        key = tuple(key + tail)
        if key not in self.images:
            path = f'{TMP}/img.{os.getpid()}.{self.name}.{len(self.images)}'
            subprocess.run([*self.base, *opts, '--build-only', path, *tail], check=True)
            self.images[key] = path
        out = subprocess.run([*self.base, *opts, '--initrd', self.images[key], '--print', *tail],
                             check=True, stdout=subprocess.PIPE, text=True).stdout
        return shlex.split(out)

    def cleanup(self):
        for p in self.images.values():
            os.unlink(p)


class VM:
    started = []

    def __init__(self, argv):
        self.lines, self.cond, self.eof = [], threading.Condition(), False
        self.t0 = time.monotonic()
        self.p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
        VM.started.append(self)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for raw in self.p.stdout:
            now, cpu = time.monotonic() - self.t0, self.cpu()
            with self.cond:
                self.lines.append((now, cpu, raw.decode('utf8', 'replace').rstrip()))
                self.cond.notify_all()
        with self.cond:
            self.eof = True
            self.cond.notify_all()

    def cpu(self, task=''):
        """CPU seconds of QEMU so far, or of one of its threads"""
        try:
            if not task:  # the process's CPU clock: nanoseconds, where stat has ticks of 10 ms
                return time.clock_gettime(~self.p.pid << 3 | 2)
            f = open(f'/proc/{self.p.pid}{task}/stat').read().rsplit(')', 1)[1].split()
            return (int(f[11]) + int(f[12])) / HZ
        except (OSError, IndexError):
            return float('nan')

    def cpu_both(self):
        """of all threads, and of the main loop alone (devices and slirp)"""
        return self.cpu(), self.cpu(f'/task/{self.p.pid}')

    def wait_for(self, text, timeout):
        """(wall seconds, CPU seconds, line) of the first line with text in it"""
        end, seen = time.monotonic() + timeout, 0
        with self.cond:
            while True:
                for l in self.lines[seen:]:
                    if text in l[2]:
                        return l
                seen = len(self.lines)
                left = end - time.monotonic()
                if self.eof or left <= 0:
                    return None
                self.cond.wait(left)

    def finish(self, timeout):
        try:
            self.p.wait(timeout)
        except subprocess.TimeoutExpired:
            log('timeout; last lines:', [l[2] for l in self.lines[-3:]])
        self.stop()
        return [l[2] for l in self.lines]

    def stop(self):
        if self.p.poll() is None:
            self.p.kill()
        self.p.wait()


class Results:
    def __init__(self):
        self.d = {}

    def add(self, guest, group, config, metric, unit, value, better='lower'):
        self.d.setdefault((guest, group, config, metric, unit, better), []).append(value)

    def rows(self):
        for k, v in self.d.items():
            good = [x for x in v if x is not None and x == x]
            if not good:
                yield [*k, 'NA', 'NA', 'NA', str(len(v))]
            else:
                yield [*k, *(f'{x:.6g}' if x < 1e6 else f'{x:.0f}' for x in
                             (statistics.median(good), min(good), max(good))), str(len(good))]


# ---- groups ---------------------------------------------------------------------

def micro(res, guests, args, group, icount):
    sets = [('static', 'microbench-static', '', ''), ('dynamic', 'microbench-dyn', '', '')]
    if args.mitigations:
        sets.append(('static-nomitig', 'microbench-static', '', 'mitigations=off'))
        sets.append(('static-noerms', 'microbench-static', 'max,erms=off,fsrm=off', ''))
        # Debian clears every allocation (init_on_alloc) and has AppArmor on
        sets.append(('static-tuned', 'microbench-static', 'max,erms=off,fsrm=off',
                     'mitigations=off init_on_alloc=0 apparmor=0 audit=0'))
    if args.configs:
        sets = [x for x in sets if x[0] in args.configs.split(',')]
    for r in range(args.runs or (3 if icount else 5)):
        for conf, binary, cpu, append in sets:
            if conf != 'static' and not icount and r >= 3:
                continue
            for g in guests:
                log(group, conf, g.name, r)
                unit = ' --insn' if icount else ''
                opts = ['--bin', f'{TMP}/{binary}', '--sh', f'{binary}{unit} --fork']
                opts += ['--icount'] if icount else []
                opts += ['--cpu', cpu] if cpu else []
                opts += ['--append', append] if append else []
                for l in VM(g.argv(opts)).finish(180):
                    m = re.match(r'(\w+) ([\d.]+|NA) (ns|insn|MHz|ms)$', l)
                    if m:
                        v = None if m[2] == 'NA' else float(m[2])
                        res.add(g.name, group, conf, m[1], m[3], v)


def wake(res, guests, args, group):
    """two threads on two CPUs that wake each other in turn, by the insncount plugin (Linux does not boot with two CPUs under icount): the
    difference of two runs, all instructions of both CPUs; an idle one executes none"""
    rounds, few, many = 2000, 2, 12
    for r in range(args.runs or 3):
        for g in guests:
            log(group, g.name, r)
            counts = []
            for samples in (few, many):
                argv = g.argv(['--smp', '2', '--accel', 'tcg,thread=single', '--bin', f'{TMP}/microbench-static',
                               '--qemu-args', f'-plugin {TMP}/insncount.so', '--sh',
                               f'microbench-static --only=futex_pingpong_cpus --scale={rounds // 200} --samples={samples}'])
                m = re.search(r'INSNCOUNT low=(\d+) high=(\d+)', '\n'.join(VM(argv).finish(180)))
                counts.append(int(m[1]) + int(m[2]) if m else float('nan'))
            res.add(g.name, group, 'smp2', 'futex_pingpong_cpus', 'insn', (counts[1] - counts[0]) / ((many - few) * rounds))


def scale(res, guests, args, group):
    best = {}  # of all runs of a guest: ns of an operation, on one CPU and on two together
    for r in range(args.runs or 5):
        for g in guests:
            log(group, g.name, r)
            opts = ['--smp', '2', '--bin', f'{TMP}/scale', '--sh', 'scale --rounds 1']
            for l in VM(g.argv(opts)).finish(180):
                m = re.match(r'(scale_\w+)_(one|two) ([\d.]+) ns$', l)
                if m:
                    key, ns = (g.name, m[1], m[2]), float(m[3])
                    best[key] = min(best.get(key, ns), ns)
                    res.add(g.name, group, 'smp2', f'{m[1]}_{m[2]}', 'ns', ns)
    for (name, loop, side), ns in best.items():
        if side == 'two':
            res.add(name, group, 'smp2', loop, 'x', best[name, loop, 'one'] / ns, 'higher')


def boot_configs(g, args):
    out = []
    for machine in ('q35', 'microvm'):
        if g.linux:
            out.append((machine + '-bzimage', machine, []))
            if g.name == 'linux' and os.path.exists(f'{TMP}/vmlinux'):
                out.append((machine + '-pvh', machine, ['--kernel', f'{TMP}/vmlinux']))
        else:
            out.append((machine + '-pvh', machine, []))
    return out


def boot(res, guests, args, group, icount):
    for r in range(args.runs or (3 if icount else 7)):
        for g in guests:
            for conf, machine, extra in boot_configs(g, args):
                log(group, conf, g.name, r)
                opts = ['--machine', machine, *extra, '--direct', '--bin', f'{TMP}/bootprobe']
                opts += ['--icount'] if icount else []
                vm = VM(g.argv(opts, ['/bin/bootprobe']))
                l = vm.wait_for('BOOTPROBE', 90)
                if l:
                    vm.finish(20)
                vm.stop()
                m = l and re.search(r'tsc=(\d+)', l[2])
                if icount:
                    res.add(g.name, group, conf, 'insn_reset_to_user', 'insn', int(m[1]) if m else None)
                else:
                    res.add(g.name, group, conf, 'wall_to_user', 's', l[0] if l else None)
                    res.add(g.name, group, conf, 'qemu_cpu_to_user', 's', l[1] if l else None)


def minmem(res, guests, args, group):
    def works(g, opts, cmd, text, mem):
        if text == 'PONG':
            port = free_port()
            vm = VM(g.argv([*opts, '--fwd', f'{port}:6379', '--mem', str(mem)], cmd))
            l = until(ping, port, vm, 30)
        else:
            vm = VM(g.argv([*opts, '--mem', str(mem)], cmd))
            l = vm.wait_for(text, 15)
        vm.stop()
        log(group, g.name, opts[:2], mem, bool(l))
        return bool(l)
    for g in guests:
        jobs = [('hello', ['--direct', '--bin', f'{TMP}/bootprobe'], ['/bin/bootprobe'], 'BOOTPROBE'),
                ('busybox', ['--sh', 'true'], [], 'GUEST-READY'),
                ('redis', *redis_job(g), 'PONG')]
        for conf, machine, extra in boot_configs(g, args):
            if machine != 'q35':
                continue
            if args.configs and conf not in args.configs.split(','):
                continue
            for what, opts, cmd, text in jobs:
                lo, hi = 0, 256  # lo fails, hi works
                step = 4 if g.linux else 1
                while hi - lo > step:
                    mid = (lo + hi) // 2 // step * step
                    if mid <= lo:
                        break
                    if works(g, [*extra, *opts], cmd, text, mid):
                        hi = mid
                    else:
                        lo = mid
                res.add(g.name, group, conf, 'min_mem_' + what, 'MiB', hi)


def idle(res, guests, args, group):
    for r in range(args.runs or 3):
        for g in guests:
            for conf, opts, cmd in [
                    ('hello', ['--direct', '--bin', f'{TMP}/bootprobe'], ['/bin/bootprobe']),
                    ('shell', ['--bin', f'{TMP}/bootprobe', '--sh', 'sleep 1; bootprobe'], []),
                    ('redis', ['--net', '--bin', f'{TMP}/bootprobe', '--bin', REDIS_BIN,
                               '--sh', f'{REDIS} >/dev/null & sleep 3; bootprobe'], [])]:
                log(group, conf, g.name, r)
                for l in VM(g.argv(opts, cmd)).finish(60):
                    m = re.search(r'BOOTMEM total_kb=(\d+) available_kb=(\d+)', l)
                    if m:
                        t, a = int(m[1]), int(m[2])
                        res.add(g.name, group, conf, 'mem_total', 'KiB', t, 'higher')
                        res.add(g.name, group, conf, 'total_minus_available', 'KiB', t - a)
                        res.add(g.name, group, conf, 'ram_minus_available', 'KiB', 256 * 1024 - a)


def ping(port, timeout):
    try:
        with socket.create_connection(('127.0.0.1', port), timeout) as s:
            s.settimeout(timeout)
            s.sendall(b'PING\r\n')
            return s.recv(16).startswith(b'+PONG')
    except OSError:
        return False


def http_up(port, timeout):
    try:
        with socket.create_connection(('127.0.0.1', port), timeout) as s:
            s.settimeout(timeout)
            s.sendall(b'HEAD /1k HTTP/1.0\r\n\r\n')
            return s.recv(16).startswith(b'HTTP/1.')
    except OSError:
        return False


def until(check, port, vm, limit):
    """wait till the service answers; (wall, QEMU CPU) since QEMU's start"""
    while time.monotonic() - vm.t0 < limit and vm.p.poll() is None:
        if check(port, 0.1):
            return time.monotonic() - vm.t0, vm.cpu()
        time.sleep(0.02)
    log('no answer; last lines:', [l[2] for l in vm.lines[-3:]])
    return None


def redis_job(g):
    """options and command that run Redis: Linux needs a script to set the network up, Linnet none"""
    if g.linux:
        return ['--bin', REDIS_BIN, '--sh', REDIS], []
    return ['--bin', REDIS_BIN, '--direct'], shlex.split(REDIS)


def redis_vm(g, port, smp=1, machine='q35', extra=()):
    opts, cmd = redis_job(g)
    return VM(g.argv(['--machine', machine, '--smp', str(smp), '--fwd', f'{port}:6379', *extra, *opts], cmd))


def redis_bench_lines(text):
    """[(test, requests per second)] from redis-benchmark --csv"""
    return [(m[1], float(m[2])) for m in re.finditer(r'^"(SET|GET)","([\d.]+)"', text, re.M)]


def netload(args, timeout=60):
    """netload's figures as a dict; empty if it hung"""
    try:
        out = subprocess.run([f'{TMP}/netload', *map(str, args)], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True, timeout=timeout).stdout
    except subprocess.TimeoutExpired:
        return {}
    return {k: float(v) for k, v in (l.split() for l in out.splitlines())}


def add_load(res, g, group, conf, d, cpu):
    """cpu: cpu_both() before the load and after it"""
    (all0, main0), (all1, main1) = cpu
    res.add(g.name, group, conf, 'requests', 'req/s', d.get('rps_nostall'), 'higher')
    res.add(g.name, group, conf, 'p50', 'us', d.get('p50_us'))
    res.add(g.name, group, conf, 'p99', 'us', d.get('p99_us'))
    for what, s in (('qemu_cpu', all1 - all0), ('qemu_cpu_vcpu', all1 - main1 - all0 + main0)):
        res.add(g.name, group, conf, what, 'us/req', s / d['done'] * 1e6 if d.get('rps') else None)
    res.add(g.name, group, conf, 'stalls', 'count', d.get('stalls'))
    res.add(g.name, group, conf, 'hung', 'count', 0 if d.get('rps') else 1)  # see its max


def redis_fwd(res, guests, args, group):
    for r in range(args.runs or 5):
        for g in guests:
            for smp in (1, 2):
                if smp == 2 and (r >= 3 or args.configs == 'smp1'):
                    continue
                port = free_port()
                vm = redis_vm(g, port, smp)
                if not until(ping, port, vm, 60):
                    vm.stop()
                    continue
                for p, n in ((1, 20000), (16, 100000)):
                    for test in ('set', 'get'):
                        log(group, g.name, 'smp', smp, 'P', p, test, r)
                        c0 = vm.cpu_both()
                        d = netload(['redis', port, '-t', test, '-n', n, '-c', 20, '-P', p])
                        add_load(res, g, group, f'smp{smp}-P{p}-{test}', d, (c0, vm.cpu_both()))
                        if not d.get('rps'):
                            break
                vm.stop()


def redis_bench_fwd(res, guests, args, group):
    """redis-benchmark over hostfwd: its burst of connects overflows the backlog of
    QEMU's listener, so there are hangs in it that no guest can help"""
    for r in range(args.runs or 3):
        for g in guests:
            port = free_port()
            vm = redis_vm(g, port)
            if until(ping, port, vm, 60):
                for p in (1, 16):
                    for test in ('set', 'get'):
                        log(group, g.name, 'P', p, test, r)
                        try:
                            out = subprocess.run(
                                ['redis-benchmark', '-h', '127.0.0.1', '-p', str(port), '-t', test,
                                 '-n', '20000', '-c', '20', '-P', str(p), '--csv'],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                timeout=30).stdout
                        except subprocess.TimeoutExpired:
                            out = ''
                        got = redis_bench_lines(out)
                        res.add(g.name, group, f'smp1-P{p}', test, 'req/s',
                                got[0][1] if got else None, 'higher')
            vm.stop()


def redis_in(res, guests, args, group, icount):
    n = {1: 10000, 16: 64000} if icount else {1: 20000, 16: 60000}
    for r in range(args.runs or (2 if icount else 3)):
        for g in guests:
            for smp in ((1,) if icount else (1, 2)):
                log(group, g.name, 'smp', smp, r)
                sh = f'{REDIS} >/dev/null & sleep 2\n'
                for p in (1, 16):
                    sh += (f'echo PIPELINE {p}; redis-benchmark -t set,get -n {n[p]} -c 20 '
                           f'-P {p} --csv 2>/dev/null\n')
                opts = ['--smp', str(smp), '--bin', REDIS_BIN,
                        '--bin', '/usr/bin/redis-benchmark', '--sh', sh]
                vm = VM(g.argv(opts + (['--icount'] if icount else [])))
                text = '\n'.join(vm.finish(300))
                for part in re.split(r'PIPELINE ', text)[1:]:
                    p = int(re.match(r'\d+', part)[0])
                    for t, rps in redis_bench_lines(part):
                        if icount:
                            res.add(g.name, group, f'smp1-P{p}', t.lower(), 'insn/req', 1e9 / rps)
                        else:
                            res.add(g.name, group, f'smp{smp}-P{p}', t.lower(), 'req/s', rps, 'higher')


def nginx_files():
    d = f'{TMP}/srv'
    os.makedirs(d, exist_ok=True)
    open(f'{d}/nginx.conf', 'w').write(NGINX_CONF)
    open(f'{d}/1k', 'w').write('x' * 1023 + '\n')
    return ['--file', f'{d}/nginx.conf:/srv/nginx.conf', '--file', f'{d}/1k:/srv/1k',
            '--bin', '/usr/sbin/nginx']


def nginx_fwd(res, guests, args, group):
    for r in range(args.runs or 3):
        for g in guests:
            port = free_port()
            vm = VM(g.argv(['--fwd', f'{port}:8080', *nginx_files(), '--sh', NGINX]))
            if not until(http_up, port, vm, 60):
                vm.stop()
                continue
            url = f'http://127.0.0.1:{port}/1k'
            log(group, g.name, 'netload', r)
            c0 = vm.cpu_both()
            d = netload(['http', port, '-u', '/1k', '-n', 15000, '-c', 16])
            add_load(res, g, group, 'netload-c16-keepalive', d, (c0, vm.cpu_both()))
            for conf, cmd, pat, count in [
                    ('wrk-c16-keepalive', ['wrk', '-t1', '-c16', '-d4s', url],
                     r'Requests/sec:\s+([\d.]+)', r'(\d+) requests in'),
                    ('ab-c8-keepalive', ['ab', '-q', '-k', '-n', '4000', '-c', '8', url],
                     r'Requests per second:\s+([\d.]+)', r'Complete requests:\s+(\d+)'),
                    ('ab-c8-close', ['ab', '-q', '-n', '1000', '-c', '8', url],
                     r'Requests per second:\s+([\d.]+)', r'Complete requests:\s+(\d+)')]:
                log(group, g.name, conf, r)
                c0 = vm.cpu()
                try:
                    out = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                         text=True, timeout=40).stdout
                except subprocess.TimeoutExpired:
                    res.add(g.name, group, conf, 'requests', 'req/s', None, 'higher')
                    continue
                c1 = vm.cpu()
                m, k = re.search(pat, out), re.search(count, out)
                res.add(g.name, group, conf, 'requests', 'req/s', float(m[1]) if m else None, 'higher')
                if k and int(k[1]):
                    res.add(g.name, group, conf, 'qemu_cpu', 'us/req', (c1 - c0) / int(k[1]) * 1e6)
            vm.stop()


def nginx_in(res, guests, args, group):
    for r in range(args.runs or 2):
        for g in guests:
            log(group, g.name, r)
            sh = f'{NGINX} & sleep 2\n'
            for conf, opt in (('keepalive', '-k -n 2000'), ('close', '-n 600')):
                sh += f'echo CONF {conf}; ab -q {opt} -c 8 http://127.0.0.1:8080/1k 2>&1\n'
            vm = VM(g.argv(['--icount', *nginx_files(), '--bin', '/usr/bin/ab', '--sh', sh]))
            for part in re.split(r'CONF ', '\n'.join(vm.finish(300)))[1:]:
                m = re.search(r'Requests per second:\s+([\d.]+)', part)
                res.add(g.name, group, 'ab-c8-' + part.split()[0], 'requests', 'insn/req',
                        1e9 / float(m[1]) if m else None)


def pong(res, guests, args, group):
    for r in range(args.runs or 7):
        for g in guests:
            for machine in ('q35', 'microvm'):
                log(group, g.name, machine, r)
                port = free_port()
                vm = redis_vm(g, port, machine=machine)
                got = until(ping, port, vm, 60)
                ready = vm.wait_for('GUEST-READY', 0)
                vm.stop()
                res.add(g.name, group, machine, 'wall_to_pong', 's', got and got[0])
                res.add(g.name, group, machine, 'qemu_cpu_to_pong', 's', got and got[1])
                if ready:
                    res.add(g.name, group, machine, 'wall_to_script', 's', ready[0])


def split(res, guests, args, group):
    """user and kernel instructions of one request, by the insncount plugin: the
    difference of two runs with n and 3n requests, so boot and idle drop out"""
    redis = f'{REDIS} >/dev/null & sleep 2\nredis-benchmark -t {{}} -n {{}} -c 20 -P {{}} -q\n'
    web = f'{NGINX} & sleep 2\nab -q {{}} -n {{}} -c 8 http://127.0.0.1:8080/1k\n'
    rb = ['--bin', REDIS_BIN, '--bin', '/usr/bin/redis-benchmark']
    nb = [*nginx_files(), '--bin', '/usr/bin/ab']
    jobs = [('redis-P1', 'get', 5000, rb, lambda n: redis.format('get', n, 1)),
            ('redis-P1', 'set', 5000, rb, lambda n: redis.format('set', n, 1)),
            ('redis-P16', 'get', 32000, rb, lambda n: redis.format('get', n, 16)),
            ('nginx-ab-c8', 'keepalive', 1000, nb, lambda n: web.format('-k', n)),
            ('nginx-ab-c8', 'close', 500, nb, lambda n: web.format('', n)),
            ('idle', 'per_second', 100, [], lambda n: f'sleep {n}')]
    if args.configs:
        jobs = [j for j in jobs if j[0] in args.configs.split(',')]
    for r in range(args.runs or 2):
        for conf, metric, n, opts, script in jobs:
            for g in guests:
                log(group, g.name, conf, metric, r)
                counts = []
                for k in (n, 3 * n):
                    # icount makes the two runs alike, and sleeping takes no time
                    argv = g.argv([*opts, '--icount', '--qemu-args',
                                   f'-plugin {TMP}/insncount.so', '--sh', script(k)])
                    text = '\n'.join(VM(argv).finish(200))
                    m = re.search(r'INSNCOUNT low=(\d+) high=(\d+)', text)
                    counts.append((int(m[1]), int(m[2])) if m else (float('nan'),) * 2)
                for i, half in enumerate(('low', 'high')):
                    res.add(g.name, group, conf, f'{metric}_{half}', 'insn',
                            (counts[1][i] - counts[0][i]) / (2 * n))


def shell(res, guests, args, group):
    """a shell script like those of configure: 500 commands, builtins and small programs, by the insncount plugin; the difference
    of two runs, so that boot drops out"""
    script = ("dash -c 'i=0; while [ $i -lt {} ]; do i=$((i + 1)); echo \"int x$i;\" >conftest.c; test -f conftest.c || exit 1; "
              "v=$(expr $i + 1); grep -c int conftest.c >/dev/null; sed s/x/y/ conftest.c >conftest.h; cat conftest.c conftest.h >all; "
              "case $v in *7) : ;; esac; mv all conftest.log; rm -f conftest.c conftest.h; done'\n")
    bins = [x for name in ('dash', 'expr', 'grep', 'sed', 'cat', 'mv', 'rm') for x in ('--bin', shutil.which(name))]
    for r in range(args.runs or 2):
        for g in guests:
            log(group, g.name, r)
            counts = []
            for rounds in (50, 150):  # of ten commands
                argv = g.argv([*bins, '--icount', '--qemu-args', f'-plugin {TMP}/insncount.so', '--sh', script.format(rounds)])
                m = re.search(r'INSNCOUNT low=(\d+) high=(\d+)', '\n'.join(VM(argv).finish(200)))
                counts.append((int(m[1]), int(m[2])) if m else (float('nan'),) * 2)
            for i, half in enumerate(('low', 'high')):
                res.add(g.name, group, '500-commands', half, 'insn', (counts[1][i] - counts[0][i]) / 2)
            res.add(g.name, group, '500-commands', 'all', 'insn', (sum(counts[1]) - sum(counts[0])) / 2)


def pgbench(res, guests, args, group):
    """instructions of one of pgbench's transactions, client and server in the guest: with one client somebody always runs, so the
    virtual time between the first and the last is what they and the kernel executed"""
    root = postgresql.make_root(os.path.join(ROOT, 'build', 'cli', 'linnet'), TMP)
    if not root:
        log(group, 'needs root, to make the database in a chroot')
        return
    for r in range(args.runs or 2):
        for g in guests:
            log(group, g.name, r)
            vm = VM(g.argv(['--icount', '--cpu', 'max,erms=off,fsrm=off', '--mem', '768', '--tree', root, '--sh',
                            postgresql.script(50)]))
            text = '\n'.join(vm.finish(600))
            m = re.findall(r'processed: 50/50.*?tps = ([0-9.]+) \(without', text, re.S)
            if not m:
                log('no result; last lines:', text[-600:])
                continue
            res.add(g.name, group, 'c1-noerms', 'transaction', 'insn', 1e9 / float(m[-1]))


GROUPS = {
    'micro-icount': lambda *a: micro(*a, icount=True),
    'micro-tcg': lambda *a: micro(*a, icount=False),
    'boot': lambda *a: boot(*a, icount=False),
    'boot-icount': lambda *a: boot(*a, icount=True),
    'minmem': minmem, 'idle': idle, 'redis-fwd': redis_fwd, 'redis-bench-fwd': redis_bench_fwd,
    'redis-in': lambda *a: redis_in(*a, icount=False),
    'redis-in-icount': lambda *a: redis_in(*a, icount=True),
    'nginx-fwd': nginx_fwd, 'nginx-in-icount': nginx_in, 'scale': scale, 'wake': wake, 'shell': shell, 'pgbench': pgbench, 'pong': pong, 'split': split,
}
HEAD = 'guest group config metric unit better median min max runs'.split()


def print_table(results):
    folder = os.environ.get('KERNEL_FOLDER', os.path.join(ROOT, 'build/kernel/image'))
    figures.print_table(results, os.path.join(folder, 'linnet.stripped.elf'))


def cmd_run(args):
    subprocess.run(['make', '-s', '-C', HERE, f'OUT={TMP}'], check=True)
    guests = [Guest(n, args) for n in args.guests.split(',')]
    if 'figures' in args.groups:  # the groups behind the table, each no wider than it needs
        for group, guest_names, configs, runs in figures.GROUPS:
            figure = argparse.Namespace(**vars(args))
            figure.groups, figure.configs, figure.runs = [group], configs, args.runs or runs
            figure.guests = ','.join(n for n in args.guests.split(',') if n in guest_names)
            figure.mitigations = configs == 'static-noerms'
            if figure.guests:
                cmd_run(figure)
        print_table(args.out)
        return
    res = Results()
    try:
        for name in args.groups or GROUPS:
            GROUPS[name](res, guests, args, name)
    finally:
        for vm in VM.started:
            vm.stop()
        for g in guests:
            g.cleanup()
        os.makedirs(os.path.dirname(os.path.abspath(args.out)), exist_ok=True)
        rows = list(res.rows())
        # keep lines of other guests, groups and configs that the file already has
        done = {(r[0], r[1], r[2]) for r in rows}
        old = []
        if os.path.exists(args.out):
            old = [l.rstrip('\n').split('\t') for l in open(args.out)][1:]
            old = [r for r in old if (r[0], r[1], r[2]) not in done]
        with open(args.out, 'w') as f:
            for r in [HEAD, *old, *rows]:
                f.write('\t'.join(r) + '\n')


def cmd_compare(args):
    rows = [l.rstrip('\n').split('\t') for p in args.files for l in list(open(p))[1:]]
    val = {(r[0], *r[1:5]): r for r in rows}
    best = {'lower': 7, 'higher': 8}

    def pick(r):
        """the median, or the run least disturbed"""
        return r[best[r[5]] if args.best else 6]
    print(f'{"group":16} {"config":18} {"metric":26} {"unit":8} {args.base:>12} {args.guest:>12} ratio')
    for k, r in val.items():
        o = val.get((args.guest, *k[1:]))
        if k[0] != args.base or not o or 'NA' in (r[6], o[6]) or float(pick(r)) == 0:
            continue
        print(f'{k[1]:16} {k[2]:18} {k[3]:26} {k[4]:8} {pick(r):>12} {pick(o):>12} '
              f'{float(pick(o)) / float(pick(r)):.3f} ({r[5]} is better)')


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = ap.add_subparsers(dest='what', required=True)
    r = sub.add_parser('run')
    r.add_argument('--out', default=f'{TMP}/results.tsv')
    r.add_argument('--guests', default='linux,linnet')
    r.add_argument('--linux-kernel')
    r.add_argument('--lean-kernel', help='for the guest `lean`: the bzImage of a kernel made with lean.config')
    r.add_argument('--kernel', help='Linnet: build/kernel/image/linnet.stripped.elf if not given')
    r.add_argument('--runs', type=int)
    r.add_argument('--mitigations', action='store_true',
                   help='micro-*: also mitigations=off, without ERMS, and a tuned Linux')
    r.add_argument('--configs', help='micro-*, minmem, split: only these, like static,dynamic; redis-fwd: smp1')
    r.add_argument('groups', nargs='*', choices=[*GROUPS, 'figures', []])
    c = sub.add_parser('compare')
    c.add_argument('--best', action='store_true',
                   help='compare the best runs instead of the medians (for ns, s and req/s)')
    c.add_argument('--base', default='linux')
    c.add_argument('--guest', default='linnet')
    c.add_argument('files', nargs='+')
    t = sub.add_parser('table')
    t.add_argument('file', nargs='?', default=f'{TMP}/results.tsv')
    args = ap.parse_args()
    if args.what == 'run' and 'lean' in args.guests.split(',') and not args.lean_kernel:
        ap.error('the guest `lean` needs --lean-kernel (see lean.config)')
    os.makedirs(TMP, exist_ok=True)
    if args.what == 'table':
        print_table(args.file)
    else:
        (cmd_run if args.what == 'run' else cmd_compare)(args)


main()
