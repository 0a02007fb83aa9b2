#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP 42 of a real server under attack: strangers, crowds, handles that were
never handed out, lengths and counts that lie, resets at every state, noise.
quality.md C.2 names the failures of other servers that are played here. After
each, a partner and a host are served as before and nothing is left behind.
"""
import collections
import os
import random
import signal
import socket
import struct
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import wreplclient as wrepl
from wreplclient import record

SERVER, PARTNER, STRANGER, HOST = '127.0.0.11', '127.0.0.22', '127.0.0.66', '127.0.0.21'
LENGTHS = (0, 1, 16, 17, 255, 256, 1 << 16, 1 << 31, (1 << 32) - 1)
COUNTS = (0, 1, 2, 1 << 16, (1 << 28) + 1, (1 << 32) // 24 + 1, (1 << 32) // 8 + 1, (1 << 32) - 1)


class Attack(harness.Case):
    """One server, one partner that it never pulls from by itself."""

    def setUp(self):
        self.seed = int(os.environ.get('SEED', random.SystemRandom().randrange(1 << 32)))
        self.random = random.Random(self.seed)
        self.count = 0

    def begin(self, options=None, **how):
        self.server = self.serve({
            'wins:partners': PARTNER, 'wins:partner ' + PARTNER: 'pull interval=never',
            'wins:start wait': '0', **(options or {})}, bits=32, **how)
        self.network = self.server.network
        return self.server

    def connect(self, source=PARTNER, **how):
        with self.network.entered():
            connection = wrepl.Connection(SERVER, source=source, **how)
        self.addCleanup(connection.close)
        return connection

    def partner(self, *records, **how):
        with self.network.entered():
            partner = wrepl.Partner(PARTNER, records, **how)
        self.addCleanup(partner.close)
        return partner

    def started(self, source=PARTNER, **how):
        connection = self.connect(source, **how)
        connection.start(self.random.randrange(1 << 32))
        return connection

    def served(self, owner=PARTNER):
        """A host registers, and a partner is told of it and asked for its own."""
        self.count += 1
        name = 'N%d<20>' % self.count
        with self.server.client(HOST) as host:
            self.assertTrue(host.register(name).positive)
        with self.started() as connection:
            high = connection.table_query()[SERVER]
            self.assertEqual([r['name'] for r in connection.send_request(SERVER, high, high)],
                             [name])
            connection.stop()
            self.assertTrue(connection.closed())
        with self.started() as connection:
            mine = wrepl.Records([record('P%d<20>' % self.count, HOST, owner=owner,
                                         version=1000 * self.count)])
            self.assertEqual(len(connection.push(mine)), 1)
        self.assertIn('P%d' % self.count,
                      [r['name'] for r in self.server.ctl('record', 'list')])

    def counters(self):
        """A counter of this name, or the sum where several rooms have one."""
        done = self.server.tool('winsctl', '-s', self.server.config, 'server', 'stats')
        sums = collections.Counter()
        for line in done.stdout.splitlines():
            name, value = line.rsplit(None, 1)
            sums[name.strip()] += int(value)
        return sums

    def foreign(self):
        """Records that are not ours, by name."""
        return {r['name'] for r in self.server.ctl('record', 'list') if r['owner'] != SERVER}

    def descriptors(self):
        return len(os.listdir('/proc/%d/fd' % self.server.pid))

    def ended(self, connection):
        """Whatever it says before, the server ends this connection."""
        try:
            while True:
                connection.recv_body()
        except wrepl.Closed:
            return True
        except wrepl.Timeout:
            return False


class Strangers(Attack):
    def test_refused_and_told_how_to_be_let_in(self):
        self.begin()
        for frame in (wrepl.build_command(0, wrepl.TABLE_QUERY),
                      wrepl.build_send_request(0, SERVER, 0, 1),
                      wrepl.build_table(0, wrepl.INFORM, [(STRANGER, 9, 0)], STRANGER),
                      wrepl.build_table(0, wrepl.UPDATE, [(STRANGER, 9, 0)], STRANGER)):
            with self.started(STRANGER) as connection:
                connection.send(frame[:8] + struct.pack('>I', connection.ctx) + frame[12:])
                self.assertEqual(connection.expect(wrepl.STOP).reason, 4)
        line = self.server.log.wait(r'refused to 127\.0\.0\.66')
        self.assertRegex(line, r'wins:partners')
        self.assertEqual(sum('refused to 127.0.0.66' in l for l in self.server.log.lines), 1)
        self.assertEqual(self.foreign(), set())
        self.served()

    def test_a_line_lets_it_in(self):
        self.begin()
        with self.started(STRANGER) as connection:
            connection.send(wrepl.build_command(connection.ctx, wrepl.TABLE_QUERY))
            connection.expect(wrepl.STOP)
        self.server.configure({'wins:partners': '%s %s(push)' % (PARTNER, STRANGER)})
        self.server.reload()
        with self.started(STRANGER) as connection:
            self.assertEqual(connection.table_query(), {SERVER: 0})
        self.server.configure({'wins:partners': PARTNER})
        self.server.reload()
        with self.started(STRANGER) as connection:
            connection.send(wrepl.build_command(connection.ctx, wrepl.TABLE_QUERY))
            self.assertEqual(connection.expect(wrepl.STOP).reason, 4)

    def test_crowds(self):
        """Many from one address, many addresses, and the partner comes through."""
        self.begin()
        one = [self.connect(STRANGER) for _ in range(20)]
        standing = [c for c in one if c.silent(0.2)]
        self.assertIn(len(standing), range(1, 5))
        crowd = [self.connect('127.0.1.%d' % i) for i in range(1, 201)]
        self.served()
        for connection in one + crowd:
            connection.reset()
        self.served()

    def test_silence_ends(self):
        """Connections that never say a word, or only part of one."""
        self.begin()
        quiet = [self.connect(source, timeout=harness.PATIENCE)
                 for source in (PARTNER, PARTNER, STRANGER, '127.0.0.67')]
        self.served()
        for connection in quiet:
            self.assertTrue(connection.closed())
        self.served()

    def test_few_descriptors(self):
        """A crowd leaves some for the disk; when it has gone, all is well."""
        self.begin(prefix=['prlimit', '--nofile=64'])
        base = self.descriptors()
        crowd = [self.connect('127.0.1.%d' % i) for i in range(1, 61)]
        self.assertIsNotNone(self.server.log.wait('all 16 connections are taken'))
        with self.server.client(HOST) as host:
            self.assertTrue(host.register('ALICE<20>').positive)
            self.assertTrue(host.query('ALICE<20>').positive)
        for connection in crowd:
            connection.reset()
        self.served()
        self.assertEqual(sum('connections are taken' in l for l in self.server.log.lines), 1)
        self.assertLess(self.descriptors(), base + 4)

    def test_a_storm_of_connections(self):
        """Opened and closed in every way: nothing is left of them."""
        self.begin()
        self.served()
        base = self.descriptors()
        for i in range(3000):
            connection = self.connect('127.0.%d.%d' % (2 + i % 7, 1 + i % 100))
            try:
                if i % 3:
                    connection.send(wrepl.build_start(i)[:i % 50])
            except wrepl.Closed:
                pass
            connection.reset() if i % 2 else connection.close()
            self._cleanups.pop()
        self.served()
        self.assertLess(self.descriptors(), base + 4)


class Handles(Attack):
    """CVE-2004-1080: the handle was a pointer that the peer handed back."""

    def test_guesses(self):
        self.begin()
        connection = self.started()
        guesses = [self.random.randrange(1 << 32) for _ in range(30000)] + \
            [0, 1, 0x0a, 0x12345678, (1 << 32) - 1]
        guesses += [connection.ctx ^ 1 << bit for bit in range(32)]
        for at in range(0, len(guesses), 1000):
            connection.send(b''.join(
                wrepl.build_command(ctx, wrepl.TABLE_QUERY) + wrepl.build_stop(ctx)
                for ctx in guesses[at:at + 1000] if ctx != connection.ctx))
            self.assertEqual(connection.table_query(), {SERVER: 0})
        self.assertGreater(self.counters()['replication wrong context'], 60000)

    def test_of_another_connection(self):
        self.begin()
        one, other = self.started(), self.started()
        stranger = self.started(STRANGER)
        self.assertEqual(len({one.ctx, other.ctx, stranger.ctx, 0, wrepl.BAD_CONTEXT}), 5)
        for connection, theirs in ((one, other), (stranger, one)):
            connection.send(wrepl.build_command(theirs.ctx, wrepl.TABLE_QUERY) +
                            wrepl.build_stop(theirs.ctx))
            self.assertTrue(connection.silent(0.3))
        self.assertEqual(one.table_query(), {SERVER: 0})
        self.assertEqual(other.table_query(), {SERVER: 0})
        # 3.5: a second START is given the first one's handle
        before = one.ctx
        one.start(5)
        self.assertEqual(one.ctx, before)


class Lies(Attack):
    """MS04-045, MS09-039: lengths and counts beyond what is there."""

    def test_sizes_of_frames(self):
        self.begin()
        for size in LENGTHS + (4, 11, 12, 15, 1 << 20, (1 << 20) + 5000, 1 << 24, 0x7fffffff):
            for start in (False, True):
                connection = self.connect()
                if start:
                    connection.start()
                try:
                    connection.send(struct.pack('>I', size) + bytes(40))
                    connection.silent(0.01)
                except wrepl.Closed:
                    pass
                connection.reset()
        self.served()

    def test_counts_of_tables(self):
        self.begin()
        for count in COUNTS:
            for command in (wrepl.INFORM, wrepl.INFORM2, wrepl.UPDATE, wrepl.UPDATE2,
                            wrepl.TABLE_REPLY):
                connection = self.started()
                connection.send(wrepl.build_table(connection.ctx, command,
                                                  [(PARTNER, 0, 0)], PARTNER, count=count))
                connection.silent(0.02)
                connection.reset()
        self.served()
        self.assertEqual(len(self.foreign()), 1)

    def answer_push(self, reply):
        """Push something, and answer its request with reply(version): a frame,
        or bytes. True if the server went on to STOP with reason 0."""
        self.count += 1
        version = 1000 * self.count
        connection = self.started()
        connection.update([(PARTNER, version, 0)], PARTNER)
        try:
            self.assertEqual(connection.recv().request[:2], (PARTNER, version))
            connection.send(reply(connection.ctx, version))
            msg = connection.recv()
            return msg.type == wrepl.STOP and msg.reason == 0
        except (wrepl.Closed, wrepl.Timeout):
            return False
        finally:
            connection.reset()

    def test_lengths_of_names(self):
        self.begin()
        for length in LENGTHS:
            for held in {0, 1, 16, 17, 255, min(length, 256)}:
                rec = record('EVIL<20>', HOST, raw_name=b'E' * held, name_len=length,
                             owner=PARTNER, version=7)
                self.answer_push(lambda ctx, version: wrepl.build_send_reply(
                    ctx, [dict(rec, version=version)]))
        self.assertEqual([n for n in self.foreign() if 'EVIL' in n], [])
        self.served()

    def test_counts_of_records_and_addresses(self):
        self.begin()
        good = record('EVIL<1c>', [HOST, '127.0.0.23'], type='sgroup', owner=PARTNER)
        for count in COUNTS[2:]:
            for rec, how in ((good, {'count': count}), (dict(good, num_ips=min(count + 1, COUNTS[-1])), {})):
                self.assertFalse(self.answer_push(lambda ctx, version: wrepl.build_send_reply(
                    ctx, [dict(rec, version=version)], **how)), (count, how))
        self.served()

    def test_records_that_were_not_asked_for(self):
        self.begin()
        for version in (0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
            self.answer_push(lambda ctx, _: wrepl.build_send_reply(
                ctx, [record('EVIL<20>', HOST, owner=PARTNER, version=version)]))
        self.assertEqual([n for n in self.foreign() if 'EVIL' in n], [])
        self.served()


class Resets(Attack):
    """MS11-035, at every state, in both roles."""

    def test_before_the_reply(self):
        self.begin()
        self.served()
        base = self.descriptors()
        table = [(PARTNER, 1 << 40, 0)]
        moves = {
            'start': lambda c: c.send(wrepl.build_start(1)),
            'query': lambda c: c.send(wrepl.build_command(c.ctx, wrepl.TABLE_QUERY)),
            'request': lambda c: c.send(wrepl.build_send_request(c.ctx, SERVER, 0, 1)),
            'half': lambda c: c.send(wrepl.build_send_request(c.ctx, SERVER, 0, 1)[:17]),
            'inform': lambda c: c.inform(table),
            'update': lambda c: c.update(table),
            'bad': lambda c: c.send(wrepl.build(c.ctx, 77)),
            'stop': lambda c: c.stop(),
        }
        for i in range(100):
            for name, move in moves.items():
                connection = self.connect() if name == 'start' else self.started()
                move(connection)
                if i % 2:
                    connection.silent(0)
                connection.reset()
                self._cleanups.pop()
        self.served()
        self.assertLess(self.descriptors(), base + 8)

    def test_while_it_asks(self):
        """It pulls from us; we end that at each message, and with each word."""
        self.begin()
        state = {}

        def cut(connection, msg):
            state['seen'] += 1
            if state['seen'] < state['at']:
                return False
            if state['how'] == 'reset':
                connection.linger_not()
            elif state['how'] == 'noise':
                connection.send(self.random.randbytes(200))
            elif state['how'] == 'half':
                connection.send(wrepl.build_start(1, msg.ctx, wrepl.START_REPLY)[:20])
            raise wrepl.Closed('by the test')

        partner = self.partner(record('MINE<20>', HOST, version=9), on_message=cut)
        for at in (1, 2, 3):    # START, TABLE_QUERY, SEND_REQUEST
            for how in ('reset', 'fin', 'noise', 'half'):
                state.update(at=at, how=how, seen=0)
                self.server.tool('winsctl', '-s', self.server.config, 'partner', 'pull', PARTNER)
                self.assertGreaterEqual(state['seen'], at)
        state.update(at=1 << 30)
        self.served()
        partner.on_message = None


class Noise(Attack):
    """Random bytes and random frames in every state, from a printed seed."""

    def frame(self, ctx):
        """Mostly right."""
        r = self.random
        owner = r.choice((SERVER, PARTNER, '0.0.0.0', '255.255.255.255'))
        high = r.choice((0, 1, 1 << 31, 1 << 63, (1 << 64) - 1))
        frame = bytearray(r.choice((
            lambda: wrepl.build_start(r.randrange(1 << 32), r.choice((0, ctx))),
            lambda: wrepl.build_command(ctx, r.randrange(16)),
            lambda: wrepl.build_send_request(ctx, owner, high, r.randrange(3)),
            lambda: wrepl.build_table(ctx, r.choice(wrepl.TABLES), [(owner, high, 0)] *
                                      r.randrange(4), owner),
            lambda: wrepl.build_send_reply(ctx, [record('A<1c>', [HOST], type='sgroup',
                                                        owner=PARTNER, version=high)]),
            lambda: wrepl.build(ctx, r.randrange(5), r.randbytes(r.randrange(60))),
        ))())
        for _ in range(r.choice((0, 0, 1, 5))):
            frame[r.randrange(len(frame))] = r.randrange(256)
        return bytes(frame)

    def test_noise(self):
        self.begin()
        print('# SEED=%d' % self.seed)
        for _ in range(400):
            connection = self.connect(self.random.choice((PARTNER, PARTNER, STRANGER)))
            try:
                if self.random.random() < 0.8:
                    connection.start(self.random.randrange(1 << 32))
                for _ in range(self.random.randrange(1, 12)):
                    if self.random.random() < 0.1:
                        connection.send(self.random.randbytes(self.random.randrange(200)))
                    else:
                        connection.send(self.frame(connection.ctx))
                    if self.random.random() < 0.1:
                        connection.silent(0.01)
            except (wrepl.Closed, wrepl.Timeout, AssertionError):
                pass
            connection.reset()
            self._cleanups.pop()
        # what it was told of its partner's versions it believes, first contact
        self.served(owner='10.77.0.1')


class Amplification(Attack):
    def test_informs_make_one_pull(self):
        """A thousand notifications while the first pull waits for its records."""
        self.begin()
        waiting = []

        def hold(connection, msg):
            if msg.command == wrepl.SEND_REQUEST:
                waiting.append(connection)
                return len(waiting) == 1
            return False

        partner = self.partner(record('MINE<20>', HOST, version=9), on_message=hold)
        connection = self.started()
        table = wrepl.build_table(connection.ctx, wrepl.INFORM, [(PARTNER, 9, 0)], PARTNER)
        connection.send(table)
        partner.wait(wrepl.SEND_REQUEST)
        connection.send(table * 1000)
        self.assertEqual(connection.table_query()[SERVER], 0)    # it has read them all
        self.assertEqual(len(partner.seen(wrepl.SEND_REQUEST)), 1)
        waiting[0].send_reply([wrepl.owned(record('MINE<20>', HOST, version=9), PARTNER)])
        self.served()
        self.assertLess(len(partner.seen(wrepl.SEND_REQUEST)), 4)


class Sockets(Attack):
    """What plugins/wins makes of ports and addresses."""

    def hold(self, network, address):
        with network.entered():
            sock = socket.create_server((address, 42))
        self.addCleanup(sock.close)
        return sock

    def test_a_port_that_is_taken(self):
        network = harness.Network()
        self.addCleanup(network.close)
        holder = self.hold(network, SERVER)
        alone = {'wins:partners': None, 'wins:partner ' + PARTNER: None}
        server = self.begin(alone, network=network)
        self.assertRegex(server.log.find('127.0.0.11:42'),
                         r'warning: .*\(TCP\) is in use by .*there are no partners')
        # a partner needs the port: the reload is refused and nothing changes
        server.configure({'wins:partners': PARTNER})
        server.process.send_signal(signal.SIGHUP)
        self.assertRegex(server.log.wait('error: .*is in use by'), r'\(TCP\)')
        holder.close()
        server.reload()
        self.served()
        server.stop()
        self.hold(network, SERVER)
        with self.assertRaisesRegex(AssertionError, 'error: .*42 .TCP. is in use by'):
            self.begin(network=network)

    def test_a_partner_that_is_us(self):
        """The file names an interface; the address is known when it is served."""
        network = harness.Network()
        self.addCleanup(network.close)
        network.add_addresses('lo', ['10.9.9.9/32', '10.9.9.8/32'])
        server = self.begin({'interfaces': '10.9.9.9 lo'}, network=network)
        server.configure({'wins:partners': '10.9.9.8'})
        server.process.send_signal(signal.SIGHUP)
        self.assertIsNotNone(server.log.wait('error: .*wins:partners has 10.9.9.8, an address'))
        server.configure({'wins:partners': PARTNER})
        server.reload()

    def test_addresses_come_and_go(self):
        network = harness.Network()
        self.addCleanup(network.close)
        network.add_addresses('lo', ['10.9.9.9/32'])
        server = self.begin({'interfaces': '127.0.0.11/32 lo'}, network=network)
        network.add_addresses('lo', ['10.9.9.8/32'])
        self.assertIsNotNone(server.log.wait(r'listening on 10\.9\.9\.8:42'))
        with network.entered():
            other = wrepl.Connection('10.9.9.8', source=PARTNER)
        self.addCleanup(other.close)
        other.start()
        network.ip('addr', 'del', '10.9.9.8/32', 'dev', 'lo')
        self.assertIsNotNone(server.log.wait(r'no longer listening on 10\.9\.9\.8:42'))
        self.served()


if __name__ == '__main__':
    unittest.main()
