#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load generator against servers that lie: it must not be fooled.

A rate counts only if every answer is judged. Here a small server answers
rightly, or wrongly in one way, and the generator has to say which.
"""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.environ['WINSD_TOP'], 'testsuite', 'scenario'))
import nbclient
import network

LOAD = os.path.join(os.environ['WINSD_BUILD'], 'bench', 'load')


class Fake(threading.Thread):
    """A name server in a thread. spoil(reply, msg) makes of the right reply
    what is sent: bytes, a list of them, None, or ('other', bytes) for a reply
    from another address."""

    def __init__(self, net, spoil=None):
        super().__init__(daemon=True)
        with net.entered():
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            self.sock.bind(('127.0.0.11', 137))
            self.other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.other.bind(('127.0.0.12', 137))
        self.spoil = spoil or (lambda reply, msg: reply)
        self.names = {}
        self.seen = []
        self.start()

    def answer(self, msg):
        if msg.opcode == nbclient.QUERY:
            addr = self.names.get(msg.name)
            if addr is None:
                return nbclient.build_reply(msg.trn_id, 0x8583, msg.name, nbclient.NULL)
            return nbclient.build_reply(msg.trn_id, 0x8580, msg.name, nbclient.NB, 0,
                                        nbclient.nb_rdata([(0x6000, addr)]))
        if msg.opcode == nbclient.RELEASE:
            self.names.pop(msg.name, None)
        else:
            self.names[msg.name] = msg.addrs[0]
        opcode = nbclient.RELEASE if msg.opcode == nbclient.RELEASE else nbclient.REGISTER
        return nbclient.build_reply(msg.trn_id, 0x8580 | opcode << 11, msg.name, nbclient.NB,
                                    msg.ttl, msg.rdata)

    def run(self):
        while True:
            try:
                data, sender = self.sock.recvfrom(2048)
            except OSError:
                return
            if data == b'end':
                return
            msg = nbclient.Message(data)
            self.seen.append((msg, sender[0]))
            reply = self.spoil(self.answer(msg), msg)
            if isinstance(reply, tuple):
                self.other.sendto(reply[1], sender)
                continue
            for one in reply if isinstance(reply, list) else [reply]:
                if one is not None:
                    self.sock.sendto(one, sender)

    def close(self):
        self.other.sendto(b'end', ('127.0.0.11', 137))
        self.join()
        self.sock.close()
        self.other.close()


class Load(unittest.TestCase):
    def fake(self, spoil=None):
        """A server in a network of its own, for the loads that follow."""
        self.network = network.Network()
        self.addCleanup(self.network.close)
        self.network.own('10.128.0.0/9')
        fake = Fake(self.network, spoil)
        self.addCleanup(fake.close)
        return fake

    def load(self, op, *words, names=200, good=True):
        done = self.network.run([LOAD, '--server', '127.0.0.11', '--op', op, '--names', str(names),
                                 '--seconds', '0.3', '--own-address', *words], timeout=60)
        self.assertEqual(done.returncode, 0 if good else 1, done.stdout)
        return json.loads(done.stdout)

    def wrong(self, said):
        return {k: v for k, v in said.items() if k.startswith('wrong_') and v}

    def test_honest(self):
        fake = self.fake()
        said = self.load('register')
        self.assertEqual((said['sent'], said['right'], self.wrong(said)), (200, 200, {}))
        self.assertEqual(len(fake.names), 200)
        for msg, sender in fake.seen:       # each from the address that it registers
            self.assertEqual(msg.addrs, [sender])
        self.assertEqual(len({sender for _, sender in fake.seen}), 200)
        for op in ('query', 'miss', 'refresh', 'mixed', 'churn'):
            said = self.load(op)
            self.assertEqual((self.wrong(said), said['lost']), ({}, 0), op)
            self.assertEqual(said['sent'], said['right'], op)
            self.assertEqual(len(fake.names), 200, op)      # put back what it took
        self.assertEqual(self.load('release')['right'], 200)
        self.assertEqual(fake.names, {})

    def test_mixture(self):
        fake = self.fake()
        self.load('register', names=1000)
        fake.seen.clear()
        self.load('mixed', names=1000)
        ops = [msg.opcode for msg, _ in fake.seen]
        self.assertAlmostEqual(ops.count(nbclient.QUERY) / len(ops), .81, delta=.05)
        self.assertAlmostEqual(ops.count(nbclient.REFRESH) / len(ops), .16, delta=.05)
        self.assertGreater(ops.count(nbclient.RELEASE), 0)

    def test_lies(self):
        def at(place, byte):
            return lambda reply, _: reply[:place] + bytes([byte]) + reply[place + 1:]
        for what, op, spoil in (
                ('rcode', 'query', at(3, 0x83)), ('rcode', 'register', at(3, 0x86)),
                ('rcode', 'miss', at(3, 0x80)), ('name', 'query', at(14, ord('A'))),
                ('name', 'register', at(45, 1)), ('address', 'query', at(61, 250)),
                ('address', 'register', at(58, 99)), ('format', 'query', at(2, 0xad)),
                ('format', 'register', at(2, 0x85)), ('format', 'query', at(47, 0x21)),
                ('format', 'query', lambda reply, _: reply + b'x'),
                ('format', 'query', lambda reply, _: reply[:-1]),
                ('format', 'query', at(7, 0))):
            with self.subTest((op, what)):
                fake = self.fake()
                if op == 'query':
                    self.load('register')
                fake.spoil = spoil
                said = self.load(op, good=False)
                self.assertEqual((said['right'], list(self.wrong(said))), (0, ['wrong_' + what]))

    def test_strangers_are_not_believed(self):
        for spoil in (lambda reply, _: ('other', reply),
                      lambda reply, _: reply[:2] + bytes([reply[2] & 0x7f]) + reply[3:],
                      lambda reply, _: bytes([reply[0] ^ 0x80]) + reply[1:]):
            self.fake(spoil)
            said = self.load('register', '--timeout', '50', '--tries', '1', names=5, good=False)
            self.assertEqual((said['right'], said['lost'], said['stray']), (0, 5, 5))

    def test_a_lost_reply_is_asked_for_again(self):
        lost = set()

        def first_is_lost(reply, msg):
            if msg.trn_id not in lost:
                lost.add(msg.trn_id)
                return None
            return reply
        self.fake(first_is_lost)
        said = self.load('register', '--timeout', '50')
        self.assertEqual((said['right'], said['lost']), (200, 0))
        self.assertGreaterEqual(said['again'], 200)     # a slow machine asks more
        self.assertGreater(said['p50_us'], 50000)

    def test_wack_is_no_answer(self):
        def wack_first(reply, msg):
            return [nbclient.build_reply(msg.trn_id, 0xbc00, msg.name, nbclient.NB, 9,
                                         struct.pack('>H', msg.op)), reply]
        self.fake(wack_first)
        said = self.load('register', names=20)
        self.assertEqual((said['right'], said['wack'], said['lost']), (20, 20, 0))

    def test_open_loop(self):
        fake = self.fake()
        self.load('register')
        said = self.load('query', '--rate', '1000')
        self.assertEqual((said['sent'], said['right'], said['unsent']), (300, 300, 0))
        fake.spoil = lambda reply, msg: None if msg.trn_id % 2 else reply
        said = self.load('query', '--rate', '1000', '--timeout', '200')
        self.assertEqual((said['lost'], said['again']), (150, 0))
        self.assertGreaterEqual(said['p99_us'], 200000 * 0.98)

    def test_told_to_come_back(self):
        first = set()

        def later(reply, msg):
            if msg.opcode != nbclient.REGISTER or msg.name in first:
                return reply
            first.add(msg.name)
            fake.names.pop(msg.name)
            return reply[:50] + struct.pack('>I', 300 * (len(first) % 10 + 1)) + reply[54:]
        fake = self.fake(later)
        said = self.load('register')
        self.assertEqual((said['come_back'], said['right'], said['sent']), (200, 200, 400))
        self.assertEqual(len(fake.names), 200)
        fake.spoil = lambda reply, _: reply[:50] + struct.pack('>I', 3000) + reply[54:]
        said = self.load('refresh', good=False)
        self.assertEqual((said['right'], list(self.wrong(said))), (0, ['wrong_ttl']))

    def test_arrivals(self):
        fake = self.fake()
        self.load('register', names=200)
        fake.spoil = lambda reply, msg: None if msg.opcode == nbclient.REGISTER else reply
        said = self.load('arrive', '--rate', '2000', '--timeout', '2000', names=400)
        self.assertAlmostEqual(said['lost'] / said['sent'], .2, delta=.05)
        self.assertEqual((said['right'], self.wrong(said)), (said['sent'] - said['lost'], {}))
        self.assertGreaterEqual(said['p99_us'], 2000000 * 0.98)
        self.assertLess(said['query_p99_us'], 2000000)

    def change(self, fake, path, spoil):
        """Changes that are stopped while spoil has its way with the last."""
        enough = threading.Event()

        def count(reply, msg):
            if len(fake.seen) < 2000:
                return reply
            enough.set()
            return spoil(reply)
        fake.seen.clear()
        fake.spoil = count
        load = self.network.popen([LOAD, '--server', '127.0.0.11', '--op', 'change', '--names',
                                   '200', '--seconds', '60', '--own-address', '--state', path],
                                  stdout=subprocess.PIPE)
        self.assertTrue(enough.wait(60))
        load.terminate()
        said = json.loads(load.communicate()[0])
        fake.spoil = lambda reply, _: reply
        self.assertEqual(self.wrong(said), {})

    def test_what_is_known_outlives(self):
        fake = self.fake()
        with tempfile.TemporaryDirectory() as folder:
            check = ('check', '--state', os.path.join(folder, 'state'))
            self.assertEqual(self.load(*check)['right'], 200)
            self.change(fake, check[2], lambda reply: reply)
            homes = {(m.name, m.addrs[0]) for m, _ in fake.seen if m.opcode == nbclient.REGISTER}
            self.assertGreater(len(homes), 200)     # a name came again at another address
            self.assertEqual(self.load(*check)['right'], 200)
            # changes that were made but not answered: either way is right
            before = dict(fake.names)
            self.change(fake, check[2], lambda reply: None)
            self.assertNotEqual(before, fake.names)
            self.assertEqual(self.load(*check)['right'], 200)
            # and then we know
            name, address = next(iter(fake.names.items()))
            for lie, what in (('10.1.2.3', 'address'), (None, 'rcode')):
                fake.names[name] = lie
                if lie is None:
                    del fake.names[name]
                said = self.load(*check)
                self.assertEqual((said['right'], self.wrong(said)), (199, {'wrong_' + what: 1}))
            fake.names[name] = address
            self.assertEqual(self.load(*check)['right'], 200)
            gone = next(m.name for m, _ in fake.seen if m.name not in fake.names)
            fake.names[gone] = address
            self.assertEqual(self.wrong(self.load(*check)), {'wrong_rcode': 1})

    def test_echo(self):
        fake = self.fake()
        fake.answer = lambda msg: msg.data
        self.assertEqual(self.wrong(self.load('echo')), {})
        self.assertEqual(self.wrong(self.load('echo', '--echo-size', '68')), {})
        fake.spoil = lambda reply, _: reply[:-1] + b'x'
        said = self.load('echo', good=False)
        self.assertEqual(list(self.wrong(said)), ['wrong_format'])

    def test_usage(self):
        for words in (['--op', 'nonsense'], ['--names', '0'], ['--op', 'mixed', '--names', '40']):
            done = subprocess.run([LOAD, '--server', '127.0.0.1', *words], check=False,
                                  stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 2, words)


if __name__ == '__main__':
    unittest.main()
