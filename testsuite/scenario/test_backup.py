#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of a real winsd under load, by hand and by the calendar, and
`winsrepair restore`: what it refuses, what it keeps, and that no version
number comes twice. Expectations: design.md 2 "Version numbers", 4.2 to 4.4."""
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import threading
import unittest

import harness

NOBODY = 65534
NAME = re.compile(r'^wins-\d{8}-\d{6}(-\d+)?\.tdb$')
BLOCK, MARGIN = 4096, 500000   # versions go on after both, after the unknown
# control messages, typed from the head of source/codec/control.h
REQUEST, VERB, STATUS, OK, REFUSED = 1, 1, 64, 0, 4


def digest(folder):
    """Every file below the folder and what is in it, sockets left out."""
    found = {}
    for path, _, files in os.walk(folder):
        for name in files:
            file = os.path.join(path, name)
            if stat.S_ISREG(os.lstat(file).st_mode) and name != 'winsd.lock':
                with open(file, 'rb') as f:
                    found[file] = hashlib.sha256(f.read()).hexdigest()
    return found


def flip(path, text):
    """One bit of this text, which is in the file."""
    with open(path, 'r+b') as f:
        data = f.read()
        at = data.index(text)
        f.seek(at + 1)
        f.write(bytes([data[at + 1] ^ 0x04]))


class BackupCase(harness.Case):
    def register(self, server, *names):
        with server.client() as host:
            for name in names:
                self.assertTrue(host.register(name).positive, name)

    def backup(self, server):
        made, = server.ctl('server', 'backup')
        return made['path'], made['records']

    def version(self, server, name):
        return server.ctl('record', 'show', name)[0]['version']

    def names(self, server):
        return {'%s<%02x>' % (r['name'], r['suffix']) for r in server.ctl('record', 'list')}

    def restore(self, server, *words, status=0):
        done = server.tool('winsrepair', '-s', server.config, '--json', 'restore', *words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIsNone(harness.REPORT.search(done.stderr), done.stderr)
        return (json.loads(done.stdout) if done.stdout else None), done.stderr

    def kept(self, server, what):
        return sorted(os.path.join(server.folder, n) for n in os.listdir(server.folder)
                      if n.startswith(what + '.before-restore-'))

    def filled(self, *names, options=None, **how):
        """A server with some names and a backup of them, running."""
        server = self.serve(options, **how)
        self.register(server, *(names or ['ONE<20>', 'TWO<20>', 'THREE<20>']))
        return server, self.backup(server)[0]


class Backup(BackupCase):
    def test_what_it_says_and_leaves(self):
        server, path = self.filled()
        folder = os.path.join(server.folder, 'backup')
        self.assertEqual(os.path.dirname(path), folder)
        self.assertRegex(os.path.basename(path), NAME)
        self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        done = server.tool('winsctl', '-s', server.config, 'server', 'backup')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        second = re.match(r'path +(\S+)\nrecords +3\n$', done.stdout).group(1)
        self.assertNotEqual(second, path)
        self.assertEqual(sorted(os.listdir(folder)),
                         sorted(os.path.basename(p) for p in (path, second)))
        said, = server.ctl('server', 'status')
        self.assertEqual((said['store'], said['backup_failures']), ('ok', 0))
        self.assertLess(said['last_backup_age'], 60)
        self.assertGreater(said['database_bytes'], 0)
        stats, = server.ctl('server', 'stats')
        self.assertEqual((stats['backups_made'], stats['backups_failed']), (2, 0))
        self.assertGreater(stats['disk_batches'], 2)
        self.assertGreater(stats['disk_sync_usec'], 0)

    def test_another_program_finds_it_whole(self):
        _server, path = self.filled()
        done = subprocess.run(['tdbtool', path, 'check'], stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.STDOUT, universal_newlines=True)
        self.assertRegex(done.stdout, r'Database integrity is OK and has \d+ records')

    def test_under_load(self):
        """Four copies while names are registered: each has all that was
        acknowledged before it was asked for, and loads as a whole."""
        server = self.serve({'wins:source rate': '0'})
        acked, stop = [], threading.Event()

        def load():
            with server.client() as host:
                while not stop.is_set():
                    name = 'LOAD%05d<20>' % len(acked)
                    if host.register(name).positive:
                        acked.append(name)

        loader = threading.Thread(target=load)
        loader.start()
        copies = []
        try:
            while len(copies) < 4:
                wanted = 25 * (len(copies) + 1)
                while len(acked) < wanted:
                    server.ctl('server', 'status')
                before = len(acked)
                copies.append(self.backup(server) + (before, len(acked) + 1))
        finally:
            stop.set()
            loader.join()
        server.stop()
        for path, records, least, most in copies:
            self.assertGreaterEqual(records, least)
            self.assertLessEqual(records, most)
            said, _ = self.restore(server, path, '--yes')
            self.assertEqual(said['backup']['records'], records)
            server.start()
            self.assertEqual(self.names(server), set(('LOAD%05d<20>' % i) for i in range(records)))
            server.stop()

    def test_one_at_a_time(self):
        server, _ = self.filled()
        frame = struct.pack('BBBH', 1, REQUEST, VERB, 0)[:3] + struct.pack('>H', 13)
        frame = struct.pack('>I', len(frame) + 13) + frame + b'server backup'
        socks = []
        for _ in range(2):
            sock = socket.socket(socket.AF_UNIX)
            self.addCleanup(sock.close)
            sock.settimeout(harness.PATIENCE)
            sock.connect(os.path.join(server.folder, 'winsd.sock'))
            socks.append(sock)
        server.ctl('server', 'status')      # both are accepted by now
        os.kill(server.pid, signal.SIGSTOP)
        for sock in socks:
            sock.sendall(frame)
        os.kill(server.pid, signal.SIGCONT)
        got = []
        for sock in socks:
            head = sock.recv(4, socket.MSG_WAITALL)
            body = sock.recv(struct.unpack('>I', head)[0], socket.MSG_WAITALL)
            self.assertEqual(struct.unpack_from('>BH', body, 2), (STATUS, 8))
            got.append(struct.unpack_from('>Q', body, 5)[0])
        self.assertEqual(sorted(got), [OK, REFUSED])

    def test_a_folder_that_cannot_be_written(self):
        server = self.serve()
        with open(os.path.join(server.folder, 'backup'), 'w', encoding='ascii'):
            pass                            # no folder at all
        done = server.tool('winsctl', '-s', server.config, 'server', 'backup')
        self.assertEqual((done.returncode, done.stdout), (1, ''))
        self.assertIn(server.folder + '/backup', done.stderr)
        said, = server.ctl('server', 'status')
        self.assertEqual((said['state'], said['backup_failures']), ('running', 1))
        self.assertIn('/backup', said['backup_complaint'])
        self.register(server, 'STILL<20>')


class Calendar(BackupCase):
    def made(self, server, start=0):
        return [l for l in server.log.lines[start:] if re.search(r'backup \S+: \d+ records', l)]

    def test_so_many_are_kept(self):
        server = self.serve({'wins:backup': '1 2'})
        folder = os.path.join(server.folder, 'backup')
        while len(self.made(server)) < 4:
            self.assertIsNotNone(server.log.wait(r'backup \S+: ', start=len(server.log.lines)))
        with open(os.path.join(folder, 'wins-by-hand.tdb'), 'w', encoding='ascii'):
            pass
        server.configure({'wins:backup': '86400 2'})
        server.reload()
        done = None         # one may be under way: 6
        while done is None or done.returncode == 6:
            done = server.tool('winsctl', '-s', server.config, 'server', 'backup')
        self.assertEqual(done.returncode, 0, done.stderr)
        last = re.search(r'path +\S+/(\S+)', done.stdout).group(1)
        left = sorted(os.listdir(folder))
        self.assertEqual(len([n for n in left if NAME.match(n)]), 2)
        self.assertEqual(len(left), 3)
        self.assertIn(last, left)
        self.assertIsNotNone(server.ctl('server', 'status')[0]['next_backup'])
        server.configure({'wins:backup': '0'})
        server.reload()
        self.assertIsNone(server.ctl('server', 'status')[0]['next_backup'])
        self.backup(server)
        self.assertEqual(len(os.listdir(folder)), 4)

    def test_a_restart_does_not_move_it(self):
        server, path = self.filled(options={'wins:backup': '7200 3'})
        due = server.ctl('server', 'status')[0]['next_backup']
        for end in (server.stop, server.kill):
            end()
            server.start()
            said, = server.ctl('server', 'status')
            self.assertLessEqual(abs(self.seconds(said['next_backup']) - self.seconds(due)), 2)
            self.assertEqual(said['last_backup'][:10].replace('-', ''),
                             os.path.basename(path)[5:13])

    @staticmethod
    def seconds(text):
        return int(subprocess.run(['date', '-d', text, '+%s'], stdout=subprocess.PIPE,
                                  check=True).stdout)


class Restore(BackupCase):
    def test_it_is_back(self):
        server, path = self.filled()
        self.register(server, 'FOUR<20>', 'FIVE<20>')
        highest = self.version(server, 'FIVE<20>')
        server.stop()
        before = digest(server.folder)
        dry, noted = self.restore(server, path, '--dry-run')
        self.assertIn('nothing was changed', noted)
        self.assertEqual(digest(server.folder), before)
        said, _ = self.restore(server, path)
        for step in said['steps']:      # but for the second it was made in
            step.pop('to', None)
        for step in dry['steps']:
            step.pop('to', None)
        self.assertEqual(said, dry)
        self.assertEqual((said['backup']['records'], said['present']['records']), (3, 5))
        self.assertEqual(said['backup']['owner'], '127.0.0.11')
        self.assertEqual(said['versions_after'],
                         BLOCK + max(said[w]['versions_reserved'] for w in ('backup', 'present')))
        old, = self.kept(server, 'wins.tdb')
        self.assertEqual(digest(server.folder)[old], before[os.path.join(server.folder, 'wins.tdb')])
        self.assertEqual(digest(server.folder)[path], before[path])
        self.assertEqual([n for n in os.listdir(server.folder) if '.restore' in n], [])
        server.start()
        self.assertEqual(self.names(server), {'ONE<20>', 'TWO<20>', 'THREE<20>'})
        with server.client() as host:
            self.assertEqual(host.query('TWO<20>').addrs, ['127.0.0.21'])
            self.assertFalse(host.query('FOUR<20>').positive)
        self.register(server, 'SIX<20>')
        self.assertGreater(self.version(server, 'SIX<20>'), highest)
        self.assertEqual(self.version(server, 'SIX<20>'), said['versions_after'] + 1)

    def test_of_a_younger_backup(self):
        """The database was lost and begun anew: the backup's versions count."""
        server, _ = self.filled(options={'wins:source rate': '0'})
        # more than half a block: another one is reserved
        self.register(server, *['N%04d<20>' % n for n in range(BLOCK // 2)])
        path, records = self.backup(server)
        server.stop()
        os.unlink(os.path.join(server.folder, 'wins.tdb'))
        server.start()
        self.register(server, 'NEW<20>')
        server.stop()
        said, _ = self.restore(server, path)
        self.assertGreater(said['backup']['versions_reserved'],
                           said['present']['versions_reserved'])
        self.assertEqual(said['versions_after'], said['backup']['versions_reserved'] + BLOCK)
        server.start()
        self.assertEqual(len(self.names(server)), records)

    def test_after_a_crash(self):
        """The journal is part of what is kept, and of what is counted: the
        first version after a start reserves more of them."""
        server, path = self.filled()
        server.stop()
        server.start()
        self.register(server, 'FOUR<20>')
        highest = self.version(server, 'FOUR<20>')
        server.kill()
        journal = os.path.join(server.folder, 'wins.journal')
        self.assertTrue(os.path.exists(journal))
        before = digest(server.folder)
        self.restore(server, path, '--dry-run')
        self.assertEqual(digest(server.folder), before)
        said, _ = self.restore(server, path)
        self.assertEqual(said['present']['records'], 4)
        self.assertGreater(highest, said['backup']['versions_reserved'])
        self.assertGreater(said['versions_after'], said['present']['versions_reserved'])
        self.assertGreaterEqual(said['present']['versions_reserved'], highest)
        self.assertFalse(os.path.exists(journal))
        tdb, = self.kept(server, 'wins.tdb')
        left, = self.kept(server, 'wins.journal')
        # a journal that is nobody's, as when it ends before the last step
        shutil.copy(left, journal)
        server.start()
        self.assertEqual(self.names(server), {'ONE<20>', 'TWO<20>', 'THREE<20>'})
        self.register(server, 'SIX<20>')
        server.stop()
        # and the other way round: the pair, under its old names
        shutil.copy(tdb, os.path.join(server.folder, 'wins.tdb'))
        shutil.copy(left, journal)
        server.start()
        self.assertEqual(self.names(server), {'ONE<20>', 'TWO<20>', 'THREE<20>', 'FOUR<20>'})

    def test_what_is_there_is_damaged(self):
        server, path = self.filled()
        server.stop()
        database = os.path.join(server.folder, 'wins.tdb')
        flip(database, b'THREE')
        damaged = digest(server.folder)[database]
        said, noted = self.restore(server, path)
        self.assertIsNone(said['present'])
        self.assertIn('cannot be read: ' + database, noted)
        self.assertIn(str(MARGIN), noted)
        self.assertEqual(said['versions_after'], said['backup']['versions_reserved'] + MARGIN)
        self.assertEqual(digest(server.folder)[self.kept(server, 'wins.tdb')[0]], damaged)
        server.start()
        self.assertEqual(self.names(server), {'ONE<20>', 'TWO<20>', 'THREE<20>'})
        self.register(server, 'SIX<20>')
        self.assertEqual(self.version(server, 'SIX<20>'), said['versions_after'] + 1)

    def test_on_a_new_machine(self):
        """Nothing is there but the backup; not even the lock directory."""
        server, path = self.filled()
        server.stop()
        state = tempfile.mkdtemp(prefix='winsd-test-')
        self.addCleanup(shutil.rmtree, state, True)
        os.chown(state, NOBODY, NOBODY)
        os.chmod(state, 0o755)
        lock = os.path.join(state, 'run')
        other = harness.Server(folder=state, options={'lock directory': lock})
        self.addCleanup(other.close)
        said, _ = self.restore(other, path)
        self.assertIsNone(said['present'])
        self.assertEqual(said['versions_after'], said['backup']['versions_reserved'] + MARGIN)
        # what root made there is the server's
        for name in (lock, os.path.join(lock, 'winsd.lock'), os.path.join(state, 'wins.tdb')):
            found = os.stat(name)
            self.assertEqual((found.st_uid, found.st_gid), (NOBODY, NOBODY), name)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(state, 'wins.tdb')).st_mode), 0o600)
        other.notify = harness.Notify(state)
        os.chmod(other.notify.path, 0o777)      # as systemd's is
        other.start(['--user=nobody'], env={'ASAN_OPTIONS': 'detect_leaks=0'})
        self.assertEqual(self.names(other), {'ONE<20>', 'TWO<20>', 'THREE<20>'})

    def test_twice(self):
        server, path = self.filled()
        server.stop()
        first, _ = self.restore(server, path)
        for end in ('', '.part'):       # as an attempt leaves that was cut short
            shutil.copy(path, os.path.join(server.folder, 'wins.tdb.restore' + end))
        second, _ = self.restore(server, path)
        self.assertEqual(second['present']['versions_reserved'], first['versions_after'])
        self.assertEqual(second['versions_after'], first['versions_after'] + BLOCK)
        self.assertEqual(len(self.kept(server, 'wins.tdb')), 2)
        self.assertEqual([n for n in os.listdir(server.folder) if n.startswith('wins.tdb.restore')],
                         [])

    def test_people_read_it_too(self):
        server, path = self.filled()
        server.stop()
        done = server.tool('winsrepair', '-s', server.config, 'restore', path, '-n')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('backup   %s\n' % path, done.stdout)
        self.assertRegex(done.stdout, r'(?m)^records +3 +3$')
        self.assertRegex(done.stdout, r'(?m)^of this server +3 +3$')
        self.assertRegex(done.stdout, r'(?m)^owner address +127\.0\.0\.11 +127\.0\.0\.11$')
        self.assertRegex(done.stdout, r'(?m)^keep +\S+/wins\.tdb\n +as \S+\.before-restore-\d{8}-'
                         r'\d{6}$')
        self.assertNotIn('sync', done.stdout)


class Refused(BackupCase):
    """Each leaves every file as it was."""

    def refused(self, server, *words, status, says):
        before = digest(server.folder)
        _, noted = self.restore(server, *words, status=status)
        self.assertRegex(noted, says)
        self.assertEqual(digest(server.folder), before)
        return noted

    def test_while_the_server_runs(self):
        server, path = self.filled()
        for words in ([path], [path, '--dry-run'], [path, '--yes']):
            self.restore(server, *words, status=6)
        done = server.tool('winsrepair', '-s', server.config, 'restore', path)
        self.assertIn('winsctl server stop', done.stderr)
        self.assertIn(str(server.pid), done.stderr)
        self.register(server, 'FOUR<20>')

    def test_less_than_half(self):
        server, path = self.filled('ONE<20>', 'TWO<20>')
        self.register(server, 'THREE<20>', 'FOUR<20>')
        server.stop()
        self.restore(server, path, '-n')        # half is not less
        server.start()
        self.register(server, 'FIVE<20>')
        server.stop()
        self.refused(server, path, status=6, says=r'2 records, less than half of the 5\b')
        self.refused(server, path, '-n', status=6, says='--yes')
        self.restore(server, path, '--yes')

    def test_of_another_server(self):
        other, path = self.filled(address='127.0.0.12')
        other.stop()
        server, _ = self.filled()
        server.stop()
        self.refused(server, path, status=6, says=r'127\.0\.0\.12, this one is 127\.0\.0\.11')
        self.restore(server, path, '--yes')

    def test_a_copy_without_its_journal(self):
        server, _ = self.filled()
        self.register(server, 'FOUR<20>')
        server.kill()
        raw = os.path.join(server.folder, 'copied.tdb')
        shutil.copy(os.path.join(server.folder, 'wins.tdb'), raw)
        self.refused(server, raw, status=6, says='journal')
        said, _ = self.restore(server, raw, '--yes')
        self.assertGreaterEqual(said['backup']['records'], 3)
        server.start()

    def test_damaged(self):
        server, path = self.filled()
        server.stop()
        for place in (b'ONE', b'TWO', b'versions-reserved', b'records'):
            bad = os.path.join(server.folder, 'bad.tdb')
            shutil.copy(path, bad)
            flip(bad, place)
            noted = self.refused(server, bad, '--yes', status=7, says='bad.tdb')
            self.assertIn('nothing was changed', noted)
        for size in (0, 100, 200000):
            shutil.copy(path, bad)
            os.truncate(bad, size)
            self.refused(server, bad, '--yes', status=7, says='bad.tdb')
        with open(bad, 'w', encoding='ascii') as f:
            f.write('[global]\n' * 1000)
        self.refused(server, bad, '--yes', status=7, says='bad.tdb')

    def test_wrong_words(self):
        server, path = self.filled()
        server.stop()
        self.refused(server, path + '-none', status=3, says='no such file')
        self.refused(server, os.path.join(server.folder, 'wins.tdb'), status=2, says='itself')
        self.refused(server, server.folder, status=7, says='not a regular file')
        for words, text in ([], 'restore needs FILE'), (['a', 'b'], "'b' is too much"):
            done = server.tool('winsrepair', '-s', server.config, 'restore', *words)
            self.assertEqual(done.returncode, 2)
            self.assertIn(text, done.stderr)
        done = server.tool('winsrepair', 'restroe', path)
        self.assertEqual(done.returncode, 2)
        self.assertIn("did you mean 'restore'", done.stderr)
        done = server.tool('winsrepair')
        self.assertEqual((done.returncode, done.stdout), (2, ''))
        done = server.tool('winsrepair', '-s', '/nonexistent', 'restore', path)
        self.assertEqual(done.returncode, 1)

    def test_no_room(self):
        """The copy does not fit: the old database stands, nothing is left."""
        server, path = self.filled()
        server.stop()
        small = tempfile.mkdtemp(prefix='winsd-test-')
        self.addCleanup(shutil.rmtree, small, True)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=%d' %
                        (os.path.getsize(path) * 3 // 2), 'none', small], check=True)
        self.addCleanup(subprocess.run, ['umount', small], check=True)
        shutil.copy(path, os.path.join(small, 'wins.tdb'))
        other = harness.Server(folder=small)
        self.addCleanup(other.close)
        _, noted = self.restore(other, path, status=1)
        self.assertIn(os.strerror(28), noted)
        self.assertEqual(sorted(n for n in os.listdir(small) if 'wins' in n),
                         ['wins.tdb', 'winsd.lock'])


if __name__ == '__main__':
    unittest.main()
