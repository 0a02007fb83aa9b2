#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made ESE databases, by two readers: esedbexport and impacket's ese.py.

They know nothing of WINS. That they find in an image what image.py was told to put
there shows that it is an ESE database.
"""
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import unittest

from impacket import ese

TOP = os.environ.get('WINSD_TOP', os.path.join(os.path.dirname(__file__), '..', '..'))
sys.path.insert(0, os.path.join(TOP, 'testsuite', 'ese'))
import image

REVISIONS = [9, 0x0c, 0x11]


def signed(value, size):
    return value - (1 << 8 * size) if value >> (8 * size - 1) else value


def normal(value):
    """A value as both foreign readers can be brought to say it."""
    if isinstance(value, bytes):
        return value.hex()
    return value


class Readers(unittest.TestCase):
    """What image.py was told is what others read."""

    maxDiff = None

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, 'wins.mdb')

    def save(self, data):
        with open(self.path, 'wb') as f:
            f.write(data)

    def exported(self, name):
        """Rows of a table by esedbexport: all values as text."""
        out = os.path.join(tempfile.mkdtemp(dir=self.folder.name), 'out')
        subprocess.run(['esedbexport', '-m', 'all', '-t', out, self.path], check=True,
                       stdout=subprocess.PIPE)
        found = [f for f in os.listdir(out + '.export') if f.rsplit('.', 1)[0] == name
                 and os.path.isfile(os.path.join(out + '.export', f))]
        self.assertEqual(len(found), 1, name)
        with open(os.path.join(out + '.export', found[0]), encoding='ascii') as f:
            lines = [line.rstrip('\n').split('\t') for line in f]
        return [dict(zip(lines[0], line)) for line in lines[1:]]

    def unpacked(self, name):
        """Rows of a table by impacket; a bit is a byte there."""
        database, rows = ese.ESENT_DB(self.path), []
        cursor = database.openTable(name)
        while cursor is not None:
            with contextlib.redirect_stdout(io.StringIO()):
                row = database.getNextRow(cursor)
            if row is None:
                break
            rows.append({k.decode(): v for k, v in row.items()})
        database.close()
        return rows

    def same(self, rows, columns, name):
        theirs = self.exported(name)
        self.assertEqual(len(theirs), len(rows))
        for row, their in zip(rows, theirs):
            for column, kind in columns:
                value = row[column]
                if kind == image.BIT:
                    value = 'true' if value else 'false'
                elif value is not None and kind[1]:
                    unsigned = kind in (image.BYTE, image.WORD, image.DWORD)
                    value = str(value if unsigned else signed(value, kind[1]))
                else:
                    value = '' if value is None else value.hex()
                self.assertEqual(their[column].lower(), value, column)
        theirs = self.unpacked(name)
        self.assertEqual(len(theirs), len(rows))
        for row, their in zip(rows, theirs):
            for column, kind in columns:
                value = row[column]
                if kind == image.BIT:
                    value = 255 if value else 0
                elif value is not None and kind[1]:
                    value = signed(value, kind[1]) if kind in (image.SHORT, image.LONGINT) else value
                got = their[column]
                self.assertEqual(got.decode() if isinstance(got, bytes) else got, normal(value), column)

    def test_every_kind_of_column(self):
        columns = [('Bit', image.BIT), ('Byte', image.BYTE), ('Short', image.SHORT), ('Long', image.LONGINT),
                   ('Currency', image.CURRENCY), ('Dword', image.DWORD), ('Qword', image.QWORD),
                   ('Word', image.WORD), ('Binary', image.BINARY), ('Second', image.BINARY),
                   ('List', image.LONGBINARY), ('Last', image.LONGBINARY)]
        rows = [{name: None for name, _ in columns} for _ in range(40)]
        for index, row in enumerate(rows):
            for at, (name, kind) in enumerate(columns):
                if kind[1]:
                    row[name] = (index * 37 + at) % 100 if kind != image.BIT else index % 2
                elif (index >> at % 4) & 1:
                    row[name] = bytes([index, at]) * (index + 1)
        for revision in REVISIONS:
            with self.subTest(revision):
                made = image.Image(revision=revision)
                made.table('Mixed', columns, [{k: -v if k == 'Bit' and v else v for k, v in row.items()}
                                              for row in rows])
                self.save(made.bytes())
                self.same(rows, columns, 'Mixed')

    def test_pages_of_a_tree(self):
        columns = [('Id', image.LONGINT), ('Data', image.BINARY)]
        rows = [dict(Id=i, Data=bytes([i & 255]) * (i % 200 + 1)) for i in range(900)]
        for size, revision in ((4096, 9), (2048, 0x11), (4096, 0x0c)):
            with self.subTest(size):
                made = image.Image(revision=revision, size=size)
                made.table('Before', columns, rows[:1])
                made.table('Many', columns, rows)
                self.save(made.bytes())
                self.same(rows, columns, 'Many')
                self.same(rows[:1], columns, 'Before')

    def test_they_see_a_difference(self):
        made = image.Image()
        made.table('One', [('Id', image.LONGINT)], [dict(Id=1)])
        self.save(made.bytes())
        with self.assertRaises(AssertionError):
            self.same([dict(Id=2)], [('Id', image.LONGINT)], 'One')


if __name__ == '__main__':
    unittest.main()
