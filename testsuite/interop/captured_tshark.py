#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The datagrams captured from real hosts, as our codec and as tshark read them.

Each of testsuite/golden/captured-nbns.txt is either decoded by both to the same
values, or listed in REFUSED with our reason and with whether tshark complains too.
"""
import json
import os
import subprocess
import unittest

import nbns_tshark

GOLDEN = os.path.join(nbns_tshark.TOP, 'testsuite', 'golden')
COUNT = 121

# Number of the datagram in the file: our error, the reason, does tshark complain?
# Letters beyond P: protocol.md 1.2 has A to P only, tshark stops at Z.
# Types and classes: 1.6 drops a question that is not NB or NBSTAT, class IN.
REFUSED = {
    35: ('name', "the first label has an 'S'", False),
    36: ('type', 'asks for type 0x0036', False),
    37: ('name', 'the first label has a byte 0x05', True),
    39: ('name', "the first label has a 'T'", False),
    40: ('name', "the first label has a 'v'", True),
    41: ('short', 'counts 116 additional records, has none', True),
    42: ('type', 'class 56', False),
    43: ('name', "the first label has a 'u'", True),
    44: ('counts', 'a query with 22017 questions', True),
    45: ('opcode', 'opcode 1', False),
    46: ('name', "the first label has a '%'", True),
    47: ('name', "the first label has an 'S'", False),
    48: ('counts', 'a query with 32769 questions', True),
    49: ('type', 'class 170', False),
    50: ('name', "the first label has a 'k'", True),
    51: ('name', "the first label has a 'c'", True),
    52: ('name', 'the first label has a byte 0xd7', True),
    53: ('name', 'the first label has a byte 0x91', True),
    54: ('name', 'the first label has bytes 0xaa', True),
    55: ('name', "the first label has an 'x'", True),
    56: ('short', 'ends within the first label', True),
    57: ('name', "the first label has a 'U'", True),
    58: ('type', 'asks for type 0x0120', False),
    59: ('name', "the first label has a ']'", True),
    60: ('name', "the first label has an 'n'", True),
    62: ('name', 'the first label has bytes 0xaa', True),
    63: ('short', 'counts 69 additional records, has none', True),
    65: ('counts', 'a release without an additional record', True),
    66: ('name', 'the first label has bytes 0xaa', True),
    67: ('name', 'the first label has bytes 0xaa', True),
    68: ('name', "the first label has an 'x'", True),
    69: ('type', 'asks for type 0x2020', False),
    70: ('name', 'the first label has a byte 0xf5', True),
    72: ('name', "the first label has a 'b'", True),
    73: ('name', "the first label has a 'j'", True),
    74: ('name', "the first label has a 'j'", True),
    75: ('name', "the first label has a 'v'", True),
    76: ('name', "the first label has a '%'", True),
    78: ('name', "the first label has an 'S'", False),
    79: ('name', "the first label has a '5'", True),
    80: ('name', "the first label has an 'f'", True),
    82: ('name', "the first label has an 'o'", True),
    83: ('name', 'the first label has bytes 0xaa', True),
    84: ('counts', 'a query with 30209 questions', True),
    85: ('name', "the first label has a 'g'", True),
    86: ('short', 'counts 8192 answers, has none', True),
    87: ('short', 'counts 16896 answers, has none', True),
    89: ('name', 'the first label is 33 letters long', True),
    90: ('name', "the first label has a 'z'", True),
    91: ('name', "the first label has a '%'", True),
    92: ('name', "the first label has a 'T'", False),
    93: ('short', 'ends within a scope label of 53 bytes', True),
    118: ('counts', 'a query without a question', True),
}


def captured():
    with open(os.path.join(GOLDEN, 'captured-nbns.txt'), encoding='ascii') as f:
        return [line.split()[0] for line in f if not line.startswith('#')]


def decode(datagrams):
    done = subprocess.run([nbns_tshark.program('nbns_dump')], input='\n'.join(datagrams) + '\n',
                          check=True, stdout=subprocess.PIPE, encoding='ascii')
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare_refused(number, ours, theirs):
    error, _, complains = REFUSED[number]
    if ours['error'] != error:
        yield 'refused for %s, expected %s' % (ours['error'], error)
    if bool(theirs.complaints) != complains:
        yield 'tshark says: ' + ', '.join(theirs.complaints or ['nothing'])


def shown_name(ours):
    """The name as tshark prints it, from the raw label."""
    label = bytes.fromhex(ours['label'])
    return nbns_tshark.name_text(label[:15], label[15])


def meant_name(label):
    """Cut at the first NUL, then blanks at the end: protocol.md 1.2."""
    return label[:15].split(b'\0')[0].rstrip(b' ')


def same(what, ours, theirs):
    if ours != theirs:
        yield '%s: ours %s, tshark %s' % (what, ours, theirs)


def compare_head(ours, theirs):
    yield from same('id', ours['id'], theirs.number('nbns.id'))
    yield from same('operation', ours['operation'], theirs.number('nbns.flags'))
    yield from same('opcode', ours['operation'] >> 11 & 15, theirs.number('nbns.flags.opcode'))
    yield from same('response', ours['operation'] >> 15, theirs.number('nbns.flags.response'))
    yield from same('name', shown_name(ours), theirs.show['nbns.name'][0].split(' (')[0])
    yield from same('meaning', bytes.fromhex(ours['name']),
                    meant_name(bytes.fromhex(ours['label'])))
    yield from same('scope', ours['scope'], '')
    kinds = {'status': 0x21, 'status reply': 0x21}
    yield from same('type', kinds.get(ours['kind'], 0x20), theirs.number('nbns.type'))
    yield from same('class', 1, theirs.number('nbns.class'))


def compare_record(ours, theirs):
    yield from same('TTL', ours.get('ttl'), theirs.number('nbns.ttl'))
    yield from same('RDLENGTH', ours.get('rdlength'), theirs.number('nbns.data_length'))
    if ours['kind'] == 'status reply':
        return
    yield from same('NB_FLAGS', ours.get('nb_flags'), theirs.number('nbns.nb_flags'))
    addresses = ours.get('addrs', [ours['addr']] if 'addr' in ours else [])
    yield from same('addresses', addresses, theirs.addresses())


def compare_status(ours, theirs):
    """The list of a node status reply."""
    names = [nbns_tshark.name_text(bytes.fromhex(n['name']), n['suffix']) for n in ours['names']]
    shown = [text.split('Name: ')[1].split(' (')[0] for text in theirs.text['nbns.netbios_name']]
    yield from same('names', names, shown)
    yield from same('flags', [n['flags'] for n in ours['names']],
                    [int(f, 0) for f in theirs.show['nbns.name_flags']])
    yield from same('count', len(names), theirs.number('nbns.number_of_names'))


def compare(number, ours, theirs):
    if number in REFUSED:
        yield from compare_refused(number, ours, theirs)
        return
    if ours['error'] != 'ok':
        yield 'refused for %s, not listed' % ours['error']
        return
    yield from same('complaints', [], theirs.complaints)
    yield from compare_head(ours, theirs)
    yield from compare_record(ours, theirs)
    if ours['kind'] == 'status reply':
        yield from compare_status(ours, theirs)


class Captured(unittest.TestCase):
    """One test for each datagram, made below."""

    @classmethod
    def setUpClass(cls):
        cls.datagrams = captured()
        cls.ours = decode(cls.datagrams)
        cls.theirs = nbns_tshark.read([bytes.fromhex(d) for d in cls.datagrams])

    def test_all_are_read(self):
        self.assertEqual([len(self.datagrams), len(self.ours), len(self.theirs)], [COUNT] * 3)


def datagram_test(number):
    def test(self):
        problems = compare(number, self.ours[number - 1], self.theirs[number - 1])
        self.assertEqual(list(problems), [], self.datagrams[number - 1])
    return test


for each in range(1, COUNT + 1):
    setattr(Captured, 'test_%03d' % each, datagram_test(each))


if __name__ == '__main__':
    unittest.main()
