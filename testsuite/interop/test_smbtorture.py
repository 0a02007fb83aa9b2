#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMB suite's own tests of a WINS server (protocol.md section 9).

One network, loopback addresses only: the server is 127.0.0.11, the test
client 127.0.0.21 to .23. smbtorture's exit status says little (the benches
always succeed), so its words are read: what succeeded, and the figures.
"""
import os
import re
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'scenario'))
sys.path.insert(0, HERE)
import harness
import subject

SERVER = '127.0.0.11'
CLIENTS = '127.0.0.21/8 127.0.0.22/8 127.0.0.23/8'
CONFIG = """\
[global]
	interfaces = {clients}
	bind interfaces only = yes
	name resolve order = wins
	wins server = {server}
	private dir = {folder}
	lock directory = {folder}
	state directory = {folder}
	cache directory = {folder}
	pid directory = {folder}
	ncalrpc dir = {folder}
"""


def verdicts(text):
    """{test: success|failure|error|skip} of subunit's words."""
    return {name: word for word, name in
            re.findall(r'^(success|failure|error|skip): (.+?)(?: \[)?$', text, re.M)}


class Smbtorture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # bench-wins registers as fast as it can, from one address
        cls.subject, cls.network = subject.start(cls, options={'wins:source rate': '0'})
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.config = os.path.join(folder.name, 'smb.conf')
        with open(cls.config, 'w', encoding='ascii') as f:
            f.write(CONFIG.format(clients=CLIENTS, server=SERVER, folder=folder.name))

    def torture(self, suite, *words, host=SERVER):
        done = self.network.run(['smbtorture', '-s', self.config, '-U%', *words,
                                 '--option=torture:progress=no', '//%s/x' % host, suite])
        print(''.join('# %s\n' % line for line in done.stdout.splitlines()))
        self.assertEqual(done.returncode, 0, done.stdout[-2000:])
        said = verdicts(done.stdout)
        self.assertTrue(said, 'no test ran')
        self.assertEqual(set(said.values()), {'success'}, said)
        return said, done.stdout

    def number(self, pattern, text):
        found = re.findall(pattern, text)
        self.assertTrue(found, 'no figure in: ' + text)
        return float(found[-1])

    def test_register(self):
        said, _ = self.torture('nbt.register', host=self.subject.name)
        self.assertEqual(set(said), {'register_own', 'refresh_own'})

    def test_wins(self):
        said, text = self.torture('nbt.wins.wins')
        self.assertEqual(set(said), {'wins'})
        # Five rows of protocol.md 9.3 play a second, silent host from the
        # client's port 137, twice each; it leaves them out if it has no 137.
        self.assertEqual(len(re.findall('^register the name with a wrong address', text, re.M)),
                         10)

    def test_bench(self):
        _, text = self.torture('nbt.bench', '-t', '5')
        self.assertGreater(self.number(r'([\d.]+) queries per second', text), 0)
        self.assertEqual(self.number(r'\((\d+) failures?\)', text), 0)

    def test_bench_wins(self):
        # Long enough for a slow disk: one in five is a durable registration.
        seconds = 20
        _, text = self.torture('nbt.bench-wins', '-t', str(seconds), '--entries=1000')
        self.assertGreater(self.number(r'([\d.]+) queries per second', text) * seconds, 10000)
        self.assertEqual(self.number(r'\((\d+) failures?\)', text), 0)


if __name__ == '__main__':
    unittest.main()
