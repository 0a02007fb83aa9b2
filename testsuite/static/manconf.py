#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written about the configuration is what the program has.

The options of winsd.conf(5) are those of the option table, word by word; each
line that the example offers is one that the server takes, and the man page's
own examples are too.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.environ['WINSD_TOP'], 'testsuite'))
import sources

BUILD = os.environ['WINSD_BUILD']
PAGE = 'man/winsd.conf.5'
EXAMPLE = 'packaging/winsd.conf.example'
MANCONF = os.path.join(sources.TOP, 'build-support', 'manconf')


def check_page(path):
    done = subprocess.run([MANCONF, '--check', path], check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True)
    return done.returncode, done.stdout


def read_settings(text):
    """What the server makes of a file: one object for each parameter."""
    with tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
        f.write(text)
        f.flush()
        done = subprocess.run([os.path.join(BUILD, 'test', 'smbconf_dump'), f.name], check=True,
                              stdout=subprocess.PIPE)
    return [json.loads(line) for line in done.stdout.splitlines()]


def not_taken(lines):
    """What the server would not know; a partner's row is no option of the table."""
    return [l for l in lines if l['result'] or
            not (l['option'] or l['name'].startswith('wins:partner '))]


class ManPage(unittest.TestCase):
    maxDiff = None

    def test_options_are_the_table(self):
        self.assertEqual(check_page(os.path.join(sources.TOP, PAGE)), (0, ''))

    def test_a_changed_word_would_be_found(self):
        text = sources.text(PAGE)
        for old, new in [('Default: 518400.', 'Default: 518401.'),
                         ('.It Ic "wins:durable"', '.It Ic "wins:durabel"')]:
            self.assertIn(old, text)
            with tempfile.NamedTemporaryFile('w', suffix='.5') as f:
                f.write(text.replace(old, new, 1))
                f.flush()
                status, diff = check_page(f.name)
            self.assertEqual(status, 1)
            self.assertIn('+' + old, diff)

    def test_every_option_is_there_once(self):
        named = re.findall(r'^\.It Ic "([^"]+)"', sources.text(PAGE), re.M)
        out = subprocess.run([os.path.join(BUILD, 'test', 'smbconf_dump'), '--options'], check=True,
                             stdout=subprocess.PIPE).stdout
        table = [json.loads(line).get('name') for line in out.splitlines()]
        self.assertEqual(sorted(named), sorted([n for n in table if n] + ['wins:partner']))

    def test_examples_are_taken(self):
        blocks = re.findall(r'^\.Bd -literal.*?\n(.*?)^\.Ed', sources.text(PAGE), re.M | re.S)
        self.assertGreaterEqual(len(blocks), 3)
        for block in blocks:
            lines = read_settings(block.replace('\\e', '\\'))
            self.assertTrue(lines)
            self.assertEqual(not_taken(lines), [])


class Example(unittest.TestCase):
    def test_as_it_is_it_says_nothing(self):
        self.assertEqual(read_settings(sources.text(EXAMPLE)), [])

    def test_every_offer_is_taken(self):
        text = re.sub(r'(?m)^;\t', '\t', sources.text(EXAMPLE))
        lines = read_settings(text)
        self.assertGreater(len(lines), 20)
        self.assertEqual(not_taken(lines), [])

    def test_nothing_offered_is_without_effect(self):
        out = subprocess.run([os.path.join(BUILD, 'test', 'smbconf_dump'), '--options'], check=True,
                             stdout=subprocess.PIPE).stdout
        rows = [json.loads(line) for line in out.splitlines()]
        later = {r['name'] for r in rows if r.get('later')}
        text = re.sub(r'(?m)^;\t', '\t', sources.text(EXAMPLE))
        self.assertEqual([l['option'] for l in read_settings(text) if l['option'] in later], [])


if __name__ == '__main__':
    unittest.main()
