#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Auto-discovery between real servers (microsoft-wins.md 5.1): who announces
itself is logged, and becomes no partner; good-byes; and datagrams of others.
"""
import os
import socket
import struct
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness

GROUP = '224.0.1.24'
A, B, HOST = '127.0.0.11', '127.0.0.12', '127.0.0.21'


def datagram(opcode, *addresses, magic=0xabcd, end=True):
    return (struct.pack('<II', magic, opcode) + b''.join(map(socket.inet_aton, addresses)) +
            (bytes(4) if end else b''))


class Group:
    """A member of the group that hears and speaks, at an address of lo."""

    def __init__(self, network, address=HOST, port=42):
        self.address, self.port = address, port
        with network.entered():
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.sock.bind((GROUP, port))
            self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                 socket.inet_aton(GROUP) + socket.inet_aton(address))
            self.out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.out.bind((address, 0))
            self.out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                                socket.inet_aton(address))
        self.sock.settimeout(harness.PATIENCE)

    def hear(self):
        """(sender, datagram), of others than ourselves."""
        while True:
            data, (sender, _) = self.sock.recvfrom(65536)
            if sender != self.address:
                return sender, data

    def say(self, data):
        self.out.sendto(data, (GROUP, self.port))

    def close(self):
        self.sock.close()
        self.out.close()


class Discovery(harness.Case):
    def setUp(self):
        self.network = harness.Network()
        self.addCleanup(self.network.close)

    def group(self):
        group = Group(self.network)
        self.addCleanup(group.close)
        return group

    def start(self, address, mode, **options):
        return self.serve({'wins:autodiscovery': mode, **options}, network=self.network,
                          address=address, bits=32)

    def counters(self, server):
        lines = server.tool('winsctl', '-s', server.config, 'server', 'stats').stdout
        pairs = [line.rsplit(None, 1) for line in lines.splitlines() if line]
        return {name.strip(): int(value) for name, value in pairs}

    def test_two_servers_find_each_other(self):
        """And that is all: no partner, no connection."""
        listener = self.start(A, 'both')
        speaker = self.start(B, 'announce')
        self.assertIsNotNone(listener.log.wait(
            r'notice: auto-discovery: a WINS server is at 127\.0\.0\.12'))
        speaker.stop()
        self.assertIsNotNone(listener.log.wait(
            r'notice: auto-discovery: the WINS server at 127\.0\.0\.12 goes down'))
        counters = self.counters(listener)
        self.assertEqual(counters['tcp accepted'] + counters['tcp connected'], 0)
        self.assertEqual((counters['discovery announced'], counters['discovery heard']), (1, 2))
        self.assertIsNone(listener.log.find('127\\.0\\.0\\.11.*auto-discovery'))

    def test_words_on_the_wire(self):
        group = self.group()
        server = self.start(A, 'announce')
        self.assertEqual(group.hear(), (A, datagram(0, A)))
        server.stop()
        self.assertEqual(group.hear(), (A, datagram(1, A)))

    def test_reloads_do_not_repeat_it(self):
        """KB969373. One hello and one good-bye whatever is switched how often."""
        group = self.group()
        server = self.start(A, 'both')
        self.assertEqual(group.hear(), (A, datagram(0, A)))
        for mode in ['off', 'announce', 'detect', 'both', 'announce'] * 5:
            server.configure({'wins:autodiscovery': mode})
            server.reload()
        server.stop()
        self.assertEqual(group.hear(), (A, datagram(1, A)))
        group.sock.setblocking(False)
        self.assertRaises(BlockingIOError, group.hear)

    def test_an_observer_is_not_there(self):
        group = self.group()
        server = self.start(A, 'both', **{'wins:observe': 'yes'})
        group.say(datagram(0, '192.0.2.7'))
        self.assertIsNotNone(server.log.wait('server is at 192.0.2.7'))
        server.stop()
        group.sock.setblocking(False)
        self.assertRaises(BlockingIOError, group.hear)

    def test_what_others_say(self):
        group = self.group()
        server = self.start(A, 'detect', **{
            'wins:partners': '192.0.2.99(push)', 'wins:partner 192.0.2.99': 'also=192.0.2.98'})
        for junk in (b'', b'x', bytes(8), bytes(65000), datagram(0, '192.0.2.1', magic=0xabcc),
                     datagram(0, '224.0.1.24', '255.255.255.255'), datagram(0, A)):
            group.say(junk)
        group.say(datagram(0, '192.0.2.99', '192.0.2.98'))      # partners are no news
        group.say(datagram(1, '192.0.2.5'))                     # was never there
        group.say(datagram(0, '192.0.2.2', '192.0.2.3', magic=0xabcf, end=False))
        self.assertIsNotNone(server.log.wait('server is at 192.0.2.3, says 127.0.0.21'))
        self.assertIsNotNone(server.log.find('server is at 192.0.2.2, says'))
        told = [line for line in server.log.lines if 'auto-discovery' in line]
        self.assertEqual(len(told), 2, told)
        counters = self.counters(server)
        self.assertEqual((counters['discovery heard'], counters['discovery bad']), (10, 5))

    def test_nobody_is_heard(self):
        """Another has the group's port for itself: said once; the server serves."""
        with self.network.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((GROUP, 42))
            server = self.start(A, 'both')
            self.assertIsNotNone(server.log.wait(
                'auto-discovery: nobody is heard: UDP port 42: Address already in use'))
            with server.client(HOST) as host:
                self.assertTrue(host.register('ALICE<20>').positive)
        server.reload()         # it is free again
        group = self.group()
        group.say(datagram(0, '192.0.2.7'))
        self.assertIsNotNone(server.log.wait('server is at 192.0.2.7'))

    def test_a_flood(self):
        """quality.md Q172009: a tool's flood made a server stop answering."""
        group = self.group()
        server = self.start(A, 'detect')
        for i in range(20000):
            group.say(datagram(0, '10.%d.%d.1' % (i >> 8, i & 255)))
        with server.client(HOST) as host:
            self.assertTrue(host.register('ALICE<20>').positive)
        self.assertLess(sum('auto-discovery' in line for line in server.log.lines), 102)


if __name__ == '__main__':
    unittest.main()
