"""PostgreSQL for the guests: Debian's package with a database that pgbench has filled, and the script that runs both in a guest.

The root is made once, on this machine: `linnet run` installs the package into an archive, initdb and pgbench -i run in a chroot
(which takes root). Both guests then begin with the same files.
"""
import os
import shutil
import subprocess

BIN = '/usr/lib/postgresql/15/bin'
DATA = '/pgdata'
OWNER = 65534  # nobody, whom both guests have: PostgreSQL does not run as root
# System V shared memory: the Linux guest mounts no /dev/shm. No parallel plans, no compiler.
SERVER = (f'{BIN}/postgres -D {DATA} -c listen_addresses= -c unix_socket_directories=/tmp -c dynamic_shared_memory_type=sysv '
          '-c shared_buffers=16MB -c jit=off')
CLIENT = f'{BIN}/pgbench -h /tmp -U postgres'
PREPARE = f"""set -e
export LC_ALL=C
{BIN}/initdb -D {DATA} -U postgres -A trust -E UTF8 --locale=C --no-sync >/tmp/out 2>&1
{BIN}/pg_ctl -D {DATA} -s -w -l /tmp/log -o "-c listen_addresses= -c unix_socket_directories=/tmp" start
{CLIENT} -i -s 1 -q postgres >>/tmp/out 2>&1
{BIN}/pg_ctl -D {DATA} -s -w -m fast stop
"""


def make_root(linnet, folder):
    """The root in folder/postgresql-root, made if it is not there. None: this user is not root."""
    root = os.path.join(folder, 'postgresql-root')
    if os.path.exists(root + '.done'):
        return root
    if os.geteuid() != 0:
        return None
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root)
    archive = root + '.cpio'
    subprocess.run([linnet, 'run', '-q', '-m', '4G', '--package', 'dash', '--package', 'coreutils', '--save-image', archive,
                    'apt:postgresql/sh'], check=True)
    with open(archive, 'rb') as f:
        subprocess.run(['cpio', '-idmu', '--quiet', '--no-absolute-filenames'], stdin=f, cwd=root, check=True)
    os.unlink(archive)
    for name, mode in (('proc', 0o755), ('dev', 0o755), ('tmp', 0o1777), (DATA[1:], 0o700)):
        os.makedirs(os.path.join(root, name), exist_ok=True)
        os.chmod(os.path.join(root, name), mode)
    os.chown(root + DATA, OWNER, OWNER)
    inside = ('mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount -t tmpfs -o mode=1777 tmpfs "$0/tmp" && '
              f'exec chroot --userspec={OWNER}:{OWNER} "$0" /bin/sh -c "$1"')
    subprocess.run(['unshare', '--mount', '--pid', '--ipc', '--net', '--fork', '--kill-child', 'sh', '-c', inside, root, PREPARE], check=True)
    open(root + '.done', 'w').close()
    return root


def script(transactions, warm_up=20):
    """Runs the server, then pgbench with one client; its last report is the measured run's."""
    return f"""chmod 1777 /tmp; chown -R nobody {DATA}; chmod 700 {DATA}
su -s /bin/sh nobody -c 'LC_ALL=C exec {SERVER}' >/tmp/log 2>&1 </dev/null &
n=0; until {BIN}/pg_isready -q -h /tmp; do n=$((n + 1)); [ $n -lt 100 ] || break; sleep 0.1; done
{CLIENT} -n -t {warm_up} postgres >/tmp/warm-up 2>&1 || cat /tmp/log /tmp/warm-up
{CLIENT} -n -t {transactions} postgres 2>&1
"""
