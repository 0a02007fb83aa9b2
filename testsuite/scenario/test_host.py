#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""winsd as a process: start, refuse, tell, reload, drop privileges, follow
the machine's addresses, end. What it answers on the wire is tested elsewhere.

Expectations: design.md 3 and 4.2 to 4.4, sd_notify(3), capabilities(7).
"""
import contextlib
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import nbclient
from network import Network

NOBODY = 65534
NET_BIND_SERVICE = 1 << 10
IP_FREEBIND = 15
HOLDER = '''
import socket, sys, time
open('/proc/self/comm', 'w').write('nmbd')
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.11', 137))
print('bound', flush=True)
time.sleep(600)
'''


def winsd():
    return os.path.join(harness.BUILD, 'bin', 'winsd')


def status_of(pid):
    """/proc/PID/status as a dictionary."""
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        return dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)


def wait_end(pid, seconds=harness.PATIENCE):
    """True when the process, of whatever parent, has ended."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([pidfd], [], [], seconds)[0])
    finally:
        os.close(pidfd)


class HostCase(harness.Case):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='winsd-host-')
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.network = Network()
        self.addCleanup(self.network.close)

    def server(self, options=None, **how):
        """Configured, not started; ended and judged after the test."""
        server = harness.Server(network=self.network, folder=self.folder,
                                options=options, **how)
        self.addCleanup(server.close)
        return server

    def refused(self, server, *words, env=None):
        """Start it in vain: what it says; it must end with 1."""
        with self.network.entered():
            done = subprocess.run([winsd(), '-i', '-s', server.config] + list(words),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, universal_newlines=True, check=False,
                                  env=dict(os.environ, **(env or {})), timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIsNone(harness.REPORT.search(done.stdout), done.stdout)
        return done.stdout

    def ask(self, address, source=None):
        """A node status from there: does the name service answer?"""
        with self.network.entered():
            client = harness.nbclient.Client(address, source=source or address)
        with client:
            return client.query('NOBODY<20>')


class Start(HostCase):
    def test_foreground_without_root(self):
        """A copy of the tree, as nobody, on a port of its own."""
        for name in ('bin/winsd', 'modules/wins.so'):
            target = os.path.join(self.folder, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(os.path.join(harness.BUILD, name), target)
        server = self.server({'nbt port': '10137'})
        for path, _, files in os.walk(self.folder):
            for name in [path] + [os.path.join(path, f) for f in files]:
                os.chown(name, NOBODY, NOBODY)
        with self.network.entered():
            process = subprocess.Popen(
                [os.path.join(self.folder, 'bin', 'winsd'), '-i', '-s', server.config],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                user=NOBODY, group=NOBODY, extra_groups=[])
        log = harness.Log(process.stdout)
        self.addCleanup(process.stdout.close)
        self.addCleanup(log.thread.join)
        self.addCleanup(process.kill)
        self.assertIsNotNone(log.wait(r'serving 127\.0\.0\.11:10137'), log.text())
        self.assertIsNotNone(log.wait(r'winsd \S+ running'), log.text())
        with self.network.entered():
            client = harness.nbclient.Client('127.0.0.11', port=10137, source='127.0.0.21')
        with client:
            self.assertTrue(client.register('ALICE<20>').positive)
        state = status_of(process.pid)
        self.assertEqual(int(state['CapPrm'], 16), 0)
        self.assertEqual(state['NoNewPrivs'], '1')
        process.terminate()
        self.assertEqual(process.wait(harness.PATIENCE), 0, log.text())

    def test_port_in_use_names_the_holder(self):
        holder = self.network.popen([sys.executable, '-c', HOLDER], stdout=subprocess.PIPE)
        self.addCleanup(holder.stdout.close)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        self.assertEqual(holder.stdout.readline(), b'bound\n')
        said = self.refused(self.server())
        self.assertRegex(said, r'127\.0\.0\.11:137 is in use\b.* by nmbd \(process %d\).*'
                         r'systemctl stop nmbd.*wins:interfaces' % holder.pid)

    def test_a_failed_start_leaves_nothing(self):
        """The next one may choose another address as its owner."""
        server = self.server()
        with self.network.entered():
            holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            holder.bind(('127.255.255.255', 137))
        with holder:
            self.refused(server)
        server.configure({'interfaces': '127.0.0.12/8'})
        server.address = '127.0.0.12'
        server.start()
        self.assertFalse(self.ask('127.0.0.12', '127.0.0.21').positive)

    def test_unknown_option_in_the_file(self):
        server = self.server({'wins:own nanes': 'yes'})
        said = self.refused(server)
        self.assertRegex(said, re.escape(server.config) + r':\d+: .*wins:own names')

    def test_unknown_option_on_the_command_line(self):
        with self.network.entered():
            done = subprocess.run([winsd(), '-i', '--option=wins:own nanes=yes'], check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  universal_newlines=True)
        self.assertEqual((done.returncode, done.stdout), (2, ''))
        self.assertIn('wins:own names', done.stderr)

    def test_option_goes_before_the_file(self):
        server = self.server({'nbt port': '137'})
        server.start(['--option=NBT PORT = 10138'])
        self.assertEqual(self.network.listeners(10138), [server.pid])
        self.assertEqual(self.network.listeners(137), [])

    def test_nothing_to_serve(self):
        said = self.refused(self.server({'interfaces': 'eth9 10.9.9.9/24'}))
        self.assertRegex(said, r'no address to serve.*eth9 10\.9\.9\.9/24')

    def test_no_module(self):
        said = self.refused(self.server(), '--module', '/nonexistent/wins.so')
        self.assertRegex(said, r'cannot load the server module.*/nonexistent/wins\.so')

    def test_not_a_module(self):
        lib = next(l.split()[-1] for l in open('/proc/self/maps') if 'libc.so' in l)
        self.assertIn('is no server module', self.refused(self.server(), '--module', lib))

    def test_second_server_is_refused(self):
        server = self.server().start()
        said = self.refused(server, '--option=interfaces=127.0.0.12/8')
        self.assertRegex(said, r'winsd\.lock.*\b%d\b' % server.pid)
        self.assertFalse(self.ask('127.0.0.11', '127.0.0.21').positive)

    def test_owner_address_stays(self):
        server = self.server().start()
        server.stop()
        said = self.refused(server, '--option=interfaces=127.0.0.12/8')
        self.assertRegex(said, r'owner address.*127\.0\.0\.11, not 127\.0\.0\.12.*winsctl owner '
                         'rename')
        said = self.refused(server, '--option=winsdb:local_owner=127.0.0.12')
        self.assertIn('127.0.0.11, not 127.0.0.12', said)
        server.configure({'interfaces': '127.0.0.12/8 127.0.0.11/8'})
        server.start()      # still served: the order does not matter

    def test_check_prints_and_starts_nothing(self):
        server = self.server({'max wins ttl': '86400'})
        done = self.network.run([winsd(), '-t', '-s', server.config])
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn('max wins ttl = 86400', done.stdout)
        self.assertEqual(sorted(os.listdir(self.folder)), ['smb.conf'])
        server.configure({'max wins ttl': 'soon'})
        done = self.network.run([winsd(), '-t', '-s', server.config])
        self.assertEqual(done.returncode, 1)
        self.assertIn('max wins ttl', done.stdout)


class Life(HostCase):
    def test_sigterm_ends_within_a_second(self):
        server = self.server()
        for signum in (signal.SIGTERM, signal.SIGINT):
            server.start(env={'ASAN_OPTIONS': 'detect_leaks=0'})
            begin = time.monotonic()
            server.stop(signum)
            self.assertLess(time.monotonic() - begin, 1.0)
        self.assertEqual([f for f in os.listdir(self.folder) if f.endswith('.sock')], [])

    def test_state_survives(self):
        server = self.server().start()
        with server.client() as client:
            self.assertTrue(client.register('ALICE<20>').positive)
        server.stop()
        server.start()
        with server.client() as client:
            self.assertEqual(client.query('ALICE<20>').addrs, ['127.0.0.21'])
            self.assertTrue(client.register('BOB<20>').positive)
        server.kill()
        server.start()
        with server.client() as client:
            self.assertEqual(client.query('BOB<20>').addrs, ['127.0.0.21'])

    def said(self, server):
        """All that was told so far, as lists of words without their values."""
        with contextlib.suppress(BlockingIOError):
            while True:
                server.notify.said.append(server.notify.sock.recv(8192).decode())
        return [re.sub(r'(STATUS|USEC)=.*', r'\1', text).split('\n')
                for text in server.notify.said]

    def test_what_the_service_manager_is_told(self):
        server = self.server().start()
        # told when it answers, not before
        self.assertEqual(self.network.listeners(137), [server.pid])
        self.assertTrue(os.path.exists(os.path.join(self.folder, 'wins.tdb')))
        server.reload()
        server.stop()
        said = [words for words in self.said(server) if words != ['STATUS']]
        self.assertEqual(said, [['READY=1', 'STATUS'],
                                ['RELOADING=1', 'MONOTONIC_USEC'],
                                ['READY=1', 'STATUS'],
                                ['STOPPING=1', 'STATUS']])
        text = '\n'.join(server.notify.said)
        usec = int(re.search(r'MONOTONIC_USEC=(\d+)', text).group(1))
        self.assertLess(abs(usec / 1e6 - time.clock_gettime(time.CLOCK_MONOTONIC)), 60)
        self.assertRegex(text, r'STATUS=running: \d+ records, 1 addresses')

    def test_abstract_socket(self):
        server = self.server()
        name = 'winsd-test-%d' % os.getpid()
        with self.network.entered():    # abstract names belong to a network
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            sock.bind('\0' + name)
        with sock:
            sock.settimeout(harness.PATIENCE)
            process = self.network.popen([winsd(), '-i', '-s', server.config],
                                         env=dict(os.environ, NOTIFY_SOCKET='@' + name),
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                self.assertIn(b'READY=1', sock.recv(4096))
            finally:
                process.terminate()
                self.assertEqual(process.wait(harness.PATIENCE), 0)

    def test_watchdog(self):
        server = self.server()
        server.start(env={'WATCHDOG_USEC': '200000'})
        begin = time.monotonic()
        for _ in range(4):
            self.assertTrue(server.notify.wait('WATCHDOG=1', server.process))
        self.assertGreater(time.monotonic() - begin, 0.25)  # every 100 ms

    def test_daemon(self):
        server = self.server({'log file': os.path.join(self.folder, 'log')})
        done = self.network.run([winsd(), '-D', '-s', server.config],
                                timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout)
        pid, = self.network.listeners(137)
        self.addCleanup(lambda: wait_end(pid, 0) or os.kill(pid, signal.SIGKILL))
        self.assertFalse(self.ask('127.0.0.11', '127.0.0.21').positive)
        self.assertEqual(os.getsid(pid), pid)
        self.assertEqual(os.readlink('/proc/%d/fd/2' % pid), '/dev/null')
        self.assertEqual(os.readlink('/proc/%d/cwd' % pid), '/')
        os.kill(pid, signal.SIGTERM)
        self.assertTrue(wait_end(pid))
        with open(os.path.join(self.folder, 'log'), encoding='utf-8') as log:
            text = log.read()
        self.assertRegex(text, r'(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} notice: ended$')
        self.assertIsNone(harness.REPORT.search(text), text)

    def test_daemon_that_cannot_start(self):
        server = self.server({'interfaces': 'eth9'})
        done = self.network.run([winsd(), '-D', '-s', server.config],
                                timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn('no address to serve', done.stdout)


class Reload(HostCase):
    def test_bad_file_changes_nothing(self):
        server = self.server({'max wins ttl': '86400', 'log level': '3'}).start()
        for option, value, said in (('wins:own nanes', 'yes', r'smb\.conf:\d+:.*wins:own names'),
                                    ('max wins ttl', 'soon', r'smb\.conf:\d+:.*max wins ttl'),
                                    ('nbt port', '10137', r'`nbt port` cannot change'),
                                    ('interfaces', 'eth9', r'interfaces')):
            with self.subTest(option):
                before = len(server.log.lines)
                old = server.options.get(option)
                server.configure({'max wins ttl': '43200', option: value})
                server.reload()
                self.assertIsNotNone(server.log.wait('reload refused.*' + said, start=before),
                                     server.log.text())
                server.configure({option: old})
                with server.client() as client:
                    self.assertEqual(client.register('ALICE<20>', ttl=500000).ttl, 86400)

    def test_good_file_counts(self):
        server = self.server({'max wins ttl': '86400'}).start()
        server.configure({'max wins ttl': '43200'})
        server.reload()
        with server.client() as client:
            self.assertEqual(client.register('ALICE<20>', ttl=500000).ttl, 43200)

    def test_source_rate(self):
        server = self.server({'wins:source rate': '1 3'}).start()
        with server.client() as client:
            def send(names):
                for name in names:
                    client.send(nbclient.build_change(nbclient.REGISTER, '%s<20>' % name,
                                                      '127.0.0.21', client.new_id(), 300000))
            send('ABCDEFGHIJKLMNOPQRST')
            self.assertIsNotNone(server.log.wait(r'127\.0\.0\.21 .*wins:source rate'))
            client.query('A<20>')       # behind all of them, and not limited
            dropped = server.ctl('server', 'stats')[0]['source_rate_dropped']
            self.assertGreater(dropped, 0)
            server.configure({'wins:source rate': '0'})
            server.reload()
            for n in range(50):
                self.assertTrue(client.register('N%d<20>' % n).positive)
        self.assertEqual(server.ctl('server', 'stats')[0]['source_rate_dropped'], dropped)

    def test_interfaces(self):
        server = self.server().start()
        server.configure({'interfaces': '127.0.0.11/8 127.0.0.12/8'})
        server.reload()
        self.assertFalse(self.ask('127.0.0.12', '127.0.0.21').positive)
        server.configure({'interfaces': '127.0.0.11/8'})
        server.reload()
        with self.network.entered(), \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(('127.0.0.12', 137))      # it is free again
        # an address that another has: all stays as it was
        with self.network.entered():
            holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            holder.bind(('127.0.0.13', 137))
        with holder:
            server.configure({'interfaces': '127.0.0.12/8 127.0.0.13/8'})
            server.reload()
            self.assertIsNotNone(server.log.wait(r'reload refused.*127\.0\.0\.13:137'))
            self.assertFalse(self.ask('127.0.0.11', '127.0.0.21').positive)
            with self.network.entered(), \
                    socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.bind(('127.0.0.12', 137))


class Privileges(HostCase):
    def assertOnlyBind(self, pid):
        state = status_of(pid)
        for name, value in (('CapEff', NET_BIND_SERVICE), ('CapPrm', NET_BIND_SERVICE),
                            ('CapInh', 0), ('CapAmb', 0), ('CapBnd', 0)):
            self.assertEqual(int(state[name], 16), value, name)
        self.assertEqual(state['NoNewPrivs'], '1')
        return state

    def test_root_keeps_one_capability(self):
        server = self.server().start(['--user=root'])
        self.assertOnlyBind(server.pid)

    def test_another_user(self):
        state = os.path.join(self.folder, 'var', 'state')
        lock = os.path.join(self.folder, 'run')
        server = self.server({'state directory': state, 'lock directory': lock,
                              'interfaces': '127.0.0.11/8 10.77.0.1'})
        os.chmod(self.folder, 0o755)
        server.notify = harness.Notify(self.folder)
        os.chmod(server.notify.path, 0o777)     # as systemd's is
        # the leak checker may not look into a process that changed its user
        # and the module may lie where only root can read it
        hidden = os.path.join(self.folder, 'hidden')
        os.mkdir(hidden, 0o700)
        module = shutil.copy(os.path.join(harness.BUILD, 'modules', 'wins.so'), hidden)
        server.start(['--user=nobody', '--module=' + module],
                     env={'ASAN_OPTIONS': 'detect_leaks=0'})
        status = self.assertOnlyBind(server.pid)
        self.assertEqual(status['Uid'].split(), [str(NOBODY)] * 4)
        self.assertEqual(set(status['Gid'].split() + status['Groups'].split()), {str(NOBODY)})
        self.assertEqual([os.stat(d).st_uid for d in (self.folder, state, lock)],
                         [0, NOBODY, NOBODY])
        # and may still bind port 137 when an address comes
        self.network.ip('link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1')
        self.network.ip('link', 'set', 'v0', 'up')
        self.network.ip('addr', 'add', '10.77.0.1/24', 'brd', '+', 'dev', 'v0')
        self.assertIsNotNone(server.log.wait(r'serving 10\.77\.0\.1:137'))

    def test_no_such_user(self):
        self.assertIn('no such user', self.refused(self.server(), '--user=no-such-user'))


class Addresses(HostCase):
    def setUp(self):
        super().setUp()
        self.network.ip('link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1')
        self.network.ip('link', 'set', 'v0', 'up')

    def address(self, verb, address='10.77.0.1/24'):
        words = ['brd', '+'] if verb == 'add' else []
        self.network.ip('addr', verb, address, *words, 'dev', 'v0')

    def bound(self):
        out = self.network.run(['ss', '-Huln', 'sport = :137']).stdout
        return sorted(re.findall(r'(\S+):137\b', out))

    def test_come_and_go(self):
        server = self.server({'interfaces': '127.0.0.11/8 v*'}).start()
        self.assertIsNotNone(server.log.wait(r'interfaces: v\* is not there now'))
        self.assertEqual(self.bound(), ['127.0.0.11', '127.255.255.255'])
        for _ in range(2):
            before = len(server.log.lines)
            self.address('add')
            self.assertIsNotNone(server.log.wait(r'serving 10\.77\.0\.255:137', start=before))
            self.assertEqual(self.bound(), ['10.77.0.1', '10.77.0.255', '127.0.0.11',
                                            '127.255.255.255'])
            self.assertFalse(self.ask('10.77.0.1').positive)
            before = len(server.log.lines)
            self.address('del')
            self.assertIsNotNone(server.log.wait(r'no longer serving 10\.77\.0\.255',
                                                 start=before))
            self.assertEqual(self.bound(), ['127.0.0.11', '127.255.255.255'])

    def test_address_that_another_has(self):
        """Its port is taken when it comes: told, and served when it is free."""
        server = self.server({'interfaces': '127.0.0.11/8 v0'}).start()
        with self.network.entered():
            holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            holder.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
            holder.bind(('10.77.0.1', 137))
        with holder:
            self.address('add')
            self.assertIsNotNone(server.log.wait(r'error: 10\.77\.0\.1:137 is in use'))
            self.assertFalse(self.ask('127.0.0.11', '127.0.0.21').positive)
        self.assertIsNotNone(server.log.wait(r'serving 10\.77\.0\.1:137'))
        self.assertFalse(self.ask('10.77.0.1').positive)

    def test_the_last_address_may_leave(self):
        self.address('add')
        server = self.server({'interfaces': 'v0'}).start()
        self.address('del')
        self.assertIsNotNone(server.log.wait('no address is left'))
        self.assertEqual(self.bound(), [])
        before = len(server.log.lines)
        self.address('add')
        self.assertIsNotNone(server.log.wait(r'serving 10\.77\.0\.1:137', start=before))
        self.assertFalse(self.ask('10.77.0.1').positive)

    def test_link_down_and_up(self):
        self.address('add')
        server = self.server({'interfaces': '127.0.0.11/8 v0'}).start()
        self.network.ip('link', 'set', 'v0', 'down')
        self.assertIsNotNone(server.log.wait(r'no longer serving 10\.77\.0\.1'))
        before = len(server.log.lines)
        self.network.ip('link', 'set', 'v0', 'up')
        self.assertIsNotNone(server.log.wait(r'serving 10\.77\.0\.1:137', start=before))


if __name__ == '__main__':
    unittest.main()
