#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""winsd and the SMB suite's AD-style server as each other's partners.

Both pull from and notify each other while hosts register, move, release and
claim each other's names at both; then the hosts fall silent and the two
databases, read from disk there and through winsctl here, are compared.

They must agree on name, type, state, static, members and owners, but for what
agreement.py names with the rule that makes the difference.
"""
import os
import random
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'scenario'))
sys.path.insert(0, HERE)
import agreement
import harness
import hosts
import peers

OURS, THEIRS = '10.53.57.11', '10.53.57.12'
HOSTS = ['10.53.57.%d' % (101 + i) for i in range(12)]
ROUNDS = 120
PATIENCE = 60


class AdPartner(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        # both want the broadcast address: a network each, and a cable
        self.network, other = harness.Network(), harness.Network()
        self.addCleanup(self.network.close)
        self.addCleanup(other.close)
        self.network.join(other, address=OURS + '/24', other_address=THEIRS + '/24')
        self.network.add_addresses('eth0', [ip + '/24' for ip in HOSTS])
        self.ad = peers.AdSamba(other, THEIRS, bits=24, name='PEERAD')
        self.ad.partners = {OURS: {'pullInterval': '1', 'pullRetryInterval': '1',
                                   'pushChangeCount': '1'}}
        self.addCleanup(self.ad.close)
        self.server = harness.Server(network=self.network, address=OURS, bits=24, options={
            'wins:partners': THEIRS,
            'wins:partner ' + THEIRS: 'pull interval=1, retry=1, push count=1',
            'wins:demand delay': '0', 'wins:start wait': '0',
            'wreplsrv:periodic_interval': '1'})
        self.addCleanup(self.server.close)
        self.ad.start()
        self.server.start()
        self.ad.wait_own_names()
        self.server.wait_own_names()
        self.hosts = hosts.Hosts(self.network, HOSTS, [OURS, THEIRS])
        self.addCleanup(self.hosts.close)

    def differences(self):
        views = {OURS: agreement.view_of(self.server), THEIRS: self.ad.records()}
        found, explained = agreement.differences(views, self.hosts.holders, agreement.ALWAYS)
        return found, agreement.told(explained), len(views[OURS])

    def settle(self):
        """Until each has all versions of the other."""
        deadline = time.monotonic() + PATIENCE
        lag = None
        while lag != (0, 0) and time.monotonic() < deadline:
            self.server.ctl('partner', 'pull')
            [seen] = self.server.ctl('partner', 'list')
            lag = seen['lag_in_versions'], seen['lag_out_versions']
        self.assertEqual(lag, (0, 0))

    def test_random_traffic_ends_in_agreement(self):
        self.traffic(int(os.environ.get('SEED', '7')))

    def test_other_traffic_ends_in_agreement(self):
        self.traffic(int(os.environ.get('SEED', '10')))

    def traffic(self, seed):
        print('# SEED=%d' % seed)
        traffic = hosts.Traffic(self.hosts, random.Random(seed))
        for _ in range(ROUNDS):
            traffic.one_thing()
        deadline = time.monotonic() + PATIENCE
        found, rounds = None, 0
        while found != {} and time.monotonic() < deadline:
            # Hosts go on refreshing. Two replicas that crossed each other leave
            # each server with the other's record (5.3b, addresses contained)
            # until the host comes by.
            self.settle()
            self.hosts.refresh_all(lambda ip: OURS if int(ip[-1]) % 2 else THEIRS)
            rounds += 1
            self.settle()
            found, explained, count = self.differences()
        print('# agreed after %d refreshes of each host' % rounds)
        print('# %d records, explained differences: %s' % (count, explained))
        if found:
            self.fail(agreement.show(found))
        self.assertEqual(self.hosts.unanswered, 0)
        self.assertGreater(count, 20)


if __name__ == '__main__':
    unittest.main()
