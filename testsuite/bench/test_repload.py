#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator of replication against partners that lie: a rate counts only
if each record was judged. wreplclient.py plays the server, rightly or wrongly
in one way, and the generator has to say which."""
import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.environ['WINSD_TOP'], 'testsuite', 'scenario'))
sys.path.insert(0, HERE)
import network
import test_load
import wreplclient as wrepl

REPLOAD = os.path.join(os.environ['WINSD_BUILD'], 'bench', 'repload')
SERVER, SOURCE = '127.0.0.11', '127.0.0.21'
NAMES = 200


def address(index):
    """Of a name of the generators: 254 hosts a network, from 10.128.0.1 on."""
    net, host = divmod(index, 254)
    return '10.%d.%d.%d' % (128 + (net >> 8), net & 255, host + 1)


def record(index, **fields):
    fields.setdefault('version', index + 1)
    return wrepl.record('RPN%08X<20>' % index, fields.pop('ip', address(index)), **fields)


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.network = network.Network()
        self.addCleanup(self.network.close)

    def partner(self, records=(), on_message=None):
        with self.network.entered():
            return wrepl.Partner(SERVER, records, on_message=on_message)

    def repload(self, mode, *words, sets, status=0):
        argv = [REPLOAD, mode, '--server', SERVER, '--source', SOURCE, *words]
        for one in sets:
            argv += ['--set', one]
        done = self.network.run(argv, timeout=20)
        self.assertEqual(done.returncode, status, done.stdout)
        return json.loads(done.stdout.splitlines()[-1]) if status != 2 else done.stdout

    def wrong(self, said):
        return {k[6:]: v for k, v in said.items() if k.startswith('wrong_') and v}


class Pull(Case):
    def pull(self, records, sets=('%s,RP,%d' % (SERVER, NAMES),), wrong=None, on_message=None):
        """What it says of these records; wrong: and has to find so many of each."""
        with self.partner(records, on_message):
            said = self.repload('pull', sets=sets, status=1 if wrong else 0)
        self.assertEqual(self.wrong(said), wrong or {})
        return said

    def spoiled(self, index, wrong, sets=('%s,RP,%d' % (SERVER, NAMES),), **fields):
        """One record that is not as it should be: found, and missed."""
        records = [record(i, **(fields if i == index else {})) for i in range(NAMES)]
        said = self.pull(records, sets, dict({'missing': 1}, **wrong))
        self.assertEqual((said['records'], said['right']), (NAMES, NAMES - 1))

    def test_right(self):
        said = self.pull([record(i) for i in range(NAMES)])
        self.assertEqual((said['records'], said['right'], said['strange'], said['owners']),
                         (NAMES, NAMES, 0, 1))
        self.assertEqual(said['bytes'], 24 + NAMES * 48)
        self.assertGreater(said['rate'], 0)

    def test_several_sets(self):
        records = ([record(i, version=1000 + i) for i in range(100)] +
                   [record(i, version=10 + i, ip=address(i + 7)) for i in range(100, NAMES)] +
                   [record(i, owner=wrepl.A) for i in range(50)])
        said = self.pull(records, ('%s,RP,100,0,1000' % SERVER, '%s,RP,100,100,110,7' % SERVER,
                                   wrepl.A + ',RP,50'))
        self.assertEqual((said['right'], said['owners']), (NAMES + 50, 2))

    def test_a_wrong_address(self):
        self.spoiled(17, {'address': 1}, ip='10.128.0.1')

    def test_a_wrong_form(self):
        for fields in ({'state': 'tombstone'}, {'node': 'B'}, {'static': True},
                       {'type': 'mhomed'}, {'is_group': 1}):
            self.spoiled(NAMES - 1, {'form': 1}, **fields)

    def test_a_wrong_name(self):
        for name in ('RPN%08X' % NAMES, 'RPNX', 'RPN0000000G'):
            records = [record(i) for i in range(NAMES - 1)]
            records.append(wrepl.record(name + '<20>', address(NAMES), version=NAMES))
            self.pull(records, wrong={'name': 1, 'missing': 1})
        # right but for the type
        records[-1] = wrepl.record('RPN%08X<00>' % (NAMES - 1), address(NAMES - 1), version=NAMES)
        self.pull(records, wrong={'form': 1, 'missing': 1})

    def test_a_wrong_version(self):
        known = ('%s,RP,%d,0,1' % (SERVER, NAMES),)
        self.pull([record(i) for i in range(NAMES)], known)
        self.spoiled(NAMES - 1, {'version': 1}, known, version=NAMES + 1)

    def reply(self, records):
        """A server that answers with these, whatever it is asked."""
        def on_message(connection, msg):
            if msg.command == wrepl.SEND_REQUEST:
                connection.send_reply(records)
            return msg.command == wrepl.SEND_REQUEST
        return on_message

    def test_versions_out_of_order(self):
        records = [record(i) for i in range(NAMES)]
        self.pull(records, wrong={'version': 1, 'missing': 1},
                  on_message=self.reply(records[:9] + [records[10], records[9]] + records[11:]))

    def test_versions_nobody_asked_for(self):
        records = [record(i) for i in range(NAMES)]
        self.pull(records[:-1], wrong={'version': 1, 'missing': 1}, on_message=self.reply(records))

    def test_twice(self):
        records = [record(i) for i in range(NAMES)]
        self.pull(records, wrong={'twice': 1, 'missing': 1},
                  on_message=self.reply(records[:-1] + [record(5, version=NAMES)]))

    def test_missing(self):
        said = self.pull([record(i) for i in range(NAMES) if i % 2], wrong={'missing': NAMES // 2})
        self.assertEqual(said['right'], NAMES // 2)

    def test_strangers(self):
        records = [record(i) for i in range(NAMES)] + [
            wrepl.record('OTHER<1c>', ['10.0.0.1', '10.0.0.2'], type='sgroup', version=900),
            wrepl.record('SHORT<20>', '10.0.0.1', raw_name=b'RPN00000000', version=901),
            record(3, owner=wrepl.A)]
        said = self.pull(records)
        self.assertEqual((said['right'], said['strange']), (NAMES, 3))

    def frame(self, made, wrong):
        """All is right but for what is made of the answer's frame."""
        def on_message(connection, msg):
            if msg.command == wrepl.SEND_REQUEST:
                connection.send(made(connection.ctx))
            return msg.command == wrepl.SEND_REQUEST
        records = [record(i) for i in range(NAMES)]
        self.pull(records, wrong=wrong, on_message=on_message)

    def test_broken_frames(self):
        records = [record(i) for i in range(NAMES)]
        reply = wrepl.build_send_reply
        self.frame(lambda ctx: reply(ctx, records, count=NAMES - 1), {'frames': 1, 'missing': 1})
        self.frame(lambda ctx: reply(ctx + 1, records), {'frames': 1, 'missing': NAMES})
        self.frame(lambda ctx: reply(ctx, records)[:-1] + b'x', {'form': 1, 'missing': 1})

    def test_refused(self):
        def on_message(connection, msg):
            if msg.command == wrepl.TABLE_QUERY:
                connection.stop(4)
            return msg.command == wrepl.TABLE_QUERY
        with self.partner(on_message=on_message):
            said = self.repload('pull', sets=[SERVER + ',RP,1'], status=2)
        self.assertIn('no table', said)


class Names:
    """The names of test_load.Fake: what a partner has pulled, and what spoil
    makes of each address."""

    def __init__(self, partner, spoil):
        self.partner, self.spoil = partner, spoil
        self.held = {}

    def get(self, name):
        name = str(name)
        with self.partner.changed:
            told = self.partner.pulled.everything() if name not in self.held else ()
        self.held.update((r['name'], wrepl.ips(r)[0]) for r in told)
        return self.spoil(name, self.held.get(name))


class Serve(Case):
    SET = SOURCE + ',RP,%d,0,1' % NAMES
    SAMPLE = 400

    def serve(self, *words, one=SET, on_message=None, spoil=lambda name, ip: ip, status=0,
              spoil_reply=None):
        with self.partner(on_message=on_message) as self.server:
            fake = test_load.Fake(self.network, spoil_reply)
            fake.names = Names(self.server, spoil)
            try:
                return self.repload('serve', '--sample', str(self.SAMPLE), *words, sets=[one],
                                    status=status)
            finally:
                fake.close()

    def test_update(self):
        said = self.serve()
        self.assertEqual(self.wrong(said), {})
        self.assertEqual((said['done'], said['served'], said['requests'], said['sample_right']),
                         (True, NAMES, 1, self.SAMPLE))
        self.assertEqual(said['seconds'], max(said['last_there_s'], said['stop_s']))
        self.assertGreaterEqual(said['stop_s'], said['asked_s'])
        self.assertEqual(self.server.pulled.everything(),
                         [wrepl.owned(record(i), SOURCE) for i in range(NAMES)])

    def test_other_versions_and_addresses(self):
        said = self.serve(one=SOURCE + ',RP,%d,5,1000,300' % NAMES)
        self.assertEqual((self.wrong(said), said['sample_right']), ({}, self.SAMPLE))
        self.assertEqual(self.server.pulled.everything(),
                         [wrepl.owned(record(i + 5, version=1000 + i, ip=address(i + 305)), SOURCE)
                          for i in range(NAMES)])

    def inform(self, connection, msg):
        """Come on a connection of one's own, and ask for the table again."""
        if msg.command != wrepl.INFORM2:
            return False
        with self.network.entered():
            own = wrepl.Connection(SOURCE, source=SERVER)
        with own:
            own.start(1)
            told = own.pull()
            own.stop()
        with self.server.changed:
            self.server.pulled.add(*told)
        return True

    def test_inform(self):
        said = self.serve('--notify', 'inform2', on_message=self.inform)
        self.assertEqual((self.wrong(said), said['done'], said['stop_s']), ({}, True, -1))
        self.assertEqual((said['served'], said['sample_right']), (NAMES, self.SAMPLE))

    def test_a_name_that_is_not_there(self):
        said = self.serve(status=1, spoil=lambda name, ip: ip if '3<' not in name else None)
        self.assertEqual(list(self.wrong(said)), ['sample'])

    def test_a_wrong_address(self):
        said = self.serve(status=1, spoil=lambda name, ip: ip if '3<' not in name else '10.1.1.1')
        self.assertEqual(list(self.wrong(said)), ['sample'])
        self.assertEqual(said['sample_right'] + said['wrong_sample'], self.SAMPLE)

    def test_an_answer_about_another_name(self):
        def other(reply, msg):
            return reply[:42] + b'X' + reply[43:] if '3<' in str(msg.name) else reply
        said = self.serve(status=1, spoil_reply=other)
        self.assertEqual(list(self.wrong(said)), ['sample'])

    def test_the_last_never_comes(self):
        last = 'RPN%08X<20>' % (NAMES - 1)
        for there in (None, '10.1.1.1'):
            said = self.serve('--timeout', '1', status=1,
                              spoil=lambda name, ip, there=there: ip if name != last else there)
            self.assertEqual((said['done'], said['last_there_s'], said['rate']), (False, -1, 0))

    def test_no_stop(self):
        def on_message(connection, msg):
            if msg.command != wrepl.UPDATE2:
                return False
            told = connection.send_request(SOURCE, NAMES, 1)
            with self.server.changed:
                self.server.pulled.add(*told)
            return True
        said = self.serve('--timeout', '1', status=1, on_message=on_message)
        self.assertEqual((said['done'], said['stop_s']), (False, -1))
        self.assertGreater(said['last_there_s'], 0)

    def asks(self, ask):
        """A server that asks in this way before it asks as it should."""
        def on_message(connection, msg):
            if msg.command == wrepl.UPDATE2:
                ask(connection)
            return False
        return self.wrong(self.serve(on_message=on_message, status=1))

    def test_wrong_requests(self):
        self.assertEqual(self.asks(lambda c: c.send_request(SOURCE, 5, 1)), {'served': 1})
        self.assertEqual(self.asks(lambda c: c.send_request(wrepl.A, NAMES, 1)), {'requests': 1})
        self.assertEqual(self.asks(lambda c: c.send_request(SOURCE, 0, NAMES + 1)), {'requests': 1})

    def test_wrong_frames(self):
        self.assertEqual(self.asks(lambda c: c.send(wrepl.build_table(1, wrepl.INFORM, []))),
                         {'frames': 1})

    def test_stopped_with_an_error(self):
        def on_message(connection, msg):
            if msg.command == wrepl.UPDATE2:
                connection.stop(4)
            return msg.command == wrepl.UPDATE2
        said = self.serve('--timeout', '1', on_message=on_message, status=1)
        self.assertEqual(self.wrong(said), {'frames': 1, 'served': 1})


class Words(Case):
    def test_usage(self):
        right = ['--server', SERVER, '--source', SOURCE]
        for words in ([], ['nonsense'], ['pull', '--source', SOURCE], ['serve'] + right,
                      ['serve', '--set', SOURCE + ',RP,1'] + right,
                      ['pull', '--set', 'RP,1'] + right, ['pull', '--set', SERVER + ',RP,0'] + right,
                      ['serve', '--set', SOURCE + ',RP,1,0,1', '--notify', 'so'] + right,
                      ['pull', 'more'] + right):
            self.assertEqual(self.network.run([REPLOAD] + words).returncode, 2, words)


if __name__ == '__main__':
    unittest.main()
