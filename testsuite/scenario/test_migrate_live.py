#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""winsmigrate against servers that a test plays: what a server withholds from
who is no partner is noticed, and preflight, compare and progress tell right
from wrong. interop/test_migrate_live.py has the same with servers of others.

The servers are wreplclient's and nbclient's, typed from the specification, so
our codec is not held against itself.
"""
import json
import os
import select
import signal
import struct
import subprocess
import tempfile
import threading
import unittest

import harness
import nbclient
import wreplclient as wrepl

OLD, NEW, SPOKE, DEAD, US = '127.0.0.11', '127.0.0.12', '127.0.0.13', '127.0.0.14', '127.0.0.21'
HOST, OTHER, OFF = '127.0.0.31', '127.0.0.32', '127.0.0.33'
MISSING = ('missing: %s may not list us (our address %s) as a replication partner: '
           'static records are then withheld' % (OLD, US))


class Answers:
    """Answers at UDP 137: queries from a dict {name: (flags, addresses)}, node
    status with the names that the host has."""

    def __init__(self, address, names=(), has=()):
        self.names = {str(nbclient.Name.of(n)): what for n, what in dict(names).items()}
        self.has = list(has)
        self.client = nbclient.Client(address, source=address, source_port=137)
        self.asked = 0
        self.ending = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def close(self):
        self.ending = True
        self.thread.join()
        self.client.close()

    def run(self):
        while not self.ending:
            if select.select([self.client.sock], [], [], 0.1)[0]:
                data, sender = self.client.sock.recvfrom(2048)
                msg = nbclient.Message(data)
                self.asked += 1
                self.client.send(self.reply(msg), sender)

    def reply(self, msg):
        name = str(msg.name)
        if msg.qtype == nbclient.NBSTAT:
            entries = [nbclient.Name.of(n) for n in self.has]
            rdata = bytes([len(entries)]) + b''.join(
                n.name.ljust(15) + struct.pack('>BH', n.suffix, 0x6400) for n in entries)
            return nbclient.build_reply(msg.trn_id, 0x8400, name, nbclient.NBSTAT, 0,
                                        rdata + bytes(46))
        if name in self.names:
            flags, addresses = self.names[name]
            return nbclient.build_reply(msg.trn_id, 0x8580, name, nbclient.NB, 0,
                                        nbclient.nb_rdata([(flags, a) for a in addresses]))
        return nbclient.build_reply(msg.trn_id, 0x8583, name, nbclient.NULL)


class Live(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.network = harness.Network()
        cls.addClassCleanup(cls.network.close)

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix='winsd-test-')
        self.addCleanup(self.folder.cleanup)

    def path(self, name, text=None):
        path = os.path.join(self.folder.name, name)
        if text is not None:
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)
        return path

    def partner(self, address, *records, **how):
        with self.network.entered():
            partner = wrepl.Partner(address, records, timeout=harness.PATIENCE, **how)
        self.addCleanup(partner.close)
        return partner

    def answers(self, address, names=(), has=()):
        with self.network.entered():
            answers = Answers(address, names, has)
        self.addCleanup(answers.close)
        return answers

    options = ''          # lines of the configuration

    def run_it(self, *words, status=0):
        """stdout; stderr is in self.said."""
        config = self.path('smb.conf', '[global]\n\tnetbios name = US\n' + self.options)
        argv = [os.path.join(harness.BUILD, 'bin', 'winsmigrate'), '-s', config] + list(words)
        with self.network.entered():
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, universal_newlines=True,
                                  timeout=harness.PATIENCE, check=False)
        self.said = done.stderr
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout

    def lines(self, *words, status=0):
        return [json.loads(line)
                for line in self.run_it('--json', *words, status=status).splitlines()]


# ---------------------------------------------------------------- wrepl://

ESTATE = [wrepl.record('FILESRV<20>', '10.0.0.1', version=1),
          wrepl.record('PRINTER<20>', '10.0.0.2', version=2, static=True),
          wrepl.record('DOMAIN<1b>', '10.0.0.3', version=3),
          wrepl.record('DOMAIN<1c>', ['10.0.0.3', '10.0.0.4'], type='sgroup', version=4),
          wrepl.record('WORKGRP<1e>', '10.0.0.5', type='group', version=5, node='B'),
          wrepl.record('SCOPED<20>.dept.example', '10.0.0.6', version=6, state='tombstone'),
          wrepl.record('TWO<20>', ['10.0.0.7', '10.0.0.8'], type='mhomed', version=7, node='M')]


class Pull(Live):
    """A server that gives all, and servers that do not."""

    def pull(self, *words, status=0):
        out = self.run_it('convert', '--our-address', US, 'wrepl://' + OLD, '-t', 'winsd', '-',
                          *words, status=status)
        return [wrepl.from_json(json.loads(line)) for line in out.splitlines()[1:]]

    def test_all(self):
        partner = self.partner(OLD, *ESTATE)
        far = wrepl.record('FAR<20>', '10.9.9.9', owner=SPOKE, version=(1 << 63) + 5)
        partner.add(far)
        self.assertEqual(self.pull(), partner.records.everything())
        self.assertIn('statics received: 1\n', self.said)
        self.assertNotIn('missing', self.said)
        self.assertEqual(partner.wait(mess_type=wrepl.STOP)[0].reason, 0)

    def test_statics_withheld(self):
        self.partner(OLD, *[r for r in ESTATE if not r['static']])
        self.assertEqual(len(self.pull(status=4)), 6)
        self.assertIn('statics received: 0\n', self.said)
        self.assertIn(MISSING, self.said)
        self.assertEqual(len(self.pull('--dynamic-only')), 6)
        self.assertNotIn('missing', self.said)

    def test_short_range(self):
        """Some statics come, but the map promised more."""
        partner = self.partner(OLD, *ESTATE)
        partner.records.mark(OLD, 9)
        self.assertEqual(len(self.pull(status=4)), 7)
        self.assertIn('owner %s: versions up to 7 of 9 came' % OLD, self.said)
        self.assertIn(MISSING, self.said)
        self.assertEqual(len(self.pull('--dynamic-only')), 7)
        self.assertIn('owner %s: versions up to 7 of 9 came' % OLD, self.said)

    def test_capped_replies(self):
        """Not more than two records at a time: the rest is asked for."""
        def two(connection, msg):
            if msg.command == wrepl.SEND_REQUEST:
                connection.send_reply(partner.records.select(*msg.request)[:2])
            return msg.command == wrepl.SEND_REQUEST
        partner = self.partner(OLD, *ESTATE, on_message=two)
        self.assertEqual(self.pull(), partner.records.everything())

    def test_closed_at_the_map(self):
        def close(_, msg):
            if msg.command == wrepl.TABLE_QUERY:
                raise wrepl.Closed
        self.partner(OLD, *ESTATE, on_message=close)
        for words in ((), ('--dynamic-only',)):
            self.assertEqual(self.pull(*words, status=4), [])
            self.assertIn('missing: at the map request: the server closed the connection',
                          self.said)
        self.pull(status=4)
        self.assertIn(MISSING, self.said)

    def test_stopped_at_the_map(self):
        """As the AD server does it (protocol.md 3.5)."""
        def stop(connection, msg):
            if msg.command == wrepl.TABLE_QUERY:
                connection.stop(4)
            return msg.command == wrepl.TABLE_QUERY
        self.partner(OLD, *ESTATE, on_message=stop)
        self.assertEqual(self.pull(status=4), [])
        self.assertIn(MISSING, self.said)

    def test_closed_between_owners(self):
        """What came stands; that it was not all is told."""
        def close(_, msg):
            if msg.request and msg.request[0] == SPOKE:
                raise wrepl.Closed
        partner = self.partner(OLD, *ESTATE, on_message=close)
        partner.add(wrepl.record('FAR<20>', '10.9.9.9', owner=SPOKE, version=3))
        self.assertEqual(len(self.pull(status=4)), 7)
        self.assertIn('owner %s: versions up to 0 of 3 came' % SPOKE, self.said)
        self.assertIn('before all records had come: the server closed', self.said)

    def test_garbage(self):
        def rubbish(connection, msg):
            if msg.command == wrepl.SEND_REQUEST:
                connection.send_reply([wrepl.record('A<20>', '10.0.0.1', name_len=0)])
            return msg.command == wrepl.SEND_REQUEST
        self.partner(OLD, *ESTATE, on_message=rubbish)
        self.pull(status=1)
        self.assertIn('cannot be read', self.said)

    def test_interrupted(self):
        """Ctrl-C while a server says nothing."""
        def nothing(_, msg):
            return msg.command == wrepl.SEND_REQUEST
        partner = self.partner(OLD, *ESTATE, on_message=nothing)
        target = self.path('estate.json')
        with self.network.popen([os.path.join(harness.BUILD, 'bin', 'winsmigrate'), 'convert',
                                 'wrepl://' + OLD, '-t', 'winsd', target],
                                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            partner.wait(wrepl.SEND_REQUEST)
            process.send_signal(signal.SIGINT)
            status = harness.wait_process(process, harness.PATIENCE / 2)
            process.kill()      # a pull gives up only after PATIENCE
        self.assertEqual(status, -signal.SIGINT)
        self.assertFalse(os.path.exists(target))

    def test_nobody(self):
        self.pull(status=5)
        self.run_it('convert', 'wrepl://wins1', '-t', 'winsd', '-', status=1)
        self.assertIn('wrepl://ADDRESS[:PORT]', self.said)


# ---------------------------------------------------------------- preflight

class Preflight(Live):
    def found(self, lines):
        return {(l['server'], l['check']): l['result'] for l in lines}

    def test_healthy(self):
        partner = self.partner(OLD, *ESTATE)
        partner.add(wrepl.record('DOMAIN<1b>', '10.0.0.3', version=8))
        self.answers(OLD)
        lines = self.lines('preflight', '--our-address', US, OLD)
        self.assertEqual({r for r in self.found(lines).values()}, {'ok', 'note', 'skipped'})
        self.assertEqual([l['check'] for l in lines if l['result'] == 'skipped'], ['timers'])
        self.assertIn(' 1: PRINTER<20>', self.run_it('preflight', '--our-address', US, OLD))
        # read-only: nothing but a pull
        self.assertEqual({m.command for _, m in partner.log if m.type == wrepl.REPLICATION},
                         {wrepl.TABLE_QUERY, wrepl.SEND_REQUEST})

    def test_unhealthy(self):
        """Everything that can be wrong with two servers."""
        self.partner(OLD, wrepl.record('WPAD<00>', '10.0.0.1', version=1),
                     wrepl.record('BOTH<20>', '10.0.0.1', version=2),
                     wrepl.record('LONE<1b>', '10.0.0.2', version=3),
                     wrepl.record('APART<1b>', '10.0.0.2', version=4),
                     wrepl.record('APART<1c>', ['10.0.0.3'], type='sgroup', version=5),
                     wrepl.record('FULL<1c>', ['10.1.0.%d' % i for i in range(25)],
                                  type='sgroup', version=6),
                     wrepl.record('HIGH<20>', '10.0.0.9', owner=SPOKE, version=(1 << 48) + 1),
                     wrepl.record('GONE<20>', '10.0.0.8', owner=DEAD, version=1))
        self.partner(NEW, wrepl.record('BOTH<20>', '10.0.0.1', version=1, type='group'),
                     wrepl.record('STATIC<20>', '10.0.0.7', version=2, static=True))
        for address in (OLD, NEW, SPOKE):
            self.answers(address)
        lines = self.lines('preflight', '--our-address', US, OLD, NEW, status=7)
        detail = {(l['server'], l['check']): l['detail'] for l in lines
                  if l['result'] == 'problem'}
        self.assertEqual(set(detail), {
            (OLD, 'statics'), (None, 'dead owners'), (None, 'unknown owners'),
            (None, 'high versions'), (None, 'name limits'), (None, 'blocked names'),
            (None, 'type clashes'), (None, '1C without 1B'), (None, '1B without 1C'),
            (None, '1B not in 1C')})
        for check, said in {
                'dead owners': 'no answer from %s (1 records)' % DEAD, 'unknown owners': SPOKE,
                'high versions': '%s (%d)' % (SPOKE, (1 << 48) + 1),
                'name limits': '1: FULL<1c> (25 addresses)', 'blocked names': '1: WPAD<00>',
                'type clashes': '1: BOTH<20> (unique at %s, group at %s)' % (OLD, NEW),
                '1C without 1B': '1: FULL<1c>', '1B without 1C': '1: LONE<1b>',
                '1B not in 1C': '1: APART<1b>'}.items():
            self.assertIn(said, detail[None, check])

    def test_no_statics(self):
        """Which may be so."""
        self.partner(OLD, wrepl.record('FILESRV<20>', '10.0.0.1', version=1))
        self.answers(OLD)
        for words, result, status in (((), 'problem', 7), (('--dynamic-only',), 'note', 0)):
            lines = self.lines('preflight', *words, OLD, status=status)
            self.assertEqual(self.found(lines)[OLD, 'statics'], result)

    def test_timers(self):
        """Ours, the defaults of Windows, beside an export: microsoft-wins.md 2."""
        text = ('Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\SYSTEM\\'
                'CurrentControlSet\\Services\\WINS\\Parameters]\r\n'
                '"RefreshInterval"=dword:%08x\r\n"TombstoneInterval"=dword:0007e900\r\n'
                '"TombstoneTimeout"=dword:0007e900\r\n"VerifyInterval"=dword:001fa400\r\n')
        self.partner(OLD, *ESTATE)
        self.answers(OLD)
        for refresh, result, status in ((518400, 'ok', 0), (345600, 'problem', 7)):
            path = self.path('wins.reg', text % refresh)
            lines = self.lines('preflight', '--registry', path, OLD, status=status)
            [timers] = [l for l in lines if l['check'] == 'timers']
            self.assertEqual(timers['result'], result, timers)
        self.assertIn('wreplsrv:renew_interval 345600 s there, 518400 s here', timers['detail'])

    def test_no_partner(self):
        def stop(connection, msg):
            if msg.command == wrepl.TABLE_QUERY:
                connection.stop(4)
            return msg.command == wrepl.TABLE_QUERY
        self.partner(OLD, *ESTATE, on_message=stop)
        self.answers(OLD)
        found = self.found(self.lines('preflight', '--our-address', US, OLD, status=7))
        self.assertEqual((found[OLD, 'UDP 137'], found[OLD, 'TCP 42'], found[OLD, 'partner'],
                          found[OLD, 'statics'], found[None, 'blocked names']),
                         ('ok', 'ok', 'problem', 'skipped', 'skipped'))


# ---------------------------------------------------------------- compare

class Compare(Live):
    def test_equal(self):
        self.partner(OLD, *ESTATE)
        partner = self.partner(NEW)
        partner.add(*[wrepl.owned(r, OLD) for r in ESTATE])
        self.assertEqual(self.lines('compare', 'wrepl://' + OLD, 'wrepl://' + NEW), [])
        self.run_it('compare', '--watch', '--interval', '0', 'wrepl://' + OLD, 'wrepl://' + NEW)
        self.assertEqual(self.said.count('differences: 0 real, 0 expected'), 3)
        self.assertEqual(len(partner.seen(wrepl.TABLE_QUERY)), 4)

    def test_differences(self):
        self.partner(OLD, *ESTATE, wrepl.record('LEFT<20>', '10.0.0.9', version=8, state='released'),
                     wrepl.record('WPAD<20>', '10.0.0.9', version=9))
        changed = [wrepl.owned(r, OLD) for r in ESTATE if r['name'] != 'TWO<20>']
        changed[0] = dict(changed[0], addresses=[{'ip': '10.5.5.5', 'owner': OLD}])
        self.partner(NEW, *changed, wrepl.record('LEFT<20>', '10.0.0.9', version=8, owner=OLD))
        rows = {r['name']: r for r in self.lines('compare', 'wrepl://' + OLD, 'wrepl://' + NEW,
                                                 status=7)}
        self.assertEqual({n: (r['class'], r['reason']) for n, r in rows.items()}, {
            'FILESRV': ('real', 'addresses'), 'TWO': ('real', 'on one side only'),
            'LEFT': ('expected', 'released at the owner'), 'WPAD': ('expected', 'blocked name')})
        self.assertEqual((rows['FILESRV']['old']['addresses'], rows['FILESRV']['new']['addresses'],
                          rows['FILESRV']['owner'], rows['FILESRV']['old_version'],
                          rows['FILESRV']['rounds']), (['10.0.0.1'], ['10.5.5.5'], OLD, 1, 1))

    def test_strict(self):
        """An expected difference is none but with --strict."""
        self.partner(OLD, wrepl.record('WPAD<20>', '10.0.0.9', version=1))
        self.partner(NEW)
        words = ('compare', 'wrepl://' + OLD, 'wrepl://' + NEW)
        self.assertEqual(len(self.lines(*words)), 1)
        self.lines('compare', '--strict', *words[1:], status=7)

    def test_kept_out(self):
        """By the configuration: a name that is allowed after all, and owners."""
        self.options = ('\twins:allow names = WPAD\n\twins:blocked names = WPAD OTHER\n'
                        '\twins:block owners = %s, %s\n' % (SPOKE, DEAD))
        self.partner(OLD, wrepl.record('WPAD<20>', '10.0.0.9', version=1),
                     wrepl.record('OTHER<20>', '10.0.0.9', version=2),
                     wrepl.record('FAR<20>', '10.0.0.9', version=1, owner=DEAD),
                     wrepl.record('DOM<1c>', ['10.0.0.1', ('10.0.0.2', SPOKE)], type='sgroup',
                                  version=3))
        self.partner(NEW, wrepl.record('DOM<1c>', ['10.0.0.1'], type='sgroup', version=3,
                                       owner=OLD))
        rows = self.lines('compare', 'wrepl://' + OLD, 'wrepl://' + NEW, status=7)
        self.assertEqual({r['name']: (r['class'], r['reason']) for r in rows}, {
            'WPAD': ('real', 'on one side only'), 'OTHER': ('expected', 'blocked name'),
            'FAR': ('expected', 'blocked owner'), 'DOM': ('expected', 'blocked owner')})

    def test_file_and_queries(self):
        """A file against what a server answers, at a rate."""
        self.partner(OLD, *ESTATE)
        path = self.path('estate.json', self.run_it('convert', 'wrepl://' + OLD, '-t', 'winsd',
                                                    '-'))
        h = nbclient.H_NODE
        server = self.answers(NEW, {
            'FILESRV<20>': (h, ['10.0.0.1']), 'PRINTER<20>': (h, ['10.0.0.99']),
            'DOMAIN<1b>': (h, ['10.0.0.3']), 'DOMAIN<1c>': (0x8000 | h, ['10.0.0.4', '10.0.0.3']),
            'WORKGRP<1e>': (0x8000, ['255.255.255.255']), 'TWO<20>': (h, ['10.0.0.8', '10.0.0.7'])})
        rows = self.lines('compare', '--rate', '10000', path, 'nbns://' + NEW, status=7)
        self.assertEqual([(r['name'], r['reason'], r['new']['said']) for r in rows],
                         [('PRINTER', 'addresses', 'answer')])
        self.assertEqual(server.asked, 8)       # and once whether it is there
        names = self.path('names', '# two names\nFILESRV<20>\nTWO#20\n')
        self.lines('compare', '--names', names, path, 'nbns://' + NEW)
        self.assertEqual(server.asked, 11)

    def test_two_that_are_asked(self):
        self.answers(OLD, {'A<20>': (0, ['10.0.0.1'])})
        self.answers(NEW)
        self.lines('compare', 'nbns://' + OLD, 'nbns://' + NEW, status=2)
        self.assertIn('--names', self.said)
        names = self.path('names', 'A<20>\nB<20>\n')
        [row] = self.lines('compare', '--names', names, 'nbns://' + OLD, 'nbns://' + NEW, status=7)
        self.assertEqual((row['name'], row['old']['said'], row['new']['said']),
                         ('A', 'answer', 'not found'))

    def test_watch(self):
        """A difference in the first round, and rounds until three are equal."""
        self.partner(OLD, *ESTATE)
        records = [wrepl.owned(r, OLD) for r in ESTATE]

        def arrives(_, msg):
            if msg.command == wrepl.TABLE_QUERY:
                rounds.append(1)
                if len(rounds) == 3:
                    new.records.add(records[6])
        rounds, new = [], self.partner(NEW, *records[:6], on_message=arrives)
        self.assertEqual(self.lines('compare', '--watch', '--interval', '0', 'wrepl://' + OLD,
                                    'wrepl://' + NEW), [])
        self.assertEqual(len(rounds), 5)

    def test_timeout(self):
        """A watch that has no time for a second round."""
        self.partner(OLD, *ESTATE)
        self.partner(NEW)
        words = ('compare', '--watch', '--interval', '100', '--timeout', '50')
        rows = self.lines(*words, 'wrepl://' + OLD, 'wrepl://' + NEW, status=7)
        self.assertEqual(len(rows), 7)
        self.assertEqual(self.said.count('round 1: 7 names'), 1)

    def test_no_partner(self):
        def stop(connection, msg):
            if msg.command == wrepl.TABLE_QUERY:
                connection.stop(4)
            return msg.command == wrepl.TABLE_QUERY
        self.partner(OLD, *ESTATE)
        self.partner(NEW, on_message=stop)
        self.lines('compare', 'wrepl://' + OLD, 'wrepl://' + NEW, status=6)
        self.assertIn('may not list us', self.said)

    def test_nobody(self):
        self.partner(OLD, *ESTATE)
        self.lines('compare', 'wrepl://' + OLD, 'wrepl://' + NEW, status=5)


# ---------------------------------------------------------------- progress

class Progress(Live):
    def test_days(self):
        names = [wrepl.record('MOVED<20>', HOST, version=1),
                 wrepl.record('ALIVE<20>', HOST, version=2),
                 wrepl.record('STALE<20>', OTHER, version=3),
                 wrepl.record('OFF<20>', OFF, version=4),
                 wrepl.record('PRINTER<20>', OTHER, version=5, static=True),
                 wrepl.record('LEFT<20>', OTHER, version=6, state='released'),
                 wrepl.record('FAR<20>', OTHER, version=7, owner=SPOKE)]
        replicas = [wrepl.owned(dict(r, state='active'), OLD) for r in names]
        old = self.partner(OLD, *names)
        new = self.partner(NEW, *replicas)
        self.answers(HOST, has=['MOVED<20>', 'ALIVE<20>'])
        self.answers(OTHER, has=['SOMEBODY<20>'])
        state = self.path('moved.sqlite')
        words = ('progress', '--state', state, 'wrepl://' + OLD, 'wrepl://' + NEW)
        lines = self.lines(*words, status=7)
        self.assertEqual({l['name']: l['state'] for l in lines},
                         {'MOVED': 'alive', 'ALIVE': 'alive', 'STALE': 'stale', 'OFF': 'silent',
                          'PRINTER': 'static'})
        self.assertIn('0 names have moved, 5 have not', self.said)
        moved = wrepl.record('MOVED<20>', HOST, version=1, owner=NEW)
        for partner in (old, new):      # the new server's name replicates back
            with partner.changed:
                partner.records.held[OLD].pop(1)
            partner.add(moved)
        words = words[:1] + ('--no-hosts',) + words[1:]
        lines = self.lines(*words, status=7)
        self.assertEqual([(l['moved'], l['all']) for l in lines if 'day' in l], [(1, 1)])
        self.assertEqual({l['name']: l['state'] for l in lines if 'name' in l},
                         {'ALIVE': 'left', 'STALE': 'left', 'OFF': 'left', 'PRINTER': 'static'})
        self.assertIn('1 names have moved, 4 have not', self.said)

    def test_nobody_is_left(self):
        moved = wrepl.record('MOVED<20>', HOST, version=1, owner=NEW)
        self.partner(OLD, moved)
        self.partner(NEW, moved)
        [day] = self.lines('progress', 'wrepl://' + OLD, 'wrepl://' + NEW)
        self.assertEqual((day['moved'], day['all']), (1, 1))

    def test_words(self):
        self.run_it('progress', 'nbns://' + OLD, 'wrepl://' + NEW, status=2)
        path = self.path('old.json', '{"format":"winsd-1"}\n')
        self.run_it('progress', path, 'wrepl://' + NEW, status=2)
        self.assertIn('--old-owner', self.said)
        self.partner(NEW, wrepl.record('MOVED<20>', HOST, version=1, owner=NEW))
        self.run_it('progress', '--old-owner', OLD, '--state', path, path, 'wrepl://' + NEW,
                    status=1)
        self.run_it('progress', '--old-owner', OLD, path, 'wrepl://' + NEW)

    def test_file_without_owners(self):
        """All that nmbd has is its own."""
        path = self.path('wins.dat', 'VERSION 1 0\n"MOVED#20" 2000000000 %s 66R\n'
                         '"LEFT#20" 2000000000 %s 66R\n' % (HOST, HOST))
        self.partner(NEW, wrepl.record('MOVED<20>', HOST, version=1, owner=NEW))
        lines = self.lines('progress', '--no-hosts', '--old-owner', OLD, path, 'wrepl://' + NEW,
                           status=7)
        self.assertEqual([(l['name'], l['state'], l['owner']) for l in lines if 'name' in l],
                         [('LEFT', 'left', OLD)])
        self.assertEqual([l['all'] for l in lines if 'day' in l], [1])


if __name__ == '__main__':
    unittest.main()
