#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reader of the text alone can find: linters, headers, left-overs."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.environ['WINSD_TOP'], 'testsuite'))
import sources

LICENCE = 'SPDX-License-Identifier: GPL-3.0-or-later'
LEFT_OPEN = re.compile(r'\b(TO' r'DO|FIX' r'ME|XX' r'X|HA' r'CK)\b')
# cmocka.h wants these before it, and what includes it wants it first.
CMOCKA = ''.join('#include <%s>\n' % h for h in (
    'setjmp.h', 'stdarg.h', 'stddef.h', 'stdint.h', 'cmocka.h'))
HEADER_ROOTS = ['source', 'plugins', 'tools', 'migrate', 'testsuite']


def run(argv):
    done = subprocess.run(argv, cwd=sources.TOP, stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT, universal_newlines=True)
    return done.returncode, done.stdout


def pkg_config():
    return run(['pkg-config', '--cflags', 'talloc', 'tevent', 'tdb', 'popt', 'jansson',
                'ldb', 'libesedb', 'sqlite3'])[1].split()


class Lint(unittest.TestCase):
    maxDiff = None

    def clean(self, argv):
        status, out = run(argv)
        self.assertEqual((status, out), (0, ''))

    def test_every_program_names_its_licence(self):
        missing = [p for p in sources.programs()
                   if LICENCE not in '\n'.join(sources.text(p).splitlines()[:3])]
        self.assertEqual(missing, [])

    def test_nothing_is_left_open(self):
        found = ['%s:%d: %s' % (p, n, line.strip()) for p in sources.programs()
                 for n, line in enumerate(sources.text(p).splitlines(), 1)
                 if LEFT_OPEN.search(line)]
        self.assertEqual(found, [])

    def test_left_open_would_be_found(self):
        self.assertTrue(LEFT_OPEN.search('/* TO' 'DO: later */'))

    def test_each_header_compiles_alone_and_twice(self):
        flags = ['-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-fsyntax-only',
                 '-I' + os.environ['WINSD_BUILD'], '-x', 'c', '-']
        flags = ['-I' + os.path.join(sources.TOP, r) for r in HEADER_ROOTS] + pkg_config() + flags
        flags.insert(0, '-I' + sources.TOP)     # migrate/row.h is called so
        for path in [p for root in HEADER_ROOTS for p in sources.files('.h', below=root)]:
            code = '#include "%s"\n' % os.path.join(sources.TOP, path)
            if path.startswith('testsuite/'):
                code = CMOCKA + code
            with self.subTest(path):
                done = subprocess.run(['gcc'] + flags, input=code + code, check=False,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      universal_newlines=True)
                self.assertEqual(done.stdout, '')
                self.assertEqual(done.returncode, 0)

    def test_shellcheck(self):
        scripts = sources.shell()
        self.assertIn('.ci/run', scripts)
        # waf is Python behind three lines of shell
        self.clean(['shellcheck'] + [s for s in scripts if s != 'waf'])

    def test_shellcheck_finds_a_planted_fault(self):
        with tempfile.NamedTemporaryFile('w', suffix='.sh') as script:
            script.write('#!/bin/sh\nrm $1\n')
            script.flush()
            self.assertNotEqual(run(['shellcheck', script.name])[0], 0)

    def test_codespell(self):
        words = os.path.join('build-support', 'codespell-ignore')
        self.clean(['codespell', '--ignore-words', words] +
                   [p for p in sources.files() if p != 'COPYING' and p != words
                    and not p.endswith(('.bin', '.pcap', '.hex'))])

    def test_python_compiles(self):
        for path in sources.files('.py') + ['waf', 'wscript']:
            with self.subTest(path):
                compile(sources.text(path), path, 'exec')

    def test_lists_of_packages_are_sorted_into_one_each(self):
        names = [line.split('#')[0].strip() for f in ('packages-build', 'packages-check')
                 for line in sources.text('build-support/' + f).splitlines()]
        names = [n for n in names if n]
        self.assertEqual(len(names), len(set(names)))

    def test_launcher_stays_small(self):
        self.assertLess(len(sources.text('waf').splitlines()), 60)

    def test_every_python_builds_by_one_memory(self):
        """Else one of them tests what the other built from older sources."""
        self.assertTrue([n for n in os.listdir(os.environ['WINSD_BUILD'])
                         if re.fullmatch(r'\.wafpickle-\d+', n)])


if __name__ == '__main__':
    unittest.main()
