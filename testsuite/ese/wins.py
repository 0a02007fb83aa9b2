#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases as a WINS server on Windows may have them, and others: wins.py FOLDER.

Nobody has published Microsoft's tables, so these are several guesses at once:
the flags packed or in columns of their own, addresses in either order, alone or
with owners and times, columns with telling names and with none. What is known
(formats.md, section 1) holds in all: ids of owners in a table of their own, 0
for the server itself, 1B names with two bytes swapped, 0x7fffffff for ever.

Writes what fuzzers, unit tests and people want to look at; interop/test_ese.py
imports it and knows from records(), not from any reader, what must come out.
"""
import os
import random
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import image

UNIQUE, GROUP, SGROUP, MHOMED = range(4)
ACTIVE, RELEASED, TOMBSTONE, DELETED = range(4)
NEVER = 0x7fffffff
NOW = 1767225600
OWNERS = {0: '192.168.4.5', 1: '192.168.9.5', 2: '10.20.30.40', 7: '10.99.1.254'}


def record(name, suffix, kind, members, **more):
    """members: (address, owner id, time) each."""
    made = dict(name=name, suffix=suffix, type=kind, members=members, state=ACTIVE, static=False,
                node=3, owner=0, time=NOW + 86400, scope=b'')
    made.update(more)
    if made['static']:
        made['time'] = NEVER
        made['members'] = [(ip, owner, NEVER) for ip, owner, _ in members]
    return made


def records(count=60, seed=1):
    """The server's own names, a domain, and hosts of every kind."""
    rng, made = random.Random(seed), []
    for suffix in (0x00, 0x03, 0x20):
        made.append(record(b'WINSSERVER', suffix, UNIQUE, [(OWNERS[0], 0, NOW + 90000)], time=NOW + 90000))
    dcs = [('192.168.4.%d' % (10 + i), rng.choice(list(OWNERS)), NOW + 1000 * i) for i in range(5)]
    made += [record(b'DOMAIN', 0x1b, UNIQUE, dcs[:1], time=dcs[0][2]),
             record(b'DOMAIN', 0x1c, SGROUP, dcs), record(b'DOMAIN', 0x1e, GROUP, [('255.255.255.255', 0, NOW + 5)],
                                                          time=NOW + 5),
             record(b'OTHER', 0x1c, SGROUP, [('10.20.1.9', 2, NOW), ('10.20.1.10', 1, NOW + 7)], owner=2),
             record(b'FIXED', 0x1c, SGROUP, [('10.20.1.9', 2, NEVER)], owner=2, static=True),
             record(b'\x01\x02__MSBROWSE__\x02', 0x01, GROUP, [('255.255.255.255', 0, NOW)], time=NOW),
             record(b'M\xc4RZ', 0x20, UNIQUE, [('192.168.7.1', 1, NOW)], time=NOW, owner=1),
             record(b'SCOPED', 0x20, UNIQUE, [('192.168.7.2', 0, NOW)], time=NOW, scope=b'lab.example'),
             record(b'GONE', 0x20, UNIQUE, [('192.168.7.3', 0, NOW)], time=NOW, state=RELEASED),
             record(b'GONE2', 0x20, UNIQUE, [('192.168.7.4', 7, NOW)], time=NOW, state=TOMBSTONE, owner=7)]
    for number in range(len(made), count):
        owner = rng.choice(list(OWNERS))
        time = NOW + rng.randrange(86400 * 6)
        address = ['192.168.%d.%d' % (rng.randrange(256), rng.randrange(1, 255)) for _ in range(3)]
        several = rng.random() < 0.2
        members = [(ip, owner, time - 60 * i) for i, ip in enumerate(dict.fromkeys(address[:3 if several else 1]))]
        made.append(record(b'HOST%05d' % number, rng.choice([0x00, 0x03, 0x20]),
                           MHOMED if len(members) > 1 else UNIQUE, members, owner=owner, time=time,
                           static=rng.random() < 0.1, node=rng.randrange(4)))
    versions = {}
    for one in made:
        versions[one['owner']] = versions.get(one['owner'], 0x100000000 * one['owner']) + rng.randrange(1, 5)
        one['version'] = versions[one['owner']]
    return made


# ---- how it is stored ----

class Shape:
    """One guess at the schema."""

    def __init__(self, packed=True, opaque=False, order='>', owner_order='>', number=image.BYTE,
                 lists=('A', 'OAT', 'AT'), highest=True, apart=(), list_type=image.LONGBINARY):
        self.packed, self.opaque, self.order, self.owner_order = packed, opaque, order, owner_order
        self.number, self.lists, self.highest, self.apart = number, lists, highest, apart
        self.list_type = list_type


def raw(address, order):
    data = bytes(int(part) for part in address.split('.'))
    return data if order == '>' else data[::-1]


def key(one):
    data = bytearray(one['name'].ljust(15) + bytes([one['suffix']]))
    if one['suffix'] == 0x1b:
        data[0], data[15] = data[15], data[0]
    return bytes(data) + (b'.' + one['scope'] if one['scope'] else b'') + b'\0'


def address_list(one, shape):
    words = shape.lists[{SGROUP: 1, MHOMED: 2}.get(one['type'], 0)]
    data = b''
    for ip, owner, time in one['members']:
        for word in words:
            data += raw(ip, shape.order) if word == 'A' else struct.pack('<I', owner if word == 'O' else time)
    return image.Long(data) if one['name'] in shape.apart else data


def flags(one):
    return (one['static'] << 7 | one['node'] << 5 | (one['owner'] != 0) << 4 |
            one['state'] << 2 | one['type'])


def number(data):
    return int.from_bytes(data, 'little')


def database(made, shape=None, **options):
    """The image of a database of these records."""
    shape = shape or Shape()
    made_image = image.Image(**options)
    plain = ['OwnerId', 'Address', 'HighestVersion']
    known = plain if not shape.opaque else ['A%d' % i for i in range(3)]
    columns = list(zip(known, [shape.number, image.LONGINT, image.CURRENCY]))[:3 if shape.highest else 2]
    owned = {i: max([r['version'] for r in made if r['owner'] == i], default=0) for i in OWNERS}
    made_image.table('Owners' if not shape.opaque else 'T1', columns,
                     [{known[0]: i, known[1]: number(raw(a, shape.owner_order)), known[2]: owned[i]}
                      for i, a in OWNERS.items()])
    kinds = [('OwnerId', shape.number), ('TimeStamp', image.LONGINT), ('Version', image.CURRENCY)]
    kinds += [('Flags', image.BYTE)] if shape.packed else [
        ('RecType', image.BYTE), ('IsStatic', image.BIT), ('State', image.BYTE), ('NodeType', image.BYTE)]
    kinds += [('Name', image.BINARY), ('Addresses', shape.list_type)]
    called = {n: n if not shape.opaque else 'C%d' % i for i, (n, _) in enumerate(kinds)}
    rows = []
    for one in sorted(made, key=key):
        row = dict(OwnerId=one['owner'], TimeStamp=one['time'], Version=one['version'], Flags=flags(one),
                   RecType=one['type'], IsStatic=-1 if one['static'] else 0, State=one['state'],
                   NodeType=one['node'], Name=key(one), Addresses=address_list(one, shape))
        rows.append({called[n]: row[n] for n, _ in kinds})
    made_image.table('Names' if not shape.opaque else 'T2', [(called[n], k) for n, k in kinds], rows)
    return made_image


SHAPES = {
    'packed': Shape(),
    'apart': Shape(packed=False),
    'opaque': Shape(opaque=True),
    'little': Shape(order='<', owner_order='<'),
    'mixed': Shape(order='>', owner_order='<', number=image.LONGINT, lists=('A', 'OA', 'A')),
    'plain': Shape(lists=('A', 'A', 'A'), highest=False, number=image.SHORT),
    'times': Shape(packed=False, lists=('AT', 'OTA', 'TA'), order='<', list_type=image.BINARY),
}


def small(revision=0x11):
    """64 KiB, for those who try everything: 30 pages of 2 KiB behind the headers."""
    return database(records(40), size=2048, revision=revision).bytes(30)


def main(folder):
    os.makedirs(folder, exist_ok=True)
    for name, shape in SHAPES.items():
        for revision in (9, 0x0c):
            with open(os.path.join(folder, '%s-%x.mdb' % (name, revision)), 'wb') as f:
                f.write(database(records(), shape, revision=revision).bytes())
    with open(os.path.join(folder, 'small.mdb'), 'wb') as f:
        f.write(small())


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
