#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who still asks a real server (wins:usage): what winsctl tells of clients and
names, that a restart keeps it and off does not, that a damaged usage.tdb keeps
nobody from starting, and which names are called unused."""
import json
import os
import re
import unittest

import harness

A, B, DNS = '127.0.0.21', '127.0.0.22', '127.0.0.23'
LONG_AGO, FAR_OFF = '2001-01-01', '2100-01-01'


class Usage(harness.Case):
    def run_ctl(self, server, *words, status=0):
        done = server.tool('winsctl', '-s', server.config, *words)
        self.assertEqual(done.returncode, status, '%s: %s%s' % (words, done.stdout, done.stderr))
        return done

    def names(self, server, *words):
        return {r['name'] for r in server.ctl('record', 'list', *words)}

    def asked(self, **options):
        """Two statics, one of which a client asked for; one that asks in vain."""
        server = self.serve({k.replace('_', ':'): v for k, v in options.items()})
        for name in ('USED<20>', 'IDLE<20>'):
            self.run_ctl(server, 'record', 'add', name, '192.0.2.7')
        with server.client(A) as host:
            self.assertTrue(host.register('ALICE<00>').positive)
            self.assertTrue(host.query('USED<20>').positive)
        with server.client(B) as host:
            for _ in range(3):
                self.assertFalse(host.query('GONE<20>').positive)
        return server

    def clients(self, server, *words):
        return {c['client']: c for c in server.ctl('client', 'list', *words)}

    def judge(self, server):
        clients = self.clients(server)
        self.assertEqual(set(clients), {A, B})
        a, b = clients[A], clients[B]
        self.assertEqual((a['asks'], a['registered'], a['refreshed'], a['found'], a['negative'],
                          a['names'], a['dns_server']), (server.address, 1, 0, 1, 0, 1, False))
        self.assertEqual((b['registered'], b['found'], b['negative'], b['names']), (0, 0, 3, 1))
        for client in (a, b):
            self.assertLessEqual(client['first_seen'], client['last_seen'])
        gone, = server.ctl('client', 'missing')
        self.assertEqual((gone['name'], gone['asked'], gone['last_client']), ('GONE<20>', 3, B))
        self.assertEqual(set(self.clients(server, '--asked-negative')), {B})

    def test_told_and_kept(self):
        server = self.asked()
        self.judge(server)
        page = self.run_ctl(server, 'client', 'list')
        self.assertIn('counted since 20', page.stderr)
        self.assertRegex(page.stdout, r'(?m)^127\.0\.0\.22 +%s +0 +0 +0 +3 +1 ' % server.address)
        self.assertIn('GONE<20>', self.run_ctl(server, 'client', 'missing').stdout)
        since = re.search(r'since (\S+)', page.stderr).group(1)
        server.stop()
        server.start()
        self.judge(server)
        self.assertIn(since, self.run_ctl(server, 'client', 'list').stderr)

    def test_names_by_use(self):
        server = self.asked()
        self.assertEqual(self.names(server, '--queried-since', LONG_AGO), {'USED'})
        self.assertEqual(self.names(server, '--queried-since', FAR_OFF), set())
        self.assertEqual(self.names(server, '--unused-since', FAR_OFF), {'USED', 'IDLE', 'ALICE'})
        page = self.run_ctl(server, 'record', 'list', '--unused-since', LONG_AGO, status=6)
        self.assertIn('not counted for so long', page.stderr)
        since = re.search(r'counted since (\S+):', page.stderr).group(1)
        self.assertEqual(self.names(server, '--unused-since', since), {'IDLE', 'ALICE'})
        page = self.run_ctl(server, 'record', 'list', '--unused-since', since)
        self.assertRegex(page.stdout, r'(?m)^IDLE<20> .* never +- +192\.0\.2\.7$')
        lines = {r['name']: r for r in server.ctl('record', 'list')}
        self.assertRegex(lines['USED']['queried'], r'^20\d\d-')
        self.assertIsNone(lines['IDLE']['queried'])
        self.run_ctl(server, 'record', 'list', '--unused-since', 'yesterday', status=2)

    def test_a_dns_server(self):
        server = self.serve()
        with server.client(DNS) as dns, server.client(A, 137) as host:
            for i in range(60):
                self.assertFalse(dns.query('WWW%d<00>' % i).positive)
                self.assertFalse(host.query('WWW%d<20>' % i).positive)
        self.assertEqual(set(self.clients(server, '--dns')), {DNS})
        self.assertIs(self.clients(server)[DNS]['dns_server'], True)

    def test_less_and_nothing(self):
        server = self.asked()
        server.configure({'wins:usage': 'names'})
        server.reload()
        self.assertIn('are not remembered',
                      self.run_ctl(server, 'client', 'list', status=6).stderr)
        gone, = server.ctl('client', 'missing')
        self.assertIsNone(gone['last_client'])
        self.assertEqual(self.names(server, '--queried-since', LONG_AGO), {'USED'})
        server.stop()
        path = os.path.join(server.folder, 'usage.tdb')
        self.assertTrue(os.path.exists(path))
        server.configure({'wins:usage': 'off'})
        server.start()
        self.assertFalse(os.path.exists(path))
        for words in (['client', 'list'], ['client', 'missing'],
                      ['record', 'list', '--queried-since', LONG_AGO]):
            self.assertIn('`wins:usage` is off', self.run_ctl(server, *words, status=6).stderr)
        self.assertNotIn('queried', json.dumps(server.ctl('record', 'list')))
        server.stop()
        self.assertFalse(os.path.exists(path))

    def test_damaged(self):
        server = self.asked()
        server.stop()
        path = os.path.join(server.folder, 'usage.tdb')
        with open(path, 'r+b') as f:
            at = f.read().index(b'GONE')
            f.seek(at)
            f.write(b'gone')
        server.start()
        self.assertTrue(server.log.find(r'warning: .*usage\.tdb is damaged: .* kept as .*usage\.tdb\.'))
        self.assertEqual(self.clients(server), {})
        self.assertTrue(os.path.exists(path + '.damaged'))
        self.assertEqual(self.names(server), {'USED', 'IDLE', 'ALICE'})


if __name__ == '__main__':
    unittest.main()
