#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator sees and does of replication, with real servers: winsctl's
partner, owner and start-anyway commands (design.md 4.2 and 4.3). Partners are
other winsd processes, or scripted ones where something has to go wrong."""
import json
import re
import unittest

import harness
from wreplclient import INFORM, INFORM2, Partner, record

A, B, C, NOBODY = '127.0.0.11', '127.0.0.12', '127.0.0.13', '127.0.0.14'
JUMP = 1000000          # wins:version jump
UNKNOWN = ['last_pull_ok', 'pulled_from_us', 'our_max_there', 'lag_in_versions', 'lag_in_seconds',
           'lag_out_versions', 'lag_out_seconds', 'pull_progress', 'pull_expected']
FIELDS = {'partner', 'name', 'pull', 'push', 'state', 'last_pull_ok', 'last_failed', 'failure',
          'next_pull', 'pulled_from_us', 'our_max', 'our_max_there', 'lag_in_versions',
          'lag_in_seconds', 'lag_out_versions', 'lag_out_seconds', 'records_received',
          'statics_received', 'owners_quarantined', 'failures_5min', 'failures_24h',
          'pull_progress', 'pull_expected'}
TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')


class Case(harness.Case):
    maxDiff = None

    def words(self, server, *words, status=0):
        """What winsctl says to people: stdout, stderr."""
        done = server.tool('winsctl', '-s', server.config, *words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout, done.stderr

    def partner(self, server, address, *records, **how):
        with server.network.entered():
            partner = Partner(address, records, **how)
        self.addCleanup(partner.close)
        return partner

    def status(self, server):
        return server.ctl('server', 'status')[0]

    def sight(self, server, address):
        [seen] = server.ctl('partner', 'list', address)
        self.assertEqual(set(seen), FIELDS)
        self.assertEqual({type(seen[k]) for k in ('pull', 'push')}, {bool})
        return seen

    def owner(self, server, address):
        return next(o for o in server.ctl('owner', 'list') if o['owner'] == address)


class Pair(Case):
    """Two servers that are each other's partners."""

    def pair(self):
        first = self.serve({'netbios name': 'FIRST', 'wins:partners': B}, address=A, bits=32)
        second = harness.Server(network=first.network, address=B, bits=32, options={
            'netbios name': 'SECOND', 'wins:partners': A, 'wins:partner ' + A: 'name=head office'})
        self.addCleanup(second.close)
        return first, second

    def test_alone_then_together(self):
        first, second = self.pair()
        self.assertTrue(first.log.wait('replication with %s failed' % B))
        # nobody has told anything: unknown is null, never 0
        seen = self.sight(first, B)
        self.assertEqual({k: seen[k] for k in UNKNOWN}, dict.fromkeys(UNKNOWN))
        self.assertEqual((seen['pull'], seen['push'], seen['records_received']), (True, True, 0))
        self.assertIn('refused', seen['failure'])
        self.assertRegex(seen['last_failed'], TIME)
        self.assertGreaterEqual(seen['failures_5min'], 1)
        table, _ = self.words(first, 'partner', 'list')
        self.assertRegex(table, r'(?m)^127\.0\.0\.12 +both .* unknown +unknown +\d+/\d+$')
        self.assertRegex(table, r'(?m)^    failed \d+s ago: .*refused')
        self.assertLessEqual(max(map(len, table.splitlines())), 80)
        every, _ = self.words(first, 'partner', 'list', '--long')
        self.assertRegex(every, r'(?m)^our max there +unknown$')
        self.assertRegex(every, r'(?m)^last pull ok +none since the start$')

        # the gate: an empty server waits for a word of its last version
        status = self.status(first)
        self.assertEqual((status['state'], status['gate']), ('waiting', 'waiting'))
        self.assertIn('empty', status['gate_reason'])
        self.assertEqual((status['partners'], status['partners_failing']), (1, 1))
        for dry in ([], ['--dry-run']):
            said = self.words(first, 'record', 'add', 'PRINTER<20>', '10.0.0.1', *dry, status=6)[1]
            self.assertIn('winsctl server start-anyway', said)
        said = self.words(first, 'server', 'scavenge', status=6)[1]
        self.assertIn('winsctl server start-anyway', said)
        before, _ = self.words(first, 'server', 'start-anyway', '--dry-run')
        self.assertEqual(self.status(first)['gate'], 'waiting')
        real, _ = self.words(first, 'server', 'start-anyway')
        self.assertEqual(before, real)
        status = self.status(first)
        self.assertEqual((status['state'], status['gate']), ('running', 'open'))
        self.assertNotIn('gate_reason', status)
        self.assertIn('waits for no partner', self.words(first, 'server', 'start-anyway')[1])
        self.words(first, 'record', 'add', 'PRINTER<20>', '10.0.0.1')

        # the second one is empty too, is told that it was never known, and goes on
        second.start()
        self.assertTrue(second.log.wait('registrations are taken from now on'))
        self.assertEqual([r['name'] for r in second.ctl('record', 'list', 'PRINTER')], ['PRINTER'])
        [told] = second.ctl('partner', 'pull')
        self.assertEqual(told, {'partner': A, 'ok': True, 'records': told['records'],
                                'error': None})
        [told] = first.ctl('partner', 'pull', B)
        self.assertTrue(told['ok'])
        seen = self.sight(second, A)
        self.assertEqual((seen['name'], seen['lag_in_versions'], seen['lag_in_seconds']),
                         ('head office', 0, 0))
        self.assertRegex(seen['last_pull_ok'], TIME)
        self.assertRegex(seen['next_pull'], TIME)
        self.assertGreaterEqual(seen['statics_received'], 1)
        self.assertEqual(seen['failures_24h'], 0)
        for _ in range(20):     # what each makes of the other's news is news
            seen = self.sight(first, B)
            if seen['lag_out_versions'] == 0:
                break
            second.ctl('partner', 'pull')
            first.ctl('partner', 'pull', B)
        self.assertRegex(seen['pulled_from_us'], TIME)
        self.assertRegex(seen['last_pull_ok'], TIME)
        self.assertEqual(seen['lag_out_versions'], 0)
        self.assertEqual(seen['our_max'], seen['our_max_there'])

        # who owns what
        ours, theirs = second.ctl('owner', 'list')
        self.assertEqual((ours['owner'], ours['ours']), (B, True))
        self.assertEqual((theirs['owner'], theirs['ours'], theirs['reachable'],
                          theirs['blocked'], theirs['rejected'], theirs['quarantine']),
                         (A, False, True, False, False, None))
        self.assertEqual((theirs['statics'], theirs['active']), (1, theirs['active']))
        self.assertEqual(theirs['max_version'], theirs['map_max'])
        self.assertRegex(theirs['last_new_version'], TIME)
        self.assertEqual(theirs['max_version'], self.status(first)['settled_version'])
        stats = second.ctl('server', 'stats')[0]
        self.assertGreaterEqual(stats['pulls'], 1)

    def test_push_makes_the_other_pull(self):
        first, second = self.pair()
        first.configure({'wins:start wait': '0'})
        first.stop()
        first.start()
        second.start()
        self.assertTrue(second.log.wait('registrations are taken from now on'))
        self.words(first, 'record', 'add', 'PRINTER<20>', '10.0.0.1')
        at = len(second.log.lines)
        [told] = first.ctl('partner', 'push', B)
        self.assertEqual(told, {'partner': B, 'ok': True, 'records': None, 'error': None})
        self.assertTrue(second.log.wait(r'pulled [1-9]\d* records from %s' % A, start=at))
        self.assertEqual([r['name'] for r in second.ctl('record', 'list', 'PRINTER')], ['PRINTER'])


class Asking(Case):
    """partner pull and push, with partners that are there and that are not."""

    def test_exit_codes(self):
        server = self.serve({'wins:partners': '%s %s %s(push)' % (B, NOBODY, C),
                             'wins:start wait': '0'})
        good = self.partner(server, B, record('BOB<20>', '10.0.0.1', version=7))
        [told] = server.ctl('partner', 'pull', B)
        self.assertEqual((told['ok'], told['error']), (True, None))
        told = {t['partner']: t for t in server.ctl('partner', 'pull', status=4)}
        self.assertEqual({a: t['ok'] for a, t in told.items()}, {B: True, NOBODY: False})
        self.assertIn('refused', told[NOBODY]['error'])
        out, err = self.words(server, 'partner', 'pull', status=4)
        self.assertEqual(out.splitlines()[1].split()[0], NOBODY)    # failures first
        self.assertIn('1 of 2 partners failed', err)
        server.ctl('partner', 'pull', NOBODY, status=1)
        self.assertIn('no partner', self.words(server, 'partner', 'pull', '127.0.0.15',
                                               status=3)[1])
        self.assertIn('no partner', self.words(server, 'partner', 'list', '127.0.0.15',
                                               status=3)[1])
        self.assertIn('for push only', self.words(server, 'partner', 'pull', C, status=6)[1])
        self.words(server, 'partner', 'pull', 'nonsense', status=2)
        [told] = server.ctl('partner', 'push', B)
        self.assertEqual(told['ok'], True)
        good.wait(INFORM)       # sent is not yet read
        [told] = server.ctl('partner', 'push', B, '--propagate')
        self.assertEqual(told['ok'], True)
        good.wait(INFORM2)
        [told] = server.ctl('partner', 'push', C, status=1)
        self.assertFalse(told['ok'])
        self.assertIn('push', self.sight(server, C)['failure'])
        self.assertEqual(self.sight(server, B)['records_received'], 1)

    def test_without_partners(self):
        server = self.serve()
        self.assertEqual(server.ctl('partner', 'list'), [])
        self.assertIn('wins:partners', self.words(server, 'partner', 'list')[1])
        self.words(server, 'partner', 'pull', status=3)
        self.words(server, 'partner', 'push', status=3)
        self.words(server, 'owner', 'accept', B, status=3)
        [ours] = server.ctl('owner', 'list')
        self.assertEqual((ours['owner'], ours['ours']), (A, True))
        status = self.status(server)
        self.assertEqual((status['gate'], status['partners'], status['observing']),
                         ('open', 0, False))

    def test_observer(self):
        server = self.serve({'wins:partners': B, 'wins:observe': 'yes'})
        self.partner(server, B, record('BOB<20>', '10.0.0.1', version=7))
        status = self.status(server)
        self.assertEqual((status['state'], status['observing']), ('observing', True))
        [told] = server.ctl('partner', 'pull')
        self.assertTrue(told['ok'])
        self.assertEqual([r['name'] for r in server.ctl('record', 'list', 'BOB')], ['BOB'])
        self.assertEqual(self.owner(server, B)['max_version'], 7)
        for words in (['partner', 'push'], ['record', 'add', 'X<20>', '10.0.0.2'],
                      ['record', 'add', 'X<20>', '10.0.0.2', '--dry-run']):
            self.assertIn('wins:observe = no', self.words(server, *words, status=6)[1])
        server.configure({'wins:observe': 'no'})
        server.reload()
        self.words(server, 'record', 'add', 'X<20>', '10.0.0.2')


class Quarantine(Case):
    """Versions that jump wait for an operator (Q165463)."""

    def jump(self):
        server = self.serve({'wins:partners': B, 'wins:start wait': '0'})
        partner = self.partner(server, B, record('BOB<20>', '10.0.0.1', version=7))
        server.ctl('partner', 'pull')
        partner.add(record('ZED<20>', '10.0.0.2', version=8 + 2 * JUMP))
        server.ctl('partner', 'pull')
        self.assertEqual(server.ctl('record', 'list', 'ZED'), [])
        owner = self.owner(server, B)
        self.assertEqual((owner['quarantine'], owner['rejected'], owner['map_max']),
                         (8 + 2 * JUMP, False, 8 + 2 * JUMP))
        return server, partner

    def test_accept(self):
        server, _ = self.jump()
        self.assertEqual(self.status(server)['owners_in_quarantine'], 1)
        self.assertEqual(self.sight(server, B)['owners_quarantined'], 1)
        self.assertIn('jumped', self.words(server, 'partner', 'list')[0])
        table, _ = self.words(server, 'owner', 'list')
        self.assertIn('winsctl owner accept ' + B, table)
        self.assertIn(', quarantine', table)
        before = server.ctl('owner', 'accept', B, '--dry-run')
        self.assertEqual(self.owner(server, B)['quarantine'], 8 + 2 * JUMP)
        self.assertEqual(server.ctl('owner', 'accept', B), before)
        server.ctl('partner', 'pull')
        self.assertEqual([r['version'] for r in server.ctl('record', 'list', 'ZED')],
                         [8 + 2 * JUMP])
        owner = self.owner(server, B)
        self.assertEqual((owner['quarantine'], owner['rejected'], owner['max_version']),
                         (None, False, 8 + 2 * JUMP))
        self.assertEqual(self.status(server)['owners_in_quarantine'], 0)
        server.ctl('owner', 'accept', B, status=3)

    def test_reject(self):
        server, _ = self.jump()
        before = server.ctl('owner', 'reject', B, '-n')
        self.assertFalse(self.owner(server, B)['rejected'])
        self.assertEqual(server.ctl('owner', 'reject', B), before)
        server.ctl('partner', 'pull')
        self.assertEqual(server.ctl('record', 'list', 'ZED'), [])
        self.assertTrue(self.owner(server, B)['rejected'])
        self.assertEqual(self.status(server)['owners_in_quarantine'], 0)
        self.assertIn('rejected before', self.words(server, 'owner', 'reject', B)[1])
        # a restart does not forget it, and one may think again
        server.stop()
        server.start()
        server.ctl('partner', 'pull')
        self.assertEqual(self.status(server)['owners_in_quarantine'], 0)
        self.assertTrue(self.owner(server, B)['rejected'])
        self.words(server, 'owner', 'accept', B)
        server.ctl('partner', 'pull')
        self.assertEqual(len(server.ctl('record', 'list', 'ZED')), 1)
        self.assertFalse(self.owner(server, B)['rejected'])


class Many(Case):
    def test_a_thousand_partners(self):
        addresses = ['127.1.%d.%d' % (i // 250, i % 250 + 1) for i in range(1000)]
        server = self.serve({'wins:partners': ' '.join(addresses), 'wins:start wait': '0'})
        seen = server.ctl('partner', 'list')
        self.assertEqual([p['partner'] for p in seen], addresses)
        self.assertEqual(self.status(server)['partners'], 1000)
        self.assertEqual(self.sight(server, addresses[-1])['partner'], addresses[-1])
        done = server.tool('winsctl', '-s', server.config, '--json', 'partner', 'pull')
        self.assertEqual(done.returncode, 1, done.stderr)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertGreater(len(rows), 100)
        self.assertEqual(len({r['partner'] for r in rows}), len(rows))
        self.assertEqual({r['ok'] for r in rows}, {False})
        self.assertIn('and %d partners more' % (1000 - len(rows)), done.stderr)
        self.assertIn('1000 of 1000 partners failed', done.stderr)


if __name__ == '__main__':
    unittest.main()
