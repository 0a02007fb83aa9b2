#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one language between the runner and every test: TAP.

cmocka speaks it already; this file makes unittest speak it (`tap.py FILE`)
and reads it. A skipped test is a failed test here: whatever a test needs is
installed by `./waf check`, so a skip would be a hole that nobody sees.
"""
import importlib.util
import os
import re
import sys
import unittest

PLAN = re.compile(r'^1\.\.(\d+)\s*$')
LINE = re.compile(r'^(not )?ok\b[ \t]*(\d+)?[ \t]*(?:- )?(.*)$')


class Outcome:
    """What a TAP stream says: passed and failed tests by name."""

    def __init__(self):
        self.passed = []
        self.failed = []
        self.planned = None

    def read(self, text):
        for line in text.splitlines():
            plan = PLAN.match(line)
            test = LINE.match(line)
            if plan:
                self.planned = (self.planned or 0) + int(plan.group(1))
            elif test:
                name = test.group(3) or 'test ' + (test.group(2) or '?')
                bad = test.group(1) or re.search(r'# *skip', line, re.I)
                (self.failed if bad else self.passed).append(name)
        return self

    def close(self, status, timed_out, name):
        """Anything but a complete, clean run is one more failure."""
        ran = len(self.passed) + len(self.failed)
        if timed_out:
            self.failed.append(name + ': timed out')
        elif self.planned is None or ran != self.planned:
            self.failed.append('%s: ended after %d of %s tests (status %d)'
                               % (name, ran, self.planned, status))
        elif ran == 0:
            self.failed.append(name + ': has no tests')
        elif status != 0 and not self.failed:
            self.failed.append('%s: all tests passed but status %d' % (name, status))
        return self


class TapResult(unittest.TestResult):
    """unittest's events as TAP lines, each flushed as it happens."""

    def __init__(self):
        super().__init__()
        self.number = 0
        self.bad = set()        # ids as text: objects come and go

    def say(self, good, test, detail=''):
        self.number += 1
        name = test.id()
        name = name if '(' in name else name.split('.', 1)[-1]
        print('%sok %d - %s' % ('' if good else 'not ', self.number, name))
        for line in detail.splitlines():
            print('# ' + line)
        sys.stdout.flush()

    def addSuccess(self, test):
        if test.id() not in self.bad:
            self.say(True, test)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.fail(test, '%s\n%s' % (subtest, self._exc_info_to_string(err, test)))

    def addError(self, test, err):
        self.fail(test, self._exc_info_to_string(err, test))

    def fail(self, test, detail):
        """Counted once; what else went wrong, in other parts of it or in its
        end (a server that says why it died), is told."""
        if test.id() in self.bad:
            print(''.join('# %s\n' % line for line in detail.splitlines()), end='')
            return
        self.bad.add(test.id())
        self.say(False, test, detail)

    addFailure = addError

    def addSkip(self, test, reason):
        self.say(False, test, 'skipped: ' + reason)

    def addExpectedFailure(self, test, err):
        self.say(True, test)

    def addUnexpectedSuccess(self, test):
        self.say(False, test, 'was expected to fail')


def run_file(path, patterns):
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    loader = unittest.TestLoader()
    if patterns:
        loader.testNamePatterns = ['*%s*' % p for p in patterns]
    suite = loader.loadTestsFromModule(module)
    result = TapResult()
    suite.run(result)
    # A broken setUpClass stands for tests that never ran: say how many did.
    print('1..%d' % result.number)
    return 0 if result.number and not (result.errors or result.bad) else 1


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit('usage: tap.py FILE [TEST...]')
    sys.exit(run_file(sys.argv[1], sys.argv[2:]))
