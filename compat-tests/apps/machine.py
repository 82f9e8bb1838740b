"""A machine with packages, whose process 1 is a shell that takes commands from this side: in the guest, or on Linux.

On Linux the same root is unpacked into a temporary folder and used by chroot, in namespaces of its own for
mounts and processes, so that the shell is process 1 there too. That needs root; without it the test is skipped.
"""
import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

from server import Server, clean_environment, free_port

SCALE = float(os.environ.get('LINNET_TIMEOUT_SCALE', '1'))
TIMEOUT = 240 * SCALE
SKIPPED = 77  # ctest's SKIP_RETURN_CODE
HERE = os.path.dirname(os.path.abspath(__file__))
# What a shell script uses besides the packages under test.
SHELL_PACKAGES = ('dash', 'coreutils', 'procps', 'sed', 'grep')


def arguments(description):
    ap = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--linnet', required=True, help='the command `linnet`')
    ap.add_argument('--host', action='store_true', help='on this machine\'s Linux, from the same root')
    ap.add_argument('--memory', help='memory of the guest')
    ap.add_argument('--run-flag', action='append', default=[], help='more flags of `linnet run`')
    return ap


class Chroot:
    """The packages' root, unpacked; `command()` is how something runs in it."""

    def __init__(self, linnet, package, packages, added=()):
        if os.geteuid() != 0:
            print('skipped: the run on Linux needs root, for chroot')
            sys.exit(SKIPPED)
        self.path = tempfile.mkdtemp(prefix='linnet-root.')
        try:
            archive = self.path + '.cpio'
            more = [word for name in packages for word in ('--package', name)]
            for pair in added:
                more += ['--add', pair]
            subprocess.run([linnet, 'run', '-q', '-m', '4G', *more, '--save-image', archive, f'apt:{package}/sh'], check=True)
            with open(archive, 'rb') as f:
                subprocess.run(['cpio', '-idmu', '--quiet', '--no-absolute-filenames'], stdin=f, cwd=self.path, check=True)
            os.unlink(archive)
            for folder in ('proc', 'dev', 'tmp'):
                os.makedirs(os.path.join(self.path, folder), exist_ok=True)
            os.chmod(self.path, 0o755)  # mkdtemp's 0700 would shut others out of "/"
            os.chmod(os.path.join(self.path, 'tmp'), 0o1777)
        except BaseException:
            self.remove()
            raise

    def command(self, *argv):
        # /tmp is memory, as all of the guest's files are: the sizes of folders are those of a tmpfs.
        inside = ('mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount -t tmpfs -o mode=1777 tmpfs "$0/tmp" && '
                  'exec chroot "$0" "$@"')
        return ['unshare', '--mount', '--pid', '--ipc', '--fork', '--kill-child', 'sh', '-c', inside, self.path, *argv]

    def remove(self):
        # Its mounts went with their namespace.
        shutil.rmtree(self.path, ignore_errors=True)
        if os.path.exists(self.path + '.cpio'):
            os.unlink(self.path + '.cpio')


GUEST_ENVIRONMENT = {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': '/root'}


class Machine:
    """`sh('...')` runs a command and returns its output; `server` has every line that anything wrote to stdout."""

    def __init__(self, args, package, packages=(), memory='256M', ports=(), environment=None):
        packages = [*packages, *SHELL_PACKAGES]
        self.host, self.chroot = args.host, None
        self.ports = {}   # where a client on this side finds the service of a port
        self.inside = {}  # the port to listen on: another one on Linux only, where the usual one may be taken
        self.commands = 0
        if args.host:
            self.chroot = Chroot(args.linnet, package, packages)
            for port in ports:
                self.ports[port] = self.inside[port] = free_port()
            argv, env = self.chroot.command('/bin/sh'), {**GUEST_ENVIRONMENT, **(environment or {})}
        else:
            argv, env = [args.linnet, 'run', '-q', '-m', args.memory or memory], clean_environment()
            for name in packages:
                argv += ['--package', name]
            for port in ports:
                self.ports[port], self.inside[port] = free_port(), port
                argv += ['-p', f'{self.ports[port]}:{port}']
            for key, value in (environment or {}).items():
                argv += ['-e', f'{key}={value}']
            argv += [*args.run_flag, f'apt:{package}/sh']
        self.server = Server(argv, env=env, stdin=subprocess.PIPE)

    def send(self, text):
        self.server.process.stdin.write(text.encode())
        self.server.process.stdin.flush()

    def status(self, command):
        """Exit status and stdout of a command in the machine."""
        self.commands += 1
        begin, end = f'<<{self.commands}', f'>>{self.commands} '
        self.send(f'echo "{begin}"; {{ {command}\n}} </dev/null; echo "\n{end}$?"\n')
        self.server.wait_for(begin, TIMEOUT)
        first = self.server.seen
        last = self.server.wait_for(end, TIMEOUT)
        lines = self.server.lines[first:self.server.seen - 1]
        text = '\n'.join(lines)
        return int(last[len(end):]), text[:-1] if text.endswith('\n') else text

    def sh(self, command):
        status, text = self.status(command)
        assert status == 0, f'{command}: status {status}: {text}'
        return text

    def until(self, what, condition):
        """Asks again till it holds; the machine's answers pace it."""
        end = time.monotonic() + TIMEOUT
        while True:
            value = condition()
            if value:
                return value
            assert time.monotonic() < end, f'not in {TIMEOUT:.0f} s: {what}'

    def end(self):
        """The shell ends by its own; the exit status."""
        self.send('exit 0\n')
        self.server.process.stdin.close()
        return self.server.wait(TIMEOUT)

    def close(self):
        self.server.stop()
        if self.chroot:
            self.chroot.remove()


def quote(text):
    return shlex.quote(text)


def run_cases(machine, cases, log=None):
    """One line a case; the exit status. After a failure the next case still runs, if the machine does. log: a file in it to show then."""
    failed = 0
    try:
        for function in cases:
            begin = time.monotonic()
            try:
                function(machine)
                print(f'ok   {function.__name__} ({time.monotonic() - begin:.1f} s)', flush=True)
            except (AssertionError, OSError, subprocess.SubprocessError, ValueError) as error:
                failed += 1
                print(f'FAIL {function.__name__}: {type(error).__name__}: {error}', flush=True)
                if machine.server.process.poll() is not None:
                    print(f'the machine ended with status {machine.server.process.returncode}; no further cases')
                    break
        if failed:
            if log and machine.server.process.poll() is None:
                print(machine.status(f'tail -n 30 {log}')[1])
            machine.server.report()
    finally:
        machine.close()
    print(f'{failed} of {len(cases)} failed' if failed else f'all {len(cases)} passed')
    return 1 if failed else 0


def equal(got, wanted, what=''):
    assert got == wanted, f'{what}: {got!r:.500}, not {wanted!r:.500}'
