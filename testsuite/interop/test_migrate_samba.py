#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""winsmigrate against the programs whose files it reads and writes: nmbd with
its wins.dat, the AD server with its wins.ldb, ldbadd and ldbsearch.

Each server is started once, on a file that winsmigrate wrote, and asked for
every name in it. Then clients register names of all kinds, and what the server
wrote of all that is read: by us and, as the other opinion, by hand or by
libldb. Last it goes there and back without a difference.
"""
import calendar
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'scenario'))
sys.path.insert(0, HERE)
import harness
import nbclient
import peers

SERVER, CLIENT, OTHER, PARTNER = '127.0.0.11', '127.0.0.21', '127.0.0.22', '127.0.0.23'
MIGRATE = os.path.join(harness.BUILD, 'bin', 'winsmigrate')
OK, SOME = 0, 4
PERMANENT = 0x02
LIFE = 400000
# names that nmbd keeps under a name of its own or cannot have (protocol.md 7.2)
NOT_NMBD = b'\r\n"#'
# names that the AD server puts into the name of an entry as they are (7.5)
NOT_AD = b'"+,;<=>\\'


def migrate(*words, status=OK, source=None):
    """What winsmigrate prints; its report is checked for the sums."""
    run = subprocess.run([MIGRATE] + list(words), input=source, check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode != status:
        raise AssertionError('%s: %d\n%s' % (' '.join(words), run.returncode,
                                             run.stderr.decode('utf-8', 'replace')))
    return run.stdout


def records_of(path, *words, status=OK):
    """{(name bytes, suffix, scope bytes): record} of a source."""
    lines = migrate('convert', path, '-t', 'winsd', *words, status=status).splitlines()
    found = {}
    for line in lines[1:]:
        rec = json.loads(line)
        key = (rec['name'].encode('latin-1'), rec['suffix'], rec.get('scope', '').encode('latin-1'))
        found[key] = rec
    return found


def interchange(records):
    """The records as a file of our interchange format."""
    lines = [json.dumps({'format': 'winsd-1'}, separators=(',', ':'))]
    return '\n'.join(lines + [json.dumps(r) for r in records] + ['']).encode('ascii')


def record(name, suffix=0x20, kind='unique', count=1, **more):
    name = name if isinstance(name, str) else name.decode('latin-1')
    until = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + LIFE))
    return {'name': name, 'suffix': suffix, 'type': kind, 'expires': until, 'owner': SERVER,
            'version': 1, 'node': 'H', 'addresses': [{'ip': '192.0.2.%d' % (i + 1)}
                                                      for i in range(count)], **more}


def all_kinds(letters):
    """A few hundred records: a name for each byte that the letters have, and
    every kind of record with every suffix that means something."""
    for byte in letters:
        yield record(b'A%cB' % byte)
        if byte != ord(' '):
            yield record(b'END%c' % byte, suffix=3)
    for suffix in (0x00, 0x03, 0x06, 0x1b, 0x1f, 0x20, 0x21, 0xff):
        for node in 'BPMH':
            yield record('UNIQUE-' + node, suffix, node=node)
        yield record('MANY', suffix, 'mhomed', 3)
        yield record('MOST', suffix, 'mhomed', 25)
        yield record('STATIC', suffix, static=True, expires=None)
        yield record('FIFTEEN LETTERS', suffix)
    for suffix in (0x00, 0x1c, 0x1e):
        yield record('GROUP', suffix, 'group', addresses=[{'ip': '255.255.255.255'}])
    for count in (1, 2, 24, 25):
        yield record('DOMAIN%d' % count, 0x1c, 'sgroup', count)
        yield record('DOMAIN%d' % count, 0x1b)
        yield record('FIXED%d' % count, 0x1c, 'sgroup', count, static=True, expires=None)
    yield record('INTERNET', 0x20, 'sgroup', 3)
    yield record(b'\x01\x02__MSBROWSE__\x02', 0x01, 'group', addresses=[{'ip': '255.255.255.255'}])


def seconds(text):
    return calendar.timegm(time.strptime(text, '%Y-%m-%dT%H:%M:%SZ'))


def numbered(records):
    return [dict(r, version=number) for number, r in enumerate(records, 1)]


def addresses(rec):
    return sorted(a['ip'] for a in rec['addresses'])


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


class Samba(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.network = harness.Network()
        self.addCleanup(self.network.close)

    def client(self, source=CLIENT):
        with self.network.entered():
            client = nbclient.Client(SERVER, source=source, tries=3)
        self.addCleanup(client.close)
        return client

    def write(self, name, records, target, form, *words, status=OK):
        """The records as a file of that format."""
        path = os.path.join(os.path.dirname(target), name)
        with open(path, 'wb') as f:
            f.write(interchange(records))
        migrate('convert', path, '-t', form, target, *words, status=status)

    def answers(self, client, rec):
        return client.query(nbclient.Name(rec['name'], rec['suffix'], rec.get('scope', '')))

    def register_all_kinds(self):
        """What clients say, and what must be kept of it: {(name, suffix): (type, addresses)}"""
        client, other = self.client(), self.client(OTHER)
        said = [('NEW<20>', {}, 'unique'), ('NEW<03>', {'flags': nbclient.P_NODE}, 'unique'),
                ('NEWDOM<1b>', {}, 'unique'), ('NEW CAF\\x90<20>', {}, 'unique')]
        kept = {}
        for name, how, kind in said:
            self.assertTrue(client.register(name, CLIENT, **how).positive, name)
            kept[name] = (kind, [CLIENT])
        for who, source in ((client, CLIENT), (other, OTHER)):
            self.assertTrue(who.register('NEWDOM<1c>', source,
                                         flags=nbclient.GROUP | nbclient.H_NODE).positive)
        kept['NEWDOM<1c>'] = ('sgroup', [CLIENT, OTHER])
        self.assertTrue(client.register('NEWGRP<1e>', nbclient.BROADCAST_ADDR,
                                        flags=nbclient.GROUP | nbclient.H_NODE).positive)
        kept['NEWGRP<1e>'] = ('group', [nbclient.BROADCAST_ADDR])
        return {(n.name, n.suffix): v for n, v in
                ((nbclient.Name.of(name), v) for name, v in kept.items())}


# ---------------------------------------------------------------- nmbd

def nmbd_keeps(byte):
    """Not what its file cannot hold, nor what becomes another letter: it knows capitals."""
    letter = bytes([byte]).decode('cp850')
    try:
        capital = letter.upper().encode('cp850')
    except UnicodeEncodeError:
        capital = b''       # of another charset
    return byte not in NOT_NMBD and (capital == bytes([byte]) or letter in '\u0131\xdf\xb5')


def lines_of(path):
    """wins.dat by hand: {(name bytes, suffix): (time, addresses, flags)} without its own
    names; nor the bit that its first name has when nmbd is a client of itself."""
    found = {}
    with open(path, 'rb') as f:
        lines = f.read().split(b'\n')
    assert lines[0] == b'VERSION 1 0', lines[0]
    for line in filter(None, lines[1:]):
        _, name, rest = line.split(b'"')
        words = rest.split()
        if words[-1].endswith(b'S'):
            continue
        name, suffix = name.rsplit(b'#', 1)
        ips = [w.decode().replace('0.0.0.0', nbclient.BROADCAST_ADDR) for w in words[1:-1]]
        found[name.decode('utf-8').encode('cp850'), int(suffix, 16)] = (
            int(words[0]), ips, int(words[-1].rstrip(b'R'), 16) & ~PERMANENT)
    return found


class Nmbd(Samba):

    def test_there_and_back(self):
        peer = peers.Nmbd(self.network, SERVER)
        self.addCleanup(peer.close)
        path = os.path.join(peer.folder, 'state', 'wins.dat')
        wrote = list(all_kinds(b for b in range(1, 256) if nmbd_keeps(b)))
        self.assertGreater(len(wrote), 400)
        self.write('records', wrote, path, 'wins.dat')
        peer.start()
        client = self.client()
        for rec in wrote:
            reply = self.answers(client, rec)
            self.assertTrue(reply.positive, rec)
            if rec['type'] != 'group':
                self.assertEqual(sorted(reply.addrs), addresses(rec), rec)
        registered = self.register_all_kinds()
        peer.stop()
        self.read_again(path, wrote, registered)

    def read_again(self, path, wrote, registered):
        """nmbd has written the file anew."""
        by_hand = lines_of(path)
        ours = records_of(path)
        self.assertEqual(sorted((name, suffix) for name, suffix, _ in ours), sorted(by_hand))
        for (name, suffix, _), rec in ours.items():
            death, ips, _ = by_hand[name, suffix]
            self.assertEqual([a['ip'] for a in reversed(rec['addresses'])], ips)
            self.assertEqual(rec['static'], death == 0)
            if death:
                self.assertEqual(seconds(rec['expires']), death)
        for rec in wrote:
            again = ours[rec['name'].encode('latin-1'), rec['suffix'], b'']
            for key in ('type', 'node', 'static'):
                self.assertEqual(again[key], rec.get(key, False), rec)
            if not again['static']:     # it counts what is left from when it started
                self.assertLess(abs(seconds(again['expires']) - seconds(rec['expires'])),
                                harness.PATIENCE, rec)
            self.assertEqual(addresses(again), addresses(rec))
        for key, (kind, ips) in registered.items():
            self.assertEqual((ours[key + (b'',)]['type'], addresses(ours[key + (b'',)])),
                             (kind, ips), key)
        back = path + '.back'
        migrate('convert', path, '-t', 'wins.dat', back)
        self.assertEqual(lines_of(back), by_hand)


# ---------------------------------------------------------------- the AD server

def entries(path, expression='(objectClass=winsRecord)'):
    """[{attribute: values}] by libldb itself, in order, without what is for people. The
    server writes its own records under its address and takes 0.0.0.0 for that."""
    import ldb
    db = ldb.Ldb('tdb://' + path, options=['modules:'], flags=ldb.FLG_RDONLY)
    found = db.search(base='', scope=ldb.SCOPE_SUBTREE, expression=expression)
    return sorted(({a: [bytes(v).replace(SERVER.encode(), b'0.0.0.0') for v in m[a]] for a in m
                    if a not in ('dn', 'distinguishedName', 'registeredBy')} for m in found),
                  key=lambda m: [m.get(a, []) for a in ('scope', 'name', 'type')])


def released(name, **more):
    return record(name, state='released', **more)


def only_ad():
    """Records that it alone of the two can have."""
    yield record('SCOPED', scope='lab.example.com')
    yield record('SCOPED', 0x1c, 'sgroup', 3, scope='l' + 60 * 'a.' + 'b')
    yield record('small letters')
    yield record('')
    yield record('FOREIGN', owner='192.0.2.99')
    yield record('MIXED', 0x1c, 'sgroup', addresses=[
        {'ip': '192.0.2.1'}, {'ip': '192.0.2.2', 'owner': '192.0.2.99'}])
    yield record('FIXED MIXED', 0x1c, 'sgroup', static=True, expires=None, addresses=[
        {'ip': '192.0.2.1'}, {'ip': '192.0.2.2', 'owner': '192.0.2.99'}])


def only_ad_silent():
    for kind in ('unique', 'mhomed', 'sgroup'):
        for state in ('released', 'tombstone'):
            yield record('%s-%s' % (kind[:3], state), 0x20, kind, state=state)
    yield record('EMPTY', 0x1c, 'sgroup', 0, state='tombstone')


class Ad(Samba):

    def setUp(self):
        super().setUp()
        self.peer = peers.AdSamba(self.network, SERVER)
        self.peer.partners = {PARTNER: {'pullInterval': '0', 'type': '1'}}
        self.addCleanup(self.peer.close)
        self.state = os.path.join(self.peer.folder, 'state')
        self.path = os.path.join(self.state, 'wins.ldb')

    def test_there_and_back(self):
        letters = [b for b in range(1, 256) if b not in NOT_AD]
        wrote = numbered(list(all_kinds(letters)) + list(only_ad()))
        silent = numbered(only_ad_silent())
        self.assertGreater(len(wrote), 500)
        self.write('records', wrote + silent, self.path, 'wins.ldb', '--owner-zero', SERVER)
        self.peer.start()
        client = self.client()
        for rec in wrote:
            reply = self.answers(client, rec)
            self.assertTrue(reply.positive, rec)
            self.assertEqual(sorted(reply.addrs), addresses(rec), rec)
        for rec in silent:
            self.assertEqual(self.answers(client, rec).rcode, nbclient.NAM_ERR, rec)
        self.read_again(wrote + silent, self.register_all_kinds())

    def read_again(self, wrote, registered):
        """The server runs all the while, and its file stays as it is."""
        before = digest(self.path)
        ours = records_of(self.path, '--owner-zero', SERVER)
        self.assertEqual(digest(self.path), before)
        self.assertEqual(len(ours), len(entries(self.path)))
        theirs = self.peer.records()
        for (name, suffix, scope), rec in ours.items():
            key = '%s<%02x>%s' % (name.decode('utf-8', 'replace'), suffix, '.' + scope.decode() if scope else '')
            if not name.isascii():
                continue
            want = theirs[key]
            self.assertEqual({k: rec[k] for k in ('type', 'state', 'static', 'owner', 'version')},
                             {k: want[k] for k in ('type', 'state', 'static', 'owner', 'version')})
            self.assertEqual(sorted((a['ip'], a['owner']) for a in rec['addresses']),
                             want['members'])
        for key, (kind, ips) in registered.items():
            rec = ours[key + (b'',)]
            self.assertEqual((rec['type'], addresses(rec)), (kind, ips), key)
            self.assertGreater(rec['version'], max(r['version'] for r in wrote), key)
        self.convert_again(ours)
        self.partners()

    def partners(self):
        """They come along, and winsd takes them."""
        made = os.path.join(self.peer.folder, 'winsd.conf')
        migrate('convert', self.state, '-t', 'config', made, '--owner-zero', SERVER, status=SOME)
        with open(made, encoding='utf-8') as f:
            text = f.read()
        self.assertIn('wins:partners = %s(pull)\n' % PARTNER, text)
        self.assertIn('wins:partner %s = pull interval=never, retry=30, push count=0\n' % PARTNER,
                      text)
        with open(made, 'a', encoding='utf-8') as f:
            f.write('\tinterfaces = %s/8\n\tstate directory = %s\n\tlock directory = %s\n' %
                    (SERVER, self.peer.folder, self.peer.folder))
        with self.network.entered():
            subprocess.run([os.path.join(harness.BUILD, 'bin', 'winsd'), '-t', '-s', made],
                           check=True, stdout=subprocess.DEVNULL)

    def convert_again(self, ours):
        """To LDIF, by ldbadd into a database, out of it by ldbsearch: the same."""
        back, ldif, copy = [os.path.join(self.peer.folder, n) for n in ('a.ldb', 'b.ldif', 'c.ldb')]
        theirs = entries(self.path)
        migrate('convert', self.state, '-t', 'wins.ldb', back, '--owner-zero', SERVER)
        self.assertEqual(entries(back), theirs)
        migrate('convert', self.path, '-t', 'ldif', ldif, '--owner-zero', SERVER)
        subprocess.run(['ldbadd', '-o', 'modules:', '-H', 'tdb://' + copy, ldif], check=True,
                       stdout=subprocess.DEVNULL)
        self.assertEqual(entries(copy), theirs)
        self.assertEqual(entries(copy, '(objectClass=winsMaxVersion)'),
                         entries(self.path, '(objectClass=winsMaxVersion)'))
        found = subprocess.run(['ldbsearch', '-o', 'modules:', '-H', 'tdb://' + copy],
                               check=True, stdout=subprocess.PIPE).stdout
        with open(ldif + '.found', 'wb') as f:
            f.write(found)
        self.assertEqual(records_of(ldif + '.found', '--owner-zero', SERVER), ours)

    def test_not_for_it(self):
        """Names that it could not look up are skipped, and said to be."""
        records = numbered(record(b'A%cB' % byte) for byte in NOT_AD)
        self.write('records', records, self.path, 'wins.ldb', '--owner-zero', SERVER, status=SOME)
        self.assertEqual(entries(self.path), [])

    def test_whose(self):
        """Records of the server itself, and nobody said who that is."""
        self.write('records', [record('MINE')], self.path, 'wins.ldb', '--owner-zero', SERVER)
        run = subprocess.run([MIGRATE, 'convert', self.path, '-t', 'winsd'], check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(run.returncode, 1)
        self.assertIn(b'MINE<20> belongs to the server itself', run.stderr)
        self.assertIn(b'--owner-zero ADDRESS', run.stderr)


if __name__ == '__main__':
    unittest.main()
