#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real winsd on a real file system that is full, or whose disk fails.

The file system is an ext4 image of a few megabytes behind a loop device. To
make its disk fail the image lies on a second one, which the kernel shuts down:
what the first then wants to sync is answered with EIO, as by a disk that died,
and a start on it later finds what a power cut would have left. No call is
faked. (Single failed calls: testsuite/unit/store/.)

A machine without loop devices has a tmpfs of the same size fill up instead;
it says so, and cannot show a failing disk, which is then an error.
"""
import errno
import fcntl
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import nbclient

MIB, GIB = 1 << 20, 1 << 30
EXT4_IOC_SHUTDOWN = 0x8004587d  # linux/ext4.h; 2: nothing is flushed before
HOST = '127.0.0.21'
LIFE = 300000                   # s, as Windows asks for
WINDOW = 128                    # outstanding; far below wins:burst threshold

FULL = r'wins\.tdb: the disk is full'
SPACE = r'wins\.tdb: there is space on the disk again'
READONLY = r'wins\.tdb: writing failed'
UNDONE = r'turn could not be made durable'      # that is the same once more
STAYS = r'wins\.journal stays: .*wins\.tdb'
NO_SPACE = os.strerror(errno.ENOSPC)
GROWN, TOO_LARGE = r'wins\.tdb has grown .*before', r'wins\.tdb has grown .*: new names are refused'


def run(*argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True, check=False)
    if done.returncode != 0:
        raise OSError('%s: %s' % (' '.join(argv), done.stdout))


def names(letter, count=10**6):
    return ('%s%06d<20>' % (letter, i) for i in range(count))


def registration(trn_id, name):
    return nbclient.build_change(nbclient.REGISTER, name, HOST, trn_id, LIFE)


class Disk:
    """A file system of its own with so many bytes, below a new folder."""

    def __init__(self, size, folder=None):
        self.home = tempfile.mkdtemp(prefix='winsd-disk-', dir=folder)
        self.path = os.path.join(self.home, 'disk')
        self.image = os.path.join(self.home, 'image')
        self.ballast = os.path.join(self.path, 'ballast')
        self.is_mounted = False
        self.has_device = True
        os.mkdir(self.path)
        with open(self.image, 'wb') as f:
            os.posix_fallocate(f.fileno(), 0, size)
        run('mkfs.ext4', '-q', '-b', '4096', '-m', '0', '-E', 'root_owner=0:0', self.image)
        try:
            self.mount()
        except OSError as error:
            print('no loop device, a tmpfs in its place: %s' % error, file=sys.stderr)
            run('mount', '-t', 'tmpfs', '-o', 'size=%d' % size, 'none', self.path)
            self.is_mounted = True
            self.has_device = False

    def mount(self):
        run('mount', '-o', 'loop', self.image, self.path)
        self.is_mounted = True

    def umount(self):
        if self.is_mounted:
            run('umount', self.path)
            self.is_mounted = False

    def shut_down(self):
        """From now on it answers everything with EIO, until mounted again."""
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack('I', 2))
        finally:
            os.close(fd)

    def close(self):
        self.umount()
        shutil.rmtree(self.home, ignore_errors=True)    # one that fails keeps it

    def left(self):
        seen = os.statvfs(self.path)
        return seen.f_bavail * seen.f_frsize

    def fill(self, leave=0):
        """Take all the room there is but this much."""
        with open(self.ballast, 'ab') as f:
            piece = MIB
            while piece >= 4096:
                try:
                    if self.left() - leave < piece:
                        raise OSError(errno.ENOSPC, 'enough')
                    os.posix_fallocate(f.fileno(), f.tell(), piece)
                    f.seek(0, os.SEEK_END)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    piece //= 2

    def free(self):
        os.unlink(self.ballast)


class DiskCase(harness.Case):
    def disk(self, size, folder=None):
        disk = Disk(size, folder)
        self.addCleanup(disk.close)
        return disk

    def on(self, disk, options=None):
        """A server whose files lie there, and only those."""
        return self.serve(dict({'state directory': disk.path, 'wins:source rate': '0',
                                'wins:backup': '0'}, **(options or {})))

    def load(self, server, names):
        """Register until the first refusal: (names acknowledged, refused)."""
        names, asked, acked, tries = iter(names), {}, [], 10
        with server.client(HOST) as host:
            while True:
                while len(asked) < WINDOW:
                    name = next(names, None)
                    if name is None:
                        break
                    asked[host.new_id()] = name
                    host.send(registration(host.next_id, name))
                if not asked:
                    return acked, False
                try:
                    reply = host.recv_message()
                except nbclient.Timeout:
                    # the turn that met the end was dropped: they ask again
                    tries -= 1
                    self.assertGreater(tries, 0, server.log.text())
                    for trn_id, name in asked.items():
                        host.send(registration(trn_id, name))
                    continue
                if reply.rcode == nbclient.SRV_ERR:
                    return acked, True
                self.assertEqual((reply.rcode, reply.ttl), (0, LIFE))
                acked.append(asked.pop(reply.trn_id))

    def assert_names(self, server, acked):
        """All are there with their address; the highest version of any."""
        records = server.ctl('record', 'list')
        held = {'%s<%02X>' % (r['name'], r['suffix']) for r in records
                if [a['ip'] for a in r['addresses']] == [HOST]}
        lost = sorted(set(acked) - held)
        self.assertEqual((len(lost), lost[:5]), (0, []))
        with server.client(HOST) as host:
            self.assertEqual([n for n in acked[::97] if host.query(n).addrs != [HOST]], [])
        versions = [r['version'] for r in records]
        self.assertEqual(len(set(versions)), len(versions))
        return max(versions)

    def assert_refuses(self, server, known, state):
        """Changes fail at once, the rest is as ever; winsctl tells why."""
        with server.client(HOST) as host:
            # the first may be the one that finds out, and is dropped
            self.assertEqual(host.register('FRESH<20>', tries=20).rcode, nbclient.SRV_ERR)
            for opcode, name in ((nbclient.REGISTER, 'FRESH<20>'), (nbclient.REGISTER, known),
                                 (nbclient.REFRESH, known), (nbclient.RELEASE, known)):
                change, query = host.new_id(), host.new_id()
                host.send(nbclient.build_change(opcode, name, HOST, change))
                host.send(nbclient.build_query(known, query))
                first, second = host.recv_message(), host.recv_message()
                # at once: what waits for a disk would come after a query's
                self.assertEqual((first.trn_id, first.rcode), (change, nbclient.SRV_ERR))
                self.assertEqual((second.trn_id, second.addrs), (query, [HOST]))
            self.assertTrue(host.status().names)
            self.assertEqual(host.query('FRESH<20>').rcode, nbclient.NAM_ERR)
        status, = server.ctl('server', 'status')
        self.assertEqual((status['state'], status['store']), (state, state))
        return status

    def said(self, server, pattern, level):
        lines = [l for l in server.log.lines if re.search(pattern, l)]
        for line in lines:
            self.assertIn(level, line)
        return len(lines)

    def assert_taken(self, server, name):
        with server.client(HOST) as host:
            self.assertTrue(host.register(name, tries=20).positive)


class Full(DiskCase):
    def test_filled_by_others(self):
        """Full, killed, started while full, free again, killed again."""
        disk = self.disk(24 * MIB)
        server = self.on(disk)
        before, refused = self.load(server, names('A', 500))
        self.assertFalse(refused)
        disk.fill()
        during, refused = self.load(server, names('B'))
        self.assertTrue(refused)
        self.assert_refuses(server, before[0], 'full')
        self.assertEqual(self.said(server, FULL, 'error'), 1)
        self.assertEqual(self.said(server, UNDONE, ''), 0)
        highest = self.assert_names(server, before + during)
        done = server.tool('winsctl', '-s', server.config, 'server', 'backup')
        self.assertEqual(done.returncode, 1)
        self.assertIn('not enough room', done.stderr)
        self.assertEqual(os.listdir(os.path.join(disk.path, 'backup')), [])

        server.kill()
        disk.fill()
        server.start()
        self.assert_names(server, before + during)
        self.assert_refuses(server, before[0], 'full')
        self.assertEqual(self.said(server, FULL, 'error'), 1)

        disk.free()
        self.assertIsNotNone(server.log.wait(SPACE))
        self.assert_taken(server, 'FRESH<20>')
        self.assertEqual(self.said(server, SPACE, 'notice'), 1)
        self.assertEqual(server.ctl('server', 'status')[0]['store'], 'ok')
        self.assertGreater(self.assert_names(server, before + during + ['FRESH<20>']), highest)
        server.kill()
        server.start()
        self.assert_names(server, before + during + ['FRESH<20>'])

    def test_filled_by_names(self):
        """It registers until nothing more goes in, and goes on with room."""
        disk = self.disk(24 * MIB)
        disk.fill(leave=12 * MIB)
        server = self.on(disk)
        acked, refused = self.load(server, names('A'))
        self.assertTrue(refused)
        self.assert_refuses(server, acked[0], 'full')
        self.assert_names(server, acked)
        disk.free()
        self.assertIsNotNone(server.log.wait(SPACE))
        more, refused = self.load(server, names('B', 2000))
        self.assertFalse(refused)
        self.assertEqual(self.said(server, FULL, 'error'), 1)
        self.assertEqual(self.said(server, SPACE, 'notice'), 1)
        server.stop()
        self.assertFalse(os.path.exists(os.path.join(disk.path, 'wins.journal')))
        server.start()
        self.assert_names(server, acked + more)

    def test_in_the_journal_alone(self):
        """Not even the reserve is left: wins.tdb cannot grow by a byte."""
        disk = self.disk(24 * MIB)
        server = self.on(disk)
        before, _ = self.load(server, names('A', 500))
        database = os.path.join(disk.path, 'wins.tdb')
        os.unlink(os.path.join(disk.path, 'wins.reserve'))
        disk.fill()
        size = os.path.getsize(database)
        during, refused = self.load(server, names('B'))
        self.assertTrue(refused)
        status = self.assert_refuses(server, before[0], 'full')
        self.assertEqual(os.path.getsize(database), size)
        self.assertGreater(status['journal_bytes'], 0)
        highest = self.assert_names(server, before + during)
        server.kill()
        server.start()
        self.assert_names(server, before + during)
        self.assert_refuses(server, before[0], 'full')
        server.stop()
        self.assertEqual(self.said(server, STAYS, 'warning'), 1)
        server.start()
        self.assert_names(server, before + during)
        self.assert_refuses(server, before[0], 'full')
        disk.free()
        self.assertIsNotNone(server.log.wait(SPACE))
        self.assert_taken(server, 'FRESH<20>')
        server.stop()
        self.assertFalse(os.path.exists(os.path.join(disk.path, 'wins.journal')))
        server.start()
        self.assertGreater(self.assert_names(server, before + during + ['FRESH<20>']), highest)


class Failing(DiskCase):
    def setUp(self):
        self.below = self.disk(48 * MIB)
        self.assertTrue(self.below.has_device, 'a tmpfs does not fail')
        self.upper = self.disk(24 * MIB, self.below.path)

    def mend(self):
        """Another machine start: what was synced is there."""
        self.upper.umount()
        self.below.umount()
        self.below.mount()
        self.upper.mount()

    def under_load(self):
        """Registrations, and the disk fails among them."""
        for i, name in enumerate(names('B')):
            if i == 2000:
                self.below.shut_down()
            yield name

    def test_read_only(self):
        server = self.on(self.upper)
        before, _ = self.load(server, names('A', 500))
        during, refused = self.load(server, self.under_load())
        self.assertTrue(refused)
        self.assertGreater(len(during), 1000)
        self.assert_refuses(server, before[0], 'read-only')
        highest = self.assert_names(server, before + during)
        self.assertEqual(self.said(server, READONLY, 'error'), 1)
        self.assertEqual(self.said(server, UNDONE, ''), 0)
        server.stop()
        self.assertEqual(self.said(server, STAYS, 'warning'), 1)
        self.mend()
        server.start()
        self.assert_names(server, before + during)
        self.assert_taken(server, 'FRESH<20>')
        self.assertGreater(self.assert_names(server, before + during + ['FRESH<20>']), highest)


class First(DiskCase):
    """A first start without the room for it ends, and says what is missing."""

    def ended(self, leave):
        disk = self.disk(24 * MIB)
        disk.fill(leave)
        server = harness.Server(options={'state directory': disk.path})
        self.addCleanup(server.close)
        try:
            server.start()
        except AssertionError as error:
            self.assertIsNone(server.process)
            return str(error)
        self.assertEqual(harness.wait_process(server.process, harness.PATIENCE), 1)
        log = server.log
        server.kill()
        return log.text()

    def test_for_the_database(self):
        self.assertRegex(self.ended(0), 'wins.tdb.*' + NO_SPACE)

    def test_for_the_journal(self):
        self.assertRegex(self.ended(5 * MIB), 'error: ending: .*wins.tdb: ' + NO_SPACE)


class Large(DiskCase):
    def test_near_the_end_of_the_offsets(self):
        """A sparse file is as long as a real one, and holds no less."""
        server = self.serve({'wins:backup': '0'})
        database = os.path.join(server.folder, 'wins.tdb')
        self.assert_taken(server, 'KNOWN<20>')
        backup = server.ctl('server', 'backup')[0]['path']
        server.stop()

        os.truncate(database, 3 * GIB + 200 * MIB)
        server.start()
        self.assert_taken(server, 'MORE<20>')
        self.assertEqual(self.said(server, GROWN, 'warning'), 1)
        self.assertEqual(self.said(server, TOO_LARGE, 'error'), 0)
        server.stop()

        os.truncate(database, 4 * GIB - 200 * MIB)
        server.start()
        with server.client(HOST) as host:
            for name in ('NEW<20>', 'NEWER<20>'):
                self.assertEqual(host.register(name).rcode, nbclient.SRV_ERR)
            for change in host.register, host.refresh:
                self.assertEqual(change('KNOWN<20>').rcode, 0)
            self.assertEqual(host.release('MORE<20>').rcode, 0)
            self.assertEqual(host.query('KNOWN<20>').addrs, [HOST])
        self.assertEqual(self.said(server, TOO_LARGE, 'error'), 1)
        server.stop()

        # what the log advises; the backup is as long as the file was
        os.truncate(backup, 4 * GIB - 200 * MIB)
        done = server.tool('winsrepair', '-s', server.config, 'restore', backup, '--yes')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLess(os.path.getsize(database), 16 * MIB)
        server.start()
        self.assert_taken(server, 'NEW<20>')
        self.assertEqual(self.said(server, GROWN, 'warning'), 0)
        with server.client(HOST) as host:
            self.assertEqual(host.query('KNOWN<20>').addrs, [HOST])


if __name__ == '__main__':
    unittest.main()
