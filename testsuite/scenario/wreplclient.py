#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replication partner for scenario tests, TCP 42, frames built by hand.

Typed from the description alone (protocol.md sections 3 and 4), not from our
code. It says what it is told to say, also nonsense. It waits for events on its
sockets and never sleeps.

Asking a server:

    with Connection('127.0.0.11', source='127.0.0.21') as c:
        c.start()
        assert c.table_query() == {'127.0.0.11': 1}
        [alice] = c.send_request('127.0.0.11', 1, 1)
        assert alice['name'] == 'ALICE<20>' and ips(alice) == ['127.0.0.29']

Pushing to it (UPDATE, then it asks on the same connection, then STOP):

        c.push(Records([record('BOB<20>', '10.0.0.1', owner='127.0.0.21', version=7)]))

Being a partner that it pulls from, with a thread of its own:

    with Partner('127.0.0.21', [record('BOB<20>', '10.0.0.1', version=7)]) as p:
        ... let the server pull ...
        p.wait(SEND_REQUEST)
        p.add(record('BOB<20>', '10.0.0.2', version=8))
        p.inform('127.0.0.11')

A record is a dict; see record() in wreplwire.py, whose names are all here too.
Not here: starting servers (harness.py), rules of what a server should make of
a record. Run as a program it plays both sides against each other.
"""
import select
import socket
import struct
import threading
import time
import unittest

from nbclient import Malformed, Timeout
from wreplwire import *     # whoever imports this needs all of it

IDLE = 3600     # s that a partner waits for the next question: for ever


class Closed(Exception):
    """The other side ended the connection."""


class Records:
    """What a server holds: any number of owners' records, by version."""

    def __init__(self, records=(), owner=None):
        self.owner = owner
        self.held = {}          # owner -> {version: record}
        self.marks = {}         # owner -> highest version told
        self.add(*records)

    def add(self, *records):
        """A newer version takes the place of a name's older one."""
        for rec in records:
            rec = owned(rec, self.owner)
            mine = self.held.setdefault(rec['owner'], {})
            for version in [v for v, old in mine.items() if old['name'] == rec['name']]:
                del mine[version]
            mine[rec['version']] = rec
            self.mark(rec['owner'], rec['version'])

    def mark(self, owner, version):
        """Versions up to here are told to exist, records or none."""
        self.marks[owner] = max(self.marks.get(owner, 0), version)

    def table(self):
        """[(owner, max, min)], in the order in which owners came."""
        return [(owner, high, 0) for owner, high in self.marks.items()]

    def select(self, owner, high, low):
        """4.2: in ascending order; released ones are never sent; max 0 is no limit."""
        high = high or (1 << 64) - 1
        mine = self.held.get(owner, {})
        return [mine[v] for v in sorted(mine)
                if low <= v <= high and mine[v]['state'] != 'released']

    def everything(self):
        return [rec for owner in self.held for _, rec in sorted(self.held[owner].items())]


# ---------------------------------------------------------------- connections

class Connection:
    """One TCP connection, to a server (or accepted from one, with sock).

    ctx: what the other side handed out and wants to see; ours: what it must
    send to us. timeout: seconds that any wait may take.
    """

    def __init__(self, server=None, port=42, source='', timeout=5.0, sock=None):
        self.timeout = timeout
        self.ctx = 0
        self.ours = 0
        self.ended = False
        self.buffer = b''
        self.sock = sock or socket.create_connection((server, port), timeout, (source, 0))
        self.sock.settimeout(timeout)
        self.address = self.sock.getsockname()[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def linger_not(self):
        """Let the close that follows send RST instead of FIN."""
        if self.sock.fileno() >= 0:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))

    def reset(self):
        self.linger_not()
        self.sock.close()

    def end_reading(self):
        """Wake the thread that waits for bytes: it finds the end."""
        self.ended = True
        try:
            self.sock.shutdown(socket.SHUT_RD)
        except OSError:
            pass                # it has ended already

    def fileno(self):
        return self.sock.fileno()

    # -- bytes and frames

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (ConnectionError, BrokenPipeError) as error:
            raise Closed(str(error)) from error

    def fill(self, deadline):
        """More bytes, or Timeout or Closed."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.sock], [], [], left)[0]:
            raise Timeout('no frame from the other side')
        try:
            more = self.sock.recv(1 << 16)
        except ConnectionError as error:
            raise Closed(str(error)) from error
        if not more:
            raise Closed('with %d bytes of a frame' % len(self.buffer))
        self.buffer += more

    def recv_body(self, timeout=None):
        """The body of the next frame, as bytes."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while len(self.buffer) < 4:
            self.fill(deadline)
        size = 4 + struct.unpack('>I', self.buffer[:4])[0]
        while len(self.buffer) < size:
            self.fill(deadline)
        body, self.buffer = self.buffer[4:size], self.buffer[size:]
        return body

    def recv(self, timeout=None, owner=None):
        return Message(self.recv_body(timeout), owner)

    def expect(self, mess_type, command=None, owner=None):
        msg = self.recv(owner=owner)
        if msg.kind != (mess_type, command):
            raise AssertionError('wanted type %d command %s, got %r' % (mess_type, command, msg))
        return msg

    def silent(self, seconds):
        """True if nothing comes for so long and the connection stands."""
        try:
            self.recv_body(seconds)
        except Timeout:
            return True
        except Closed:
            pass
        return False

    def closed(self, timeout=None):
        """True if the other side ends the connection and says nothing before."""
        try:
            self.recv_body(timeout)
        except Closed:
            return True
        except Timeout:
            pass
        return False

    # -- the client's part

    def start(self, sender=0, **how):
        self.ours = sender
        self.send(build_start(sender, **how))
        reply = self.expect(START_REPLY)
        self.ctx = reply.sender
        return reply

    def stop(self, reason=0, **how):
        self.send(build_stop(self.ctx, reason, **how))

    def table_query(self):
        """{owner: max}"""
        self.send(build_command(self.ctx, TABLE_QUERY))
        reply = self.expect(REPLICATION, TABLE_REPLY)
        return {owner: high for owner, high, _ in reply.table}

    def send_request(self, owner, high=0, low=1):
        """The records of an owner."""
        self.send(build_send_request(self.ctx, owner, high, low))
        return self.expect(REPLICATION, SEND_REPLY, owner).records

    def pull(self, known=None):
        """4.3 once: the records of all owners beyond known {owner: version}."""
        out = []
        for owner, high in self.table_query().items():
            low = (known or {}).get(owner, 0) + 1
            if low <= high:
                out += self.send_request(owner, high, low)
        return out

    # -- the partner's part

    def send_table(self, command, table, initiator=None):
        """table: a Records or [(owner, max, min)]."""
        table = table.table() if isinstance(table, Records) else table
        self.send(build_table(self.ctx, command, table, initiator))

    def inform(self, table, initiator=None, propagate=False):
        self.send_table(INFORM2 if propagate else INFORM, table, initiator)

    def update(self, table, initiator=None, propagate=False):
        self.send_table(UPDATE2 if propagate else UPDATE, table, initiator)

    def send_reply(self, records, **how):
        self.send(build_send_reply(self.ctx, records, **how))

    def answer(self, msg, records):
        """Serve a question from a Records; False if it is none."""
        if msg.kind == (REPLICATION, TABLE_QUERY):
            self.send_table(TABLE_REPLY, records, records.owner)
        elif msg.kind == (REPLICATION, SEND_REQUEST):
            self.send_reply(records.select(*msg.request))
        else:
            return False
        return True

    def push(self, records, initiator=None, propagate=False):
        """UPDATE with the table of a Records, answer what is asked, until the
        STOP. Returns the requests (owner, max, min)."""
        asked = []
        self.update(records, initiator, propagate)
        while True:
            msg = self.recv()
            if self.answer(msg, records):
                asked += [msg.request] if msg.request else []
            elif msg.type == STOP and msg.reason == 0:
                return asked
            else:
                raise AssertionError('in the middle of a push: %r' % msg)


# ---------------------------------------------------------------- a partner

class Partner:
    """A server that listens at address, port 42, in a thread; its records may
    be changed at any time. What it was sent is in .log [(connection, Message)].

    on_message(connection, message), if given, sees each message first; when
    it returns True that was all, else the message is answered as usual. What
    goes wrong in the thread is raised by close().
    """

    def __init__(self, address, records=(), port=42, timeout=10.0, on_message=None):
        self.address = address
        self.records = Records(records, address)
        self.pulled = Records(owner=address)     # by UPDATE, on their connection
        self.timeout = timeout
        self.on_message = on_message
        self.log = []
        self.connections = []   # accepted, each with a thread
        self.calls = []         # our own, by inform()
        self.failures = []
        self.changed = threading.Condition()
        self.ending = False
        self.listener = socket.create_server((address, port), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.threads = []
        self.run(self.accept)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close(quiet=kind is not None)

    def run(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def close(self, quiet=False):
        self.listener.shutdown(socket.SHUT_RDWR)
        with self.changed:
            self.ending = True
            for connection in self.connections:
                connection.end_reading()
        for thread in self.threads:
            thread.join(self.timeout)
        self.listener.close()
        for connection in self.calls:
            connection.close()
        if self.failures and not quiet:
            raise self.failures[0]

    def add(self, *records):
        with self.changed:
            self.records.add(*records)

    def cut(self):
        """End all connections there are with RST. Each is closed by its own
        thread, for the number of a closed one may be another's by then."""
        with self.changed:
            for connection in self.connections:
                connection.linger_not()
                connection.end_reading()
            for connection in self.calls:
                connection.reset()

    def seen(self, command=None, mess_type=REPLICATION):
        """Messages of this kind so far."""
        with self.changed:
            return [m for _, m in self.log if m.kind == (mess_type, command)]

    def wait(self, command=None, mess_type=REPLICATION, count=1, timeout=None):
        """The messages of this kind, once there are so many."""
        timeout = self.timeout if timeout is None else timeout
        with self.changed:
            if not self.changed.wait_for(
                    lambda: self.failures or sum(m.kind == (mess_type, command)
                                                 for _, m in self.log) >= count, timeout):
                raise Timeout('no command %s came to %s' % (command, self.address))
        if self.failures:
            raise self.failures[0]
        return self.seen(command, mess_type)

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            connection = Connection(sock=sock, timeout=self.timeout)
            with self.changed:
                if self.ending:
                    connection.end_reading()
                self.connections.append(connection)
            self.run(self.serve, connection)

    def serve(self, connection):
        try:
            while self.turn(connection):
                pass
        except (Closed, OSError):
            pass                # the other side left, or close() did it
        except Exception as error:      # whatever it is, the test must hear of it
            with self.changed:
                self.failures.append(error)
                self.changed.notify_all()
        connection.close()

    def turn(self, connection):
        """One message; False when the connection is over."""
        msg = connection.recv(timeout=IDLE)
        with self.changed:
            if connection.ended:
                return False
            self.log.append((connection, msg))
            self.changed.notify_all()
        if self.on_message and self.on_message(connection, msg):
            return True
        if msg.type == START:
            connection.ctx, connection.ours = msg.sender, 0x0badcafe
            connection.send(build_start(connection.ours, msg.sender, START_REPLY))
        elif msg.type == STOP:
            return False
        elif msg.command in (UPDATE, UPDATE2):
            self.pull_back(connection, msg)
            return False
        else:
            with self.changed:
                connection.answer(msg, self.records)
        return True

    def pull_back(self, connection, msg):
        """4.5: roles swap; what is new goes to .pulled."""
        for owner, high, _ in msg.table:
            low = max(self.pulled.marks.get(owner, 0), self.records.marks.get(owner, 0)) + 1
            if low <= high:
                new = connection.send_request(owner, high, low)
                with self.changed:
                    self.pulled.add(*new)
                    self.pulled.mark(owner, high)
                    self.changed.notify_all()
        connection.stop()

    def inform(self, server, port=42, **how):
        """Tell a server, over a new connection that stays open."""
        connection = Connection(server, port, self.address, self.timeout)
        self.calls.append(connection)
        connection.start()
        connection.inform(self.records, self.address, **how)
        return connection

    def push(self, server, port=42, **how):
        """The same by UPDATE; returns when it has pulled. See Connection.push."""
        with Connection(server, port, self.address, self.timeout) as connection:
            connection.start()
            return connection.push(self.records, self.address, **how)


# ---------------------------------------------------------------- self-test

class Exchange(unittest.TestCase):
    """The client against the partner, on loopback."""

    def partner(self, *records, **how):
        partner = Partner('127.0.0.1', records, port=0, timeout=5, **how)
        self.addCleanup(partner.close)
        return partner

    def client(self, partner):
        connection = Connection('127.0.0.1', partner.port, timeout=5)
        self.addCleanup(connection.close)
        connection.start()
        return connection

    def test_pull(self):
        two = record('B<20>', '10.0.0.2', version=2)
        partner = self.partner(record('A<20>', '10.0.0.1', version=1), two,
                               record('R<20>', '10.0.0.3', version=3, state='released'),
                               record('OLD<00>', '10.0.0.4', type='group', owner=A, version=9))
        client = self.client(partner)
        self.assertEqual(client.table_query(), {'127.0.0.1': 3, A: 9})
        self.assertEqual([r['name'] for r in client.send_request('127.0.0.1')],
                         ['A<20>', 'B<20>'])
        self.assertEqual(client.send_request('127.0.0.1', 2, 2), [owned(two, '127.0.0.1')])
        self.assertEqual(client.send_request('127.0.0.1', 3, 3), [])
        self.assertEqual(client.send_request(B), [])
        self.assertEqual([r['version'] for r in client.pull({'127.0.0.1': 1})], [2, 9])
        partner.add(record('A<20>', '10.0.0.9', version=4))
        self.assertEqual([r['version'] for r in client.send_request('127.0.0.1')], [2, 4])
        self.assertEqual(partner.wait(SEND_REQUEST)[0].request, ('127.0.0.1', 0, 1))

    def test_push(self):
        """UPDATE: the partner asks on the same connection, then stops."""
        partner = self.partner()
        mine = Records([record('C<20>', '10.0.0.7', version=5, owner=B)])
        self.assertEqual(self.client(partner).push(mine), [(B, 5, 1)])
        self.assertEqual(partner.pulled.everything(), mine.everything())
        mine.add(record('D<20>', '10.0.0.8', version=6, owner=B))
        self.assertEqual(self.client(partner).push(mine), [(B, 6, 6)])
        self.assertEqual(self.client(partner).push(mine), [])

    def test_inform(self):
        partner, other = self.partner(), self.partner(record('A<20>', '10.0.0.1', version=3))
        other.inform('127.0.0.1', partner.port)
        [told] = partner.wait(INFORM)
        self.assertEqual((told.table, told.initiator), ([('127.0.0.1', 3, 0)], '127.0.0.1'))
        self.assertRaises(Timeout, partner.wait, INFORM2, timeout=0.01)

    def test_end(self):
        partner = self.partner()
        client = self.client(partner)
        self.assertTrue(client.silent(0.01))
        client.stop()
        self.assertTrue(client.closed())
        client = self.client(partner)
        partner.cut()
        self.assertRaises(Closed, client.table_query)

    def test_own_words(self):
        def refuse(connection, msg):
            if msg.command == TABLE_QUERY:
                connection.stop(4)
            return msg.command == TABLE_QUERY
        client = self.client(self.partner(on_message=refuse))
        self.assertRaises(AssertionError, client.table_query)

    def test_a_failure_is_heard(self):
        partner = Partner('127.0.0.1', port=0, timeout=5)
        client = self.client(partner)
        client.send(build_command(client.ctx, 7))
        self.assertRaises(Malformed, partner.wait, INFORM)
        self.assertTrue(client.closed())
        self.assertRaises(Malformed, partner.close)


if __name__ == '__main__':
    unittest.main()
