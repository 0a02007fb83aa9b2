#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario harness without a server: networks, recorder, readiness, log."""
import os
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.environ['WINSD_TOP'], 'testsuite', 'scenario'))
import harness
import nbclient


class Networks(unittest.TestCase):
    def setUp(self):
        self.one, self.two = harness.Network(), harness.Network()
        self.addCleanup(self.one.close)
        self.addCleanup(self.two.close)

    def host(self, network, address, to='10.9.0.1'):
        with network.entered():
            client = nbclient.Client(to, source=address, source_port=137)
        self.addCleanup(client.close)
        return client

    def test_hosts_of_two_networks_talk_over_the_cable(self):
        self.one.join(self.two, 'eth0', '10.9.0.1/24', '10.9.0.2/24')
        self.two.own('10.128.0.0/9')
        self.one.ip('route', 'add', '10.128.0.0/9', 'via', '10.9.0.2')
        server = self.host(self.one, '10.9.0.1')
        with harness.Recorder(self.one, 'eth0') as wire:
            for address in ('10.9.0.2', '10.128.7.9'):
                self.host(self.two, address).send(nbclient.build_query('A<20>', 7))
                self.assertEqual(server.recv_message().sender, (address, 137))
        self.assertEqual([(a[0], b[0]) for a, b, _ in wire.datagrams()],
                         [('10.9.0.2', '10.9.0.1'), ('10.128.7.9', '10.9.0.1')])

    def test_the_recorder_sees_a_loopback_frame_once(self):
        server = self.host(self.one, '127.0.0.11')
        with harness.Recorder(self.one) as wire:
            self.host(self.one, '127.0.0.21', '127.0.0.11').send(
                nbclient.build_query('A<20>', 7))
            server.recv_message()
        self.assertEqual([p for _, _, p in wire.datagrams()],
                         [nbclient.build_query('A<20>', 7)])

    def test_networks_do_not_meet(self):
        self.host(self.one, '127.0.0.11')
        self.host(self.two, '127.0.0.11')
        self.assertEqual(self.one.listeners(137), [os.getpid()])
        with self.assertRaises(OSError):
            self.host(self.one, '127.0.0.11')

    def test_a_closed_network_leaves_no_device(self):
        self.one.join(self.two)
        self.one.close()
        # The kernel takes the pair down on its own time.
        deadline = time.monotonic() + harness.PATIENCE
        while 'eth0' in self.two.ip('-o', 'link'):
            self.assertLess(time.monotonic(), deadline)


class Segment(unittest.TestCase):
    """Three networks on a switch; the first one calls."""

    def setUp(self):
        self.switch = harness.Switch()
        self.addCleanup(self.switch.close)
        self.networks, self.hosts = [], []
        for i in (1, 2, 3):
            network = harness.Network()
            self.addCleanup(network.close)
            self.switch.plug(network, '10.9.0.%d/24' % i)
            with network.entered():
                host = nbclient.Client('10.9.0.1', source='10.9.0.%d' % i, source_port=137)
            self.addCleanup(host.close)
            self.networks.append(network)
            self.hosts.append(host)

    def hears(self, number, tries=300):
        """One try may be lost when a plug has just found its place."""
        sent = nbclient.build_query('A<20>', self.hosts[0].new_id())
        for _ in range(tries):
            try:
                self.hosts[0].send(sent, ('10.9.0.%d' % (number + 1), 137))
                return self.hosts[number].recv(0.2)[0] == sent
            except (OSError, nbclient.Timeout):
                pass
        return False

    def hears_nothing(self, number):
        """While the other one hears what is sent after it."""
        return not self.hears(number, tries=1) and self.hears(3 - number) and \
            self.hosts[number].silent(0)

    def test_a_plug_is_pulled(self):
        self.assertTrue(self.hears(1))
        self.switch.unplug(self.networks[1])
        self.assertTrue(self.hears_nothing(1))
        self.switch.replug(self.networks[1])
        self.assertTrue(self.hears(1))

    def test_a_neighbour_is_lost(self):
        self.assertTrue(self.hears(1))
        self.networks[0].lose('10.9.0.2')
        self.assertTrue(self.hears_nothing(1))
        self.networks[0].find('10.9.0.2')
        self.assertTrue(self.hears(1))


class Processes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.notify = harness.Notify(folder.name)
        self.addCleanup(self.notify.close)

    def python(self, code):
        process = subprocess.Popen([sys.executable, '-c', code, self.notify.path],
                                   stdout=subprocess.PIPE, stdin=subprocess.PIPE)
        self.addCleanup(process.communicate)
        return process

    def test_ready(self):
        process = self.python('import socket, sys\n'
                              's = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n'
                              's.sendto(b"STATUS=x\\nREADY=1", sys.argv[1])\n'
                              'sys.stdin.read()')
        self.assertTrue(self.notify.wait('READY=1', process))

    def test_dies_before_it_is_ready(self):
        self.assertFalse(self.notify.wait('READY=1', self.python('')))

    def test_never_gets_ready(self):
        self.assertFalse(self.notify.wait('READY=1', self.python('input()'), 0.1))

    def test_log(self):
        process = self.python('print("one", flush=True); input(); print("two")')
        log = harness.Log(process.stdout)
        self.assertEqual(log.wait('^one$'), 'one')
        self.assertIsNone(log.wait('two', 0.05))
        process.stdin.write(b'\n')
        process.stdin.flush()
        self.assertEqual(log.wait('t.o'), 'two')
        self.assertIsNone(log.wait('three'))    # it ended: no need to wait

    def test_reports_of_sanitizers_are_seen(self):
        for line in ('==1==ERROR: AddressSanitizer: heap-use-after-free',
                     '==1==ERROR: LeakSanitizer: detected memory leaks',
                     'a.c:1:2: runtime error: signed integer overflow'):
            self.assertTrue(harness.REPORT.search(line))
        self.assertFalse(harness.REPORT.search('a name with Sanitizer in it'))


if __name__ == '__main__':
    unittest.main()
