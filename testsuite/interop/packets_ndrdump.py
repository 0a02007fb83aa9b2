#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of packet that our encoders produce, read by two other decoders.

ndrdump (the SMB suite's IDL) must read all bytes, write the same bytes again (--validate)
and see the name, TTL and addresses that went in; tshark must have no complaint.

Three things are theirs and not ours:
- ndrdump prints a suffix above 0x7f with its sign extended.
- It reads the RDATA of a WACK, two bytes under type NB, as no address and two bytes over; the
  suite's own server sends that very form (protocol.md annex A, 1015).
- tshark calls names of more than 255 bytes illegal; protocol.md 1.2 wants 273 to be answered.
"""
import os
import re
import subprocess
import tempfile
import unittest

import nbns_tshark


class Line:
    """A packet and what went into it, as nbns_emit prints it."""

    def __init__(self, text):
        title, name, suffix, scope, ttl, addresses, packet = text.rstrip('\n').split('\t')
        self.title = title
        self.name = bytes.fromhex(name)
        self.suffix = int(suffix)
        self.scope = scope
        self.ttl = int(ttl)
        self.addresses = addresses.split(',') if addresses else []
        self.packet = bytes.fromhex(packet)


def emitted():
    done = subprocess.run([nbns_tshark.program('nbns_emit')], check=True, stdout=subprocess.PIPE,
                          encoding='ascii')
    return [Line(line) for line in done.stdout.splitlines()]


def ndrdump(folder, packet):
    """Exit code and output of ndrdump; bytes that are not UTF-8 survive as surrogates."""
    path = os.path.join(folder, 'packet')
    with open(path, 'wb') as f:
        f.write(packet)
    done = subprocess.run(['ndrdump', '--validate', 'nbt', 'nbt_name_packet', 'struct', path],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding='utf-8',
                          errors='surrogateescape')
    return done.returncode, done.stdout


def ndr_fields(line, output):
    """What ndrdump saw that must be what went in."""
    found = re.search(r'^ *name +: \'(.*)\'$', output, re.M)
    yield 'name', line.name, found and found.group(1).encode('utf-8', 'surrogateescape')
    found = re.search(r'^ *scope +: (?:\'(.*)\'|NULL)$', output, re.M)
    yield 'scope', line.scope, found and (found.group(1) or '')
    found = re.search(r'^ *type +: .*\(0x([0-9A-F]+)\)$', output, re.M)
    yield 'type', line.suffix, found and int(found.group(1), 16) & 0xff
    found = re.findall(r'^ *ttl +: 0x([0-9a-f]+)', output, re.M)
    yield 'ttl', [line.ttl], [int(ttl, 16) for ttl in found] or [0]
    yield 'addresses', line.addresses, re.findall(r'^ *ipaddr +: (\S+)$', output, re.M)


def check_ndrdump(folder, line):
    code, output = ndrdump(folder, line.packet)
    if code != 0 or 'dump OK' not in output:
        yield 'ndrdump exits with %d: %s' % (code, output.splitlines()[-1:])
        return
    over = 2 if line.title.startswith('wack') else 0
    if not re.search(r'^ *padding +: DATA_BLOB length=%d$' % over, output, re.M):
        yield 'ndrdump leaves bytes over'
    if 'WARNING' in output and over == 0:
        yield 'ndrdump writes other bytes'
    for what, ours, theirs in ndr_fields(line, output):
        if ours != theirs:
            yield '%s: ours %s, ndrdump %s' % (what, ours, theirs)


def check_tshark(line, packet):
    long_name = len(line.scope) + 35 > 255
    for complaint in packet.complaints:
        if not (long_name and complaint == 'illegal name'):
            yield 'tshark: ' + complaint
    if (packet.number('nbns.ttl') or 0) != line.ttl:
        yield 'TTL: ours %d, tshark %s' % (line.ttl, packet.number('nbns.ttl'))
    if packet.addresses() != line.addresses:
        yield 'addresses: ours %s, tshark %s' % (line.addresses, packet.addresses())


class Packets(unittest.TestCase):
    """Every line in both decoders; a subtest each, named by its title."""

    @classmethod
    def setUpClass(cls):
        cls.lines = emitted()

    def test_all_kinds_are_there(self):
        kinds = {line.title.rsplit(' ', 1)[0].split(',')[0].rstrip('0123456789 ')
                 for line in self.lines}
        self.assertEqual(kinds, {
            'query', 'status', 'register', 'mregister', 'refresh', 'release', 'registered',
            'released', 'wack', 'negative', 'positive', 'status reply'})
        self.assertTrue(any(len(line.addresses) == 25 for line in self.lines))
        self.assertTrue(any(len(line.scope) == 237 for line in self.lines))

    def test_ndrdump(self):
        with tempfile.TemporaryDirectory() as folder:
            for line in self.lines:
                with self.subTest(line.title):
                    self.assertEqual(list(check_ndrdump(folder, line)), [])

    def test_tshark(self):
        packets = nbns_tshark.read([line.packet for line in self.lines])
        self.assertEqual(len(packets), len(self.lines))
        for line, packet in zip(self.lines, packets):
            with self.subTest(line.title):
                self.assertEqual(list(check_tshark(line, packet)), [])


if __name__ == '__main__':
    unittest.main()
