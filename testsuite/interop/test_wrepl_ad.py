#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The partner of our scenario tests against the SMB suite's AD server.

What wreplclient.py says and expects has to be right before it judges winsd: so
here it pushes to, pulls from and is pulled by a server that nobody of us wrote.
And whatever frame that server sends is read by our codec too, with the same
result.
"""
import os
import struct
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'scenario'))
sys.path.insert(0, HERE)
import frames_foreign
import harness
import nbclient
import peers
import wreplclient as wrepl
from wrepl_foreign import OWNER

SERVER, PARTNER, STRANGER = '127.0.0.11', '127.0.0.21', '127.0.0.22'


class AdPartner(peers.AdSamba):
    """Knows one partner, and pulls from it when it is told to."""

    def make_databases(self):
        import ldb
        super().make_databases()
        config = ldb.Ldb('tdb://%s/private/wins_config.ldb' % self.folder, flags=0)
        config.add({'dn': 'CN=%s,CN=PARTNERS' % PARTNER, 'objectClass': 'wreplPartner',
                    'address': PARTNER, 'type': '3', 'pullInterval': '0'})


def of_all_kinds(owner, suffix, first):
    """A record of each type and state, versions from first on. Active static
    ones are not among them: that server cannot add them ("Failed to add
    record") and closes the connection, though it replaces others by them."""
    kinds = [(t, s) for t in wrepl.TYPES for s in ('active', 'tombstone')]
    for number, (kind, state) in enumerate(kinds):
        addresses = ['127.0.65.%d' % i for i in range(1, 4 if kind in ('sgroup', 'mhomed') else 2)]
        yield wrepl.record('K%d<%s>' % (number, suffix), addresses, type=kind, state=state,
                           node=wrepl.NODES[number % 4], version=first + number, owner=owner,
                           static=state == 'tombstone' and number % 3 == 0)


class Ad(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.network = harness.Network()
        cls.addClassCleanup(cls.network.close)
        cls.peer = AdPartner(cls.network, SERVER)
        cls.addClassCleanup(cls.peer.close)
        cls.peer.start()

    def connect(self, source=PARTNER):
        with self.network.entered():
            connection = wrepl.Connection(SERVER, source=source, timeout=harness.PATIENCE)
        self.addCleanup(connection.close)
        return connection

    def started(self, source=PARTNER):
        connection = self.connect(source)
        connection.start()
        return connection

    def ours(self, body):
        """What our codec reads of a frame."""
        [read] = frames_foreign.ours([struct.pack('>I', len(body)) + body])
        return read

    def test_association(self):
        connection = self.started()
        self.assertNotEqual(connection.ctx, 0)
        first = connection.ctx
        self.assertEqual(connection.start().sender, first)
        connection.send(wrepl.build_start(0, ctx=first + 1))        # ignored
        connection.send(wrepl.build_command(first + 1, wrepl.TABLE_QUERY))
        self.assertTrue(connection.silent(0.3))
        self.assertIn(SERVER, connection.table_query())
        connection.stop()
        self.assertTrue(connection.closed())

    def test_bad_context(self):
        connection = self.connect()
        connection.send(wrepl.build_start(0, opcode=0))
        body = connection.recv_body()
        self.assertEqual(body, wrepl.vector('bad context')[4:])
        self.assertEqual(self.ours(body)['sender'], wrepl.BAD_CONTEXT)

    def test_stranger(self):
        connection = self.started(STRANGER)
        connection.send(wrepl.build_command(connection.ctx, wrepl.TABLE_QUERY))
        body = connection.recv_body()
        self.assertEqual(wrepl.Message(body).reason, 4)
        self.assertEqual(self.ours(body)['reason'], 4)

    def read_back(self, rec):
        """The record by its version, as wreplwire reads it and as we do."""
        connection = self.started()
        connection.send(wrepl.build_send_request(connection.ctx, rec['owner'], rec['version'],
                                                 rec['version']))
        body = connection.recv_body()
        [theirs] = wrepl.Message(body, OWNER).records
        [ours] = self.ours(body)['records']
        self.assertEqual(ours, frames_foreign.by_wire_record(theirs))
        return wrepl.Message(body, rec['owner']).records[0]

    def test_push(self):
        mine = wrepl.Records(of_all_kinds(wrepl.A, '20', 1))
        self.assertEqual(self.started().push(mine), [(wrepl.A, 8, 1)])
        self.assertEqual(self.started().table_query()[wrepl.A], 8)
        for rec in mine.everything():
            with self.subTest(rec['name']):
                self.assertEqual(self.read_back(rec), rec)

    def test_own_record(self):
        with self.network.entered():
            client = nbclient.Client(SERVER, source=PARTNER)
        with client:
            self.assertTrue(client.register('MINE<1b>').positive)
        connection, name = self.started(), nbclient.Name.of('MINE<1b>')
        # another of its processes stores it than the one that is asked here
        for _ in range(100):
            found = [r for r in connection.pull() if nbclient.Name.of(r['name']) == name]
            if found or not connection.silent(0.1):
                break
        [rec] = found
        self.assertEqual((wrepl.ips(rec), rec['type'], rec['owner']), ([PARTNER], 'unique', SERVER))
        self.assertEqual(self.read_back(rec), rec)

    def test_it_pulls(self):
        """INFORM: it calls the partner and asks for what it does not know."""
        with self.network.entered():
            partner = wrepl.Partner(PARTNER, of_all_kinds(wrepl.B, '03', 5),
                                    timeout=harness.PATIENCE)
            self.addCleanup(partner.close)
            partner.inform(SERVER)
        [asked] = partner.wait(wrepl.SEND_REQUEST)
        self.assertEqual(asked.request, (wrepl.B, 12, 1))
        connection = self.started()
        deadline = time.monotonic() + harness.PATIENCE
        while connection.table_query().get(wrepl.B) != 12:
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(connection.send_request(wrepl.B), partner.records.everything())


if __name__ == '__main__':
    unittest.main()
