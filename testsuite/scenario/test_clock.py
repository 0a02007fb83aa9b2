#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wall clock does what it likes, a real winsd does not care (design.md
section 2 "Ageing"): it is off for ten days, its machine boots without a clock,
somebody sets the clock while it runs. Names registered before are answered
after, nothing is released, versions go on, timers fire as ever.

wallclock.c gives winsd a wall clock that can be set; a time namespace gives it
a machine that was booted at another time. More clocks, and the years between,
are in testsuite/unit/serve/test_alive.c.
"""
import datetime
import json
import mmap
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness

HOUR, DAY = 3600, 86400
LIFE = 300000           # s that clients ask for, as Windows does
CAP = LIFE // 4         # of time off, records age by so much at most
NAMES = 300             # more than the guard lets go at once

# Run a command on a machine that was booted so many seconds earlier.
BOOTED = r'''
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x80) != 0:     # CLONE_NEWTIME: for children
    raise OSError(ctypes.get_errno(), 'unshare')
with open('/proc/self/timens_offsets', 'w') as f:
    f.write('boottime %s 0\n' % sys.argv[1])
child = os.fork()
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda n, _: os.kill(child, n))
status = os.waitpid(child, 0)[1]
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 70)
'''


def seconds(text):
    """An RFC 3339 time as seconds since the epoch."""
    when = datetime.datetime.strptime(text, '%Y-%m-%dT%H:%M:%SZ')
    return int(when.replace(tzinfo=datetime.timezone.utc).timestamp())


def work(pid):
    """Clock ticks and waits of a process so far: what a storm would raise."""
    with open('/proc/%d/stat' % pid, encoding='ascii') as f:
        ticks = sum(int(n) for n in f.read().rsplit(')', 1)[1].split()[11:13])
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        waits = int(re.search(r'^voluntary_ctxt_switches:\s*(\d+)', f.read(), re.M).group(1))
    return ticks, waits


class WallClock:
    """The clock of wallclock.c: real time, plus what is set here."""

    def __init__(self, folder):
        self.path = os.path.join(folder, 'wallclock')
        self.library = os.path.join(folder, 'wallclock.so')
        subprocess.run(['gcc', '-shared', '-fPIC', '-O1', '-D_GNU_SOURCE', '-o', self.library,
                        os.path.join(harness.HERE, 'wallclock.c')], check=True)
        with open(self.path, 'w+b') as f:
            f.write(bytes(8))
            f.flush()
            self.map = mmap.mmap(f.fileno(), 8)
        os.chmod(self.path, 0o644)
        self.ahead = 0

    def set(self, ahead):
        """So many seconds ahead of the real time; negative is behind."""
        self.ahead = ahead
        self.map[:] = struct.pack('=q', ahead * 1000000)

    def now(self):
        return time.time() + self.ahead

    def env(self):
        return {'LD_PRELOAD': self.library, 'WALLCLOCK': self.path}


class Clock(harness.Case):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix='winsd-clock-')
        self.addCleanup(self.folder.cleanup)
        os.chmod(self.folder.name, 0o755)
        self.clock = WallClock(self.folder.name)
        self.names = ['N%03d<20>' % i for i in range(NAMES)]
        self.server = harness.Server()
        self.addCleanup(self.server.close)

    def start(self, booted=None):
        self.server.prefix = []
        if booted is not None:
            self.server.prefix = [sys.executable, '-c', BOOTED, str(booted)]
        self.server.start(env=self.clock.env())

    def register_all(self):
        with self.server.client() as host:
            for name in self.names:
                self.assertTrue(host.register(name, ttl=LIFE).positive)

    def assert_alive(self):
        """All are answered, none was released, and none will be."""
        with self.server.client() as host:
            self.assertEqual([n for n in self.names if not host.query(n).positive], [])
        status, = self.server.ctl('server', 'status')
        self.assertEqual((status['active'], status['released'], status['tombstones']),
                         (NAMES, 0, 0))
        self.assertNotIn('stopped', status['scavenging'])
        done, = self.server.ctl('server', 'scavenge')
        self.assertEqual(done['changed'], 0)
        stats, = self.server.ctl('server', 'stats')
        self.assertEqual((stats['scavenged'], stats['scavenging_stopped']), (0, 0))

    def expires(self, name='N000<20>'):
        return seconds(self.server.ctl('record', 'show', name)[0]['expires'])

    def highest(self):
        return max(r['version'] for r in self.server.ctl('record', 'list'))

    # -- off

    def off_and_on(self, ahead, booted, kill=False):
        """Registered, off, the clock stands elsewhere, on: all are alive."""
        self.start()
        self.register_all()
        highest = self.highest()
        if kill:
            self.server.kill()
        else:
            self.server.stop()
        self.clock.set(ahead)
        self.start(booted)
        self.assert_alive()
        with self.server.client() as host:
            self.assertTrue(host.refresh('N000<20>', ttl=LIFE).positive)
            self.assertEqual(self.highest(), highest)       # 2.7: a refresh raises none
            self.assertTrue(host.register('NEW<20>', ttl=LIFE).positive)
        self.assertGreater(self.highest(), highest)
        status, = self.server.ctl('server', 'status')
        self.assertEqual(status['settled_version'], self.highest())
        # people see times of the clock they have
        self.assertAlmostEqual(self.expires('NEW<20>'), self.clock.now() + LIFE, delta=60)
        self.assertAlmostEqual(seconds(status['started']), self.clock.now(), delta=120)

    def test_off_for_ten_days(self):
        self.off_and_on(10 * DAY, 5 * DAY)
        self.assertIsNotNone(self.server.log.find(r'last alive 8640\d\d s ago.* age by 75000 s'))
        # what was not refreshed has aged by the cap
        self.assertAlmostEqual(self.expires('N001<20>'), self.clock.now() + LIFE - CAP, delta=120)

    def test_killed_and_off_for_three_years(self):
        self.off_and_on(3 * 365 * DAY, 5 * DAY, kill=True)

    def test_clock_set_back_while_off(self):
        self.off_and_on(-30 * DAY, 5 * DAY)
        self.assertIsNotNone(self.server.log.find('behind the moment .* last alive'))

    def test_machine_without_a_clock(self):
        """Booted in 1970; later the time comes from the network."""
        self.off_and_on(100 - int(time.time()), 3 * DAY)
        self.clock.set(0)
        self.names.append('NEW<20>')
        with self.server.client() as host:
            self.assertTrue(host.query('N001<20>').positive)
        self.assertAlmostEqual(self.expires('N000<20>'), time.time() + LIFE, delta=120)

    def test_set_before_a_clean_end(self):
        """The end is written down: the step is no time off."""
        self.start()
        self.register_all()
        before = self.expires()
        self.clock.set(HOUR)
        self.server.stop()
        self.start()
        self.assert_alive()
        self.assertAlmostEqual(self.expires(), before + HOUR, delta=5)

    # -- set while it runs

    def test_set_while_it_runs(self):
        self.start()
        self.register_all()
        expires, highest, told = self.expires(), self.highest(), 0
        due = seconds(self.server.ctl('server', 'status')[0]['next_scavenging'])
        for ahead in (1, HOUR, HOUR - 1, 0, 30 * DAY, -30 * DAY, 2**31 - int(time.time()),
                      2**32 - int(time.time()), 0):
            with self.subTest(ahead):
                before = self.clock.ahead
                self.clock.set(ahead)
                status, = self.server.ctl('server', 'status')
                shown = seconds(status['next_scavenging']) - due
                self.assertLessEqual(abs(shown - ahead), 2)
                self.assertEqual(self.expires() - expires, shown)
                self.assert_alive()
                due = seconds(self.server.ctl('server', 'status')[0]['next_scavenging']) - shown
                self.assertEqual(self.highest(), highest)
                told += abs(ahead - before) > 2
                steps = [l for l in self.server.log.lines if 'the wall clock was set' in l]
                self.assertEqual(len(steps), told)
                self.assertEqual(self.server.ctl('server', 'stats')[0]['clock_steps'], told)

    def test_no_storm_of_timers(self):
        """Of ten steps in a second nothing is heard: the server sleeps on."""
        self.start()
        self.register_all()
        self.server.wait_own_names()
        ticks, waits = work(self.server.pid)
        with self.server.client() as host:
            for ahead in (HOUR, -HOUR, 30 * DAY, -30 * DAY, 0) * 2:
                self.clock.set(ahead)
                host.silent(0.1)
        after = work(self.server.pid)
        self.assertLess(after[0] - ticks, 50)
        self.assertLess(after[1] - waits, 100)
        self.assert_alive()

    def test_the_clock_is_really_another(self):
        """Or all of this shows nothing: the log's own times follow it."""
        self.clock.set(10 * 365 * DAY)
        self.start()
        year = time.gmtime(self.clock.now()).tm_year
        self.assertIsNotNone(self.server.log.find(r'^%d[-/]' % year), self.server.log.text())


class Guard(harness.Case):
    """winsctl and the guard against mass release: 20 % and over 100."""

    def scavenge(self, server, *words, status=0):
        done = server.tool('winsctl', '-s', server.config, '--json', 'server', 'scavenge', *words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stderr if status else json.loads(done.stdout)

    def expired(self):
        """A server with 150 names that nobody refreshed in time."""
        server = self.serve({'min wins ttl': '1'})
        with server.client() as host:
            for i in range(150):
                self.assertTrue(host.register('N%03d<20>' % i, ttl=1).positive)
            while host.query('N149<20>').positive:
                host.silent(0.1)
        return server

    def test_an_operator_is_asked(self):
        server = self.expired()
        for words in (['--dry-run'], [], ['--now']):
            said = self.scavenge(server, *words, status=6)
            self.assertIn('150 of 150', said)
            self.assertIn('--force', said)
        self.assertIsNotNone(server.log.find('error.*winsctl server scavenge --force'))
        status, = server.ctl('server', 'status')
        self.assertEqual(status['scavenging'],
                         'stopped, would release 150 of 150 (winsctl server scavenge --force)')
        self.assertEqual((status['active'], status['released']), (150, 0))
        with server.client() as host:
            self.assertTrue(host.query('N000<20>').positive)
            would = self.scavenge(server, '--force', '--dry-run')
            self.assertTrue(host.query('N000<20>').positive)
            self.assertEqual(would, self.scavenge(server, '--force'))
            self.assertEqual((would['changed'], would['released']), (150, 150))
            self.assertFalse(host.query('N000<20>').positive)
        status, = server.ctl('server', 'status')
        self.assertEqual((status['scavenging'], status['released']), ('waiting', 150))

    def test_hosts_come_back(self):
        server = self.expired()
        self.scavenge(server, status=6)
        with server.client() as host:
            for i in range(50):
                self.assertTrue(host.refresh('N%03d<20>' % i, ttl=LIFE).positive)
        self.assertEqual(self.scavenge(server)['released'], 100)
        self.assertEqual(server.ctl('server', 'status')[0]['scavenging'], 'waiting')

    def test_after_a_crash(self):
        """The guard stands again before anybody asks for a name."""
        server = self.expired()
        server.kill()
        server.start()
        with server.client() as host:
            self.assertTrue(host.query('N000<20>').positive)
        self.assertIsNotNone(server.log.wait('error.*winsctl server scavenge --force'))
        with server.client() as host:
            self.assertTrue(host.query('N000<20>').positive)


if __name__ == '__main__':
    unittest.main()
