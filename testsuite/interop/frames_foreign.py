#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replication frames in three codecs that are not ours, field by field.

Every kind of frame that our encoders produce must be, to ndrdump (the SMB
suite's IDL), to tshark and to wreplwire.py, what went into the encoder; ndrdump
must write the same bytes again. And what those write, annex A of protocol.md
first, must be to our decoder what it is to them.

Where ndrdump keeps what we bring into the form in which names are stored, that
is done here to its result: names of fewer than 17 bytes are cut to fifteen and
trimmed, scopes are cut to 237 (3.4).
"""
import json
import random
import struct
import subprocess
import unittest

import nbns_tshark
import wrepl_foreign as foreign
from wrepl_foreign import wire

START_TAIL = 21         # zero bytes of a START, padding to ndrdump


def emitted():
    """[(title, what went in, frame)]"""
    done = subprocess.run([nbns_tshark.program('wrepl_emit')], check=True,
                          stdout=subprocess.PIPE, encoding='ascii')
    for line in done.stdout.splitlines():
        title, fields, frame = line.split('\t')
        yield title, json.loads(fields), bytes.fromhex(frame)


def ours(frames):
    done = subprocess.run([nbns_tshark.program('wrepl_dump')], check=True,
                          input=''.join(f.hex() + '\n' for f in frames),
                          stdout=subprocess.PIPE, encoding='ascii')
    return [json.loads(line) for line in done.stdout.splitlines()]


def without_scopes(fields):
    if 'records' not in fields:
        return fields
    return dict(fields, records=[dict(r, scope=None) for r in fields['records']])


def stored(fields):
    """Names as they are stored, of a result of ndrdump."""
    if 'records' not in fields:
        return fields

    def cut(rec):
        name = bytes.fromhex(rec['name'])[:15].rstrip(b' ')
        return dict(rec, name=name.hex(), scope=rec['scope'][:2 * 237])
    return dict(fields, records=[cut(r) for r in fields['records']])


def by_wire(frame):
    """What wreplwire.py reads, in the same form."""
    m = wire.Message(frame[4:], foreign.OWNER)
    out = {'opcode': m.opcode, 'context': m.ctx, 'type': m.type}
    if m.type in (wire.START, wire.START_REPLY):
        return dict(out, sender=m.sender, versions=[m.major, m.minor])
    if m.type == wire.STOP:
        return dict(out, reason=m.reason)
    out['command'] = m.command
    if m.command in wire.TABLES:
        return dict(out, owners=[list(t) for t in m.table], initiator=m.initiator)
    if m.command == wire.SEND_REQUEST:
        return dict(out, request=list(m.request))
    if m.command == wire.SEND_REPLY:
        return dict(out, records=[by_wire_record(r) for r in m.records])
    return out


def by_wire_record(rec):
    name = wire.Name.of(rec['name'])
    fields = {key: rec[key] for key in ('type', 'state', 'node', 'static', 'version')}
    return dict(fields, name=name.name.hex(), scope=name.scope.hex(), suffix=name.suffix,
                addresses=[[a['ip'], a['owner']] for a in rec['addresses']])


class OurFrames(unittest.TestCase):
    """What we write, read by others. A subtest each, named by its title."""
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.frames = list(emitted())

    def test_all_kinds_are_there(self):
        kinds = {(f['type'], f.get('command')) for _, f, _ in self.frames}
        self.assertEqual(kinds, {(0, None), (1, None), (2, None)} |
                         {(3, c) for c in (0, 1, 2, 3, 4, 5, 8, 9)})
        records = [r for _, f, _ in self.frames for r in f.get('records', [])]
        self.assertEqual(len({(r['type'], r['state'], r['node'], r['static'])
                              for r in records}), 96)
        self.assertEqual({len(r['addresses']) for r in records}, {0, 1, 2, 24, 25})
        self.assertTrue({0, 1, 3, 237, 238} <= {len(r['scope']) // 2 for r in records})
        self.assertIn(1 << 63, {r['version'] for r in records})
        self.assertIn('10.0.0.99', {a[1] for r in records for a in r['addresses']})

    def test_ndrdump(self):
        for title, fields, frame in self.frames:
            with self.subTest(title):
                read, over = foreign.ndrdump(frame)
                self.assertEqual(read, fields)
                bad_context = fields['opcode'] != wire.OPCODE
                self.assertEqual(over, 4 if bad_context else START_TAIL if title == 'start' else 0)

    def test_tshark(self):
        results = list(foreign.tshark([frame for _, _, frame in self.frames]))
        self.assertEqual(len(results), len(self.frames))
        for (title, fields, _), (read, complaints) in zip(self.frames, results):
            with self.subTest(title):
                self.assertEqual(complaints, [])
                self.assertEqual(read, without_scopes(fields))

    def test_wreplwire(self):
        for title, fields, frame in self.frames:
            with self.subTest(title):
                self.assertEqual(by_wire(frame), fields)


def random_name(dice):
    name = bytes(dice.choice(b'ABCxyz09 -_\x80\xe4\xff%\'"<>#') for _ in range(dice.randrange(16)))
    suffix = dice.choice([0x00, 0x03, 0x1b, 0x1b, 0x1c, 0x20, 0xbe, 0xff])
    scope = bytes(dice.choice(b'abc.xyz') for _ in range(dice.choice([0, 0, 0, 1, 2, 3, 4, 15, 237])))
    return wire.Name(name.rstrip(b' '), suffix, scope)


def random_record(dice):
    kind = dice.choice(wire.TYPES)
    count = dice.choice([0, 1, 2, 3, 25]) if kind in ('sgroup', 'mhomed') else 1
    return wire.record(random_name(dice), [
        ('10.%d.%d.%d' % (dice.randrange(256), dice.randrange(256), i),
         '192.0.2.%d' % dice.randrange(1, 5)) for i in range(count)],
        type=kind, state=dice.choice(wire.STATES), node=dice.choice(wire.NODES),
        static=dice.random() < 0.3, version=dice.randrange(1 << dice.randrange(1, 65)),
        owner=foreign.OWNER)


# names as other servers may write them: too short, with NULs, 1B in the way
RAW_NAMES = [
    b'A', b'ABC  ', b'', b'\0', b'ABCDEFGHIJKLMNOP', b'\x1bBCDEFGHIJKLMNO',
    b'\x1bBCDEFGHIJKLMNOP', b'A'.ljust(15) + b'\x20X', b'A'.ljust(15) + b'\x20a\0b\0',
    b'A'.ljust(15) + b'\x20abX', b'A'.ljust(15) + b'\x20\0\0', b'A\0' + b'B' * 13 + b'\x20\0',
    b'\x1bOMAIN'.ljust(15) + b'D\0', b'\x1bOMAIN'.ljust(15) + b'\x1b\0',
    b'\x1bA'.ljust(15) + b'\0\0', b'\x1bA'.ljust(15) + b'\x20\0', b'A'.ljust(15) + b'\x20' + b's' * 239,
]


class TheirFrames(unittest.TestCase):
    """What others write, read by us."""
    maxDiff = 2000

    def same(self, frames, again=True):
        results = ours(frames)
        self.assertEqual(len(results), len(frames))
        for frame, result in zip(frames, results):
            read, over = foreign.ndrdump(frame, again)
            with self.subTest(frame[:80].hex()):
                self.assertIsNotNone(read, over)
                self.assertEqual(result, stored(read))
        return results

    def test_annex_a(self):
        records = ['sgroup', '1b', 'scope', 'mhomed']
        frames = [wire.vector(n) for n in wire.VECTORS if n not in records]
        frames += [wire.build_command(1, wire.SEND_REPLY, struct.pack('>I', 1) + wire.vector(n))
                   for n in records]
        self.assertEqual(len(frames), 12)
        results = self.same(frames)
        for frame, result, (read, complaints) in zip(frames, results, foreign.tshark(frames)):
            self.assertEqual((read, complaints), (without_scopes(result), []), frame.hex())

    def test_small_frames(self):
        self.same([wire.build_start(7, tail=0), wire.build_start(7, major=3, minor=1),
                   wire.build_start(7, opcode=0), wire.build_stop(1, 4, tail=24),
                   wire.build_command(5, wire.TABLE_QUERY),
                   wire.build_send_request(9, '10.1.2.3', (1 << 64) - 1, 1 << 63)])

    def test_random_tables(self):
        dice = random.Random(42)
        self.same([wire.build_table(dice.randrange(1 << 32), command, [
            ('10.0.%d.%d' % (dice.randrange(256), i), dice.randrange(1 << 64),
             dice.randrange(1 << 64)) for i in range(dice.choice([0, 1, 2, 30]))],
            '10.9.9.%d' % dice.randrange(256)) for command in wire.TABLES for _ in range(5)])

    def test_random_records(self):
        dice = random.Random(1512)
        self.same([wire.build_send_reply(7, [random_record(dice) for _ in range(40)])
                   for _ in range(25)])

    def test_raw_names(self):
        frames = [wire.build_send_reply(7, [wire.record('A<20>', '10.0.0.1', raw_name=raw)])
                  for raw in RAW_NAMES if raw]
        self.same(frames, again=False)      # they would write them better

    def test_refused_by_both(self):
        """No name, a name too long, fewer names than are said."""
        plain = wire.record('A<20>', '10.0.0.1')
        frames = [wire.build_send_reply(7, [dict(plain, raw_name=b'', name_len=0)]),
                  wire.build_send_reply(7, [dict(plain, raw_name=b'n' * 256)]),
                  wire.build_send_reply(7, [plain], count=2),
                  wire.build_table(7, wire.UPDATE, [('10.0.0.1', 1, 0)], count=2)]
        for frame, result in zip(frames, ours(frames)):
            self.assertIn('error', result)
            self.assertIsNone(foreign.ndrdump(frame)[0])


if __name__ == '__main__':
    unittest.main()
