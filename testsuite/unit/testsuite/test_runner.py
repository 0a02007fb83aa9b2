#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner under every way a test program can go wrong: none may look green."""
import os
import sys
import tempfile
import textwrap
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.environ['WINSD_TOP'], 'testsuite'))
import run
import tap

STAGE = run.Stage('runner-self-test', '', 'plain', None, 1, 2)


def outcome(script):
    """(passed, failed) of a shell script as a test program."""
    program = run.Program('program', ['/bin/sh', '-c', script])
    with tempfile.TemporaryDirectory() as top, mock.patch.object(run, 'TOP', top):
        result = run.run_program(STAGE, program, 'build')[0]
    return len(result.passed), len(result.failed)


class Programs(unittest.TestCase):
    CASES = [
        ('green', 'echo 1..2; echo ok 1 - a; echo ok 2 - b', (2, 0)),
        ('two groups', 'echo 1..1; echo ok 1 - a; echo 1..1; echo ok 1 - b', (2, 0)),
        ('red', 'echo 1..2; echo ok 1 - a; echo not ok 2 - b; exit 1', (1, 1)),
        ('skipped', 'echo 1..1; echo "ok 1 - a # SKIP no tool"', (0, 1)),
        ('skipped by cmocka', 'echo 1..1; echo "not ok 1 # SKIP a"', (0, 1)),
        ('says nothing', 'exit 0', (0, 1)),
        ('plans nothing', 'echo 1..0', (0, 1)),
        ('no plan', 'echo ok 1 - a', (1, 1)),
        ('stops early', 'echo 1..3; echo ok 1 - a', (1, 1)),
        ('crashes', 'echo 1..1; echo ok 1 - a; kill -SEGV $$', (1, 1)),
        ('leaks at exit', 'echo 1..1; echo ok 1 - a; exit 99', (1, 1)),
        ('hangs', 'echo 1..1; echo ok 1 - a; sleep 60', (1, 1)),
    ]

    def test_every_end(self):
        for name, script, expected in self.CASES:
            with self.subTest(name):
                self.assertEqual(outcome(script), expected)

    def test_program_that_is_not_there(self):
        program = run.Program('program', ['/nonexistent/program'])
        with tempfile.TemporaryDirectory() as top, mock.patch.object(run, 'TOP', top):
            result = run.run_program(STAGE, program, 'build')[0]
        self.assertEqual((result.passed, len(result.failed)), ([], 1))


class Unittest(unittest.TestCase):
    def run_file(self, body, more=''):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'test_planted.py')
            with open(path, 'w', encoding='ascii') as f:
                f.write('import unittest\nclass T(unittest.TestCase):\n' +
                        textwrap.indent(textwrap.dedent(body), '    ') + more)
            return outcome('%s %s %s' % (run.PYTHON, os.path.join(run.TESTS, 'tap.py'), path))

    def test_ends(self):
        for name, body, expected in (
                ('green', 'def test_a(self): pass\ndef test_b(self): pass', (2, 0)),
                ('fails', 'def test_a(self): self.fail()\ndef test_b(self): pass', (1, 1)),
                ('raises', 'def test_a(self): 1/0', (0, 1)),
                ('skips', 'def test_a(self): self.skipTest("no")', (0, 1)),
                ('class fails', 'def test_a(self): pass\n@classmethod\n'
                                'def setUpClass(cls): 1/0', (0, 1)),
                ('many fail', '\n'.join('def test_%d(self): self.assertTrue(%d %% 2)' % (i, i)
                                        for i in range(40)), (20, 20)),
                ('a part fails', 'def test_a(self):\n for i in 1, 2, 3:\n'
                                 '  with self.subTest(i): self.assertEqual(i, 2)', (0, 1)),
                ('clean-up fails', 'def test_a(self): self.addCleanup(lambda: 1/0)', (0, 1)),
                ('no tests', 'pass', (0, 1)),
                ('does not load', 'nonsense', (0, 1))):
            with self.subTest(name):
                self.assertEqual(self.run_file(body), expected)


    def test_each_class_that_fails_counts(self):
        more = ''.join('\nclass T%d(unittest.TestCase):\n    def test_a(self): pass\n'
                       '    @classmethod\n    def setUpClass(cls): 1/0\n' % i for i in range(9))
        self.assertEqual(self.run_file('def test_a(self): pass', more), (1, 9))


    def test_failures_of_things_that_are_gone(self):
        """unittest lets go of what failed: the next may lie where it lay."""
        result = tap.TapResult()
        with mock.patch('builtins.print'):
            for i in range(50):
                try:
                    raise ValueError
                except ValueError:
                    result.addError(unittest.suite._ErrorHolder('class %d' % i), sys.exc_info())
        self.assertEqual((result.number, len(result.bad)), (50, 50))


class Told(unittest.TestCase):
    def test_reasons_of_failures(self):
        lines = ['# before', 'not ok 1 - a', '# why', 'ok 2 - b', '# chatter', 'not ok 3', '# x']
        self.assertEqual(run.told(lines), ['not ok 1 - a', '# why', 'not ok 3', '# x'])

    def test_the_end_of_what_died(self):
        self.assertEqual(run.told(['1..2', 'ok 1', 'crash']), ['1..2', 'ok 1', 'crash'])


class Ledger(unittest.TestCase):
    def last_line(self, *adds):
        ledger = run.Ledger()
        for add in adds:
            ledger.add(*add)
        with mock.patch('builtins.print') as said:
            status = ledger.print()
        return said.call_args[0][0], status

    def test_verdict(self):
        self.assertEqual(self.last_line(('a', 2, [], 1), ('b', 3, [], 1)),
                         ('5 passed, 0 failed', 0))
        self.assertEqual(self.last_line(('a', 2, ['x'], 1)), ('2 passed, 1 failed', 1))
        self.assertEqual(self.last_line(), ('0 passed, 0 failed', 1))

    def test_stage_without_programs_fails(self):
        ledger = run.Ledger()
        with mock.patch('builtins.print'):
            run.run_stage(STAGE, ledger, run.begin_stage(STAGE._replace(find=lambda _: []), 1))
        self.assertEqual(len(ledger.failures), 1)

    def test_subtests_of_a_program_count_once_each(self):
        text = 'ok 1 - a\nnot ok 2 - b\n# not ok - group\n1..2\n'
        read = tap.Outcome().read(text).close(1, False, 'p')
        self.assertEqual((read.passed, read.failed), (['a'], ['b']))


if __name__ == '__main__':
    unittest.main()
