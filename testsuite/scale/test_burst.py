# SPDX-License-Identifier: GPL-3.0-or-later
"""A million names at once, as after a power cut, from a window of eight times
the threshold for bursts: new names are told to come back, known ones never,
every such answer is counted, and in the end every name is stored.

The load (testsuite/bench/load) tells come-back answers by their TTL and
registers those names again, more calmly, when it is through with the others.
Beside it a small one refreshes names that are known from before.

WINSD_NAMES: how many.
"""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                'scenario'))
import harness

NAMES = int(os.environ.get('WINSD_NAMES', '1000000'))
KNOWN = 1000
THRESHOLD = 500
WRONG = ('wrong_format', 'wrong_rcode', 'wrong_name', 'wrong_address', 'wrong_ttl')


class Burst(harness.Case):
    def load(self, op, prefix, names, window):
        process = self.server.network.popen(
            [os.path.join(harness.BUILD, 'bench', 'load'), '--server', self.server.address,
             '--op', op, '--prefix', prefix, '--names', str(names), '--window', str(window),
             '--seconds', '600', '--timeout', '10000', '--own-address',
             '--state', os.path.join(self.server.folder, 'state.' + prefix)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def said(self, process):
        """What a load said at its end; it never was told anything wrong."""
        said = json.loads(process.stdout.read())
        self.assertEqual(([said[w] for w in WRONG], said['lost']), ([0] * len(WRONG), 0), said)
        return said

    def listed(self):
        """Every name of the burst once, as `record list` tells them."""
        seen = bytearray(NAMES)
        listing = self.server.network.popen(
            [os.path.join(harness.BUILD, 'bin', 'winsctl'), '-s', self.server.config, '--json',
             'record', 'list'], stdout=subprocess.PIPE)
        for line in listing.stdout:
            at = line.find(b'"BUN')
            if at >= 0:
                seen[int(line[at + 4:at + 12], 16)] += 1
        listing.stdout.close()
        self.assertEqual(listing.wait(), 0)
        return seen

    def test_burst(self):
        network = harness.Network()
        self.addCleanup(network.close)
        network.own('10.128.0.0/9')
        self.server = self.serve({'wins:burst threshold': '%d' % THRESHOLD,
                                  'wins:source rate': '0', 'log level': '1'}, network=network)
        self.assertEqual(self.said(self.load('register', 'KN', KNOWN, 32))['come_back'], 0)

        refreshes = self.load('refresh', 'KN', KNOWN, 16)
        burst = self.said(self.load('register', 'BU', NAMES, 8 * THRESHOLD))
        refreshes.terminate()
        refreshed = self.said(refreshes)
        print('# %d names in %.1f s: told to come back %d times; %d refreshes' %
              (NAMES, burst['seconds'], burst['come_back'], refreshed['right']))
        self.assertEqual(burst['right'], NAMES)
        self.assertGreater(burst['come_back'], NAMES // 100)
        self.assertGreater(refreshed['right'], 0)

        stats = self.server.ctl('server', 'stats')[0]
        # what was asked twice may have been answered twice
        told = stats['come_back_answers'] - burst['come_back']
        self.assertIn(told, range(burst['again'] + 1))
        self.assertEqual(stats['come_back_answers'],
                         sum(stats['come_back_%d' % ttl] for ttl in range(300, 3001, 300)))
        self.assertEqual(self.said(self.load('check', 'BU', NAMES, 256))['right'], NAMES)
        self.assertEqual(self.listed().count(1), NAMES)


if __name__ == '__main__':
    unittest.main()
