#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shell completion offers what the program has: bash is asked for the words of
each object, verb and option and compared with the program's own help."""
import os
import re
import subprocess
import unittest

TOP = os.environ['WINSD_TOP']
BIN = os.path.join(os.environ['WINSD_BUILD'], 'bin')
SCRIPTS = os.path.join(TOP, 'packaging', 'completion')


def completed(*words, program='winsctl'):
    """What bash offers for the last of these words."""
    shell = 'source "$1/$2"; COMP_WORDS=("${@:2}"); COMP_CWORD=$(($# - 2)); "_$2"; ' \
            'printf "%s\\n" "${COMPREPLY[@]}"'
    out = subprocess.run(['bash', '-c', shell, 'bash', SCRIPTS, program] + list(words),
                         check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout
    return set(out.split())


def help_of(*words, program='winsctl'):
    return subprocess.run([os.path.join(BIN, program), *words, '--help'], check=True,
                          stdout=subprocess.PIPE, universal_newlines=True).stdout


def commands():
    """(object, verb) of every usage line."""
    return re.findall(r'^  (\w+) ([\w-]+) ', help_of().split('Names are')[0], re.M)


def options(text):
    return set(re.findall(r'(?<![\w-])--[a-z-]+', text.split('Examples:')[0])) - {'--as'}


class Completion(unittest.TestCase):
    maxDiff = None

    def test_objects(self):
        self.assertTrue(commands())
        self.assertEqual(completed(''), {o for o, _ in commands()})
        self.assertEqual(completed('-s', 'record', ''), {o for o, _ in commands()})

    def test_verbs(self):
        for name in {o for o, _ in commands()}:
            with self.subTest(name):
                self.assertEqual(completed(name, ''), {v for o, v in commands() if o == name})
                self.assertEqual(completed('--json', name, ''), completed(name, ''))

    def test_options_of_each_command(self):
        for name, verb in commands():
            with self.subTest(name + ' ' + verb):
                offered = completed(name, verb, '--')
                self.assertEqual(offered - {'--as'}, options(help_of(name, verb)))
        self.assertIn('--as', completed('record', 'explain', '--'))

    def test_values(self):
        self.assertEqual(completed('record', 'list', '--state', 'r'), {'released'})
        self.assertEqual(completed('record', 'add', '--node', ''), {'B', 'P', 'M', 'H'})
        self.assertEqual(completed('record', 'show', 'A'), set())

    def test_winsrepair(self):
        def offered(*words):
            return completed(*words, program='winsrepair')

        text = help_of(program='winsrepair')
        verbs = re.findall(r'^  (\w+) ', text.split('Options')[0], re.M)
        self.assertIn('restore', verbs)
        self.assertEqual(offered(''), set(verbs))
        self.assertEqual(offered('-s', 'restore', ''), set(verbs))
        for verb in verbs:
            self.assertEqual(offered(verb, '--'), options(help_of(verb, program='winsrepair')))
        self.assertEqual(offered('restore', '/dev/nul'), {'/dev/null'})

    def test_winsmigrate(self):
        def offered(*words):
            return completed(*words, program='winsmigrate')

        text = help_of(program='winsmigrate')
        verbs = re.findall(r'^  (\w+) ', text.split('Options:')[0], re.M)
        self.assertIn('convert', verbs)
        self.assertEqual(offered(''), set(verbs))
        self.assertEqual(offered('-f', 'convert', ''), set(verbs))
        for verb in verbs:
            with self.subTest(verb):
                self.assertEqual(offered(verb, '--'),
                                 options(help_of(verb, program='winsmigrate')))
        self.assertEqual(offered('convert', '/dev/nul'), {'/dev/null'})


if __name__ == '__main__':
    unittest.main()
