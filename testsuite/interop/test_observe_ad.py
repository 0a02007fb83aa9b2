#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""wins:observe beside the SMB suite's AD-style server, which takes us for a
partner like any other: it pulls from us and notifies us.

Before that the observer was a server of its own with records that clash with
the AD server's. Nothing but pulls may leave it (scenario/test_observe.py has
the same with winsd, and shows that the recording tells); what it pulled from
the AD server it answers, and the AD server never hears of what it has.
"""
import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'scenario'))
sys.path.insert(0, HERE)
import harness
import hosts
import nbclient
import peers
import wire
from wreplwire import INFORM, TABLE_QUERY

OBSERVER, AD = '10.53.63.1', '10.53.63.2'
HOSTS = ['10.53.63.%d' % (101 + i) for i in range(8)]


class ObserveAd(harness.Case):
    maxDiff = None

    def setUp(self):
        self.switch = harness.Switch()
        self.addCleanup(self.switch.close)
        networks = [harness.Network() for _ in range(3)]
        for network, address in zip(networks, (OBSERVER, AD, '10.53.63.100')):
            self.addCleanup(network.close)
            self.switch.plug(network, address + '/24')
        networks[2].add_addresses('eth0', [ip + '/24' for ip in HOSTS])
        self.observer = harness.Server(network=networks[0], address=OBSERVER, bits=24, options={
            'netbios name': 'OBSERVER', 'wins:demand delay': '0', 'wins:challenge': '300 2',
            'wreplsrv:periodic_interval': '1'})
        self.addCleanup(self.observer.close)
        self.ad = peers.AdSamba(networks[1], AD, bits=24, name='PEERAD')
        self.ad.partners = {OBSERVER: {'pullInterval': '1', 'pullRetryInterval': '1',
                                       'pushChangeCount': '1'}}
        self.addCleanup(self.ad.close)
        self.hosts = hosts.Hosts(networks[2], HOSTS, [OBSERVER, AD])
        self.addCleanup(self.hosts.close)

    def register(self, server, things):
        for number, name, kind in things:
            self.assertTrue(self.hosts.register(HOSTS[number], server, name, kind), name)

    def mark(self):
        return self.observer.ctl('server', 'status')[0]['settled_version']

    def observe(self):
        self.observer.stop()
        self.observer.configure({
            'wins:observe': 'yes', 'wins:partners': AD,
            'wins:partner ' + AD: 'pull interval=1, retry=1, push count=1'})
        self.recorder = self.record(self.observer, 'eth0')
        self.observer.start()
        self.ad.start()

    def until(self, good):
        """The AD server gives out a new version meanwhile, again and again."""
        deadline = time.monotonic() + harness.PATIENCE
        number = 0
        while not good():
            self.assertLess(time.monotonic(), deadline)
            self.register(AD, [(7, 'NEW%d<20>' % number, hosts.UNIQUE)])
            self.observer.ctl('partner', 'pull')
            number += 1

    def names(self):
        return {r['name'] for r in self.observer.ctl('record', 'list')}

    def heard(self, command):
        return [m for source, _, m in wire.frames(self.recorder)
                if source == AD and m.command == command]

    def test_it_says_nothing(self):
        self.observer.start()
        self.register(OBSERVER, [(0, 'HOST<20>', hosts.UNIQUE), (1, 'NAME<20>', hosts.UNIQUE),
                                 (2, 'DOMAIN<1C>', hosts.GROUP)])
        self.observe()
        mark = self.mark()
        self.register(AD, [(4, 'HOST<20>', hosts.UNIQUE), (5, 'NAME<20>', hosts.GROUP),
                           (6, 'DOMAIN<1C>', hosts.GROUP), (7, 'PLAIN<20>', hosts.UNIQUE)])
        # until the AD server has pushed and pulled, both more than once
        self.until(lambda: 'PLAIN' in self.names() and len(self.heard(INFORM)) > 1 and
                   len(self.heard(TABLE_QUERY)) > 1)
        with self.assertRaises(nbclient.Timeout):
            self.hosts.asks[HOSTS[3]][OBSERVER].register('LATE<20>', timeout=0.5)
        answer = self.hosts.asks[HOSTS[3]][OBSERVER].query('PLAIN<20>')
        self.assertEqual(answer.addrs, [HOSTS[7]])
        self.recorder.stop()
        self.assertEqual(wire.pushes(self.recorder, OBSERVER), [])
        self.assertEqual(wire.asked(self.recorder, OBSERVER), [])
        self.assertEqual(wire.versions(self.recorder, OBSERVER), {mark})
        self.assertEqual(self.mark(), mark)


if __name__ == '__main__':
    unittest.main()
