#!/usr/bin/env python3
"""The nginx application test: the stock package, master and two workers.

    nginx_test.py --linnet build/cli/linnet [--run-flag FLAG]...
    nginx_test.py --linnet build/cli/linnet --host

Requests come from this machine; signals from the shell that is process 1 of the guest.
"""
import http.client
import sys

from machine import TIMEOUT, Machine, arguments, equal, run_cases

PORT = 80
CONFIGURATION = '/etc/nginx/nginx.conf'
PID_FILE = '/run/nginx.pid'
BIG = 3_000_000  # bytes, more than any socket buffer


def get(m, path='/', method='GET', body=None, headers=None):
    connection = http.client.HTTPConnection('127.0.0.1', m.ports[PORT], timeout=TIMEOUT)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read(), response
    finally:
        connection.close()


def processes(m):
    """{pid: 'master' or 'worker'} of nginx, and which master a worker belongs to"""
    found = {}
    for line in m.sh('ps -eo pid=,ppid=,user=,args= | grep "nginx: " | grep -v grep; true').splitlines():
        pid, parent, user, *words = line.split()
        found[int(pid)] = (' '.join(words), int(parent), user)
    return found


def masters(m):
    return [pid for pid, (args, _, _) in processes(m).items() if args.startswith('nginx: master process')]


def workers(m, master):
    return sorted(pid for pid, (args, parent, _) in processes(m).items()
                  if args.startswith('nginx: worker process') and parent == master)


def pid_of_file(m, path=PID_FILE):
    return int(m.sh(f'cat {path}'))


def start(m):
    """The stock configuration: its site is on port 80; workers are one a CPU, here two."""
    m.sh(f'sed -i "s/^worker_processes auto;/worker_processes 2;/" {CONFIGURATION}')
    m.sh(f'sed -i "s/listen 80 default_server/listen {m.inside[PORT]} default_server/; /listen \\[::\\]/d" /etc/nginx/sites-available/default')
    m.sh(f'head -c {BIG} /dev/urandom >/var/www/html/big; mkdir -p /var/www/html/folder')
    m.sh('nginx -t 2>&1')
    m.sh('/usr/sbin/nginx 2>&1')  # by its path, since an upgrade executes argv[0] anew; goes to the background
    master = pid_of_file(m)
    m.until('one master', lambda: masters(m) == [master])  # a worker that has just begun still has its title
    equal(len(m.until('two workers', lambda: len(workers(m, master)) == 2 and workers(m, master))), 2)
    users = {user for args, _, user in processes(m).values() if 'worker' in args}
    equal(users, {'www-data'}, 'users of the workers')


def requests(m):
    status, body, response = get(m)
    equal(status, 200)
    assert b'Welcome to nginx!' in body, body
    equal(response.getheader('Server').split('/')[0], 'nginx')
    equal(get(m, '/nosuch')[0], 404)
    equal(get(m, '/folder')[0], 301)
    equal(get(m, '/folder/')[0], 403)
    equal(get(m, '/', method='POST', body=b'x' * 100)[0], 405)
    etag = response.getheader('ETag')
    equal(get(m, '/', headers={'If-None-Match': etag})[0], 304)


def a_large_file_and_ranges_of_it(m):
    status, body, _ = get(m, '/big')
    equal((status, len(body)), (200, BIG))
    import hashlib
    equal(m.sh('sha256sum </var/www/html/big').split()[0], hashlib.sha256(body).hexdigest())
    status, part, _ = get(m, '/big', headers={'Range': 'bytes=1000000-1000999'})
    equal((status, part == body[1000000:1001000]), (206, True))


def many_connections_are_kept_alive(m):
    held = []
    try:
        for _ in range(30):
            connection = http.client.HTTPConnection('127.0.0.1', m.ports[PORT], timeout=TIMEOUT)
            connection.request('GET', '/')
            connection.getresponse().read()
            held.append(connection)
        for _ in range(3):
            for connection in held:
                connection.request('GET', '/')
                equal(connection.getresponse().read().count(b'Welcome'), 2)
    finally:
        for connection in held:
            connection.close()


def reload_by_sighup(m):
    master = pid_of_file(m)
    before = workers(m, master)
    connection = http.client.HTTPConnection('127.0.0.1', m.ports[PORT], timeout=TIMEOUT)
    connection.request('GET', '/')
    connection.getresponse().read()
    m.sh("""sed -i 's/index index.html/add_header X-Reloaded yes; index index.html/' /etc/nginx/sites-available/default""")
    m.sh(f'kill -HUP {master}')
    m.until('new workers', lambda: len(set(workers(m, master)) - set(before)) == 2)
    connection.close()
    m.until('old workers gone', lambda: not set(workers(m, master)) & set(before))
    equal(get(m)[2].getheader('X-Reloaded'), 'yes')
    m.until('one master', lambda: masters(m) == [master])  # a worker that has just begun still has its title


def a_broken_configuration_changes_nothing(m):
    master = pid_of_file(m)
    before = workers(m, master)
    m.sh(f'cp {CONFIGURATION} /tmp/good; echo "nonsense;" >>{CONFIGURATION}; kill -HUP {master}')
    m.until('the error in the log', lambda: m.status('grep -q nonsense /tmp/log')[0] == 0)
    m.sh(f'cp /tmp/good {CONFIGURATION}')
    equal(workers(m, master), before)
    equal(get(m)[0], 200)


def logs_are_opened_again_by_sigusr1(m):
    master = pid_of_file(m)
    m.sh('mv /tmp/access /tmp/access.1')
    m.sh(f'kill -USR1 {master}')
    m.until('a new log', lambda: m.status('test -e /tmp/access')[0] == 0)
    equal(m.sh('stat -c %U /tmp/access'), 'www-data')

    def logged():
        get(m, '/after-reopen')
        return m.status('grep -q after-reopen /tmp/access')[0] == 0
    m.until('a line in the new log', logged)


def a_worker_that_was_killed_is_replaced(m):
    master = pid_of_file(m)
    victim = workers(m, master)[0]
    m.sh(f'kill -KILL {victim}')
    m.until('its successor', lambda: len(workers(m, master)) == 2 and victim not in workers(m, master))
    equal(get(m)[0], 200)


def binary_upgrade_by_sigusr2(m):
    old = pid_of_file(m)
    m.sh(f'kill -USR2 {old}')
    m.until('the new master', lambda: len(masters(m)) == 2)
    new = next(pid for pid in masters(m) if pid != old)
    m.until('its pid file', lambda: m.status(f'test "$(cat {PID_FILE})" = {new}')[0] == 0)
    equal(pid_of_file(m, PID_FILE + '.oldbin'), old)
    m.until('its workers', lambda: len(workers(m, new)) == 2)
    equal(processes(m)[new][1], old, 'parent of the new master')
    for _ in range(10):
        equal(get(m)[0], 200)
    m.sh(f'kill -WINCH {old}')
    m.until('the old workers\' end', lambda: not workers(m, old))
    equal(get(m)[0], 200)
    m.sh(f'kill -QUIT {old}')
    m.until('the old master\'s end', lambda: masters(m) == [new])
    equal(m.status(f'test -e {PID_FILE}.oldbin')[0], 1)
    equal(get(m)[0], 200)
    equal(pid_of_file(m), new)


def graceful_quit(m):
    master = pid_of_file(m)
    connection = http.client.HTTPConnection('127.0.0.1', m.ports[PORT], timeout=TIMEOUT)
    connection.request('GET', '/big')
    response = connection.getresponse()
    first = response.read(1000)
    m.sh(f'kill -QUIT {master}')
    m.until('the listeners\' end', lambda: 'shutting down' in m.sh('ps -eo args= | grep "[n]ginx: "; true') or not masters(m))
    equal(len(first + response.read()), BIG, 'a response that was on its way')
    connection.close()
    m.until('no process', lambda: not processes(m))
    equal(m.status(f'test -e {PID_FILE}')[0], 1)


def the_machine_ends(m):
    equal(m.end(), 0)


def set_logs(m):
    """Files instead of the guest's streams, for the cases about logs."""
    m.sh(f'sed -i "s,access_log .*;,access_log /tmp/access;,; s,error_log .*;,error_log /tmp/log;," {CONFIGURATION}')


def main():
    args = arguments(__doc__).parse_args()
    machine = Machine(args, 'nginx-light', ports=[PORT])
    return run_cases(machine, [set_logs, start, requests, a_large_file_and_ranges_of_it, many_connections_are_kept_alive, reload_by_sighup,
                               a_broken_configuration_changes_nothing, logs_are_opened_again_by_sigusr1,
                               a_worker_that_was_killed_is_replaced, binary_upgrade_by_sigusr2, graceful_quit, the_machine_ends])


sys.exit(main())
