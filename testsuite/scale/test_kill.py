# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 under load, hundreds of times on the same state: whatever was
acknowledged is there again with its address, what was released is gone, and
no version number comes twice.

Three loads (testsuite/bench/load, --state) register, refresh and release
from windows of 256, 8 and 1. Beside them the records are listed again and
again, and after a random number of lines the server is killed: what was just
listed is the newest that anybody can have seen. Then the loads are stopped;
what they had under way may have happened or not. After the next start each
name is asked for, and the list tells each version number: those ever seen
belong to the same name and address for ever, and new ones are above.

A number that was listed but never acknowledged may come again if the crash
came before its reservation was on disk. So each round begins with a
registration that is awaited: it reserves more than all windows can use.

WINSD_ROUNDS: how many kills. WINSD_SEED: to have a run again.
"""
import json
import os
import random
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                'scenario'))
import harness

ROUNDS = int(os.environ.get('WINSD_ROUNDS', '200'))
SEED = int(os.environ.get('WINSD_SEED') or random.randrange(1 << 32))
LOADS = (('KA', 800, 256), ('KB', 200, 8), ('KC', 50, 1))       # prefix, names, window
NAMES = sum(names for _, names, _ in LOADS)
WRONG = ('wrong_format', 'wrong_rcode', 'wrong_name', 'wrong_address', 'wrong_ttl')


class Kill(harness.Case):
    def setUp(self):
        print('# seed %d' % SEED)
        self.random = random.Random(SEED)
        network = harness.Network()
        self.addCleanup(network.close)
        network.own('10.128.0.0/9')
        self.server = harness.Server(network=network, options={
            'log level': '1', 'wins:burst threshold': '0'})
        self.addCleanup(self.server.close)
        self.loads = []
        self.addCleanup(self.end_loads)
        self.seen = {}          # version: name and addresses
        self.acknowledged = self.unsure = 0

    def load(self, op, prefix, names, window):
        return self.server.network.popen(
            [os.path.join(harness.BUILD, 'bench', 'load'), '--server', self.server.address,
             '--op', op, '--prefix', prefix, '--names', str(names), '--window', str(window),
             '--seconds', '600', '--timeout', '10000', '--own-address',
             '--seed', str(self.random.randrange(1, 1 << 32)),
             '--state', os.path.join(self.server.folder, 'state.' + prefix)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    def end_loads(self):
        for load in self.loads:
            load.kill()
            load.wait()
            load.stdout.close()

    def lister(self):
        return self.server.network.popen(
            [os.path.join(harness.BUILD, 'bin', 'winsctl'), '-s', self.server.config, '--json',
             'record', 'list'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def note(self, line):
        """One listed record: its version was never another's. What it had at
        that time is returned."""
        record = json.loads(line)
        what = (record['name'], record['suffix'], [a['ip'] for a in record['addresses']])
        self.assertEqual(self.seen.setdefault(record['version'], what), what,
                         'version %d comes again' % record['version'])
        return record['version']

    def check_names(self):
        """What was acknowledged is there, what was released is not."""
        self.loads = [self.load('check', *words) for words in LOADS]
        for load, words in zip(self.loads, LOADS):
            said = json.loads(load.communicate()[0])
            self.assertEqual((said['right'], said['lost'], [said[w] for w in WRONG]),
                             (words[1], 0, [0] * len(WRONG)), said)

    def check_versions(self, number):
        """Nobody's number was given away, and the next is above them all."""
        highest = max(self.seen, default=0)
        listing = self.lister()
        for line in listing.stdout:
            self.note(line)
        listing.stdout.close()
        self.assertEqual(listing.wait(), 0)
        with self.server.client() as client:
            self.assertTrue(client.register('PROBE%d<20>' % number).positive)
        record = self.server.ctl('record', 'show', 'PROBE%d<20>' % number)[0]
        self.assertGreater(self.note(json.dumps(record)), highest)

    def kill_under_load(self):
        self.loads = [self.load('change', *words) for words in LOADS]
        lines = self.random.randrange(3 * NAMES)
        while lines > 0:
            listing = self.lister()
            for line in listing.stdout:
                self.note(line)
                lines -= 1
                if lines == 0:
                    self.server.process.kill()
            listing.stdout.close()
            listing.wait()
        self.server.process.kill()
        for load, (prefix, _, _) in zip(self.loads, LOADS):
            load.terminate()
            said = load.communicate()[0]
            if not said:        # ended before it began
                continue
            self.acknowledged += json.loads(said)['right']
            with open(os.path.join(self.server.folder, 'state.' + prefix), 'rb') as f:
                self.unsure += sum(state >> 1 for state in f.read()[::2])
        self.server.kill()

    def test_kill(self):
        for number in range(ROUNDS):
            print('# round %d' % number)
            self.server.start()
            self.check_names()
            self.check_versions(number)
            self.kill_under_load()
        self.server.start()
        self.check_names()
        print('# %d kills: %d acknowledged, %d versions seen, %d names left open' %
              (ROUNDS, self.acknowledged, len(self.seen), self.unsure))
        self.assertGreater(self.unsure, ROUNDS)         # they came in the middle of it


if __name__ == '__main__':
    unittest.main()
