#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""wins:observe (design.md 4.2): trial membership beside a partner that works.

A server has records of its own, then it only looks on, while its partner's
records clash with them in every way that has consequences otherwise: a host's
address is another's, a host's name is a group's, a special group has other
members. Nothing may leave it: no push, no challenge, no release demand, no new
version; registrations are silence. What it pulled it answers.

The same without wins:observe shows that the recording would tell.
"""
import os
import unittest

import agreement
import harness
import hosts
import nbclient
import wire

OBSERVER, PARTNER = '10.53.62.1', '10.53.62.2'
HOSTS = ['10.53.62.%d' % (101 + i) for i in range(8)]
ROUNDS = 6


class Observe(harness.Case):
    maxDiff = None

    def setUp(self):
        self.switch = harness.Switch()
        self.addCleanup(self.switch.close)
        self.observer = self.server(OBSERVER, 'OBSERVER')
        self.partner = self.server(PARTNER, 'PARTNER')
        network = harness.Network()
        self.addCleanup(network.close)
        self.switch.plug(network, '10.53.62.100/24')
        network.add_addresses('eth0', [ip + '/24' for ip in HOSTS])
        self.hosts = hosts.Hosts(network, HOSTS, [OBSERVER, PARTNER], timeout=5)
        self.addCleanup(self.hosts.close)

    def server(self, address, name):
        network = harness.Network()
        self.addCleanup(network.close)
        self.switch.plug(network, address + '/24')
        server = harness.Server(network=network, address=address, bits=24, options={
            'netbios name': name, 'wins:demand delay': '0', 'wins:challenge': '300 2',
            'wreplsrv:periodic_interval': '1'})
        self.addCleanup(server.close)
        return server.start()

    def clash(self):
        """Each has registered what the other must object to."""
        at_observer = [(0, 'HOST<20>', hosts.UNIQUE), (1, 'NAME<20>', hosts.UNIQUE),
                       (2, 'DOMAIN<1C>', hosts.GROUP), (3, 'GONE<20>', hosts.UNIQUE)]
        at_partner = [(4, 'HOST<20>', hosts.UNIQUE), (5, 'NAME<20>', hosts.GROUP),
                      (6, 'DOMAIN<1C>', hosts.GROUP), (7, 'PLAIN<20>', hosts.UNIQUE)]
        for server, things in ((OBSERVER, at_observer), (PARTNER, at_partner)):
            for number, name, kind in things:
                self.assertTrue(self.hosts.register(HOSTS[number], server, name, kind))

    def marry(self, observe):
        """Partners from now on. They start anew: a push counts from then."""
        for server, other in ((self.observer, PARTNER), (self.partner, OBSERVER)):
            server.configure({
                'wins:partners': other,
                'wins:partner ' + other: 'pull interval=1, retry=1, push count=1'})
            server.stop()
        self.observer.configure({'wins:observe': observe})
        self.partner.start()
        self.recorder = self.record(self.observer, 'eth0')
        self.observer.start()

    def live(self):
        """Things go on at both, and both are asked to do what they do."""
        for number in range(ROUNDS):
            self.assertTrue(self.hosts.register(HOSTS[7], PARTNER, 'NEW%d<20>' % number))
            self.observer.ctl('partner', 'pull')
            self.partner.ctl('partner', 'pull')
        self.partner.ctl('record', 'add', 'PRINTER<20>', '10.53.62.99')
        self.hosts.release(HOSTS[7], PARTNER, 'NEW0<20>')
        self.observer.ctl('partner', 'pull')

    def mark(self):
        """What it tells as its highest; a start goes on above all reserved."""
        return self.observer.ctl('server', 'status')[0]['settled_version']

    def test_it_says_nothing(self):
        self.clash()
        own = agreement.view_of(self.observer)
        self.marry('yes')
        version = self.mark()
        self.live()
        self.silence()
        self.assertIn('only observes', self.observer.tool(
            'winsctl', '-s', self.observer.config, 'server', 'scavenge', '--force').stderr +
            self.observer.tool('winsctl', '-s', self.observer.config, 'partner', 'push').stderr)
        self.answers()
        self.recorder.stop()
        self.assertEqual(wire.pushes(self.recorder, OBSERVER), [])
        self.assertEqual(wire.asked(self.recorder, OBSERVER), [])
        self.assertEqual(wire.versions(self.recorder, OBSERVER), {version})
        self.assertEqual(self.mark(), version)
        for name, record in agreement.view_of(self.observer).items():
            if record['owner'] == OBSERVER:
                self.assertEqual(record, own[name])

    def silence(self):
        """Whoever asks it for a name gets nothing, whoever wants to leave too."""
        for opcode in (nbclient.REGISTER, nbclient.REFRESH, nbclient.MREGISTER, nbclient.RELEASE):
            client = self.hosts.asks[HOSTS[3]][OBSERVER]
            with self.assertRaises(nbclient.Timeout):
                client.change(opcode, 'GONE<20>', timeout=0.3)

    def answers(self):
        """What was pulled is answered, statics and groups as well."""
        client = self.hosts.asks[HOSTS[0]][OBSERVER]
        self.assertEqual(client.query('PLAIN<20>').addrs, [HOSTS[7]])
        self.assertEqual(client.query('NEW%d<20>' % (ROUNDS - 1)).addrs, [HOSTS[7]])
        self.assertEqual(client.query('PRINTER<20>').addrs, ['10.53.62.99'])
        self.assertFalse(client.query('NOBODY<20>').positive)

    def test_it_would_be_seen(self):
        self.clash()
        self.marry('no')
        version = self.mark()
        self.live()
        self.assertTrue(self.hosts.register(HOSTS[3], OBSERVER, 'MINE<20>'))
        self.partner.ctl('partner', 'pull')
        self.recorder.stop()
        asked = {(to, m.opcode, str(m.name)) for to, m in wire.asked(self.recorder, OBSERVER)}
        self.assertIn((HOSTS[0], nbclient.QUERY, 'HOST<20>'), asked)
        self.assertIn((HOSTS[1], nbclient.RELEASE, 'NAME<20>'), asked)
        self.assertTrue(wire.pushes(self.recorder, OBSERVER))
        self.assertGreater(max(wire.versions(self.recorder, OBSERVER)), version)
        self.assertGreater(self.mark(), version)


if __name__ == '__main__':
    unittest.main()
