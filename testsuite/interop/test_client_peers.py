#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""winsregister against real servers: nmbd, the AD-style daemon, and winsd.

Each thing it does is checked twice: by what it says and its exit code, and by
what the suite's own nmblookup finds on the server afterwards. Holders of
names are played by our scripted client, so that the servers really challenge.

Where the servers differ (protocol.md 7.3) the test says which one it expects
what of.
"""
import json
import os
import re
import sys
import tempfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'scenario'))
sys.path.insert(0, HERE)
import harness
import nbclient
import peers
import subject

TOOL = os.path.join(os.environ['WINSD_BUILD'], 'bin', 'winsregister')
# The server has a network of its own, because nmbd takes port 137 of every
# address; all others are hosts of the second network.
SERVER = '10.53.57.11'
HERE_ADDR, OTHER, THIRD, SILENT = '10.53.57.21', '10.53.57.22', '10.53.57.23', '10.53.57.12'
GONE = '10.53.57.99'
OK, NOT_FOUND, SOME, REFUSED = 0, 3, 4, 6


class Peer:
    """The tests; the classes below say against whom."""

    kind = None

    @classmethod
    def setUpClass(cls):
        cls.network, theirs = harness.Network(), harness.Network()
        cls.addClassCleanup(cls.network.close)
        cls.addClassCleanup(theirs.close)
        cls.network.join(theirs, address=HERE_ADDR + '/24', other_address=SERVER + '/24')
        cls.network.add_addresses('eth0', [a + '/24' for a in (OTHER, THIRD, SILENT)])
        cls.peer = cls.kind(theirs, SERVER, bits=24)
        cls.addClassCleanup(cls.peer.close)
        cls.peer.start()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.config = os.path.join(folder.name, 'smb.conf')
        with open(cls.config, 'w', encoding='ascii') as f:
            f.write('[global]\ninterfaces = %s/24\nbind interfaces only = yes\n' % THIRD)
            for what in ('private dir', 'lock directory', 'state directory', 'cache directory',
                         'pid directory', 'ncalrpc dir'):
                f.write('%s = %s\n' % (what, folder.name))

    def tool(self, *words, status=OK, server=SERVER):
        done = self.network.run([TOOL, '--server', server] + list(words), timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def seen(self, name):
        """What nmblookup finds: a set of addresses, empty if nothing."""
        text = self.network.run(['nmblookup', '-s', self.config, '-U', SERVER, '--recursion', name],
                                timeout=harness.PATIENCE).stdout
        return set(re.findall(r'^([\d.]+) \S+<\w\w>', text, re.M))

    def client(self, source, port=0, **how):
        with self.network.entered():
            client = nbclient.Client(SERVER, source=source, source_port=port, **how)
        self.addCleanup(client.close)
        return client

    def hold(self, client, name, addrs):
        """Answer challenges of the name until the test is over."""
        asked, stop = [], threading.Event()

        def answer():
            while not stop.is_set():
                try:
                    asked.append(client.hold(name, addrs, timeout=0.1))
                except nbclient.Timeout:
                    pass
        thread = threading.Thread(target=answer)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(stop.set)
        return asked

    def test_register_and_query(self):
        text = self.tool('--name', 'PEERREG<20>', '--address', HERE_ADDR)
        self.assertIn('PEERREG<20> registered at %s with %s, TTL 518400 s' % (SERVER, HERE_ADDR), text)
        self.assertIn('PEERREG<20> resolves at %s to %s' % (SERVER, HERE_ADDR), text)
        self.assertEqual(self.seen('PEERREG#20'), {HERE_ADDR})

    def test_query_unknown(self):
        text = self.tool('--name', 'PEERNONE<20>', '--query', status=NOT_FOUND)
        self.assertIn('PEERNONE<20> is not known at %s' % SERVER, text)
        self.assertEqual(self.seen('PEERNONE#20'), set())

    def test_refresh(self):
        self.tool('--name', 'PEERFRESH<20>', '--address', HERE_ADDR)
        text = self.tool('--name', 'PEERFRESH<20>', '--address', HERE_ADDR, '--refresh', '--ttl', '300000')
        self.assertIn('PEERFRESH<20> refreshed at %s with %s, TTL 300000 s' % (SERVER, HERE_ADDR), text)
        self.assertEqual(self.seen('PEERFRESH#20'), {HERE_ADDR})

    def test_release(self):
        self.tool('--name', 'PEERGONE<20>', '--address', HERE_ADDR)
        self.assertEqual(self.seen('PEERGONE#20'), {HERE_ADDR})
        text = self.tool('--name', 'PEERGONE<20>', '--address', HERE_ADDR, '--release')
        self.assertIn('PEERGONE<20> released at %s with %s' % (SERVER, HERE_ADDR), text)
        self.assertEqual(self.seen('PEERGONE#20'), set())
        self.tool('--name', 'PEERGONE<20>', '--query', status=NOT_FOUND)

    def test_node_status(self):
        self.peer.wait_own_names()
        text = self.tool('--node-status')
        theirs = self.network.run(['nmblookup', '-s', self.config, '-A', SERVER]).stdout
        names = set(re.findall(r'^\t(\S+) +<(\w\w)>', theirs, re.M))
        self.assertIn(('SPECWINS', '20'), names)
        ours = {(n, t.lower()) for n, t in re.findall(r'^(\S+)<(\w\w)> +at %s: ' % re.escape(SERVER), text, re.M)}
        # nmblookup prints the letters of __MSBROWSE__ that it can
        self.assertEqual({n for n in ours if '\\x' not in n[0]},
                         {n for n in names if '_MSBROWSE_' not in n[0]})
        self.assertRegex(text, r'SPECWINS<20> +at %s: unique, [BPMH] node, active' % re.escape(SERVER))
        self.assertRegex(text, r'SPECGRP<00> +at %s: group, [BPMH] node, active' % re.escape(SERVER))
        self.assertEqual(len(ours), len([l for l in text.splitlines() if ' at ' in l]))

    def test_domain_group(self):
        for address in (HERE_ADDR, OTHER):
            self.tool('--name', 'PEERDOM<1c>,group', '--address', address)
        text = self.tool('--name', 'PEERDOM<1c>', '--query')
        self.assertRegex(text, r'PEERDOM<1c> is a group and resolves at %s to ' % re.escape(SERVER))
        self.assertEqual(set(re.findall(r'10\.53\.57\.2\d', text)), {HERE_ADDR, OTHER})
        self.assertEqual(self.seen('PEERDOM#1c'), {HERE_ADDR, OTHER})

    def test_conflict(self):
        """The holder answers the challenge: refused, and still its name."""
        holder = self.client(OTHER, 137)
        self.assertEqual(holder.register('PEERHELD<20>').rcode, 0)
        asked = self.hold(holder, 'PEERHELD<20>', [OTHER])
        text = self.tool('--name', 'PEERHELD<20>', '--address', HERE_ADDR, status=REFUSED)
        self.assertIn('PEERHELD<20>: %s refused the register with code 6, ACT_ERR: the name is in use' % SERVER, text)
        self.assertIn('PEERHELD<20> resolves at %s to %s' % (SERVER, OTHER), text)
        self.assertEqual(self.seen('PEERHELD#20'), {OTHER})
        self.assertTrue(asked)

    def test_conflict_with_a_silent_holder(self):
        """Nobody answers at the old address: WACK, and the name is ours."""
        self.assertEqual(self.client(HERE_ADDR).register('PEERDEAD<20>', GONE).rcode, 0)
        text = self.tool('--json', '--name', 'PEERDEAD<20>', '--address', HERE_ADDR)
        register, query = [json.loads(line) for line in text.splitlines() if line.startswith('{')]
        self.assertEqual((register['result'], register['wacks'], register['tries']), ('ok', 1, 1))
        self.assertEqual([a['ip'] for a in query['addresses']], [HERE_ADDR])
        self.assertEqual(self.seen('PEERDEAD#20'), {HERE_ADDR})

    def test_unique_over_group(self):
        self.assertEqual(self.client(OTHER).register('PEERGRP<00>', group=True).rcode, 0)
        text = self.tool('--name', 'PEERGRP<00>', '--address', HERE_ADDR, status=REFUSED)
        self.assertIn(self.unique_over_group, text)

    def test_multihomed(self):
        """Two cards, one request each; the server asks at the first card, and
        winsregister itself answers there."""
        text = self.tool('--name', 'PEERTWO<20>', '--multihomed', '--address', HERE_ADDR + ',' + OTHER)
        self.assertIn('PEERTWO<20> registered at %s with %s' % (SERVER, HERE_ADDR), text)
        self.assertIn('PEERTWO<20> registered at %s with %s' % (SERVER, OTHER), text)
        self.assertEqual(self.seen('PEERTWO#20'), {HERE_ADDR, OTHER})
        self.tool('--name', 'PEERTWO<20>', '--release', '--address', HERE_ADDR + ',' + OTHER)
        self.assertEqual(self.seen('PEERTWO#20'), set())

    def test_multihomed_deaf(self):
        """Somebody has port 137 of the first card: the answer is impossible,
        and it is said."""
        self.client(HERE_ADDR, 137)
        text = self.tool('--name', 'PEERDEAF<20>', '--multihomed', '--address', HERE_ADDR + ',' + OTHER,
                         status=self.deaf_status)
        self.assertIn('port 137 of %s is not to be had (Address already in use)' % HERE_ADDR, text)
        self.assertNotEqual(self.seen('PEERDEAF#20'), {HERE_ADDR, OTHER})

    def test_several_names_and_a_silent_server(self):
        text = self.tool('--name', 'PEERONE<00>', '--name', 'PEERONE<20>', '--name', 'PEERONE<03>',
                         '--address', HERE_ADDR, '--timeout', '100', '--tries', '2',
                         server=SILENT + ',' + SERVER)
        self.assertEqual(text.count('%s did not answer 2 requests of 100 ms' % SILENT), 1, text)
        for suffix in ('00', '20', '03'):
            self.assertIn('PEERONE<%s> registered at %s' % (suffix, SERVER), text)
            self.assertEqual(self.seen('PEERONE#' + suffix), {HERE_ADDR})

    def test_a_refusal_is_not_a_dead_server(self):
        """The second server would say yes; it must not be asked."""
        second = self.client(SILENT, 137)
        self.assertEqual(self.client(OTHER).register('PEERNO<00>', group=True).rcode, 0)
        self.tool('--name', 'PEERNO<00>', '--address', HERE_ADDR, server=SERVER + ',' + SILENT, status=REFUSED)
        self.assertTrue(second.silent(0))
        text = self.tool('--name', 'PEERNO<00>', '--name', 'PEERYES<00>', '--address', HERE_ADDR, status=SOME)
        self.assertIn('PEERYES<00> registered at', text)

    def test_default_address(self):
        text = self.tool('--name', 'PEERROUTE<20>')
        self.assertIn('PEERROUTE<20> registered at %s with %s, ' % (SERVER, HERE_ADDR), text)
        self.assertEqual(self.seen('PEERROUTE#20'), {HERE_ADDR})


class TestNmbd(Peer, unittest.TestCase):
    kind = peers.Nmbd
    unique_over_group = 'code 5, RFS_ERR'
    deaf_status = REFUSED       # a multi-homed challenge that is lost: RFS


class Wins:
    """What servers do that follow Windows."""

    def test_odd_names(self):
        """Bytes and scopes as they are; nmbd folds and drops them."""
        for name in (r'odd \xff\x80\xc0<20>', 'lower<20>', 'PEERSCOPE<20>.foo.example.com', '<20>'):
            text = self.tool('--name', name, '--address', HERE_ADDR)
            self.assertIn(' resolves at %s to %s' % (SERVER, HERE_ADDR), text)
            self.assertEqual(self.client(OTHER).query(nbclient.Name.of(name)).addrs, [HERE_ADDR])

    def test_master_browser_is_never_stored(self):
        text = self.tool('--name', 'PEERMB<1d>', '--address', HERE_ADDR)
        self.assertIn('PEERMB<1d> registered at', text)
        self.assertIn('names of type 1D are never stored', text)


class TestAdSamba(Wins, Peer, unittest.TestCase):
    kind = peers.AdSamba
    unique_over_group = 'code 6, ACT_ERR'
    deaf_status = OK            # a challenge that is lost: replaced


class TestWinsd(Wins, Peer, unittest.TestCase):
    kind = subject.Winsd
    unique_over_group = 'code 6, ACT_ERR'
    deaf_status = OK


if __name__ == '__main__':
    unittest.main()
