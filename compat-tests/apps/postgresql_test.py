#!/usr/bin/env python3
"""The PostgreSQL application test: initdb, the server, psql, pgbench, a crash of one of its processes, an orderly end.

    postgresql_test.py --linnet build/cli/linnet [--run-flag FLAG]... [--host]

The server's and the clients' programs are the package's; psql and pgbench run in the machine, a connection comes
from this side too.
"""
import hashlib
import re
import socket
import struct
import sys

from machine import TIMEOUT, Machine, arguments, equal, quote, run_cases

PORT = 5432
BIN = '/usr/lib/postgresql/15/bin'
DATA = '/var/lib/postgresql/data'


def as_postgres(command):
    """setpriv takes the names from the machine's passwd"""
    return f'cd /var/lib/postgresql && LC_ALL=C.UTF-8 setpriv --reuid postgres --regid postgres --clear-groups sh -c {quote(command)}'


def psql(m, sql, *flags):
    return m.sh(as_postgres(f'{BIN}/psql -X -At -v ON_ERROR_STOP=1 -h /tmp -p {m.inside[PORT]} {" ".join(flags)} postgres -c {quote(sql)} 2>&1'))


def initdb(m):
    out = m.sh(as_postgres(f'{BIN}/initdb -D {DATA} -A trust -E UTF8 --locale=C.UTF-8 --no-sync 2>&1'))
    assert 'Success.' in out, out
    m.sh(f"echo 'host all all all trust' >>{DATA}/pg_hba.conf")


def start(m):
    options = f"-c listen_addresses='*' -c jit=off -c unix_socket_directories=/tmp -p {m.inside[PORT]} -c shared_buffers=32MB"
    m.send(as_postgres(f'exec {BIN}/postgres -D {DATA} {options}') + ' 2>/tmp/log </dev/null &\n')
    m.until('the server', lambda: m.status(as_postgres(f'{BIN}/pg_isready -q -h /tmp -p {m.inside[PORT]}'))[0] == 0)
    equal(psql(m, 'show server_version_num')[:2], '15')
    processes = m.sh('ps -eo args= | grep "^postgres: " | sort')
    for name in ('checkpointer', 'background writer', 'walwriter', 'autovacuum launcher'):
        assert name in processes, processes


def sql(m):
    psql(m, 'create table t(id int primary key, name text, at timestamptz default now())')
    psql(m, "insert into t(id, name) select i, md5(i::text) from generate_series(1, 20000) i")
    equal(psql(m, 'select count(*), min(name), max(id) from t'), '20000|' + min(hashlib.md5(b'%d' % i).hexdigest() for i in range(1, 20001)) + '|20000')
    equal(psql(m, "begin; delete from t; rollback; select count(*) from t").splitlines()[-1], '20000')
    psql(m, 'create index on t(name); analyze t')
    psql(m, 'vacuum full t')
    assert 'Index' in psql(m, "set enable_seqscan = off; explain select * from t where name = 'x'")
    equal(psql(m, "select sum(a.id) from t a join t b on a.id = b.id + 1 where b.id % 100 = 0"), str(sum(i + 1 for i in range(100, 20000, 100))))
    equal(m.status(as_postgres(f'{BIN}/psql -X -h /tmp -p {m.inside[PORT]} -c "insert into t(id) values(1)" postgres'))[0], 1)


def parallel_workers_share_memory(m):
    """a parallel plan's processes talk through dynamic shared memory"""
    out = psql(m, 'set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0; '
                  'set max_parallel_workers_per_gather = 2; explain (analyze, costs off, timing off) select count(*) from t')
    assert re.search(r'Workers Launched: [12]', out), out


def a_notification_crosses_processes(m):
    out = m.sh(as_postgres(f"(echo 'listen news;'; echo \"notify news, 'hello';\"; echo 'select 1;') | {BIN}/psql -X -At -h /tmp -p {m.inside[PORT]} postgres"))
    assert 'Asynchronous notification "news" with payload "hello"' in out, out


def a_connection_from_outside(m):
    """the start of the protocol by hand: the server answers that it is ready"""
    with socket.create_connection(('127.0.0.1', m.ports[PORT]), TIMEOUT) as s:
        body = struct.pack('!I', 196608) + b'user\0postgres\0database\0postgres\0\0'
        s.sendall(struct.pack('!I', len(body) + 4) + body)
        query = b'select 6 * 7\0'
        s.sendall(b'Q' + struct.pack('!I', len(query) + 4) + query)
        got = b''
        while got.count(b'Z\0\0\0\5I') < 2:
            piece = s.recv(65536)
            assert piece, f'the connection ended after {got!r}'
            got += piece
        assert b'\0\0\0\x0242' in got, got
        s.sendall(b'X\0\0\0\4')


def pgbench(m):
    flags = f'-h /tmp -p {m.inside[PORT]}'
    out = m.sh(as_postgres(f'{BIN}/pgbench {flags} -i -s 1 -q postgres 2>&1'))
    assert 'done in' in out, out
    out = m.sh(as_postgres(f'{BIN}/pgbench {flags} -c 4 -j 2 -t 50 postgres 2>&1'))
    assert 'number of transactions actually processed: 200/200' in out, out
    equal(psql(m, 'select count(*), sum(delta) = (select sum(abalance) from pgbench_accounts) from pgbench_history'), '200|t')
    print('     ' + next(line for line in out.splitlines() if line.startswith('tps')))


def a_killed_process_makes_the_server_recover(m):
    before = psql(m, 'select count(*) from pgbench_history')
    m.sh('kill -9 $(ps -eo pid=,args= | sed -n "s/^ *\\([0-9]*\\) postgres: background writer.*/\\1/p")')
    m.until('recovery', lambda: m.status('grep -q "all server processes terminated; reinitializing" /tmp/log')[0] == 0)
    m.until('the server', lambda: m.status(as_postgres(f'{BIN}/psql -X -At -h /tmp -p {m.inside[PORT]} -c "select 1" postgres 2>/dev/null'))[0] == 0)
    equal(psql(m, 'select count(*) from pgbench_history'), before)


def a_fast_shutdown(m):
    m.sh(as_postgres(f'{BIN}/pg_ctl -D {DATA} -m fast -w stop'))
    assert 'database system is shut down' in m.sh('tail -n 1 /tmp/log')
    assert 'in production' not in m.sh(as_postgres(f'{BIN}/pg_controldata -D {DATA}'))
    equal(m.end(), 0)


def main():
    args = arguments(__doc__).parse_args()
    machine = Machine(args, 'postgresql', packages=['util-linux'], memory='512M', ports=[PORT])
    status = run_cases(machine, [initdb, start, sql, parallel_workers_share_memory, a_notification_crosses_processes, a_connection_from_outside,
                                 pgbench, a_killed_process_makes_the_server_recover, a_fast_shutdown], log='/tmp/log')
    return status


sys.exit(main())
