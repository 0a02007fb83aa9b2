#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replication at its limits: a thousand partners of which a few are alive, a
thousand owners in one map, versions around 2^63 and at the end of 64 bits.
Each works, or is refused with words that say why.

Times and memory are printed, not judged; that memory stays flat is.
"""
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                'scenario'))
import harness
import wreplclient
from wreplclient import Partner, record

PARTNERS, LIVE = 1000, 5
OWNERS, EACH = 1000, 3
MEMORY = 96 << 10       # KiB that a server with a thousand partners may take
MIB = 1 << 10
TOP = (1 << 64) - 1
OPEN = 'registrations are taken from now on'


def memory(server):
    with open('/proc/%d/status' % server.pid, encoding='ascii') as f:
        return int(re.search(r'^VmRSS:\s+(\d+) kB', f.read(), re.M).group(1))


def address(number):
    return '127.%d.%d.%d' % (1 + number // 40000, number // 200 % 200, 1 + number % 200)


class Case(harness.Case):
    maxDiff = None

    def partner(self, server, at, *records):
        with server.network.entered():
            partner = Partner(at, records)
        self.addCleanup(partner.close)
        return partner

    def timed(self, what, server, *words):
        begin = time.monotonic()
        rows = server.ctl(*words)
        print('# %s: %.2f s, %d MiB' % (what, time.monotonic() - begin, memory(server) // MIB))
        return rows


class Partners(Case):
    def test_a_thousand(self):
        addresses = [address(n) for n in range(PARTNERS)]
        live = addresses[::PARTNERS // LIVE]
        options = {'wins:partners': ' '.join(addresses), 'wreplsrv:periodic_interval': '1',
                   'wins:start wait': '10'}
        options.update(('wins:partner ' + a, 'pull interval=2, retry=1, push count=1, '
                        'name=Branch %d' % n) for n, a in enumerate(addresses))
        server = harness.Server(options=options)
        self.addCleanup(server.close)
        begin = time.monotonic()
        checked = server.tool('winsd', '-t', '-s', server.config)
        print('# winsd -t: %.2f s' % (time.monotonic() - begin))
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertEqual(checked.stdout.count('name=Branch'), PARTNERS)
        partners = [self.partner(server, at, *(
            record('P%dN%d<20>' % (number, n), '10.0.0.%d' % n, version=n) for n in range(1, 101)))
            for number, at in enumerate(live)]
        server.start()
        self.assertTrue(server.log.wait(OPEN))
        for partner in partners:
            partner.wait(wreplclient.SEND_REQUEST)
        rows = self.timed('partner list', server, 'partner', 'list')
        self.assertEqual([r['partner'] for r in rows], addresses)
        server.tool('winsctl', '-s', server.config, 'partner', 'pull', live[0])
        status, = server.ctl('server', 'status')
        self.assertEqual((status['partners'], status['gate']), (PARTNERS, 'open'))
        self.records_are_told(server, partners)
        self.stays_flat(server, partners)

    def records_are_told(self, server, partners):
        """All that live have given theirs, and hear of what is new here."""
        for number, partner in enumerate(partners):
            server.ctl('partner', 'pull', partner.address)
            self.assertEqual(len(server.ctl('record', 'list', 'P%dN*' % number)), 100)
        with server.client() as host:
            self.assertTrue(host.register('NEWS<20>').positive)
        for partner in partners:
            partner.wait(wreplclient.INFORM)
        rows = {r['partner']: r for r in server.ctl('partner', 'list')}
        for at, row in rows.items():
            if at in [p.address for p in partners]:
                self.assertEqual(row['records_received'], 100)
            else:
                self.assertIn('refused', row['failure'] or 'not yet called: refused')

    def stays_flat(self, server, partners):
        """While the live ones are pulled again and again, and the others called."""
        before = memory(server)
        count = len(partners[0].seen(wreplclient.TABLE_QUERY))
        for partner in partners:
            partner.wait(wreplclient.TABLE_QUERY, count=count + 5, timeout=60)
        self.timed('partner list, later', server, 'partner', 'list')
        after = memory(server)
        print('# memory: %d KiB, then %d KiB' % (before, after))
        self.assertLess(after, before + 2 * MIB)
        self.assertLess(after, MEMORY)
        failing = server.ctl('server', 'status')[0]['partners_failing']
        self.assertEqual(failing, PARTNERS - LIVE)


class Owners(Case):
    def test_a_thousand_in_one_map(self):
        server = self.serve({'wins:partners': address(0), 'wins:start wait': '0',
                             'wins:partner ' + address(0): 'pull interval=never'})
        partner = self.partner(server, address(0))
        owners = [address(n) for n in range(1, OWNERS + 1)]
        for number, owner in enumerate(owners):
            partner.add(*(record('O%dN%d<20>' % (number, n), '10.0.0.%d' % n, owner=owner,
                                 version=n) for n in range(1, EACH + 1)))
        [told] = self.timed('pull of %d owners' % OWNERS, server, 'partner', 'pull')
        self.assertEqual((told['ok'], told['records']), (True, OWNERS * EACH))
        rows = {r['owner']: r for r in self.timed('owner list', server, 'owner', 'list')}
        self.assertEqual(set(rows), set(owners) | {server.address})
        self.assertEqual({(rows[o]['active'], rows[o]['max_version']) for o in owners},
                         {(EACH, EACH)})
        # another time there is nothing to ask for
        [told] = self.timed('pull again', server, 'partner', 'pull')
        self.assertEqual((told['ok'], told['records']), (True, 0))
        with server.network.entered():
            asking = wreplclient.Connection(server.address, source=address(0))
        with asking:
            asking.start()
            table = asking.table_query()
            self.assertEqual({table[o] for o in owners}, {EACH})
            last = asking.send_request(owners[-1])
        self.assertEqual(len(last), EACH)
        lines = self.timed('check versions', server, 'check', 'versions')
        self.assertEqual(len([line for line in lines if 'owner' in line]), OWNERS + 1)


class Versions(Case):
    """2^63 is where a signed number ends, 2^64 where the protocol does."""

    near = [(1 << 63) - 2, (1 << 63) - 1, 1 << 63, (1 << 63) + 1]

    def serve_one(self, *records):
        """A server that comes up with nothing, beside a partner with these."""
        server = harness.Server(options={
            'wins:partners': address(0), 'wins:start wait': '20',
            'wins:partner ' + address(0): 'pull interval=1, retry=1'})
        self.addCleanup(server.close)
        partner = self.partner(server, address(0), *records)
        return server.start(), partner

    def test_of_others(self):
        server, partner = self.serve_one(*(
            record('V%d<20>' % n, '10.0.0.1', version=v) for n, v in enumerate(self.near)))
        self.assertTrue(server.log.wait(OPEN), server.log.text())
        server.ctl('partner', 'pull')
        have = {r['name']: r['version'] for r in server.ctl('record', 'list', 'V*')}
        self.assertEqual(have, {'V%d' % n: v for n, v in enumerate(self.near)})
        [owner] = [o for o in server.ctl('owner', 'list') if o['owner'] == partner.address]
        self.assertEqual(owner['max_version'], self.near[-1])
        with server.network.entered():
            asking = wreplclient.Connection(server.address, source=address(0))
        with asking:
            asking.start()
            self.assertEqual(asking.table_query()[partner.address], self.near[-1])
            told = asking.send_request(partner.address, 0, 1 << 63)
        self.assertEqual([r['version'] for r in told], self.near[2:])
        # and after a start from disk
        server.stop()
        server.start()
        server.ctl('partner', 'pull')
        self.assertEqual({r['name']: r['version'] for r in server.ctl('record', 'list', 'V*')}, have)

    def ours(self, version):
        """A record of the server's own that a partner still has."""
        return record('OURS<20>', '10.0.0.1', owner='127.0.0.11', version=version)

    def test_of_our_own(self):
        for version in [v for v in self.near if v < 1 << 63]:
            with self.subTest(version):
                server, _ = self.serve_one(self.ours(version))
                self.assertTrue(server.log.wait(OPEN), server.log.text())
                with server.client() as host:
                    self.assertTrue(host.register('NEXT<20>').positive)
                have = {r['name']: r['version'] for r in server.ctl('record', 'list')}
                self.assertGreaterEqual(have['OURS'], version)
                self.assertGreater(have['NEXT'], version)
                server.close()

    def test_that_nobody_has_given_out(self):
        """A partner that tells more of us is not believed, and does not count
        as one that was heard: it is said who, and what an operator can do."""
        for version in (1 << 63, TOP):
            with self.subTest(version):
                server, partner = self.serve_one(self.ours(version))
                self.assertTrue(server.log.wait(
                    '%s knows versions of ours up to %d.* not believed' % (partner.address, version)))
                done = server.tool('winsctl', '-s', server.config, 'record', 'add', 'NEXT<20>',
                                   '10.0.0.2')
                self.assertEqual(done.returncode, 6)
                self.assertIn('winsctl server start-anyway', done.stderr)
                server.ctl('server', 'start-anyway')
                server.ctl('record', 'add', 'NEXT<20>', '10.0.0.2')
                self.assertLess(server.ctl('record', 'show', 'NEXT<20>')[0]['version'], 1 << 20)
                server.close()


if __name__ == '__main__':
    unittest.main()
