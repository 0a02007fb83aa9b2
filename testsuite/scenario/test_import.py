#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""winsmigrate import into real servers, running and stopped: owners and
versions kept, the same rules in both, nothing changed by a dry run, a second
run or a source that breaks off, and the way back (issue migration 3, design.md
4.3). What the rules decide row by row is in unit/rules/test_import.c."""
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import harness
from test_clock import WallClock
from test_full_disk import Disk

US, PARTNER, OLD = '127.0.0.11', '127.0.0.12', '192.0.2.1'
HEAD = '{"format":"winsd-1"}\n'
DAY = 86400
REPLACING = ('link', 'rename', 'unlink')    # what steps_run() calls


def when(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + seconds))


def record(name, owner=OLD, version=1, *ips, suffix=0x20, static=False, expires=DAY, **more):
    """An object of the interchange format; owner None: it says none."""
    at = None if static else when(expires)
    rec = {'name': name, 'suffix': suffix, 'scope': '',
           'type': 'sgroup' if suffix == 0x1c else 'unique', 'state': 'active', 'node': 'H',
           'static': static, 'expires': at,
           'addresses': [{'ip': ip, 'expires': at} for ip in ips or ('10.0.0.1',)]}
    if owner is not None:
        rec.update(owner=owner, version=version)
        for address in rec['addresses']:
            address['owner'] = owner
    rec.update(more)
    return rec


def of_all_kinds():
    """No two alike, all of another server, with times that can be kept."""
    return [
        record('FILES', OLD, 41),
        record('PRINT', OLD, 2 ** 63 - 9, static=True),
        record('TWO', OLD, 43, '10.0.0.3', '10.0.0.4', type='mhomed', node='P'),
        record('DOM', OLD, 44, '10.0.0.5', '10.0.0.6', suffix=0x1c),
        record('WORK', OLD, 45, suffix=0x1e, type='group', node='B'),
        record('LEFT', OLD, 46, state='released'),
        record('DEAD', OLD, 47, state='tombstone'),
        record('\u00e4\u00ff.', '192.0.2.2', 48, scope='corp'),
    ]


def raw(text):
    """The bytes of a name: a character up to U+00FF is one, others are UTF-8 (design.md 4.3)."""
    return b''.join(bytes([ord(c)]) if ord(c) < 256 else c.encode() for c in text)


def by_chance(dice, count):
    """Records of every type and state, any bytes in their names, at the edges of numbers."""
    owners = [US, OLD, '192.0.2.2', '192.0.2.3']
    records, names = [], set()
    for i in range(count):
        kind = dice.choice(['unique', 'group', 'sgroup', 'mhomed'])
        state = dice.choice(['active'] * 4 + ['released', 'tombstone'])
        name = bytes(dice.randrange(1, 256) for _ in range(dice.randrange(16))).rstrip(b' ')
        suffix = dice.choice([0x00, 0x03, 0x1b, 0x1c, 0x1e, 0x20, dice.randrange(256)])
        if (name, suffix) in names:
            continue
        names.add((name, suffix))
        static = dice.random() < 0.2
        never = static and state == 'active'
        owner = dice.choice(owners)
        members = 1 if kind in ('unique', 'group') else dice.choice([1, 2, 25])
        times = [None if never else when(dice.randrange(3600, 20 * DAY)) for _ in range(members)]
        records.append({
            'name': name.decode('latin-1'), 'suffix': suffix,
            'scope': dice.choice(['', '', 'corp', 'x' * 237]), 'type': kind, 'state': state,
            'node': dice.choice('BPMH'), 'static': static, 'owner': owner,
            'version': dice.choice([i + 1, 2 ** 32 + i, 2 ** 63 - 1000 + i]),
            'expires': None if never else when(dice.randrange(3600, 20 * DAY)),
            'addresses': [{'ip': '10.%d.%d.%d' % (i >> 8, i & 255, n + 1),
                           'owner': dice.choice(owners[1:]), 'expires': at}
                          for n, at in enumerate(times if never else
                                                 sorted(times, reverse=True))]})
    return records


def canonical(records):
    """As sets of lines, times to the minute: clocks of two servers differ by a second.
    When a name was asked for is this server's, not the record's."""
    def minute(text):
        return text and text[:16]
    records = [{k: v for k, v in r.items() if k != 'queried'} for r in records]
    return {json.dumps(dict(r, expires=minute(r['expires']),
                            addresses=sorted([dict(a, expires=minute(a['expires']))
                                              for a in r['addresses']],
                                             key=lambda a: a['ip'])), sort_keys=True)
            for r in records}


class ImportCase(harness.Case):
    maxDiff = None

    def source(self, server, records, name='source.jsonl'):
        path = os.path.join(server.folder, name)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(HEAD + ''.join(json.dumps(r) + '\n' for r in records))
        return path

    def run_import(self, server, path, *words, status=0):
        done = server.tool('winsmigrate', 'import', '-s', server.config, path, *words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIsNone(harness.REPORT.search(done.stderr), done.stderr)
        return done.stderr

    def undo(self, server, path, *words, status=0):
        done = server.tool('winsrepair', '-s', server.config, '--json', 'undo', path, *words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIsNone(harness.REPORT.search(done.stderr), done.stderr)
        return json.loads(done.stdout), done.stderr

    def counts(self, said, verb='imported'):
        found = {}
        for word in ('read', verb, 'changed', 'unchanged', 'skipped'):
            at = re.search(r'(?m)^ +%s +(\d+)' % word, said)
            found[word] = int(at.group(1)) if at else 0
        self.assertEqual(found['read'], sum(found.values()) - found['read'], said)
        return found

    def imported(self, said):
        return self.counts(said)['imported']

    def listed(self, server):
        return server.ctl('record', 'list')

    def held(self, server):
        return {'%s<%02x>' % (r['name'], r['suffix']): r for r in self.listed(server)}

    def digest(self, server):
        found = {}
        for name in ('wins.tdb', 'wins.journal'):
            path = os.path.join(server.folder, name)
            if os.path.exists(path):
                with open(path, 'rb') as f:
                    found[name] = hashlib.sha256(f.read()).hexdigest()
        return found

    def undo_files(self, server):
        """The oldest first."""
        folder = os.path.join(server.folder, 'undo')
        return sorted((os.path.join(folder, f) for f in os.listdir(folder)),
                      key=lambda f: os.stat(f).st_mtime_ns) if os.path.isdir(folder) else []

    def stopped(self, options=None):
        server = self.serve(options)
        server.stop()
        return server


class Stopped(ImportCase):
    def test_all_kinds(self):
        """What goes in comes out, and is answered."""
        server = self.stopped()
        records = of_all_kinds()
        path = self.source(server, records)
        before = self.digest(server)
        dry = self.run_import(server, path, '--dry-run')
        self.assertEqual(self.digest(server), before)
        self.assertEqual(self.imported(dry), len(records))
        said = self.run_import(server, path)
        self.assertEqual(self.counts(dry), self.counts(said))
        self.assertIn('1 of the records are released', said)
        [kept] = re.findall(r'the database as it was: (\S+)', said)
        with open(kept, 'rb') as f:
            self.assertEqual(hashlib.sha256(f.read()).hexdigest(), before['wins.tdb'])
        self.assertNotIn('wins.tdb.import', os.listdir(server.folder))
        after = self.digest(server)
        said = self.run_import(server, path)
        self.assertEqual(self.counts(said)['unchanged'], len(records))
        self.assertEqual(self.digest(server), after)
        server.start()
        self.assertEqual(canonical(self.listed(server)), canonical(records))
        with server.client() as host:
            self.assertEqual(host.query('TWO<20>').addrs, ['10.0.0.3', '10.0.0.4'])
            self.assertFalse(host.query('DEAD<20>').positive)
        # nothing is known to be complete: the next pull asks for all of it
        self.assertEqual([o['max_version'] for o in server.ctl('owner', 'list') if o['owner'] == OLD],
                         [0])

    def test_databases_by_chance(self):
        """Out, in, out: the same, whatever it is; 200 in `./waf torture`."""
        server = self.stopped()
        seed = int(os.environ.get('SEED', time.time_ns() % 10 ** 6))
        print('# SEED=%d' % seed, flush=True)
        for nth in range(int(os.environ.get('DATABASES', '10'))):
            records = by_chance(random.Random(seed + nth), 100)
            path = self.source(server, records)
            os.unlink(os.path.join(server.folder, 'wins.tdb'))
            self.assertEqual(self.imported(self.run_import(server, path, '--yes')), len(records))
            out = path + '.out'
            done = server.tool('winsmigrate', 'export', '-s', server.config, '-f', 'winsd', out,
                               '--yes')
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(out, encoding='utf-8') as f:
                exported = [json.loads(line) for line in f][1:]
            for rec in records + exported:
                rec['name'] = raw(rec['name'])
            key = lambda r: (r['name'], r['suffix'], r['scope'])
            for rec, again in zip(sorted(records, key=key), sorted(exported, key=key)):
                self.assertEqual(rec, again)
            self.assertEqual(len(records), len(exported))

    def test_its_own_export(self):
        """A lost database: our own records, versions too; new ones go on above."""
        server = self.serve()
        with server.client() as host:
            for name in ('ONE<20>', 'TWO<20>'):
                self.assertTrue(host.register(name).positive)
        server.ctl('record', 'add', 'FIXED<20>', '10.0.0.9')
        exported = self.listed(server)
        server.stop()
        path = self.source(server, list(reversed(exported)))
        os.unlink(os.path.join(server.folder, 'wins.tdb'))
        self.assertEqual(self.imported(self.run_import(server, path)), 3)
        server.start()
        self.assertEqual(canonical(self.listed(server)), canonical(exported))
        with server.client() as host:
            self.assertTrue(host.register('THREE<20>').positive)
        versions = [r['version'] for r in self.listed(server)]
        self.assertEqual(len(set(versions)), 4)
        self.assertEqual(max(versions), self.held(server)['THREE<20>']['version'])

    def test_versions_that_were_told(self):
        """Into a database that has handed some out: no version for two records."""
        server = self.serve()
        with server.client() as host:
            self.assertTrue(host.register('ONE<20>').positive)
        server.stop()
        path = self.source(server, [record('A', US, 1), record('B', US, 2 ** 40),
                                    record('C', US, 2 ** 40)])
        counts = self.counts(self.run_import(server, path))
        self.assertEqual((counts['imported'], counts['changed']), (1, 2))
        server.start()
        held = self.held(server)
        self.assertEqual(held['B<20>']['version'], 2 ** 40)
        self.assertEqual(len({r['version'] for r in held.values()}), 4)

    def test_skipped_and_why(self):
        server = self.stopped()
        path = self.source(server, [
            record('OLD', OLD, 5, expires=-60), record('NOBODY', None),
            record('WPAD', OLD, 6), record('GOOD', OLD, 7)])
        said = self.run_import(server, path, status=4)
        self.assertEqual(self.counts(said)['skipped'], 3)
        self.assertRegex(said, r'expired: OLD<20>')
        self.assertRegex(said, r'no owner: --adopt .*: NOBODY<20>')
        self.assertRegex(said, r'blocked names: WPAD<20>')
        with open(path + '.skipped', encoding='utf-8') as f:
            lines = f.read().splitlines()
        self.assertEqual(sorted(json.loads(l)['name'] for l in lines[1:]),
                         ['NOBODY', 'OLD', 'WPAD'])
        # what was skipped can be mended, or meant otherwise
        said = self.run_import(server, path + '.skipped', '--adopt', status=4)
        self.assertEqual(self.counts(said)['changed'], 1)

    def test_another_clock(self):
        """Times of records stand on the ageing clock, those of rows on the wall's."""
        clock = WallClock(tempfile.mkdtemp(prefix='winsd-clock-'))
        self.addCleanup(shutil.rmtree, os.path.dirname(clock.path))
        clock.set(30 * DAY)
        server = harness.Server()
        self.addCleanup(server.close)
        server.start(env=clock.env())
        server.stop()
        records = of_all_kinds()
        path = self.source(server, records)
        self.assertEqual(self.imported(self.run_import(server, path)), len(records))
        self.assertEqual(self.counts(self.run_import(server, path))['unchanged'], len(records))
        server.start()
        self.assertEqual(canonical(self.listed(server)), canonical(records))
        self.assertEqual(self.counts(self.run_import(server, path))['unchanged'], len(records))

    def test_a_broken_source_changes_nothing(self):
        server = self.stopped()
        path = self.source(server, of_all_kinds())
        with open(path, 'ab') as f:
            f.write(b'{"name":' + b'x' * 70000)
        before = self.digest(server)
        self.run_import(server, path, status=1)
        self.assertEqual(self.digest(server), before)

    def test_full_disk(self):
        """The new file does not get whole; the old one stands."""
        disk = Disk(24 << 20)
        self.addCleanup(disk.close)
        server = self.serve({'state directory': disk.path, 'wins:backup': '0'})
        with server.client() as host:
            self.assertTrue(host.register('BEFORE<20>').positive)
        server.stop()
        path = self.source(server, [record('H%05d' % i, OLD, 1 + i) for i in range(20000)])
        disk.fill(leave=1 << 20)
        before = os.listdir(disk.path)
        self.assertIn('No space left on device', self.run_import(server, path, status=1))
        self.assertEqual(os.listdir(disk.path), before)
        disk.free()
        server.start()
        self.assertEqual(set(self.held(server)), {'BEFORE<20>'})

    def test_an_old_source(self):
        server = self.stopped()
        path = self.source(server, [record('A')])
        os.utime(path, (time.time() - 9 * DAY,) * 2)
        self.assertRegex(self.run_import(server, path), r'was written 9 days ago')

    def test_killed_between_any_two_steps(self):
        """Whatever was done by then, a server starts: on the old file or the new one."""
        server = self.serve()
        with server.client() as host:
            self.assertTrue(host.register('BEFORE<20>').positive)
        server.stop()
        path = self.source(server, [record('CAME', OLD, 5)])
        with open(os.path.join(server.folder, 'wins.tdb'), 'rb') as f:
            old = f.read()
        found = set()
        for call in REPLACING:
            for nth in (1, 2):
                with open(os.path.join(server.folder, 'wins.tdb'), 'wb') as f:
                    f.write(old)
                env = dict(os.environ, ASAN_OPTIONS='detect_leaks=0')
                with server.network.entered():
                    done = subprocess.run(
                        ['strace', '-f', '-o', '/dev/null', '-e', 'trace=' + call, '-P',
                         os.path.join(server.folder, 'wins.tdb.import'), '-P',
                         os.path.join(server.folder, 'wins.tdb'),
                         '-e', 'inject=%s:signal=KILL:when=%d' % (call, nth),
                         os.path.join(harness.BUILD, 'bin', 'winsmigrate'), 'import',
                         '-s', server.config, path],
                        env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                        timeout=60)
                server.start()
                names = set(self.held(server))
                server.stop()
                self.assertIn('BEFORE<20>', names)
                found.add((done.returncode == 0, 'CAME<20>' in names))
        # some were killed before the file was in place, some behind
        self.assertLessEqual({(False, False), (False, True)}, found)


class Running(ImportCase):
    def test_all_kinds(self):
        server = self.serve()
        records = of_all_kinds()
        path = self.source(server, records)
        dry = self.run_import(server, path, '--dry-run')
        self.assertEqual(self.listed(server), [])
        self.assertEqual(self.undo_files(server), [])
        said = self.run_import(server, path)
        self.assertEqual(self.counts(dry), self.counts(said))
        self.assertEqual(canonical(self.listed(server)), canonical(records))
        [undo] = self.undo_files(server)
        self.assertIn('winsrepair undo ' + undo, said)
        said = self.run_import(server, path)
        self.assertEqual(self.counts(said)['unchanged'], len(records))
        self.assertEqual(self.undo_files(server), [undo])
        server.stop()
        server.start()
        self.assertEqual(canonical(self.listed(server)), canonical(records))

    def test_protected(self):
        server = self.serve()
        server.ctl('record', 'add', 'FIXED<20>', '10.0.0.9')
        path = self.source(server, [record('FIXED', US, 2 ** 40, '10.0.0.8', static=True),
                                    record('SPECWINS', OLD, 5)])
        said = self.run_import(server, path, status=4)
        self.assertEqual(self.counts(said)['skipped'], 2)
        self.assertIn('--yes imports those, too', said)
        said = self.run_import(server, path, '--yes')
        self.assertEqual(self.counts(said)['imported'], 2)

    def test_interrupted(self):
        """Ctrl-C ends behind a batch; the next run does the rest."""
        server = self.serve()
        total = 30000
        path = self.source(server, [record('H%05d' % i, OLD, 1 + i) for i in range(total)])
        argv = [os.path.join(harness.BUILD, 'bin', 'winsmigrate'), 'import', '-s', server.config,
                path]
        with server.network.entered():
            tool = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                    universal_newlines=True)
        said = ''
        for line in tool.stderr:
            said += line
            if 'what stood there' in line:
                tool.send_signal(signal.SIGINT)
                break
        said += tool.stderr.read()
        tool.stderr.close()
        self.assertEqual(tool.wait(), -signal.SIGINT, said)
        done = int(re.search(r'interrupted after (\d+) of', said).group(1))
        self.assertEqual(server.ctl('server', 'status')[0]['records'], done)
        self.assertLess(done, total)
        said = self.run_import(server, path)
        self.assertEqual((self.counts(said)['unchanged'], self.imported(said)),
                         (done, total - done))


class Undo(ImportCase):
    def test_undo(self):
        """Each to what it was: a record, another server's, nothing."""
        server = self.serve()
        server.ctl('record', 'add', 'FIXED<20>', '10.0.0.9')
        self.run_import(server, self.source(server, [record('FILES', OLD, 40, '10.0.0.7')]))
        before = self.listed(server)
        path = self.source(server, [record('FILES', OLD, 41), record('NEW', OLD, 42),
                                    record('MINE', None, 0), record('HOST', OLD, 43)])
        self.run_import(server, path, '--adopt')
        undo = self.undo_files(server)[-1]
        with server.client() as host:
            self.assertTrue(host.register('HOST<20>', '10.0.0.1').positive)
        during = self.listed(server)
        dry, _ = self.undo(server, undo, '--dry-run')
        self.assertEqual(self.listed(server), during)
        with open(undo, encoding='utf-8') as f:
            self.assertEqual(len(f.readlines()), 1 + 4)
        done, _ = self.undo(server, undo)
        self.assertEqual(dict(dry, dry_run=False), done)
        held = self.held(server)
        self.assertEqual(canonical([held['FILES<20>'], held['FIXED<20>']]), canonical(before))
        self.assertNotIn('NEW<20>', held)
        self.assertEqual(held['MINE<20>']['state'], 'tombstone')
        again, _ = self.undo(server, undo)
        self.assertEqual((again['unchanged'], again['skipped']), (4, 0))

    def test_undo_leaves_what_has_changed(self):
        server = self.serve()
        self.run_import(server, self.source(server, [record('FILES', OLD, 41, '10.0.0.7')]))
        [undo] = self.undo_files(server)
        with server.client() as host:
            self.assertTrue(host.register('FILES<20>', '127.0.0.21').positive)
        done, said = self.undo(server, undo, status=4)
        self.assertEqual(done['skipped'], 1)
        self.assertIn('has changed since', said)
        self.assertEqual(self.held(server)['FILES<20>']['owner'], US)
        server.stop()
        self.undo(server, undo, status=4)
        done, _ = self.undo(server, undo, '--yes')
        self.assertEqual(done['tombstoned'], 1)

    def test_undo_when_stopped(self):
        server = self.serve()
        self.run_import(server, self.source(server, [record('FILES', OLD, 40, '10.0.0.7')]))
        before = self.listed(server)
        self.run_import(server, self.source(server, [record('FILES', OLD, 41),
                                                     record('NEW', OLD, 42)]))
        server.stop()
        done, _ = self.undo(server, self.undo_files(server)[-1])
        self.assertEqual((done['restored'], done['deleted']), (1, 1))
        server.start()
        self.assertEqual(canonical(self.listed(server)), canonical(before))

    def test_the_undo_of_another_command(self):
        """Files without what came are read, too."""
        server = self.serve()
        self.run_import(server, self.source(server, [record('FILES', OLD, 41)]))
        before = self.listed(server)
        server.ctl('owner', 'delete', OLD, '--even-active', '--yes')
        self.assertEqual(self.listed(server), [])
        undo = [f for f in self.undo_files(server) if 'owner-delete' in f]
        done, _ = self.undo(server, undo[0])
        self.assertEqual(done['restored'], 1)
        self.assertEqual(canonical(self.listed(server)), canonical(before))


class Partners(ImportCase):
    def pair(self):
        first = self.serve({'wins:partners': PARTNER, 'wins:start wait': '0'}, bits=32)
        second = harness.Server(network=first.network, address=PARTNER, bits=32,
                                options={'wins:partners': US, 'netbios name': 'OTHER',
                                         'wins:start wait': '0'})
        self.addCleanup(second.close)
        return first, second.start()

    def test_replicate(self):
        first, second = self.pair()
        path = self.source(first, [record('MINE', None), record('THEIRS', OLD, 7)])
        told = '1 records become this server\'s, 1 of them with new version numbers: ' \
               'they replicate to 1 partner'
        said = self.run_import(first, path, '--adopt', '--dry-run')
        self.assertIn(told, said)
        said = self.run_import(first, path, '--adopt', status=6)
        self.assertIn(told, said)
        self.assertIn('--replicate', said)
        self.assertEqual((self.listed(first), self.undo_files(first)), ([], []))
        first.stop()
        self.run_import(first, path, '--adopt', status=6)
        first.start()
        self.assertEqual(self.listed(first), [])
        self.run_import(first, path, '--adopt', '--replicate')
        second.ctl('partner', 'pull', US)
        self.assertEqual({n: r['owner'] for n, r in self.held(second).items()},
                         {'MINE<20>': US})

    def test_far_versions(self):
        """Partners would take them for an accident: that is said before."""
        first, _second = self.pair()
        first.ctl('record', 'add', 'FIXED<20>', '10.0.0.9')
        path = self.source(first, [record('NEAR', US, 5000)])
        self.assertNotIn('quarantine', self.run_import(first, path, '--dry-run'))
        path = self.source(first, [record('FAR', US, 2 ** 40)])
        for _ in range(2):
            self.assertIn('reach %d, far above' % 2 ** 40,
                          self.run_import(first, path, '--dry-run'))
            if first.running():
                first.stop()

    def test_owners_adopt(self):
        first, _second = self.pair()
        path = self.source(first, [record('FIXED', OLD, 7, static=True)])
        self.run_import(first, path, '--owners', 'adopt', status=6)
        self.run_import(first, path, '--owners', 'adopt', '--replicate')
        self.assertEqual(self.held(first)['FIXED<20>']['owner'], US)
        self.run_import(first, path, '--owners', 'sell', status=2)


if __name__ == '__main__':
    unittest.main()
