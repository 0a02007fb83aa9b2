#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of owners, with real servers: winsctl owner adopt, delete and
rename, and check database, versions and names (issue replication 9 and 10,
design.md 4.3). Two and three winsd on loopback addresses; scripted partners
where one has to tell what cannot be."""
import json
import os
import re
import signal
import unittest

import harness
from wreplclient import Partner, record

A, B, C, NEW = '127.0.0.11', '127.0.0.12', '127.0.0.13', '127.0.0.14'
LAST = '127.0.0.15'


class Case(harness.Case):
    maxDiff = None

    def estate(self, first, *others, moving=False, **options):
        """Servers at these addresses, each a partner of all others, and of NEW, where
        nobody is; moving: or the first is going to be."""
        addresses = (first,) + others
        servers = []
        for address in addresses:
            server = harness.Server(
                network=servers[0].network if servers else None, address=address, bits=32,
                options={'netbios name': 'WINS%s' % address[-1], 'wins:start wait': '0',
                         'wins:partners': ' '.join(
                             a for a in addresses + (() if moving and address == first else (NEW,))
                             if a != address),
                         **options})
            self.addCleanup(server.close)
            servers.append(server.start())
        return servers

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

    def add(self, server, *names, address='10.0.0.1'):
        for name in names:
            self.words(server, 'record', 'add', name, address)

    def pull(self, server, *partners):
        for partner in partners:
            self.words(server, 'partner', 'pull', partner)

    def held(self, server):
        """{name: (owner, static, state)}"""
        return {'%s<%02x>' % (r['name'], r['suffix']): (r['owner'], r['static'], r['state'])
                for r in server.ctl('record', 'list')}

    def undo_files(self, server):
        folder = os.path.join(server.folder, 'undo')
        return sorted(os.path.join(folder, f) for f in os.listdir(folder)) \
            if os.path.isdir(folder) else []

    def fill(self, server):
        """A static, a dynamic record, and one that was buried."""
        self.add(server, 'PRINTER<20>', 'GONE<20>')
        with server.client() as host:
            self.assertTrue(host.register('HOST<20>').positive)
        self.words(server, 'record', 'tombstone', 'GONE<20>', '--yes')


class Adopt(Case):
    def test_statics_of_a_retired_server(self):
        first, second = self.estate(A, B)
        self.fill(second)
        self.pull(first, B)
        before = first.ctl('record', 'list', '--static', '--state', 'active')
        _, said = self.words(first, 'owner', 'adopt', B, status=6)
        self.assertIn(B + ' lives', said)
        self.words(first, 'owner', 'adopt', B, '--dry-run', status=6)
        second.stop()
        dry, said = self.words(first, 'owner', 'adopt', B, '--dry-run')
        self.assertIn('nothing was changed', said)
        self.assertEqual(self.undo_files(first), [])
        self.assertEqual(self.held(first)['PRINTER<20>'], (B, True, 'active'))
        real, said = self.words(first, 'owner', 'adopt', B)
        self.assertEqual(dry, real)
        self.assertRegex(real, r'(?m)^adopted +1$')
        self.assertRegex(real, r'(?m)^left +2$')
        self.assertRegex(real, r'(?m)^still a partner +yes$')
        held = self.held(first)
        self.assertEqual(held['PRINTER<20>'], (A, True, 'active'))
        self.assertEqual((held['HOST<20>'][0], held['GONE<20>'][0]), (B, B))
        # the file has what was there before, and is named
        [undo] = self.undo_files(first)
        self.assertIn(undo, said)
        self.assertRegex(os.path.basename(undo), r'^\d{8}-\d{6}-owner-adopt\.jsonl$')
        self.assertEqual(os.stat(undo).st_mode & 0o777, 0o600)
        with open(undo, encoding='utf-8') as f:
            lines = [json.loads(l) for l in f]
        for record in before:
            del record['queried']       # who asked is nothing that can be undone
        self.assertEqual(lines, [{'format': 'winsd-1'}] + before)

    def test_all_reach_the_third(self):
        """What a partner has of the old owner is displaced as 5.3a says; its statics are
        not (5.2 #3): they go by hand, and then a new version brings the record."""
        first, second, third = self.estate(A, B, C)
        self.fill(second)
        self.pull(first, B)
        self.pull(third, B)
        second.stop()
        [done] = first.ctl('owner', 'adopt', B, '--all')
        self.assertEqual((done['owner'], done['adopted'], done['statics'], done['left']),
                         (B, 3, 1, 0))
        self.assertEqual({r[0] for r in self.held(first).values()}, {A})
        self.pull(third, A)
        held = self.held(third)
        self.assertEqual((held['HOST<20>'], held['PRINTER<20>']),
                         ((A, False, 'active'), (B, True, 'active')))
        self.words(third, 'owner', 'delete', B, '--even-active')
        self.words(first, 'record', 'touch', 'PRINTER<20>', '--yes')
        self.pull(third, A)
        self.assertEqual(self.held(third)['PRINTER<20>'], (A, True, 'active'))
        # nothing is left of it anywhere
        self.words(first, 'owner', 'adopt', B, '--all', status=3)
        self.assertNotIn(B, {r[0] for r in self.held(third).values()})

    def test_static_tombstones_stay(self):
        """They have nothing to keep: neither adopted nor in the file."""
        server = self.serve({'wins:partners': B, 'wins:start wait': '0'}, address=A, bits=32)
        old = [record('DEAD<20>', '10.0.0.1', version=7, static=True, state='tombstone'),
               record('FIXED<20>', '10.0.0.2', version=8, static=True)]
        with server.network.entered(), Partner(B, old):
            self.pull(server, B)
        self.assertEqual(self.held(server)['DEAD<20>'], (B, True, 'tombstone'))
        self.assertEqual(server.ctl('owner', 'adopt', B)[0]['adopted'], 1)
        self.assertEqual(self.held(server), {'DEAD<20>': (B, True, 'tombstone'),
                                             'FIXED<20>': (A, True, 'active')})
        with open(self.undo_files(server)[0], encoding='utf-8') as f:
            self.assertEqual([json.loads(l).get('name') for l in f], [None, 'FIXED'])

    def test_what_is_refused(self):
        first, second = self.estate(A, B)
        for n in range(25):
            self.add(second, 'N%d<20>' % n)
        self.pull(first, B)
        second.stop()
        held = self.held(first)
        for words, status, part in [
                ([], 6, '--yes'), (['--yes', '--limit', '5'], 6, '--limit 25'),
                (['--yes', '--undo', os.path.join(first.folder, 'no', 'where')], 1, 'undo file'),
                (['--yes', '--undo', first.config], 1, 'exists'),
                (['--all', '--statics'], 2, 'exclude'), (['--limit', 'x'], 2, '--limit')]:
            with self.subTest(words):
                self.assertIn(part, self.words(first, 'owner', 'adopt', B, *words,
                                               status=status)[1])
        self.assertIn('own owner address', self.words(first, 'owner', 'adopt', A, status=6)[1])
        self.words(first, 'owner', 'adopt', C, status=3)
        self.words(first, 'owner', 'adopt', 'B', status=2)
        self.assertEqual(self.held(first), held)
        undo = os.path.join(first.folder, 'mine.jsonl')
        [done] = first.ctl('owner', 'adopt', B, '--yes', '--undo', undo)
        self.assertEqual(done['adopted'], 25)
        with open(undo, encoding='utf-8') as f:
            self.assertEqual(len(f.readlines()), 26)


class Delete(Case):
    def test_forgotten_here_and_brought_back(self):
        first, second, third = self.estate(A, B, C)
        self.fill(second)
        self.pull(first, B)
        self.pull(third, B)
        second.stop()
        _, said = self.words(first, 'owner', 'delete', B, status=6)
        self.assertIn('2 records of it are active, 1 are static: --even-active', said)
        dry, _ = self.words(first, 'owner', 'delete', B, '--even-active', '--dry-run')
        real, said = self.words(first, 'owner', 'delete', B, '--even-active')
        self.assertEqual(dry.replace('left                     0', ''),
                         real.replace('left                     0', ''))
        self.assertIn('wins:block owners = ' + B, said)
        self.assertEqual(self.held(first), {})
        self.assertEqual(len(self.undo_files(first)), 1)
        # whoever still knows it brings it back, unless it is blocked
        self.pull(first, C)
        self.assertEqual(self.held(first)['PRINTER<20>'], (B, True, 'active'))
        first.configure({'wins:block owners': B})
        first.reload()
        self.words(first, 'owner', 'delete', B, '--even-active')
        self.pull(first, C)
        self.assertEqual(self.held(first), {})
        for words in ([A, '--even-active'], ['127.0.0.99']):
            self.words(first, 'owner', 'delete', *words, status=6 if A in words else 3)

    def test_tombstones(self):
        """They reach whoever has nothing of the name, or something that is dead; an active
        record of the old owner stays (5.3a: UA against UT), until it is deleted there."""
        first, second, third = self.estate(A, B, C)
        with second.client() as host:
            self.assertTrue(host.register('HOST<20>').positive)
        self.pull(first, B)
        self.pull(third, B)
        second.stop()
        last = harness.Server(network=first.network, address=LAST, bits=32, options={
            'netbios name': 'LAST', 'wins:start wait': '0', 'wins:partners': A})
        self.addCleanup(last.close)
        first.configure({'wins:partners': '%s %s %s' % (B, C, LAST)})
        first.reload()
        self.words(first, 'owner', 'delete', B, '--tombstone', status=6)
        [done] = first.ctl('owner', 'delete', B, '--tombstone', '--even-active')
        self.assertEqual((done['tombstoned'], done['left']), (1, 0))
        self.assertEqual(self.held(first)['HOST<20>'], (A, False, 'tombstone'))
        last.start()
        self.pull(last, A)
        self.assertEqual(self.held(last)['HOST<20>'], (A, False, 'tombstone'))
        self.pull(third, A)
        self.assertEqual(self.held(third)['HOST<20>'], (B, False, 'active'))
        self.words(third, 'owner', 'delete', B, '--even-active')
        self.assertEqual(self.held(third), {})

    def test_client_that_is_killed(self):
        """Ctrl-C ends it behind a slice; once more goes on where that was."""
        first, second = self.estate(A, B)
        self.add(second, *['N%d<20>' % n for n in range(200)])
        self.pull(first, B)
        second.stop()
        with first.network.entered():
            process = first.network.popen(
                [os.path.join(harness.BUILD, 'bin', 'winsctl'), '-s', first.config, 'owner',
                 'delete', B, '--even-active', '--yes'])
        process.send_signal(signal.SIGINT)
        process.wait()
        self.words(first, 'owner', 'delete', B, '--even-active', '--yes',
                   status=0 if self.held(first) else 3)
        self.assertEqual(self.held(first), {})


class Rename(Case):
    def files(self, server):
        return [server.folder] + [os.path.join(server.folder, f)
                                  for f in os.listdir(server.folder)]

    def give(self, server, user):
        for path in self.files(server):
            os.chown(path, user, user)

    def check_moved(self, first, third):
        """Under the new address for everybody, and nothing of the old one here."""
        self.assertTrue(first.log.wait('records have new versions, as those of ' + NEW))
        self.assertEqual({r[0] for r in self.held(first).values()}, {NEW})
        with third.network.entered():
            self.pull(third, NEW)
        held = self.held(third)
        self.assertEqual(held['HOST<20>'], (NEW, False, 'active'))
        # a static stays what it is (protocol 5.2 #3), and is not taken back by us
        self.assertEqual(held['PRINTER<20>'], (A, True, 'active'))
        self.pull(first, C)
        self.assertEqual({r[0] for r in self.held(first).values()}, {NEW})
        old = next(o for o in first.ctl('owner', 'list') if o['owner'] == A)
        self.assertEqual((old['blocked'], old['active'], old['ours']), (True, 0, False))

    def test_before_the_address_changes(self):
        first, third = self.estate(A, C, moving=True)
        self.fill(first)
        self.pull(third, A)
        dry, _ = self.words(first, 'owner', 'rename', NEW, '--dry-run')
        real, said = self.words(first, 'owner', 'rename', NEW)
        self.assertEqual(dry, real)
        self.assertIn('next start', said)
        self.assertEqual({r[0] for r in self.held(first).values()}, {A})
        self.assertIn('already', self.words(first, 'owner', 'rename', NEW)[1])
        # with a gate to pass: it waits for the word of the third
        first.configure({'interfaces': NEW + '/32', 'wins:start wait': '120'})
        first.address = NEW
        first.stop()
        first.start()
        self.assertTrue(first.log.wait('the database is under another owner address'))
        self.assertTrue(first.log.wait('registrations are taken from now on'))
        self.check_moved(first, third)
        # once: the next start has nothing to do
        versions = {r['name']: r['version'] for r in first.ctl('record', 'list')}
        first.stop()
        first.start()
        self.assertEqual({r['name']: r['version'] for r in first.ctl('record', 'list')}, versions)

    def test_after_the_address_has_changed(self):
        """The server does not start, and says what to type; that is enough."""
        first, third = self.estate(A, C, moving=True)
        self.fill(first)
        self.pull(third, A)
        first.stop()
        first.configure({'interfaces': NEW + '/32'})
        first.address = NEW
        with self.assertRaises(AssertionError) as failed:
            first.start()
        said = re.search(r'`winsctl (owner rename \S+)`', str(failed.exception))
        self.assertEqual(said.group(1), 'owner rename ' + NEW)
        words = said.group(1).split()
        # what root's tool touches stays the server's, which is another user
        self.give(first, 65534)
        os.unlink(os.path.join(first.folder, 'wins.reserve'))   # it makes that anew
        dry, _ = self.words(first, *words, '--dry-run')
        real, _ = self.words(first, *words)
        self.assertEqual(dry, real)
        self.assertRegex(real, r'(?m)^from next start +127\.0\.0\.14$')
        self.assertIn('already', self.words(first, *words)[1])
        self.assertTrue(os.path.exists(os.path.join(first.folder, 'wins.reserve')))
        self.assertEqual({os.stat(path).st_uid for path in self.files(first)}, {65534})
        self.give(first, os.geteuid())
        first.start()
        self.check_moved(first, third)

    def test_taken_back_and_kept(self):
        first, = self.estate(A, moving=True)
        self.fill(first)
        self.words(first, 'owner', 'rename', NEW)
        self.words(first, 'owner', 'rename', A)
        versions = {r['name']: r['version'] for r in first.ctl('record', 'list')}
        first.stop()
        first.start()
        self.assertEqual({r['name']: r['version'] for r in first.ctl('record', 'list')}, versions)
        # or the old address is kept, without being served
        first.stop()
        first.configure({'interfaces': NEW + '/32', 'winsdb:local_owner': A})
        first.address = NEW
        first.start()
        self.assertEqual({r[0] for r in self.held(first).values()}, {A})

    def test_refused(self):
        first, second = self.estate(A, B, moving=True)
        self.fill(second)
        self.add(first, *['N%d<20>' % n for n in range(21)])
        self.pull(first, B)
        self.assertIn('winsctl owner adopt ' + B,
                      self.words(first, 'owner', 'rename', B, status=6)[1])
        self.assertIn('is a partner', self.words(second, 'owner', 'rename', NEW, status=6)[1])
        self.assertIn('--yes', self.words(first, 'owner', 'rename', '127.0.0.77', status=6)[1])
        self.words(first, 'owner', 'rename', '224.0.0.1', status=2)
        first.stop()
        self.assertIn('another server', self.words(first, 'owner', 'rename', B, status=6)[1])
        self.assertIn('--yes', self.words(first, 'owner', 'rename', '127.0.0.77', status=6)[1])
        first.start()
        self.assertEqual(self.held(first)['N1<20>'][0], A)


class Checks(Case):
    def test_database_while_serving(self):
        server = self.serve()
        self.fill(server)
        self.assertEqual(server.ctl('check', 'database'),
                         [{'records': 3, 'owners': 1, 'findings': 0}])
        stdout, _ = self.words(server, 'check', 'database')
        self.assertRegex(stdout, r'(?m)^findings +0$')

    def test_versions(self):
        first, second, third = self.estate(A, B, C)
        self.fill(second)
        self.pull(first, B)
        self.pull(third, B)
        seen = first.ctl('check', 'versions', status=4)     # NEW is not there
        servers = {o['server']: o for o in seen if 'server' in o}
        self.assertEqual({a: o['reachable'] for a, o in servers.items()},
                         {A: True, B: True, C: True, NEW: False})
        self.assertIn('refused', servers[NEW]['failure'])
        matrix = {o['owner']: o for o in seen if 'owner' in o}
        row = {s['server']: s for s in matrix[B]['servers']}
        self.assertEqual({s: row[s]['max'] for s in row},
                         dict.fromkeys((A, B, C), matrix[B]['own_word']) | {NEW: None})
        self.assertEqual({s['differs'] for s in matrix[B]['servers']}, {None})
        # one lags behind: no problem, but it is seen
        self.add(second, 'MORE<20>')
        stdout, said = self.words(third, 'check', 'versions', status=4)
        self.assertIn(NEW + ' does not answer', said)
        self.assertRegex(stdout, r'(?m)^127\.0\.0\.12 .*\d -')
        # nobody but ourselves
        second.stop()
        third.stop()
        self.words(first, 'check', 'versions', status=5)

    def test_more_than_the_owner_tells(self):
        server = self.serve({'wins:partners': '%s %s' % (B, C), 'wins:start wait': '0'},
                            address=A, bits=32)
        owner = self.partner(server, B, record('SOME<20>', '10.0.0.1', version=7))
        other = self.partner(server, C)
        other.records.mark(B, 50)
        stdout, said = self.words(server, 'check', 'versions', status=7)
        self.assertIn('%s has versions of %s up to 50' % (C, B), said)
        self.assertRegex(stdout, r'(?m)^127\.0\.0\.12 +7 .* 50 !')
        seen = server.ctl('check', 'versions', status=7)
        row = next(o for o in seen if o.get('owner') == B)
        self.assertEqual(row['own_word'], 7)
        self.assertIn({'server': C, 'max': 50, 'differs': 'above'}, row['servers'])
        # the owner has caught up: all is well
        owner.records.mark(B, 50)
        self.words(server, 'check', 'versions')

    def test_names(self):
        first, second = self.estate(A, B)
        self.add(first, 'CORP<1b>', address='10.0.0.9')
        self.words(first, 'record', 'add', 'CORP<1c>', '10.0.0.8', '10.0.0.9')
        self.add(first, 'ONLY<20>')
        self.pull(second, A)
        self.add(second, 'MOVED<20>', address='10.0.0.5')
        for server in first, second:
            self.add(server, 'TWICE<20>', address='10.0.0.3' if server is first else '10.0.0.4')
        names = ['CORP<1b>', 'CORP<1c>', 'ONLY<20>', 'NOBODY<00>']
        both = ['--server', '%s,%s' % (A, B)]
        seen = first.ctl('check', 'names', *names, *both)
        self.assertEqual({(o['name'], o['suffix']): o['differs'] for o in seen},
                         {('CORP', 0x1b): False, ('CORP', 0x1c): False, ('ONLY', 0x20): False,
                          ('NOBODY', 0): False})
        group = seen[1]['answers']
        self.assertEqual([a['server'] for a in group], [A, B])
        self.assertEqual(set(group[0]['addresses']), {'10.0.0.8', '10.0.0.9'})
        self.assertEqual((group[0]['group'], group[0]['found'], group[0]['failure']),
                         (True, True, None))
        stdout, _ = self.words(first, 'check', 'names', 'CORP<1b>', 'MOVED<20>', *both, status=7)
        self.assertRegex(stdout, r'(?m)^CORP<1b> +all 2 agree: 10\.0\.0\.9$')
        self.assertRegex(stdout, r'(?m)^MOVED<20> +DIFFERS\n +%s +not found\n +%s +10\.0\.0\.5$' %
                         (re.escape(A), re.escape(B)))
        seen, = first.ctl('check', 'names', 'TWICE<20>', *both, status=7)
        self.assertEqual([a['addresses'] for a in seen['answers']], [['10.0.0.3'], ['10.0.0.4']])
        # by itself it asks the server's own addresses and its partners: NEW is silent
        seen, = first.ctl('check', 'names', 'ONLY<20>', status=4)
        self.assertEqual([(a['server'], a['failure'] is None) for a in seen['answers']],
                         [(A, True), (B, True), (NEW, False)])
        first.stop()
        self.words(first, 'check', 'names', 'ONLY<20>', status=5)
        self.words(first, 'check', 'names', 'ONLY<20>', '--server', NEW, status=5)
        self.words(first, 'check', 'names', 'ONLY<20>', '--server', 'x', status=2)
        self.words(first, 'check', 'names', 'ONLY', '--server', B, status=2)


if __name__ == '__main__':
    unittest.main()
