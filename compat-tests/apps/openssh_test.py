#!/usr/bin/env python3
"""The OpenSSH application test: the stock server, and this machine's ssh that logs in with a key.

    openssh_test.py --linnet build/cli/linnet [--run-flag FLAG]... [--host]
"""
import hashlib
import random
import subprocess
import sys
import tempfile

from machine import TIMEOUT, Machine, arguments, equal, run_cases

PORT = 22
USER = 'visitor'


class Ssh:
    def __init__(self, m, folder):
        self.m, self.folder = m, folder
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', f'{folder}/key'], check=True)
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', f'{folder}/wrong'], check=True)

    def options(self, key='key'):
        return ['-i', f'{self.folder}/{key}', '-F', '/dev/null', '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=accept-new',
                '-o', f'UserKnownHostsFile={self.folder}/known', '-o', 'LogLevel=ERROR']

    def run(self, *words, user=USER, key='key', stdin=b'', flags=()):
        return subprocess.run(['ssh', *self.options(key), *flags, '-p', str(self.m.ports[PORT]), f'{user}@127.0.0.1', *words],
                              input=stdin, capture_output=True, timeout=TIMEOUT)


def start(m):
    key = open(f'{ssh.folder}/key.pub').read().strip()
    m.sh(f'''echo '{USER}:x:1500:1500::/home/{USER}:/bin/sh' >>/etc/passwd
             echo '{USER}:x:1500:' >>/etc/group
             echo '{USER}:*:19000:0:99999:7:::' >>/etc/shadow
             echo 'root:*:19000:0:99999:7:::' >>/etc/shadow
             mkdir -p /home/{USER}/.ssh /root/.ssh /run/sshd
             echo '{key}' | tee /home/{USER}/.ssh/authorized_keys >/root/.ssh/authorized_keys
             chown -R 1500:1500 /home/{USER}; chmod 700 /home/{USER}/.ssh /root/.ssh; chmod 600 /home/{USER}/.ssh/authorized_keys''')
    m.sh('rm -f /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key')
    m.sh(f'/usr/sbin/sshd -t 2>&1; /usr/sbin/sshd -E /tmp/log -p {m.inside[PORT]} 2>&1')
    m.until('the server', lambda: m.status('grep -q "Server listening" /tmp/log')[0] == 0)


def a_command(m):
    done = ssh.run('echo hello; id -un; id -u; pwd; echo err >&2; exit 7')
    equal((done.stdout, done.returncode), (f'hello\n{USER}\n1500\n/home/{USER}\n'.encode(), 7), done.stderr)
    equal(done.stderr, b'err\n')
    equal(ssh.run('id -u', user='root').stdout, b'0\n')
    environment = ssh.run('echo $SHELL $HOME $USER ${SSH_CONNECTION:+connected}').stdout.decode().split()
    equal(environment, ['/bin/sh', f'/home/{USER}', USER, 'connected'])


def a_wrong_key_is_refused(m):
    equal(ssh.run('true', key='wrong').returncode, 255)
    equal(ssh.run('true', user='nobody_here').returncode, 255)


def data_both_ways(m):
    data = random.Random(1).randbytes(2_000_000)
    done = ssh.run('tee copy | sha256sum; cat copy', stdin=data)
    equal(done.returncode, 0, done.stderr)
    assert done.stdout == hashlib.sha256(data).hexdigest().encode() + b'  -\n' + data


def a_signal_ends_it(m):
    equal(ssh.run('kill -TERM $$').returncode, 255)
    equal(m.status('pgrep -u 1500 -x sh >/tmp/ps')[0], 1)


def a_shell_reads_its_commands(m):
    done = ssh.run(stdin=b'cd /tmp\npwd\nseq 3 | while read n; do echo "<$n>"; done\nexit 3\n', flags=['-T'])
    equal((done.stdout, done.returncode), (b'/tmp\n<1>\n<2>\n<3>\n', 3), done.stderr)


def a_terminal(m):
    done = ssh.run('tty; stty size; test -t 0 && echo terminal; exit 4', flags=['-tt'])
    lines = done.stdout.decode().replace('\r\n', '\n').splitlines()
    assert lines and lines[0].startswith('/dev/pts/'), (done.stdout, done.stderr)
    equal((lines[-1], done.returncode), ('terminal', 4))


def files_by_sftp(m):
    data = random.Random(2).randbytes(300_000)
    with open(f'{ssh.folder}/data', 'wb') as f:
        f.write(data)
    batch = f'put {ssh.folder}/data there\nmkdir d\nrename there d/here\nget d/here {ssh.folder}/back\nls -l d\nrm d/here\nrmdir d\n'
    done = subprocess.run(['sftp', *ssh.options(), '-P', str(m.ports[PORT]), '-b', '-', f'{USER}@127.0.0.1'], input=batch.encode(), capture_output=True, timeout=TIMEOUT)
    equal(done.returncode, 0, done.stderr)
    with open(f'{ssh.folder}/back', 'rb') as f:
        assert f.read() == data


def several_logins_at_once(m):
    logins = [subprocess.Popen(['ssh', *ssh.options(), '-p', str(m.ports[PORT]), f'{USER}@127.0.0.1', f'echo {i}; read x; echo $x'],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE) for i in range(4)]
    for i, login in enumerate(logins):
        equal(login.stdout.readline(), b'%d\n' % i)
    for i, login in enumerate(logins):
        equal(login.communicate(b'word%d\n' % i)[0], b'word%d\n' % i)


def the_server_ends(m):
    m.sh('kill -TERM $(pgrep -o -x sshd)')
    m.until('its end', lambda: m.status('pgrep -x sshd >/tmp/ps')[0] != 0)
    equal(m.end(), 0)


def main():
    global ssh
    args = arguments(__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix='linnet-ssh.') as folder:
        machine = Machine(args, 'openssh-server', packages=['openssh-client'], memory='256M', ports=[PORT])
        ssh = Ssh(machine, folder)
        cases = [start, a_command, a_wrong_key_is_refused, data_both_ways, a_signal_ends_it, a_shell_reads_its_commands, a_terminal, files_by_sftp,
                 several_logins_at_once, the_server_ends]
        return run_cases(machine, cases, log='/tmp/log')


sys.exit(main())
