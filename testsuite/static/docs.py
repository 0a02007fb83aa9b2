#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Man pages: without a complaint of mandoc, and telling what --help tells.

The options of each program are read from its --help and from its rendered man
page; an option that only one of them knows is a failure, either way round.
"""
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.environ['WINSD_TOP'], 'testsuite'))
import sources

BIN = os.path.join(os.environ['WINSD_BUILD'], 'bin')
OPTION = re.compile(r'(?<![\w<\'"=.-])(--[A-Za-z][\w-]*|-[A-Za-z?](?![\w-]))')


def render(path):
    out = subprocess.run(['mandoc', '-Tascii', '-Owidth=200', path], cwd=sources.TOP,
                         check=True, stdout=subprocess.PIPE).stdout.decode('ascii')
    return re.sub('.\b', '', out)


def own_lines(text, program, others):
    """Lines without an example of another program's options."""
    return '\n'.join(line for line in text.splitlines()
                     if not any(re.search(r'\b%s\b' % o, line) for o in others if o != program))


def options(text):
    return set(OPTION.findall(text))


class Docs(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.pages = [p for p in sources.files(below='man') if re.search(r'\.[1578]$', p)]
        cls.programs = sorted(os.listdir(BIN)) if os.path.isdir(BIN) else []

    def test_mandoc_has_no_complaint(self):
        self.assertTrue(self.pages)
        done = subprocess.run(['mandoc', '-Tlint', '-W', 'warning'] + self.pages,
                              cwd=sources.TOP, stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.STDOUT, universal_newlines=True)
        self.assertEqual((done.returncode, done.stdout), (0, ''))

    def test_mandoc_would_complain(self):
        done = subprocess.run(['mandoc', '-Tlint', '-W', 'warning'], check=False,
                              input='.Dd x\n.Sh NAME\n.Bl\n', stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True)
        self.assertNotEqual(done.returncode, 0)

    def test_every_program_has_a_page(self):
        self.assertTrue(self.programs)
        named = {os.path.basename(p).rsplit('.', 1)[0] for p in self.pages}
        self.assertEqual(set(self.programs) - named, set())

    def test_help_and_man_page_agree(self):
        for program in self.programs:
            with self.subTest(program):
                page = [p for p in self.pages if os.path.basename(p)[:-2] == program]
                self.assertEqual(len(page), 1)
                told = subprocess.run([os.path.join(BIN, program), '--help'], check=True,
                                      stdout=subprocess.PIPE, universal_newlines=True).stdout
                self.assertEqual(options(own_lines(told, program, self.programs)),
                                 options(own_lines(render(page[0]), program, self.programs)))


if __name__ == '__main__':
    unittest.main()
