#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A NetBIOS name service client for scenario tests, packets built by hand.

Typed from the wire description alone (protocol.md section 1), so that it is a
second opinion on our codec and not an echo of it: nothing here calls winsd's
code. It says exactly what it is told to say, also nonsense: every field of a
packet can be given, raw bytes can be sent, source address and port are the
caller's. It waits for events on the socket and never sleeps.

    with Client('127.0.0.11', source='127.0.0.21') as c:
        reply = c.register('ALICE<20>', '127.0.0.21')
        assert reply.rcode == 0 and reply.ttl == 518400
        assert c.query('ALICE<20>').addrs == ['127.0.0.21']

Not here: starting servers, namespaces (peers.py), asynchronous use. A test
that plays several hosts opens several Clients. Run as a program it checks
itself against the golden vectors of protocol.md Annex A.
"""
import argparse
import os
import random
import re
import select
import socket
import struct
import sys
import time
import unittest

# operation word, 1.1
RESPONSE, AA, TC, RD, RA, BROADCAST = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0010
QUERY, REGISTER, RELEASE, WACK, REFRESH, REFRESH_ALT, MREGISTER = 0, 5, 6, 7, 8, 9, 15
OK, FMT_ERR, SRV_ERR, NAM_ERR, IMP_ERR, RFS_ERR, ACT_ERR, CFT_ERR = range(8)
# record types, 1.3
A, NS, NULL, NB, NBSTAT = 0x0001, 0x0002, 0x000a, 0x0020, 0x0021
IN = 1
# NB_FLAGS, 1.3
GROUP, B_NODE, P_NODE, M_NODE, H_NODE = 0x8000, 0x0000, 0x2000, 0x4000, 0x6000
DRG, CNF, ACT, PRM = 0x1000, 0x0800, 0x0400, 0x0200
BROADCAST_ADDR = '255.255.255.255'


class Timeout(Exception):
    """Nothing that was waited for came in time."""


class Malformed(Exception):
    """A datagram that breaks the format."""


# ---------------------------------------------------------------- names

class Name:
    """A name: up to 15 bytes, type, scope (bytes without a leading dot)."""

    def __init__(self, name, suffix=0x20, scope=b''):
        self.name = name.encode('latin-1') if isinstance(name, str) else bytes(name)
        self.suffix = suffix
        self.scope = scope.encode('latin-1') if isinstance(scope, str) else bytes(scope)

    @classmethod
    def of(cls, value):
        """A Name of a Name or of text: NAME<20>, NAME#20, .scope, \\xHH."""
        if isinstance(value, Name):
            return value
        m = re.fullmatch(r'((?:\\x[0-9A-Fa-f]{2}|[^\\<#])*)(?:<([0-9A-Fa-f]{2})>|#([0-9A-Fa-f]{2}))(?:\.(.+))?',
                         value, re.S)
        if not m:
            raise ValueError('not a NetBIOS name: %r' % value)

        def raw(text):
            return re.sub(rb'\\x([0-9A-Fa-f]{2})', lambda h: bytes([int(h.group(1), 16)]),
                          text.encode('latin-1'))
        return cls(raw(m.group(1)), int(m.group(2) or m.group(3), 16), raw(m.group(4) or ''))

    def sixteen(self):
        """The 16 bytes that are encoded; `*` alone is padded with NUL."""
        pad = b'\0' if self.name == b'*' else b' '
        return self.name[:15].ljust(15, pad) + bytes([self.suffix])

    def wire(self):
        out = encode_label(self.sixteen())
        for label in self.scope.split(b'.') if self.scope else []:
            out += bytes([len(label)]) + label
        return out + b'\0'

    def __eq__(self, other):
        if not isinstance(other, Name):
            try:
                other = Name.of(other)
            except (ValueError, TypeError):
                return NotImplemented
        return (self.name, self.suffix, self.scope) == (other.name, other.suffix, other.scope)

    def __hash__(self):
        return hash((self.name, self.suffix, self.scope))

    def __str__(self):
        def show(raw):
            return ''.join(chr(b) if 32 <= b < 127 and b not in b'\\<#' else '\\x%02x' % b for b in raw)
        return '%s<%02X>%s' % (show(self.name), self.suffix, '.' + show(self.scope) if self.scope else '')

    def __repr__(self):
        return 'Name(%s)' % self


def encode_label(raw):
    """First-level encoding: any number of bytes, two letters for each."""
    return bytes([2 * len(raw)]) + b''.join(bytes([65 + (b >> 4), 65 + (b & 15)]) for b in raw)


def decode_name(data, pos):
    """(Name, the 16 raw bytes, position behind) of the name at pos."""
    labels, end, jumps = [], None, 0
    while True:
        if pos >= len(data):
            raise Malformed('name runs over the end')
        n = data[pos]
        if n & 0xc0 == 0xc0:
            if pos + 1 >= len(data):
                raise Malformed('pointer is cut')
            target = (n & 0x3f) << 8 | data[pos + 1]
            end = pos + 2 if end is None else end
            jumps += 1
            if target >= pos or jumps > 5:
                raise Malformed('pointer does not point backwards')
            pos = target
        elif n & 0xc0:
            raise Malformed('label length %#x' % n)
        elif n == 0:
            break
        else:
            if pos + 1 + n > len(data):
                raise Malformed('label runs over the end')
            labels.append(data[pos + 1:pos + 1 + n])
            pos += 1 + n
    end = pos + 1 if end is None else end
    if not labels or len(labels[0]) > 32 or len(labels[0]) % 2:
        raise Malformed('first label')
    first = labels[0]
    if any(not 65 <= c <= 80 for c in first):
        raise Malformed('letter outside A..P')
    raw = bytes((first[i] - 65) << 4 | first[i + 1] - 65 for i in range(0, len(first), 2))
    suffix = raw[15] if len(raw) == 16 else 0
    return Name(raw[:15].split(b'\0')[0].rstrip(b' '), suffix, b'.'.join(labels[1:])), raw, end


# ---------------------------------------------------------------- building

def addr_bytes(addr):
    return socket.inet_aton(addr)


def nb_rdata(entries):
    """NB RDATA of [(flags, address), ...]."""
    return b''.join(struct.pack('>H', flags) + addr_bytes(addr) for flags, addr in entries)


def header(trn_id, op, qd=0, an=0, ns=0, ar=0):
    return struct.pack('>6H', trn_id, op, qd, an, ns, ar)


def question(name, qtype=NB, qclass=IN):
    return Name.of(name).wire() + struct.pack('>2H', qtype, qclass)


def record(name_wire, rtype, ttl, rdata, rclass=IN, rdlength=None):
    return name_wire + struct.pack('>2HIH', rtype, rclass, ttl,
                                   len(rdata) if rdlength is None else rdlength) + rdata


def build_query(name, trn_id, op=RD):
    return header(trn_id, op, 1) + question(name)


def build_status(name='*<00>', trn_id=0, op=0):
    return header(trn_id, op, 1) + question(name, NBSTAT)


def build_change(opcode, name, addr, trn_id, ttl=0, flags=H_NODE, op_flags=0, rdata=None):
    """Registration, refresh, release, multi-homed: one shape, 1.4."""
    rdata = nb_rdata([(flags, addr)]) if rdata is None else rdata
    return (header(trn_id, opcode << 11 | op_flags, 1, 0, 0, 1) + question(name) +
            record(b'\xc0\x0c', NB, ttl, rdata))


def build_reply(trn_id, op, name, rtype=NB, ttl=0, rdata=b''):
    """Any response: one answer record and nothing else."""
    return header(trn_id, op, 0, 1) + record(Name.of(name).wire(), rtype, ttl, rdata)


# ---------------------------------------------------------------- parsing

class Message:
    """A decoded datagram. The first RR (answer or additional) is spread out:
    rname, rtype, ttl, rdata, entries [(flags, address)], addrs [address]."""

    def __init__(self, data):
        if len(data) < 12:
            raise Malformed('%d bytes are no header' % len(data))
        self.data = data
        self.trn_id, self.op, qd, an, ns, ar = struct.unpack('>6H', data[:12])
        self.counts = (qd, an, ns, ar)
        self.response = bool(self.op & RESPONSE)
        self.opcode = (self.op >> 11) & 15
        self.rcode = self.op & 15
        self.name = self.raw = self.qtype = None
        self.rname = self.rtype = self.ttl = None
        self.rdata = b''
        self.wacks = []         # what came before this reply: WACK Messages
        self.sender = None      # (address, port)
        pos = 12
        for _ in range(qd):
            self.name, self.raw, pos = decode_name(data, pos)
            self.qtype, qclass = self._unpack('>2H', pos)
            pos += 4
            if qclass != IN:
                raise Malformed('class %d' % qclass)
        for i in range(an + ns + ar):
            name, raw, pos = decode_name(data, pos)
            rtype, rclass, ttl, length = self._unpack('>2HIH', pos)
            pos += 10
            if pos + length > len(data):
                raise Malformed('RDATA runs over the end')
            if i == 0:
                if rclass != IN:
                    raise Malformed('class %d' % rclass)
                self.rname, self.rtype, self.ttl = name, rtype, ttl
                self.rdata = data[pos:pos + length]
                if self.name is None:
                    self.name, self.raw = name, raw
            pos += length
        self.trailing = data[pos:]

    def _unpack(self, fmt, pos):
        if pos + struct.calcsize(fmt) > len(self.data):
            raise Malformed('ends inside a field')
        return struct.unpack_from(fmt, self.data, pos)

    @property
    def entries(self):
        if self.rtype != NB or self.opcode == WACK:
            return []
        return [(struct.unpack_from('>H', self.rdata, i)[0], socket.inet_ntoa(self.rdata[i + 2:i + 6]))
                for i in range(0, len(self.rdata) - 5, 6)]

    @property
    def addrs(self):
        return [addr for _, addr in self.entries]

    @property
    def flags(self):
        return self.entries[0][0] if self.entries else None

    @property
    def positive(self):
        return self.response and self.rcode == OK

    @property
    def wack(self):
        return self.response and self.opcode == WACK

    @property
    def wait_op(self):
        """The request's operation word that a WACK repeats."""
        return struct.unpack('>H', self.rdata)[0] if self.wack and len(self.rdata) == 2 else None

    @property
    def names(self):
        """Node status: [(Name, flags)]."""
        if self.rtype != NBSTAT or not self.response or not self.rdata:
            return []
        out = []
        for i in range(self.rdata[0]):
            entry = self.rdata[1 + 18 * i:19 + 18 * i]
            if len(entry) < 18:
                raise Malformed('node status is cut')
            name = entry[:15].split(b'\0')[0].rstrip(b' ')
            out.append((Name(name, entry[15]), struct.unpack('>H', entry[16:])[0]))
        return out

    def __repr__(self):
        return '<%s id=%04x op=%04x rcode=%d ttl=%s %s>' % (
            self.name, self.trn_id, self.op, self.rcode, self.ttl, self.addrs or self.names)


# ---------------------------------------------------------------- the client

class Client:
    """One UDP socket and the server it talks to.

    timeout: seconds per try; tries: datagrams sent, all the same. A WACK
    stretches the wait to its TTL (5..105 s are believed) and is kept in the
    reply's .wacks.
    """

    def __init__(self, server, port=137, source='', source_port=0, timeout=3.0, tries=1, scope=None):
        self.server = (server, port)
        self.timeout = timeout
        self.tries = tries
        self.stray = []         # (data, sender) of datagrams nobody waited for
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        try:
            self.sock.bind((source, source_port))
        except OSError:
            self.sock.close()
            raise
        self.sock.setblocking(False)
        self.address, self.source_port = self.sock.getsockname()
        self.next_id = random.SystemRandom().randrange(0x10000)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def fileno(self):
        return self.sock.fileno()

    # -- bytes

    def new_id(self):
        self.next_id = (self.next_id + 1) & 0xffff
        return self.next_id

    def send(self, data, to=None):
        self.sock.sendto(data, to or self.server)

    def recv(self, timeout=None):
        """The next datagram: (data, (address, port)). Timeout if none."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            try:
                return self.sock.recvfrom(65535)
            except BlockingIOError:
                pass
            except ConnectionRefusedError:
                continue        # an ICMP for an earlier datagram
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                raise Timeout('nothing from %s:%d' % self.server)

    def recv_message(self, timeout=None):
        data, sender = self.recv(timeout)
        msg = Message(data)
        msg.sender = sender
        return msg

    def silent(self, seconds):
        """True if nothing arrives for so long; what came is in stray."""
        try:
            self.stray.append(self.recv(seconds))
        except Timeout:
            return True
        return False

    # -- exchanges

    def exchange(self, packet, timeout=None, tries=None, on_wack=None):
        """Send, resend, wait for the reply with this id; see the class.

        on_wack(message) is called for each WACK, e.g. to send something
        meanwhile. Datagrams with other ids or from elsewhere go to stray.
        """
        trn_id = struct.unpack('>H', packet[:2])[0]
        timeout = self.timeout if timeout is None else timeout
        wacks = []
        for _ in range(self.tries if tries is None else tries):
            self.send(packet)
            deadline = time.monotonic() + timeout
            while True:
                try:
                    data, sender = self.recv(max(0, deadline - time.monotonic()))
                except Timeout:
                    break
                if sender != self.server or data[:2] != packet[:2] or len(data) < 12 or not data[2] & 0x80:
                    self.stray.append((data, sender))
                    continue
                msg = Message(data)
                msg.sender = sender
                if msg.wack:
                    wacks.append(msg)
                    deadline = time.monotonic() + min(105, max(5, msg.ttl))
                    if on_wack:
                        on_wack(msg)
                    continue
                msg.wacks = wacks
                return msg
            if wacks:
                break           # the request is known there: asking again is silent
        raise Timeout('no %s to id %04x from %s:%d' %
                      (('final reply' if wacks else 'reply', trn_id) + self.server))

    def change(self, opcode, name, addr=None, ttl=300000, flags=H_NODE, op_flags=0, trn_id=None, **how):
        packet = build_change(opcode, name, addr or self.address, self.new_id() if trn_id is None else trn_id,
                              ttl, flags, op_flags)
        return self.exchange(packet, **how)

    def register(self, name, addr=None, ttl=300000, flags=H_NODE, group=False, **how):
        return self.change(REGISTER, name, addr, ttl, flags | (GROUP if group else 0), **how)

    def mregister(self, name, addr=None, ttl=300000, flags=H_NODE, **how):
        return self.change(MREGISTER, name, addr, ttl, flags, **how)

    def refresh(self, name, addr=None, ttl=300000, flags=H_NODE, group=False, **how):
        return self.change(REFRESH, name, addr, ttl, flags | (GROUP if group else 0), **how)

    def release(self, name, addr=None, flags=H_NODE, group=False, **how):
        return self.change(RELEASE, name, addr, 0, flags | (GROUP if group else 0), **how)

    def query(self, name, rd=True, trn_id=None, **how):
        return self.exchange(build_query(name, self.new_id() if trn_id is None else trn_id,
                                         RD if rd else 0), **how)

    def status(self, name='*<00>', trn_id=None, **how):
        return self.exchange(build_status(name, self.new_id() if trn_id is None else trn_id), **how)

    def hold(self, name, addrs=None, timeout=None, flags=H_NODE):
        """Play the holder: await one query for the name (a challenge leaves
        from the server's port 137 to ours) and answer it positively with
        addrs; an empty list answers negatively. Returns the query."""
        addrs = [self.address] if addrs is None else addrs
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            data, sender = self.recv(max(0, deadline - time.monotonic()))
            if len(data) < 12 or data[2] & 0x80:
                self.stray.append((data, sender))
                continue
            msg = Message(data)
            msg.sender = sender
            if msg.opcode != QUERY or msg.name != Name.of(name):
                self.stray.append((data, sender))
                continue
            if addrs:
                reply = build_reply(msg.trn_id, 0x8580, name, NB, 0, nb_rdata([(flags, a) for a in addrs]))
            else:
                reply = build_reply(msg.trn_id, 0x8583, name, NULL)
            self.send(reply, sender)
            return msg


# ---------------------------------------------------------------- self-test

VEC1 = '2046474546454444424341434143414341434143414341434143414341434143410000200001'
VECTORS = {     # protocol.md Annex A: > request, < reply
    'register>': '100129000001000000000001' + VEC1 + 'c00c00200001000493e0000660000a353917',
    'register<': '1001ad800000000100000000' + VEC1 + '000493e0000660000a353917',
    'refresh>': '100440000001000000000001' + VEC1 + 'c00c0020000100003039000660000a353917',
    'query>': '100601000001000000000000' + VEC1,
    'query<': '100685800000000100000000' + VEC1 + '00000000000660000a353917',
    'negative<': '100784030000000100000000' + VEC1[:66] + '00000a0001000000000000',
    'group<': '100a8580000000010000000020464745464544454843414341434143414341434143414341434143414341414100'
              '002000010000000000068000ffffffff',
    'prepend<': '100f8580000000010000000020464745464544454543414341434143414341434143414341434143414341424d'
                '000020000100000000000c80000a35396380000a353917',
    'mregister>': '101579000001000000000001' + VEC1 + 'c00c00200001000493e0000660000a353962',
    'wack<': '1015bc000000000100000000' + VEC1 + '0000000900027900',
    'release>': '101630000001000000000001' + VEC1 + 'c00c0020000100000000000660000a353962',
    'release<': '1016b4000000000100000000' + VEC1 + '00000000000660000a353962',
    'scope': '20464745464544464443414341434143414341434143414341434143414341434103666f6f076578616d706c65'
             '03636f6d00',
}


class SelfTest(unittest.TestCase):
    def vector(self, name):
        return bytes.fromhex(VECTORS[name])

    def test_build(self):
        change = build_change
        v1 = 'VEC1<20>'
        for name, packet in (
                ('register>', change(REGISTER, v1, '10.53.57.23', 0x1001, 300000, H_NODE, RD)),
                ('refresh>', change(REFRESH, v1, '10.53.57.23', 0x1004, 12345)),
                ('mregister>', change(MREGISTER, v1, '10.53.57.98', 0x1015, 300000, H_NODE, RD)),
                ('release>', change(RELEASE, v1, '10.53.57.98', 0x1016)),
                ('query>', build_query(v1, 0x1006)),
                ('wack<', build_reply(0x1015, 0xbc00, v1, NB, 9, b'\x79\x00')),
                ('negative<', build_reply(0x1007, 0x8403, v1, NULL)),
                ('query<', build_reply(0x1006, 0x8580, v1, NB, 0, nb_rdata([(H_NODE, '10.53.57.23')]))),
                ('scope', Name.of('VECS<20>.foo.example.com').wire())):
            self.assertEqual(packet.hex(), VECTORS[name], name)

    def test_parse(self):
        reg = Message(self.vector('register<'))
        self.assertEqual((reg.trn_id, reg.opcode, reg.rcode, reg.ttl, reg.name, reg.addrs, reg.flags),
                         (0x1001, REGISTER, OK, 300000, Name.of('VEC1#20'), ['10.53.57.23'], H_NODE))
        wack = Message(self.vector('wack<'))
        self.assertEqual((wack.wack, wack.ttl, wack.wait_op), (True, 9, 0x7900))
        neg = Message(self.vector('negative<'))
        self.assertEqual((neg.rcode, neg.rtype, neg.addrs), (NAM_ERR, NULL, []))
        self.assertEqual(Message(self.vector('group<')).entries, [(GROUP, BROADCAST_ADDR)])
        self.assertEqual(Message(self.vector('prepend<')).addrs, ['10.53.57.99', '10.53.57.23'])
        req = Message(self.vector('register>'))
        self.assertEqual((req.name, req.rname, req.entries), ('VEC1<20>', 'VEC1<20>', [(H_NODE, '10.53.57.23')]))

    def test_status(self):
        rdata = b'\x02' + b'SPECWINS       \x20\x44\x00' + b'SPECGRP        \x00\xc4\x00' + bytes(46)
        msg = Message(build_reply(1, 0x8400, '*<00>', NBSTAT, 0, rdata))
        self.assertEqual(msg.names, [('SPECWINS<20>', 0x4400), ('SPECGRP<00>', 0xc400)])

    def test_truncated(self):
        for name in VECTORS:
            data = self.vector(name)
            for cut in range(len(data)) if name != 'scope' else []:
                with self.assertRaises(Malformed):
                    Message(data[:cut])

    def test_hostile(self):
        for bad in (b'\xc0\x0c\0\x20\0\1', b'\x40' + b'A' * 64, b'\x20' + b'Q' * 32 + b'\0\0\x20\0\1',
                    b'\x22' + b'A' * 34 + b'\0\0\x20\0\1', b'\0\0\x20\0\1',
                    b'\xc0\x12\0\x20\0\1' + Name.of('A<20>').wire()):     # points forwards
            with self.assertRaises(Malformed):
                Message(header(1, RD, 1) + bad)

    def test_names(self):
        for text, name, suffix, scope in (
                ('A<20>', b'A', 0x20, b''), ('A#1b.x.y', b'A', 0x1b, b'x.y'), ('<00>', b'', 0, b''),
                (r'\x01\x02__MSBROWSE__\x02<01>', b'\x01\x02__MSBROWSE__\x02', 1, b'')):
            n = Name.of(text)
            self.assertEqual((n.name, n.suffix, n.scope), (name, suffix, scope))
            self.assertEqual(Name.of(str(n)), n)
        every = bytes(range(256))
        for i in range(0, 256, 15):
            got = decode_name(Name(every[i:i + 15], 0x20).wire(), 0)[1]
            self.assertEqual(got[:len(every[i:i + 15])], every[i:i + 15])

    def test_exchange(self):
        """WACK, then the final reply; strays from elsewhere are not believed."""
        with Client('127.0.0.1', source='127.0.0.1', timeout=2) as server, \
                Client('127.0.0.1', port=server.source_port, source='127.0.0.1', timeout=2) as client, \
                Client('127.0.0.1', port=client.source_port, source='127.0.0.1') as other:
            packet = build_change(MREGISTER, 'VEC1<20>', '10.53.57.98', 0x1015, 300000, H_NODE, RD)
            other.send(self.vector('register<').replace(b'\x10\x01', b'\x10\x15', 1))
            server.send(self.vector('wack<'), ('127.0.0.1', client.source_port))
            server.send(build_reply(0x1015, 0xad80, 'VEC1<20>', NB, 7, nb_rdata([(H_NODE, '10.53.57.98')])),
                        ('127.0.0.1', client.source_port))
            reply = client.exchange(packet)
            self.assertEqual((reply.ttl, len(reply.wacks), len(client.stray)), (7, 1, 1))
            self.assertEqual(server.recv_message().addrs, ['10.53.57.98'])
            with self.assertRaises(Timeout):
                client.query('VEC1<20>', timeout=0.05)
            server.recv_message()       # that query
            client.send(build_query('VEC1<20>', 0x9c18))
            self.assertEqual(server.hold('VEC1<20>', ['10.0.0.1', '10.0.0.2']).trn_id, 0x9c18)
            self.assertEqual(client.recv_message().addrs, ['10.0.0.1', '10.0.0.2'])


def main():
    """Without arguments: the self-test. Else one request by hand."""
    if len(sys.argv) == 1 or os.environ.get('NBCLIENT_SELFTEST'):
        unittest.main(argv=sys.argv[:1])
    p = argparse.ArgumentParser(description='one name service request')
    p.add_argument('verb', choices='register mregister refresh release query status'.split())
    p.add_argument('server')
    p.add_argument('name')
    p.add_argument('addr', nargs='?')
    p.add_argument('--port', type=int, default=137)
    p.add_argument('--source', default='')
    a = p.parse_args()
    with Client(a.server, a.port, a.source) as client:
        verb = getattr(client, a.verb)
        print(verb(a.name, a.addr) if a.addr else verb(a.name))


if __name__ == '__main__':
    main()
