#!/usr/bin/env python3
"""`linnet compare` as a user sees it: statuses, what is shown, what is said when it cannot run. No guest is started.

    compare_test.py LINNET
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

LINNET = sys.argv.pop(1) if len(sys.argv) > 1 else "linnet"
LINUX = """7 execve("/proc/self/exe", ["linnet"], 0x7ffe8841b0b8 /* 2 vars */) = 0
7 execve("/bin/x", ["x"], 0x7ffe8841b0b8 /* 2 vars */) = 0
7 brk(NULL)                         = 0x55a007728000
7 getpid()                          = 7
7 getxattr("x", "y", NULL, 0)       = -1 ENODATA (No data available)
7 exit_group(0)                     = ?
7 +++ exited with 0 +++
"""
GUEST = """1 brk(NULL)                         = 0x55b007729000
1 getpid()                          = 1
1 getxattr("x", "y", NULL, 0)       = -1 EOPNOTSUPP (Operation not supported)
1 exit_group(0)                     = ?
1 +++ exited with 0 +++
"""


class Compare(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def run_compare(self, *words, **more):
        done = subprocess.run([LINNET, "compare", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False, **more)
        return done.returncode, done.stdout, done.stderr

    def traces(self, linux, guest, *words):
        # The first execve of a file is strace's own.
        return self.run_compare(*words, "--linux-trace", self.file("linux", "\n".join(linux.split("\n")[1:])), "--guest-trace", self.file("guest", guest))

    def test_a_difference_is_shown_with_what_stands_around_it(self):
        status, out, _ = self.traces(LINUX, GUEST)
        self.assertEqual(status, 1)
        self.assertIn("  getpid() = T1\n- getxattr(\"x\", \"y\", NULL, 0) = -1 ENODATA (No data available)\n"
                      "+ getxattr(\"x\", \"y\", NULL, 0) = -1 EOPNOTSUPP (Operation not supported)\n  exit_group(0) = ?\n", out)
        self.assertTrue(out.endswith("5 lines of 1 thread on Linux: 1 difference, 0 lines of expected differences\n"), out)

    def test_equal_traces(self):
        status, out, _ = self.traces(LINUX, GUEST.replace("EOPNOTSUPP (Operation not supported)", "ENODATA (No data available)"))
        self.assertEqual((status, out), (0, "5 lines of 1 thread on Linux: equal, 0 lines of expected differences\n"))

    def test_expected_differences_are_counted(self):
        rules = self.file("rules", "linux getxattr(*) = -1 ENODATA * # none\nguest getxattr(*) = -1 EOPNOTSUPP * # none\n")
        status, out, _ = self.traces(LINUX, GUEST, "--expect", rules)
        self.assertEqual((status, out), (0, "5 lines of 1 thread on Linux: equal, 2 lines of expected differences\n"))

    def test_a_rule_that_nothing_needs_fails(self):
        rules = self.file("rules", "linux getxattr(*) * # none\nguest getxattr(*) * # none\nguest gone() = 0 # was once\n")
        status, out, _ = self.traces(LINUX, GUEST, "--expect", rules)
        self.assertEqual(status, 1)
        self.assertIn("expected, and not found: guest gone() = 0\n", out)

    def test_json(self):
        status, out, _ = self.traces(LINUX, GUEST, "--json")
        result = json.loads(out)
        self.assertEqual((status, result["equal"], result["differences"][0]["thread"], result["differences"][0]["linux_line"]), (1, False, "1", 3))

    def test_a_missing_strace_is_one_line(self):
        status, out, error = self.run_compare("/bin/true", env={"PATH": self.folder.name, "HOME": self.folder.name})
        self.assertEqual((status, out, error), (125, "", "linnet: compare needs strace on this machine: apt-get install strace\n"))

    def test_errors_are_one_line(self):
        trace = self.file("t", LINUX)
        for words in (["--expect", "/nowhere", "/bin/true"], ["--context", "x", "/bin/true"], ["apt:redis-server"], ["--linux-trace", "/nowhere", "--guest-trace", trace], [],
                      ["--expect", self.file("bad", "windows x # y\n"), "--linux-trace", trace, "--guest-trace", trace],
                      ["--linux-trace", self.file("empty", ""), "--guest-trace", trace]):
            status, out, error = self.run_compare(*words)
            self.assertEqual((status, out, error.count("\n")), (125, "", 1), (words, error))
            self.assertTrue(error.startswith("linnet: "), error)

    def test_a_program_that_is_not_there(self):
        self.assertEqual(self.run_compare("no-such-program")[0], 127)

    def test_rules_and_help(self):
        status, out, _ = self.run_compare("--rules")
        self.assertEqual(status, 0)
        self.assertIn("getpid result: process (process numbers depend on what else has run on the machine)\n", out)
        self.assertIn("Usage: linnet compare", self.run_compare("--help")[1])


if __name__ == "__main__":
    unittest.main()
