#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames and records of TCP 42 as Python values, for wreplclient.py.

Typed from protocol.md 3.1 to 3.4 alone, so that it is a second opinion on our
codec and not an echo of it. Building is obedient, nonsense included; parsing
is strict: what winsd sends must be just so, its padding too. Run as a program
it checks itself against the vectors of annex A.
"""
import socket
import struct
import unittest

from nbclient import Malformed, Name

OPCODE, BITS = 0x7800, 0x7800
START, START_REPLY, STOP, REPLICATION = range(4)
(TABLE_QUERY, TABLE_REPLY, SEND_REQUEST, SEND_REPLY, UPDATE, UPDATE2) = range(6)
INFORM, INFORM2 = 8, 9
TABLES = (TABLE_REPLY, UPDATE, UPDATE2, INFORM, INFORM2)
BAD_CONTEXT = 0x0000000a
TYPES = ('unique', 'group', 'sgroup', 'mhomed')
STATES = ('active', 'released', 'tombstone')
NODES = ('B', 'P', 'M', 'H')


# ---------------------------------------------------------------- records

def record(name, addresses=(), **fields):
    """A record. addresses: '10.0.0.1', or a list of those and of (ip, owner).

    Others, by keyword: type, state, node, static, version, owner. For
    nonsense: raw_name (bytes, with the length they have), name_len, flags,
    is_group, num_ips, which replace what would be written.
    """
    made = {'name': str(Name.of(name)), 'type': 'unique', 'state': 'active', 'node': 'H',
            'static': False, 'version': 1, 'owner': None}
    unknown = set(fields) - set(made) - {'raw_name', 'name_len', 'flags', 'is_group', 'num_ips'}
    if unknown:
        raise TypeError('no such field: %s' % unknown)
    made.update(fields)
    listed = [addresses] if isinstance(addresses, str) else addresses
    made['addresses'] = [{'ip': a, 'owner': made['owner']} if isinstance(a, str) else
                         {'ip': a[0], 'owner': a[1]} for a in listed]
    return made


def owned(rec, owner):
    """The record with this owner wherever none is given."""
    rec = dict(rec, owner=rec['owner'] or owner)
    rec['addresses'] = [dict(a, owner=a['owner'] or rec['owner']) for a in rec['addresses']]
    return rec


def ips(rec):
    return [a['ip'] for a in rec['addresses']]


def from_json(line):
    """A record of an object that `winsctl --json record list` prints."""
    name = Name(line['name'], line['suffix'], line.get('scope') or '')
    fields = {key: line[key] for key in ('type', 'state', 'node', 'static', 'version', 'owner')}
    return record(name, [(a['ip'], a['owner']) for a in line['addresses']], **fields)


# ---------------------------------------------------------------- building

def pad(length):
    """Zero bytes behind a name: to the next multiple of 4, or four (3.3)."""
    return bytes(4 - length % 4)


def addr(text):
    return socket.inet_aton(text or '0.0.0.0')


def name_bytes(name):
    """3.4: fifteen bytes, type, scope, zero; 1B changes its place."""
    raw = bytearray(name.name[:15].ljust(15, b' ') + bytes([name.suffix]))
    if name.suffix == 0x1b:
        raw[0], raw[15] = raw[15], raw[0]
    return bytes(raw) + name.scope + b'\0'


def flags_of(rec):
    return (TYPES.index(rec['type']) | STATES.index(rec['state']) << 2 |
            NODES.index(rec['node']) << 5 | (0x80 if rec['static'] else 0))


def build_record(rec):
    raw = rec.get('raw_name')
    raw = name_bytes(Name.of(rec['name'])) if raw is None else raw
    flags = rec.get('flags', flags_of(rec))
    out = struct.pack('>I', rec.get('name_len', len(raw))) + raw + pad(len(raw))
    out += struct.pack('>I', flags)
    out += struct.pack('<I', rec.get('is_group', int(rec['type'] in ('group', 'sgroup'))))
    out += struct.pack('>Q', rec['version'])
    if flags & 2:
        out += struct.pack('<I', rec.get('num_ips', len(rec['addresses'])))
        out += b''.join(addr(a['owner']) + addr(a['ip']) for a in rec['addresses'])
    else:
        out += addr(rec['addresses'][0]['ip'] if rec['addresses'] else None)
    return out + b'\xff' * 4


def build(ctx, mess_type, payload=b'', opcode=OPCODE):
    """Any frame, its size in front."""
    body = struct.pack('>3I', opcode, ctx, mess_type) + payload
    return struct.pack('>I', len(body)) + body


def build_command(ctx, command, payload=b''):
    return build(ctx, REPLICATION, struct.pack('>I', command) + payload)


def build_start(sender=0, ctx=0, mess_type=START, major=2, minor=5, tail=21, opcode=OPCODE):
    return build(ctx, mess_type, struct.pack('>I2H', sender, major, minor) + bytes(tail), opcode)


def build_stop(ctx, reason=0, tail=0, opcode=OPCODE):
    return build(ctx, STOP, struct.pack('>I', reason) + bytes(tail), opcode)


def owner_entry(owner, high, low=0):
    return addr(owner) + struct.pack('>QQI', high, low, 1)


def build_table(ctx, command, table, initiator=None, count=None):
    """table: [(owner, max, min)]; count replaces their number."""
    return build_command(ctx, command, struct.pack('>I', len(table) if count is None else count) +
                         b''.join(owner_entry(*t) for t in table) + addr(initiator))


def build_send_request(ctx, owner, high, low):
    return build_command(ctx, SEND_REQUEST, owner_entry(owner, high, low))


def build_send_reply(ctx, records, count=None):
    return build_command(ctx, SEND_REPLY,
                         struct.pack('>I', len(records) if count is None else count) +
                         b''.join(build_record(owned(r, None)) for r in records))


# ---------------------------------------------------------------- parsing

class Reader:
    def __init__(self, data):
        self.data, self.pos = data, 0

    def take(self, count):
        if count > len(self.data) - self.pos:
            raise Malformed('ends inside a field')
        self.pos += count
        return self.data[self.pos - count:self.pos]

    def number(self, fmt='>I'):
        return struct.unpack(fmt, self.take(struct.calcsize(fmt)))[0]

    def addr(self):
        return socket.inet_ntoa(self.take(4))

    def left(self):
        return len(self.data) - self.pos


def read_name(raw):
    raw = bytearray(raw)
    if len(raw) >= 16 and raw[0] == 0x1b:
        raw[0], raw[15] = raw[15], raw[0]
    raw = bytes(raw)
    if len(raw) < 17:
        return Name(raw.split(b'\0')[0].rstrip(b' '), 0)
    return Name(raw[:15].split(b'\0')[0].rstrip(b' '), raw[15], raw[16:-1].split(b'\0')[0])


def read_record(r, owner=None):
    length = r.number()
    if not 1 <= length <= 255:
        raise Malformed('a name of %d bytes' % length)
    name = read_name(r.take(length))
    if any(r.take(len(pad(length)))):
        raise Malformed('padding is not zero')
    flags, group, version = r.number(), r.number('<I'), r.number('>Q')
    kind, state = TYPES[flags & 3], flags >> 2 & 3
    if state == 3 or flags & ~0xef or group != (kind in ('group', 'sgroup')):
        raise Malformed('flags %#x, group %d' % (flags, group))
    if flags & 2:
        pairs = [(r.addr(), r.addr()) for _ in range(r.number('<I'))]
        addresses = [(ip, who) for who, ip in pairs]
    else:
        addresses = [(r.addr(), owner)]
    if r.take(4) != b'\xff' * 4:
        raise Malformed('no ff ff ff ff at the end')
    return record(name, addresses, type=kind, state=STATES[state], node=NODES[flags >> 5 & 3],
                  static=bool(flags & 0x80), version=version, owner=owner)


class Message:
    """A decoded frame.

    opcode, ctx, type; then sender, major, minor or reason or command, table
    [(owner, max, min)], initiator, request (owner, max, min), records.
    """

    def __init__(self, body, owner=None):
        r = Reader(body)
        self.body = body
        self.opcode, self.ctx, self.type = r.number(), r.number(), r.number()
        self.command = self.sender = self.major = self.minor = self.reason = None
        self.table, self.initiator, self.request, self.records = [], None, None, []
        if self.type in (START, START_REPLY):
            self.sender, self.major, self.minor = r.number(), r.number('>H'), r.number('>H')
        elif self.type == STOP:
            self.reason = r.number()
        elif self.type == REPLICATION:
            self.command = r.number()
            self.read_command(r, owner)
        else:
            raise Malformed('message type %d' % self.type)
        self.padding = r.take(r.left())

    @staticmethod
    def read_entry(r):
        owner, high, low, kind = r.addr(), r.number('>Q'), r.number('>Q'), r.number()
        if kind != 1:
            raise Malformed('owner entry of type %d' % kind)
        return owner, high, low

    def read_command(self, r, owner):
        if self.command in TABLES:
            self.table = [self.read_entry(r) for _ in range(r.number())]
            self.initiator = r.addr()
        elif self.command == SEND_REQUEST:
            self.request = self.read_entry(r)
        elif self.command == SEND_REPLY:
            self.records = [read_record(r, owner) for _ in range(r.number())]
        elif self.command != TABLE_QUERY:
            raise Malformed('command %d' % self.command)

    @property
    def kind(self):
        """(type, command): one thing to compare."""
        return self.type, self.command

    def __repr__(self):
        return '<wrepl type=%d command=%s ctx=%08x %s>' % (
            self.type, self.command, self.ctx,
            self.table or self.request or [r['name'] for r in self.records] or self.reason)


# ---------------------------------------------------------------- self-test

VECTORS = {     # protocol.md annex A
    'start': '00000029 00007800 00000000 00000000 00000000 0002 0005' + '00' * 21,
    'start reply': '00000029 00007800 00000000 00000001 12345678 0002 0005' + '00' * 21,
    'update': '00000030 00007800 12345678 00000003 00000004 00000001'
              '7f414101 0000000000000001 0000000000000000 00000001 00000000',
    'send request': '00000028 00007800 00000000 00000003 00000002'
                    '7f414101 0000000000000001 0000000000000001 00000001',
    'send reply': '00000044 00007800 12345678 00000003 00000003 00000001 00000011'
                  '5f53414d455f4f574e45525f412020 00 00 000000 00000001 01000000'
                  '0000000000000001 7f004101 ffffffff',
    'stop': '00000010 00007800 00000000 00000002 00000000',
    'refused': '00000010 00007800 00000000 00000002 00000004',
    'bad context': '00000018 00008583 00000000 00000000 0000000a 0001 0000 00000000',
    'sgroup': '00000011 5645434420202020202020202020201c00 000000 00000062 01000000'
              '00000000000001cc 01000000 0a35390b0a353917 ffffffff',
    '1b': '00000011 1b4543442020202020202020202020 56 00 000000 00000060 00000000'
          '00000000000001cd 0a353963 ffffffff',
    'scope': '00000020 56454353 2020202020202020202020 20 666f6f2e6578616d706c652e636f6d 00'
             '00000000 00000060 00000000 00000000000001d1 0a353917 ffffffff',
    'mhomed': '00000011 5f55415f4d415f53505f5520202020 00 00 000000 00000003 00000000'
              '00000000000001f1 03000000 7f4242010a353915 7f4242010a353916 7f4242010a353917 ffffffff',
}
AD, A, B = '10.53.57.11', '127.65.65.1', '127.66.66.1'
SAME = record('_SAME_OWNER_A<00>', '127.0.65.1', type='group', node='B', owner=A)


def vector(name):
    return bytes.fromhex(VECTORS[name].replace(' ', ''))


class _Vectors(unittest.TestCase):      # not for those who import everything
    maxDiff = None
    frames = {
        'start': build_start(),
        'start reply': build_start(0x12345678, 0, START_REPLY),
        'update': build_table(0x12345678, UPDATE, [(A, 1, 0)]),
        'send request': build_send_request(0, A, 1, 1),
        'send reply': build_send_reply(0x12345678, [SAME]),
        'stop': build_stop(0),
        'refused': build_stop(0, 4),
    }
    records = {
        'sgroup': record('VECD<1c>', '10.53.57.23', type='sgroup', version=460, owner=AD),
        '1b': record('VECD<1b>', '10.53.57.99', version=461, owner=AD),
        'scope': record('VECS<20>.foo.example.com', '10.53.57.23', version=465, owner=AD),
        'mhomed': record('_UA_MA_SP_U<00>', ['10.53.57.21', '10.53.57.22', '10.53.57.23'],
                         type='mhomed', node='B', version=497, owner=B),
    }

    def test_build(self):
        for name, frame in self.frames.items():
            self.assertEqual(frame.hex(), vector(name).hex(), name)
        for name, rec in self.records.items():
            self.assertEqual(build_record(rec).hex(), vector(name).hex(), name)

    def test_parse(self):
        for name, rec in self.records.items():
            r = Reader(vector(name))
            self.assertEqual(read_record(r, rec['owner']), rec, name)
            self.assertEqual(r.left(), 0)
        self.assertEqual(Message(vector('send reply')[4:], A).records, [SAME])
        start = Message(vector('start reply')[4:])
        self.assertEqual((start.sender, start.major, start.minor, start.padding),
                         (0x12345678, 2, 5, bytes(21)))
        update = Message(vector('update')[4:])
        self.assertEqual((update.kind, update.ctx, update.table, update.initiator),
                         ((REPLICATION, UPDATE), 0x12345678, [(A, 1, 0)], '0.0.0.0'))
        self.assertEqual(Message(vector('send request')[4:]).request, (A, 1, 1))
        self.assertEqual(Message(vector('refused')[4:]).reason, 4)
        bad = Message(vector('bad context')[4:])
        self.assertEqual((bad.opcode, bad.opcode & BITS, bad.type, bad.sender),
                         (0x8583, 0, START, BAD_CONTEXT))

    def test_truncated(self):
        for name in self.frames:
            body = vector(name)[4:]
            needed = 20 if name.startswith('start') else len(body)
            for cut in range(needed):
                with self.assertRaises(Malformed):
                    Message(body[:cut])

    def test_name_lengths(self):
        """The table of 3.4."""
        for scope, length, occupied in ((0, 17, 20), (1, 18, 20), (2, 19, 20), (3, 20, 24),
                                        (4, 21, 24), (6, 23, 24), (7, 24, 28), (15, 32, 36)):
            data = build_record(record(Name('A', 0x20, 'x' * scope), '10.0.0.1'))
            self.assertEqual(struct.unpack('>I', data[:4])[0], length)
            self.assertEqual(len(data), 4 + occupied + 24)

    def test_json(self):
        line = {'name': 'VECS', 'suffix': 32, 'scope': 'foo.example.com', 'type': 'unique',
                'state': 'active', 'node': 'H', 'static': False, 'owner': AD, 'version': 465,
                'expires': None, 'addresses': [{'ip': '10.53.57.23', 'owner': AD, 'expires': None}]}
        self.assertEqual(from_json(line), self.records['scope'])

    def test_nonsense_is_said(self):
        rec = record('A<20>', '10.0.0.1', raw_name=b'xyz', name_len=0xffffffff, flags=0x62,
                     num_ips=0x10000001, is_group=7)
        self.assertEqual(build_record(rec).hex(),
                         'ffffffff' '78797a00' '00000062' '07000000' '0000000000000001'
                         '01000010' '000000000a000001' 'ffffffff')
        self.assertRaises(TypeError, record, 'A<20>', serial=3)


if __name__ == '__main__':
    unittest.main()
