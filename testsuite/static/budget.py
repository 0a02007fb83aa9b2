#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Budgets of size: files that hold one idea, functions that fit in a head.

Prints a table per folder (median, 95th percentile and the largest of lines per
file and per function, share of comment) and fails on a file over 1000 lines or
a function over 100. EXCUSED names what may be longer and says why; a name
there that no longer needs it is a failure too.
"""
import json
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.environ['WINSD_TOP'], 'testsuite'))
import sources

FILE_MAX, FUNCTION_MAX, FUNCTION_NOTE = 1000, 100, 65
FOLDERS = ['source', 'plugins', 'tools', 'migrate', 'testsuite']
EXCUSED = {
    # 'source/room/file.c function': 'a dispatch table: one line a case',
}


def functions(paths):
    """(lines, path, name) of every C function, by Universal Ctags."""
    out = subprocess.run(['ctags', '--languages=C', '--langmap=C:.c', '--kinds-C=f',
                          '--fields=+ne', '--output-format=json', '-f', '-', '-L', '-'],
                         input='\n'.join(paths), cwd=sources.TOP, check=True,
                         stdout=subprocess.PIPE, universal_newlines=True).stdout
    tags = [json.loads(line) for line in out.splitlines()]
    return [(t['end'] - t['line'] + 1, t['path'], t['name']) for t in tags if 'end' in t]


def at(values, share):
    values = sorted(values) or [0]
    return values[min(len(values) - 1, int(len(values) * share))]


def comment_share(texts):
    lines = sum(len(t.splitlines()) for t in texts)
    comment = sum(c.count('\n') + 1 for t in texts for c in re.findall(r'/\*.*?\*/', t, re.S))
    return 100 * comment // max(1, lines)


def table():
    print('# %-10s %5s %6s | lines a file: med p95 max | functions: n med p95 max | comment'
          % ('folder', 'files', 'lines'))
    for folder in FOLDERS:
        texts = [sources.text(p) for p in sources.files('.c', below=folder)]
        if not texts:
            continue
        size = [len(t.splitlines()) for t in texts]
        length = [n for n, _, _ in functions(sources.files('.c', below=folder))]
        print('# %-10s %5d %6d | %12d %5d %5d | %7d %4d %4d %4d | %3d %%' % (
            folder, len(size), sum(size), at(size, .5), at(size, .95), max(size),
            len(length), at(length, .5), at(length, .95), at(length, 1),
            comment_share(texts)))


class Budget(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        paths = [p for f in FOLDERS for p in sources.files('.c', below=f)]
        cls.functions = functions(paths)
        table()
        for lines, path, name in sorted(cls.functions, reverse=True):
            if lines > FUNCTION_NOTE:
                print('# %4d lines: %s %s' % (lines, path, name))

    def test_files(self):
        sizes = [(len(sources.text(p).splitlines()), p) for f in FOLDERS
                 for p in sources.files('.c', '.h', '.py', below=f)]
        self.assertTrue(sizes)
        self.assertEqual([s for s in sizes if s[0] > FILE_MAX], [])

    def test_functions(self):
        self.assertTrue(self.functions)
        self.assertEqual([f for f in self.functions if f[0] > FUNCTION_MAX
                          and '%s %s' % f[1:] not in EXCUSED], [])

    def test_no_excuse_is_stale(self):
        needed = {'%s %s' % f[1:] for f in self.functions if f[0] > FUNCTION_MAX}
        self.assertEqual(set(EXCUSED) - needed, set())


if __name__ == '__main__':
    unittest.main()
