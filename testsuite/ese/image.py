# SPDX-License-Identifier: GPL-3.0-or-later
"""Small clean ESE databases, made from the published description of the format.

Pages of 4096 bytes (or 2048, to be small), format 0x620 in the revisions of Windows 2000 and XP (9)
and of Vista and 2008 (0x0c); a catalog, tables whose rows stand in one page or
in a tree, fixed, variable and tagged columns, long values in a
tree of their own. No indexes besides, no space trees, no templates: readers do
not look at them, and no writer will ever open these files.

What is here is typed from the format, not taken from any reader: esedbexport and
impacket's ese.py are asked in interop/test_ese.py whether it is right.
"""
import struct

SEED = 0x89abcdef
ROOT, LEAF, PARENT, LONG, NEW = 0x01, 0x02, 0x04, 0x80, 0x2000
# columns: number in the catalog, size if it has one
BIT, BYTE, SHORT, LONGINT, CURRENCY = (1, 1), (2, 1), (3, 2), (4, 4), (5, 8)
BINARY, TEXT, LONGBINARY, DWORD, QWORD, WORD = (9, 0), (10, 0), (11, 0), (14, 4), (15, 8), (17, 2)
TABLE, COLUMN, LV = 1, 2, 4
CATALOG_PAGE, CATALOG_ID = 4, 2
SHADOW_PAGE, SHADOW_ID = 24, 3
CATALOG = [('ObjidTable', LONGINT), ('Type', SHORT), ('Id', LONGINT), ('ColtypOrPgnoFDP', LONGINT),
           ('SpaceUsage', LONGINT), ('Flags', LONGINT), ('PagesOrLocale', LONGINT), ('RootFlag', BIT),
           ('RecordOffset', SHORT), ('LCMapFlags', LONGINT), ('KeyMost', WORD), ('Name', TEXT),
           ('Stats', BINARY), ('TemplateTable', TEXT), ('DefaultValue', BINARY), ('KeyFldIDs', BINARY)]


def xor(data, seed):
    for (word,) in struct.iter_unpack('<I', data):
        seed ^= word
    return seed


def ecc(page):
    """The second checksum of revision 0x0b and later: parity of the positions of
    set bits. Words 0 and 1, the checksums themselves, are not counted."""
    low = high = 0
    for index, (word,) in enumerate(struct.iter_unpack('<I', page)):
        if index < 2:
            continue
        while word:
            bit = word & -word
            at = index * 32 + bit.bit_length() - 1
            low ^= ~at & 0x7fff
            high ^= at & 0x7fff
            word ^= bit
    return (high & 0xffff) << 16 | (low & 0xffff)


def normal(value, size):
    """A number as part of a key: in the order of its bytes."""
    return b'\x7f' + ((value + (1 << (8 * size - 1))) & ((1 << 8 * size) - 1)).to_bytes(size, 'big')


class Column:
    def __init__(self, name, kind, number, offset):
        self.name, self.type, self.size = name, kind[0], kind[1]
        self.number, self.offset = number, offset


def number_columns(columns):
    """Fixed ones from 1, variable ones from 128, long ones from 256."""
    numbered, fixed, variable, tagged, offset = [], 1, 128, 256, 4
    for name, kind in columns:
        if kind[1]:
            numbered.append(Column(name, kind, fixed, offset))
            fixed, offset = fixed + 1, offset + kind[1]
        elif kind == LONGBINARY:
            numbered.append(Column(name, kind, tagged, 0))
            tagged += 1
        else:
            numbered.append(Column(name, kind, variable, 0))
            variable += 1
    return numbered


def fixed_part(columns, row):
    data, nulls = b'', 0
    for index, column in enumerate(columns):
        value = row.get(column.name)
        if value is None:
            nulls |= 1 << index
        data += ((value or 0) & ((1 << 8 * column.size) - 1)).to_bytes(column.size, 'little')
    return data + nulls.to_bytes((len(columns) + 7) // 8, 'little')


def variable_part(columns, row):
    ends, data = b'', b''
    for column in columns:
        value = row.get(column.name)
        data += value or b''
        ends += struct.pack('<H', len(data) | (0x8000 if value is None else 0))
    return ends + data


def last(columns, row):
    """Columns behind the last one with a value are not written at all."""
    while columns and row.get(columns[-1].name) is None:
        columns = columns[:-1]
    return columns


class Long(bytes):
    """A long value that stands outside of its row."""


def record(columns, row, put_long=None):
    fixed = last([c for c in columns if c.number < 128], row)
    variable = last([c for c in columns if 128 <= c.number < 256], row)
    tagged = [c for c in columns if c.number > 255 and row.get(c.name) is not None]
    data = fixed_part(fixed, row)
    head = struct.pack('<BBH', fixed[-1].number if fixed else 0,
                       variable[-1].number if variable else 127, 4 + len(data))
    entries, values, at = b'', b'', 4 * len(tagged)
    for column in tagged:
        value = row[column.name]
        apart = isinstance(value, Long)
        value = b'\x05' + struct.pack('<I', put_long(value)) if apart else bytes(value)
        entries += struct.pack('<HH', column.number, at + len(values) | (0x4000 if apart else 0))
        values += value
    return head + data + variable_part(variable, row) + entries + values


class Image:
    """Pages by number; page 0 is the first one behind the two headers."""

    def __init__(self, revision=9, state=3, version=0x620, size=4096):
        self.revision, self.state, self.version, self.size = revision, state, version, size
        self.pages, self.catalog, self.told, self.objects = {}, [], {}, 3
        self.next_page = CATALOG_PAGE + 1
        self.long_keys = 0
        self.describe('MSysObjects', CATALOG_ID, CATALOG_PAGE, number_columns(CATALOG), None)

    # ---- pages ----

    def page(self, number, flags, owner, tags, before=0, after=0):
        """tags: the first is the page's own."""
        body = b''.join(tags)
        words, offset = [], 0
        for data in tags:
            words.append(struct.pack('<HH', len(data), offset))
            offset += len(data)
        free = self.size - 40 - len(body) - 4 * len(tags)
        if free < 0:
            raise ValueError('page %d is too full by %d' % (number, -free))
        if self.revision >= 0x0b:
            flags |= NEW
        head = struct.pack('<QIIIHHHHI', 1, before, after, owner, free, 0, len(body), len(tags), flags)
        rest = head + body + bytes(free) + b''.join(reversed(words))
        if self.revision >= 0x0b:
            sums = struct.pack('<II', xor(rest, number), ecc(bytes(8) + rest))
        else:
            sums = struct.pack('<II', xor(struct.pack('<I', number) + rest, SEED), number)
        self.pages[number] = sums + rest

    def split(self, entries):
        """Entries into as few pages as hold them."""
        pages, size = [[]], 0
        for entry in entries:
            if size + len(entry) + 4 > self.size - 40 - 64:
                pages.append([])
                size = 0
            pages[-1].append(entry)
            size += len(entry) + 4
        return pages

    def tree(self, root, owner, pairs, flags=0):
        """pairs: (key, data) in order. All in the root, or in pages below it."""
        pages, kind = self.split([struct.pack('<H', len(k)) + k + d for k, d in pairs]), LEAF
        while len(pages) > 1:
            numbers, branch = [0] + [self.take_page() for _ in pages] + [0], []
            for index, entries in enumerate(pages):
                before, number, after = numbers[index:index + 3]
                links = (before, after) if kind == LEAF else (0, 0)
                self.page(number, kind | flags, owner, [b''] + entries, *links)
                size = struct.unpack_from('<H', entries[-1])[0]
                key = entries[-1][2:2 + size] if after else b''
                branch.append(struct.pack('<H', len(key)) + key + struct.pack('<I', number))
            pages, kind = self.split(branch), PARENT if kind == LEAF else 0
        self.page(root, ROOT | kind | flags, owner, [struct.pack('<IIII', 1, 1, 0, 0)] + pages[0])

    def take_page(self):
        number = self.next_page
        self.next_page += 2 if number + 1 == SHADOW_PAGE else 1
        return number

    # ---- catalog ----

    def describe(self, name, number, root, columns, long_root):
        def entry(kind, identifier, **more):
            row = dict(ObjidTable=number, Type=kind, Id=identifier, Flags=0, **more)
            self.catalog.append((normal(number, 4) + normal(kind, 2) + normal(identifier, 4), row))
        entry(TABLE, number, ColtypOrPgnoFDP=root, SpaceUsage=80, PagesOrLocale=1, RootFlag=255,
              Name=name.encode())
        for column in columns:
            entry(COLUMN, column.number, ColtypOrPgnoFDP=column.type,
                  SpaceUsage=column.size or (255 if column.number < 256 else 0), PagesOrLocale=1252,
                  RecordOffset=column.offset, Name=column.name.encode())
        if long_root is not None:
            entry(LV, self.objects, ColtypOrPgnoFDP=long_root, SpaceUsage=80, PagesOrLocale=1,
                  Name=b'LV')

    # ---- tables ----

    def table(self, name, columns, rows):
        """rows: a dictionary for each; they get a key in the order they come."""
        self.told[name] = (columns, rows)
        self.objects += 1
        number, root, longs = self.objects, self.take_page(), []
        columns = number_columns(columns)
        apart = any(isinstance(value, Long) for row in rows for value in row.values())
        long_root = self.take_page() if apart else None
        if apart:
            self.objects += 1

        def put_long(value):
            self.long_keys += 1
            key = struct.pack('>I', self.long_keys)
            longs.append((key, struct.pack('<II', 1, len(value))))
            for at in range(0, len(value), 1024):
                longs.append((key + struct.pack('>I', at), bytes(value[at:at + 1024])))
            return self.long_keys
        entries = [(normal(index + 1, 4), record(columns, row, put_long))
                   for index, row in enumerate(rows)]
        self.describe(name, number, root, columns, long_root)
        self.tree(root, number, entries)
        if apart:
            self.tree(long_root, self.objects, longs, LONG)

    # ---- the whole ----

    def header(self):
        head = bytearray(self.size)
        for at, word in [(4, SEED), (8, self.version), (12, 0), (52, self.state), (212, self.objects),
                         (216, 5), (220, 1), (224, 2600), (228, 3), (232, self.revision), (236, self.size),
                         (340, self.version), (344, self.revision)]:
            struct.pack_into('<I', head, at, word)
        struct.pack_into('<I', head, 0, xor(bytes(head[4:]), SEED))
        return bytes(head)

    def bytes(self, pages=0):
        """pages: at least so many, behind the two headers."""
        columns = number_columns(CATALOG)
        self.page(1, ROOT | LEAF, 1, [struct.pack('<IIII', 1, 0, 0, 0)])
        entries = [(key, record(columns, row)) for key, row in sorted(self.catalog, key=lambda e: e[0])]
        self.tree(CATALOG_PAGE, CATALOG_ID, entries)
        self.tree(SHADOW_PAGE, SHADOW_ID, entries)
        number = max(max(self.pages), pages)
        return self.header() * 2 + b''.join(
            self.pages.get(n, bytes(self.size)) for n in range(1, number + 1))
