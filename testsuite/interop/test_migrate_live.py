#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""winsmigrate beside servers that live: the SMB suite's AD-style server as the
old one, winsd as the new one, partners of each other.

What is pulled is held against the AD server's own database, what is compared
against what was done to both; scenario/test_migrate_live.py has all that
servers can do wrong.
"""
import json
import os
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

AD, WINSD, US, STRANGER = '127.0.0.11', '127.1.0.12', '127.0.0.21', '127.0.0.22'
HOSTS = ['127.0.0.%d' % (31 + i) for i in range(4)]
NAMES = [(0, 'FILESRV<20>', False), (1, 'PRINTER<20>', False), (1, 'DOMAIN<1b>', False),
         (0, 'DOMAIN<1c>', True), (1, 'DOMAIN<1c>', True), (2, 'WORKGRP<1e>', True),
         (2, 'LEAVES<00>', False), (3, 'SCOPED<20>.dept', False)]


class Live(harness.Case):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.network = harness.Network()
        cls.addClassCleanup(cls.network.close)
        cls.ad = peers.AdSamba(cls.network, AD, bits=16, name='PEERAD')
        cls.ad.partners = {WINSD: {'pullInterval': '1', 'pullRetryInterval': '1'},
                           US: {'pullInterval': '0'}}
        cls.addClassCleanup(cls.ad.close)
        cls.ad.start()
        cls.winsd = harness.Server(network=cls.network, address=WINSD, bits=16, options={
            'wins:partners': '%s %s' % (AD, US), 'wins:demand delay': '0',
            'wins:partner ' + AD: 'pull interval=1, retry=1',
            'wins:partner ' + US: 'pull interval=never', 'wreplsrv:periodic_interval': '1'})
        cls.addClassCleanup(cls.winsd.close)
        cls.winsd.start()
        for host, name, group in NAMES:
            cls.change(AD, nbclient.REGISTER, host, name, group)

    @classmethod
    def change(cls, server, opcode, host, name, group=False):
        flags = nbclient.H_NODE | (nbclient.GROUP if group else 0)
        with cls.network.entered():
            client = nbclient.Client(server, source=HOSTS[host], source_port=137,
                                     timeout=harness.PATIENCE)
        with client:
            reply = client.change(opcode, name, flags=flags)
        if not reply.positive:
            raise AssertionError('%s of %s: %r' % (opcode, name, reply))

    def run_it(self, *words, status=0):
        argv = [os.path.join(harness.BUILD, 'bin', 'winsmigrate'), '-s', self.winsd.config,
                '--json'] + list(words)
        with self.network.entered():
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, universal_newlines=True,
                                  timeout=harness.PATIENCE, check=False)
        self.said = done.stderr
        self.assertIn(done.returncode, [status] if isinstance(status, int) else status,
                      done.stdout + done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def until(self, good, what):
        deadline = time.monotonic() + harness.PATIENCE
        while not good():
            self.assertLess(time.monotonic(), deadline, what)

    def compare(self, *words, status=0):
        rows = self.run_it('compare', '--our-address', US, *words, status=status)
        return {'%s<%02x>' % (r['name'], r['suffix']): (r['class'], r['reason']) for r in rows}

    def pulled(self):
        mine = {}
        for line in self.run_it('convert', '--our-address', US, '--dynamic-only', 'wrepl://' + AD,
                                '-t', 'winsd', '-')[1:]:
            name = '%s<%02x>%s' % (line['name'], line['suffix'],
                                   '.' + line['scope'] if line['scope'] else '')
            mine[name] = {key: line[key] for key in ('type', 'state', 'static', 'owner', 'version')}
            mine[name]['members'] = sorted((a['ip'], a['owner']) for a in line['addresses'])
        return mine

    def test_1_pull(self):
        """As its database has it, times aside."""
        def there():
            return {n: r for n, r in self.ad.records().items() if r['state'] != 'released'}
        # its processes tell each other of new records, a little later
        self.until(lambda: self.pulled() == there(), 'not all that it has came')
        self.assertIn('statics received: 0', self.said)
        self.assertTrue({n for _, n, _ in NAMES} <= set(self.pulled()))
        self.run_it('convert', '--our-address', US, 'wrepl://' + AD, '-t', 'winsd', '-', status=4)
        self.assertIn('our address %s' % US, self.said)

    def test_2_stranger(self):
        for server in (AD, WINSD):
            self.run_it('convert', '--our-address', STRANGER, 'wrepl://' + server, '-t', 'winsd',
                        '-', status=4)
            self.assertIn('%s may not list us (our address %s)' % (server, STRANGER), self.said)

    def test_3_preflight(self):
        lines = self.run_it('preflight', '--our-address', US, AD, WINSD, status=7)
        found = {(l['server'], l['check']): l['result'] for l in lines}
        for server in (AD, WINSD):
            for check in ('UDP 137', 'TCP 42', 'partner'):
                self.assertEqual(found[server, check], 'ok', (server, check))
            self.assertEqual(found[server, 'statics'], 'problem')
        for check in ('dead owners', 'unknown owners', 'high versions', 'name limits',
                      'blocked names', 'type clashes', '1C without 1B', '1B without 1C',
                      '1B not in 1C'):
            self.assertEqual(found[None, check], 'ok', check)
        lines = self.run_it('preflight', '--our-address', STRANGER, AD, WINSD, status=7)
        self.assertEqual([l['result'] for l in lines if l['check'] == 'partner'],
                         ['problem', 'problem'])

    def test_4_compare(self):
        """What both have agrees, lists and answers, until one name is released."""
        def becomes(wanted, *sides):
            self.until(lambda: self.compare('--rate', '10000', *sides, status=(0, 7)) == wanted,
                       '%s: never %s' % (sides, wanted))
        becomes({}, 'wrepl://' + AD, 'wrepl://' + WINSD)
        becomes({}, 'wrepl://' + AD, 'nbns://' + WINSD)
        becomes({}, 'nbns://' + AD, 'wrepl://' + WINSD)
        # a file that has no owners, versions and scopes
        path = os.path.join(self.winsd.folder, 'wins.dat')
        self.run_it('convert', '--our-address', US, '--dynamic-only', '--yes', 'wrepl://' + AD,
                    '-t', 'wins.dat', path, status=4)
        becomes({'SCOPED<20>': ('real', 'on one side only')}, path, 'wrepl://' + AD)
        self.change(AD, nbclient.RELEASE, 2, 'LEAVES<00>')
        wanted = {'LEAVES<00>': ('expected', 'released at the owner')}
        becomes(wanted, 'wrepl://' + AD, 'wrepl://' + WINSD)
        becomes(wanted, 'nbns://' + AD, 'wrepl://' + WINSD)
        for new in ('wrepl://', 'nbns://'):     # and winsd's own database
            becomes({}, 'winsd:', new + WINSD)

    def test_5_progress(self):
        words = ('progress', '--our-address', US, '--no-hosts', 'wrepl://' + AD, 'wrepl://' + WINSD)
        left = {l['name'] for l in self.run_it(*words, status=7) if 'name' in l}
        self.assertEqual(left, {'FILESRV', 'PRINTER', 'DOMAIN', 'WORKGRP', 'SCOPED'})
        self.change(WINSD, nbclient.REGISTER, 0, 'FILESRV<20>')
        lines = self.run_it(*words, status=7)
        self.assertEqual({l['name'] for l in lines if 'name' in l}, left - {'FILESRV'})
        self.assertEqual([l['all'] for l in lines if 'day' in l], [1])


if __name__ == '__main__':
    unittest.main()
