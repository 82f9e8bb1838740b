"""A server program under test: in the guest by `linnet run`, or on this machine."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Server:
    """Its stdout is collected line by line; wait_for() is how tests wait for what it says."""

    def __init__(self, argv, cwd=None, env=None, executable=None, stdin=subprocess.DEVNULL):
        self.lines = []
        self.seen = 0  # lines that wait_for has passed
        self.ended = False
        self.cond = threading.Condition()
        self.process = subprocess.Popen(argv, stdin=stdin, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, cwd=cwd, env=env, executable=executable)
        self.errors = []
        self.threads = [threading.Thread(target=self._collect, daemon=True),
                        threading.Thread(target=self._collect_errors, daemon=True)]
        for thread in self.threads:
            thread.start()

    def _collect(self):
        for raw in self.process.stdout:
            with self.cond:
                self.lines.append(raw.decode('utf8', 'replace').rstrip('\n'))
                self.cond.notify_all()
        with self.cond:
            self.ended = True
            self.cond.notify_all()

    def _collect_errors(self):
        for raw in self.process.stderr:
            self.errors.append(raw.decode('utf8', 'replace').rstrip('\n'))

    def mark(self):
        """Later wait_for() calls look only at lines from here on."""
        with self.cond:
            self.seen = len(self.lines)

    def wait_for(self, text, timeout):
        end = time.monotonic() + timeout
        with self.cond:
            at = self.seen
            while True:
                while at < len(self.lines):
                    at += 1
                    if text in self.lines[at - 1]:
                        self.seen = at
                        return self.lines[at - 1]
                left = end - time.monotonic()
                if self.ended:
                    raise AssertionError(f'the server ended before it said {text!r}')
                if left <= 0:
                    raise AssertionError(f'the server did not say {text!r} in {timeout:.0f} s')
                self.cond.wait(left)

    def wait(self, timeout):
        """Its exit status, when all its output is read."""
        status = self.process.wait(timeout)
        for thread in self.threads:
            thread.join(timeout)
        return status

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def report(self, lines=40):
        print('--- the server\'s last lines:', *self.lines[-lines:], sep='\n', file=sys.stderr)
        print('--- its stderr:', *self.errors[-lines:], sep='\n', file=sys.stderr)


class Scratch:
    """A temporary folder that goes away."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix='linnet-apps.')
        return self.path

    def __exit__(self, *exc):
        shutil.rmtree(self.path, ignore_errors=True)


def clean_environment():
    env = dict(os.environ)
    env['LC_ALL'] = 'C'
    return env
