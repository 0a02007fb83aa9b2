#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench from end to end, short: it is the figures' own test.

No rate is judged here, machines differ. What must hold anywhere: every
subject was measured in every operation, nobody gave a wrong answer or record
(nmbd and the AD-style server neither: a wrong one would be a fault of our
judging), and the echoes are faster than the servers.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
OPERATIONS = ('register', 'release', 'query', 'miss', 'refresh', 'mixed', 'churn')


class Quick(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'bench.json')
            cls.done = subprocess.run(
                [sys.executable, os.path.join(HERE, 'bench.py'), '--quick', '--no-build',
                 '--output', path], check=False, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
            print(''.join('# %s\n' % line for line in cls.done.stdout.splitlines()))
            with open(path, encoding='ascii') as f:
                cls.told = json.load(f)
            cls.rows = cls.told['rows']
            cls.replicas = cls.told['replication']

    def rows_of(self, label, op):
        return [r for r in self.rows if (r['label'], r['op']) == (label, op)]

    def test_it_ends_well(self):
        self.assertEqual(self.done.returncode, 0, self.done.stdout)

    def test_everything_was_measured(self):
        for label in ('nmbd', 'ad', 'winsd'):
            for op in OPERATIONS:
                self.assertTrue(self.rows_of(label, op), (label, op))
            for op in ('register', 'release', 'query', 'refresh'):
                self.assertTrue(self.rows_of(label + '-w256', op), (label, op))
        for label in ('echo', 'echo-w256', 'durable', 'durable-w256'):
            self.assertTrue(self.rows_of(label, 'echo'), label)
        for label, op in (('sustained', 'register'), ('sustained', 'refresh'),
                          ('alone', 'query'), ('beside', 'arrive')):
            self.assertTrue(self.rows_of('winsd-' + label, op), (label, op))
        self.assertEqual([r['end'] for r in self.told['restarts']], ['stop', 'kill'])

    def test_replication_was_measured(self):
        measured = {(r['op'], r['label']) for r in self.replicas}
        self.assertEqual(measured, {('pull', who) for who in (
            'ad', 'winsd', 'winsd-own', 'winsd-fresh')} | {('take', who) for who in (
                'ad-memory', 'ad-more', 'ad-some', 'winsd', 'winsd-again', 'winsd-some',
                'winsd-fresh', 'winsd-fresh-more', 'winsd-own-beside')})
        for row in self.replicas:
            self.assertGreater(min(row['rate'], row['before'], row['resident']), 0, row)
        for label in ('alone', 'beside'):
            self.assertTrue(self.rows_of('winsd-own-' + label, 'query'), label)

    def test_every_record_was_right(self):
        for row in self.replicas:
            wrong = {k: v for k, v in row.items() if k.startswith('wrong_') and v}
            self.assertEqual(wrong, {}, row)
            if row['op'] == 'take':
                self.assertEqual((row['done'], row['served'], row['sample_right']),
                                 (True, row['records'], 1000), row)
            else:
                self.assertEqual((row['right'], row['strange']), (row['records'], 0), row)

    def test_the_aims_are_told(self):
        wanted = re.findall(r'^(.+?) +-?[\d.]+ +[<>]= ', self.done.stdout, re.M)
        self.assertEqual(len(wanted), 9 + 1 + 4 + 3 + 6, wanted)

    def test_nobody_was_wrong(self):
        wrong = [r for r in self.rows for k in r if k.startswith('wrong_') and r[k]]
        self.assertEqual(wrong, [])
        self.assertEqual([r for r in self.rows if r['right'] == 0], [])

    def test_the_limit_is_a_limit(self):
        echo = self.rows_of('echo', 'echo')[0]['rate']
        for label in ('nmbd', 'ad'):
            self.assertLess(self.rows_of(label, 'query')[0]['rate'], echo)


if __name__ == '__main__':
    unittest.main()
