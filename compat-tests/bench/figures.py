"""The table of figures: what was measured against the goals, and the command that measures each row.

The columns of other systems are what was measured when the goals were set, on the same QEMU: Linux is
baseline-linux.tsv's, the others are baseline-peers.tsv's, or as the row says.
"""
import os

# Groups that the table needs: group, guests, configs (None: all), runs. The guests take turns, run by run.
GROUPS = [
    ('boot-icount', ('linux', 'lean', 'linnet'), None, 2),
    ('boot', ('linux', 'lean', 'linnet'), None, 7),
    ('pong', ('linux', 'linnet'), None, 7),
    ('minmem', ('linnet',), 'q35-pvh', 1),
    ('micro-icount', ('linux', 'lean', 'linnet'), 'static', 2),
    ('micro-icount', ('linux', 'lean', 'linnet'), 'static-noerms', 2),
    ('redis-in-icount', ('linux', 'linnet'), None, 2),
    ('redis-fwd', ('linux', 'linnet'), 'smp1', 5),
    ('shell', ('linux', 'linnet'), None, 1),
    ('pgbench', ('linux', 'linnet'), None, 2),
]


class Row:
    def __init__(self, what, linux, lean, best, goals, keys, unit, scale=1.0, ratio=False):
        self.what, self.linux, self.lean, self.best = what, linux, lean, best
        self.goals, self.keys, self.unit, self.scale, self.ratio = goals, keys, unit, scale, ratio


ROWS = [
    Row('reset to main() of a static program, instructions, microvm / q35', '1408 M / 1590 M', '- / 360 M',
        'OSv 36 M (q35)', (8, 24),
        (('boot-icount', 'microvm-pvh', 'insn_reset_to_user'), ('boot-icount', 'q35-pvh', 'insn_reset_to_user')),
        'M', 1e-6),
    Row('QEMU start to a static hello\'s line, microvm, QEMU CPU seconds', '1.2', '0.47', 'Nanos 0.09', (0.06,),
        (('boot', 'microvm-pvh', 'qemu_cpu_to_user'),), 's'),
    Row('QEMU start to Redis\'s PONG, microvm, QEMU CPU seconds', '1.76', '-', 'Nanos 0.25', (0.25,),
        (('pong', 'microvm', 'qemu_cpu_to_pong'),), 's'),
    Row('smallest -m for a static hello / for Redis', '72 / 112 MiB', '32 / -', 'Nanos 12 / 17 MiB', (12, 28),
        (('minmem', 'q35-pvh', 'min_mem_hello'), ('minmem', 'q35-pvh', 'min_mem_redis')), 'MiB'),
    Row('getpid by the trap, instructions', '310', '187', 'OSv 174', (120,),
        (('micro-icount', 'static', 'getpid_raw'),), ''),
    Row('thread pipe ping-pong, instructions', '10.3 k', '4.8 k', 'OSv 4.3 k', (3.5,),
        (('micro-icount', 'static', 'pipe_pingpong'),), 'k', 1e-3),
    Row('TCP loopback ping-pong, 1 byte, instructions (no ERMS)', '28 k', '16.5 k', 'Nanos 17 k', (11,),
        (('micro-icount', 'static-noerms', 'tcp_pingpong_1'),), 'k', 1e-3),
    Row('Redis in the guest, GET -P 1 / -P 16, instructions a request', '48.5 k / 7.1 k', '32.5 k / 6.0 k', '-',
        (25, 5.6), (('redis-in-icount', 'smp1-P1', 'get'), ('redis-in-icount', 'smp1-P16', 'get')), 'k', 1e-3),
    Row('Redis from the host, -P 1, QEMU CPU a request, ratio to Linux', '1.0', '-', 'OSv 0.7', (0.7,),
        (('redis-fwd', 'smp1-P1-get', 'qemu_cpu'),), '', 1.0, True),
    Row('fork+exit / fork+exec+exit / vfork+exec+exit, each with wait / pipe ping-pong between processes, instructions (no ERMS), ratio to Linux',
        '1.0', '-', '-', (0.4, 0.5, 0.5, 0.4),
        (('micro-icount', 'static-noerms', 'fork_wait'), ('micro-icount', 'static-noerms', 'fork_exec_wait'),
         ('micro-icount', 'static-noerms', 'vfork_exec_wait'), ('micro-icount', 'static-noerms', 'pipe_pingpong_proc')), '', 1.0, True),
    Row('a shell script of 500 commands, as configure has them, instructions, ratio to Linux', '1.0', '-', '-', (0.5,),
        (('shell', '500-commands', 'all'),), '', 1.0, True),
    Row('pgbench in the guest, one client by a UNIX socket, instructions a transaction (no ERMS), ratio to Linux', '1.0', '-', '-', (1.0,),
        (('pgbench', 'c1-noerms', 'transaction'),), '', 1.0, True),
    Row('kernel image, stripped', '14 MB packed', '2.7 MB packed', 'Nanos 1.7 MB', (2,), ('kernel',), 'MB', 1e-6),
]


def command_of(row):
    if row.keys == ('kernel',):
        return 'ls -l build/kernel/image/linnet.stripped.elf'
    group, config, metric = row.keys[0]
    words = ['linnet bench']
    if group.startswith('micro'):
        words.append('--mitigations --configs ' + config if config == 'static-noerms' else '--configs ' + config)
    return ' '.join(words + [group])


def load(path):
    """{(guest, group, config, metric): (median, minimum)}"""
    values = {}
    if os.path.exists(path):
        with open(path) as f:
            for line in list(f)[1:]:
                fields = line.rstrip('\n').split('\t')
                if len(fields) >= 10 and fields[6] != 'NA':
                    values[tuple(fields[:4])] = float(fields[6]), float(fields[7])
    return values


def measured(row, values, kernel, which):
    """a value for each key, None where there is none; which: 0 the median, 1 the minimum"""
    if row.keys == ('kernel',):
        return [os.path.getsize(kernel) * row.scale if os.path.exists(kernel) else None]
    out = []
    for key in row.keys:
        value = values.get(('linnet', *key))
        base = values.get(('linux', *key))
        if value is None or (row.ratio and not base):
            out.append(None)
        else:
            out.append(value[which] / base[which] if row.ratio else value[which] * row.scale)
    return out


def now(row, values, guest, text):
    """what another guest took in the same runs, behind the figure of the baseline"""
    if row.keys == ('kernel',) or row.ratio:
        return text
    got = [values.get((guest, *key)) for key in row.keys]
    if all(v is None for v in got):
        return text
    return f'{text}; now {join([None if v is None else v[0] * row.scale for v in got], row.unit)}'


def verdict(row, median, least):
    """A goal in CPU seconds is judged by the least disturbed run too: load on the host only ever adds."""
    if None in median:
        return 'not measured' if median.count(None) == len(median) else 'in part measured'
    if all(v <= g for v, g in zip(median, row.goals)):
        return 'yes'
    return 'minimum' if row.unit == 's' and all(v <= g for v, g in zip(least, row.goals)) else 'no'


def number(value):
    return '-' if value is None else f'{value:.0f}' if value >= 100 else f'{value:.3g}'


def join(values, unit):
    text = ' / '.join(number(v) for v in values)
    return text if not unit or text.strip('- /') == '' else f'{text} {unit}'


def print_table(path, kernel):
    values = load(path)
    print('Medians; CPU seconds and ratios with the minimum (\'met: minimum\': by the least disturbed run only).\n')
    print('| what | Linux (Debian cloud) | lean Linux | best unikernel | at most | Linnet | met | measured by |')
    print('| --- | --- | --- | --- | --- | --- | --- | --- |')
    for row in ROWS:
        median, least = measured(row, values, kernel, 0), measured(row, values, kernel, 1)
        got = join(median, row.unit)
        if None not in median and (row.unit == 's' or row.ratio):
            got += f' (min {join(least, row.unit)})'
        print(f"| {row.what} | {now(row, values, 'linux', row.linux)} | {now(row, values, 'lean', row.lean)} | {row.best} | "
              f'{join(row.goals, row.unit)} | {got} | {verdict(row, median, least)} | `{command_of(row)}` |')
