#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cut-over of winsmigrate(8), from start to end, with an AD-style server as
the old estate and hosts that resolve names all the time.

Cutover goes through the steps in their order, with the commands of the page.
Resolver asks without a pause, as hosts do: the servers of its list in their
order, and the first that answers must be right. Not one of its questions may
fail, from before the first step until after the last.

RollBack lives a week with winsd as the server that everybody uses, on a clock
that is turned a day at a time for both servers, ends winsd, and asks the old
server for every name.
"""
import json
import os
import random
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'scenario'))
sys.path.insert(0, HERE)
import harness
import hosts
import nbclient
import peers
import test_clock

NEW, OLD = '10.53.59.11', '10.53.59.12'
HOSTS = ['10.53.59.%d' % (101 + i) for i in range(8)]
STATICS = {'PRINTER1<20>': '10.53.59.201', 'PRINTER2<20>': '10.53.59.202'}
TTL = 518400
DAY = 86400


def interchange(records):
    return '\n'.join(map(json.dumps, [{'format': 'winsd-1'}] + records)) + '\n'


def static(name, ip, version):
    name = nbclient.Name.of(name)
    return {'name': name.name.decode(), 'suffix': name.suffix, 'type': 'unique',
            'state': 'active', 'node': 'H', 'static': True, 'owner': OLD, 'version': version,
            'expires': None, 'addresses': [{'ip': ip, 'owner': OLD, 'expires': None}]}


class Resolver(threading.Thread):
    """All hosts ask for all names, over and over. lists: host -> its servers,
    first the one that it asks first; changed from outside as DHCP would."""

    def __init__(self, network, lists, names):
        super().__init__(daemon=True)
        self.lists, self.names = lists, names
        self.asked, self.failed, self.ending = 0, [], False
        self.dice = random.Random(5)
        with network.entered():
            self.clients = {(ip, server): nbclient.Client(server, source=ip, timeout=1.5)
                            for ip in lists for server in (NEW, OLD)}
        self.start()

    def ask(self, ip, name):
        for server in self.lists[ip]:
            try:
                return self.clients[ip, server].query(name).addrs
            except nbclient.Timeout:
                continue
        return None

    def run(self):
        while not self.ending:
            ip = self.dice.choice(sorted(self.lists))
            name, right = self.dice.choice(sorted(self.names.items()))
            got = self.ask(ip, name)
            self.asked += 1
            if not got or not set(got) <= set(right):
                self.failed.append((ip, list(self.lists[ip]), name, got, right))

    def end(self):
        self.ending = True
        self.join()
        for client in self.clients.values():
            client.close()


class Case(unittest.TestCase):
    maxDiff = None
    environment = {}

    def setUp(self):
        # both want the broadcast address: a network each, and a cable
        self.network, self.other = harness.Network(), harness.Network()
        self.addCleanup(self.network.close)
        self.addCleanup(self.other.close)
        self.network.join(self.other, address=NEW + '/24', other_address=OLD + '/24')
        self.network.add_addresses('eth0', [ip + '/24' for ip in HOSTS])
        self.server = harness.Server(network=self.network, address=NEW, bits=24, options={
            'netbios name': 'NEWWINS', 'wins:partners': OLD,
            'wins:partner ' + OLD: 'pull interval=1, retry=1, push count=1',
            'wins:demand delay': '0', 'wreplsrv:periodic_interval': '1'})
        self.addCleanup(self.server.close)
        self.ad = self.old_server()
        self.addCleanup(self.ad.close)
        self.hosts = hosts.Hosts(self.network, HOSTS, [OLD, NEW])
        self.addCleanup(self.hosts.close)
        self.names = {name: {ip} for name, ip in STATICS.items()}

    def old_server(self):
        """With two statics of its own in its database."""
        environment = self.environment

        class Old(peers.AdSamba):
            partners = {NEW: {'pullInterval': '1', 'pullRetryInterval': '1',
                              'pushChangeCount': '1'}}

            def environment(self):
                return {**super().environment(), **environment}

        ad = Old(self.other, OLD, bits=24, name='OLDWINS')
        done = self.server.tool(
            'winsmigrate', 'convert', '-f', 'winsd', '-', '-t', 'wins.ldb', '--owner-zero', OLD,
            os.path.join(ad.folder, 'state', 'wins.ldb'),
            text=interchange([static(name, ip, i + 1)
                              for i, (name, ip) in enumerate(STATICS.items())]))
        self.assertEqual(done.returncode, 0, done.stderr)
        return ad

    def register_all(self, server, ips=tuple(HOSTS)):
        for ip in ips:
            host = 'PC%s' % ip.rsplit('.', maxsplit=1)[-1]
            for name in [host + '<00>', host + '<20>'] + ['CORP<1B>'] * (ip == HOSTS[0]):
                self.assertTrue(self.hosts.register(ip, server, name), (ip, server, name))
                self.names[name] = {ip}
            self.assertTrue(self.hosts.register(ip, server, 'CORP<1C>', hosts.GROUP))
            self.names.setdefault('CORP<1C>', set()).add(ip)

    def migrate(self, *words, status=0):
        """winsmigrate, with our configuration: what it printed."""
        done = self.server.tool('winsmigrate', words[0], '-s', self.server.config, *words[1:])
        self.assertEqual(done.returncode, status, '%s\n%s%s' % (words, done.stdout, done.stderr))
        return done.stdout + done.stderr

    def settled(self):
        """Until each server has all that the other has."""
        deadline, lag = time.monotonic() + harness.PATIENCE, None
        while lag != (0, 0) and time.monotonic() < deadline:
            self.server.ctl('partner', 'pull')
            [seen] = self.server.ctl('partner', 'list')
            lag = seen['lag_in_versions'], seen['lag_out_versions']
        self.assertEqual(lag, (0, 0))

    def add_static(self, name, ip):
        """This old server cannot take a static name that it does not have, and
        ends the pull; it replaces a record by one (see test_wrepl_ad.py)."""
        self.server.ctl('record', 'add', name, ip, '--dynamic', '--ttl', str(TTL))
        self.settled()
        self.server.ctl('record', 'add', name, ip, '--yes')
        self.names[name] = {ip}

    def knows(self, server, name):
        with self.network.entered():
            client = nbclient.Client(server, source=HOSTS[0], timeout=1.5, tries=3)
        with client:
            return set(client.query(name).addrs)


class Cutover(Case):
    def step_1_look(self):
        """Inventory and preflight; nothing of ours is there yet."""
        report = self.migrate('convert', 'wrepl://' + OLD, '-t', 'csv',
                              os.path.join(self.server.folder, 'inventory.csv'))
        self.assertIn('statics received: %d' % len(STATICS), report)
        self.migrate('preflight', OLD)

    def step_2_watch(self):
        """One server joins on trial, and what it has is compared."""
        self.server.configure({'wins:observe': 'yes'})
        self.server.start()
        self.assertEqual(self.server.ctl('server', 'status')[0]['observing'], True)
        self.server.ctl('partner', 'pull')
        self.migrate('compare', '--watch', '--interval', '1', '--timeout', '60',
                     'wrepl://' + OLD, 'winsd:')

    def step_3_join(self):
        """It becomes a push partner: a test name and a test static arrive."""
        self.server.configure({'wins:observe': None})
        self.server.reload()
        self.server.wait_own_names()
        self.assertTrue(self.hosts.register(HOSTS[0], NEW, 'ARRIVES<20>'))
        self.add_static('STANDS<20>', '10.53.59.203')
        self.settled()
        self.assertEqual(self.knows(OLD, 'ARRIVES<20>'), {HOSTS[0]})
        self.assertEqual(self.knows(OLD, 'STANDS<20>'), {'10.53.59.203'})
        self.assertTrue(self.ad.records()['STANDS<20>']['static'])
        self.names['ARRIVES<20>'] = {HOSTS[0]}

    def step_4_move(self):
        """Option 44 names the new server first, spoke by spoke."""
        for half in (HOSTS[:4], HOSTS[4:]):
            self.settled()
            for ip in half:
                self.resolver.lists[ip] = [NEW, OLD]
            self.register_all(NEW, half)
            self.settled()
            left = HOSTS[4:] if half == HOSTS[:4] else []
            told = self.migrate('progress', '--new-owner', NEW, 'wrepl://' + OLD, 'winsd:',
                                status=7)
            self.assertIn('PRINTER1<20>', told)     # statics: step 7
            for ip in HOSTS:
                self.assertEqual('PC%s<20>' % ip.rsplit('.', maxsplit=1)[-1] in told, ip in left,
                                 told)

    def step_5_back_and_again(self):
        """The way back of that step: the list as it was. Nobody notices."""
        self.resolver.lists[HOSTS[0]] = [OLD, NEW]
        self.assertTrue(self.hosts.register(HOSTS[0], OLD, 'PC101<20>'))
        self.settled()
        self.assertEqual(self.knows(NEW, 'PC101<20>'), {HOSTS[0]})
        self.resolver.lists[HOSTS[0]] = [NEW, OLD]
        self.assertTrue(self.hosts.register(HOSTS[0], NEW, 'PC101<20>'))
        self.settled()

    def step_6_take_over(self):
        """The old server ends, and its address is ours."""
        self.ad.stop()
        self.other.ip('addr', 'del', OLD + '/24', 'dev', 'eth0')
        self.network.add_addresses('eth0', [OLD + '/24'])
        self.server.configure({'interfaces': '%s/24 %s/24' % (NEW, OLD), 'wins:partners': None,
                               'wins:partner ' + OLD: None})
        self.server.reload()
        self.assertEqual(self.knows(OLD, 'PC108<20>'), {HOSTS[7]})

    def step_7_retire(self):
        """Its statics become ours; nothing else of it is left."""
        self.server.ctl('owner', 'adopt', OLD, '--statics', '--yes')
        self.server.ctl('owner', 'delete', OLD, '--even-active', '--yes')
        owners = {r['owner'] for r in self.server.ctl('record', 'list')}
        self.assertEqual(owners, {NEW})
        for name, ip in STATICS.items():
            self.assertEqual(self.knows(NEW, name), {ip})

    def test_the_whole_way(self):
        self.ad.start()
        self.ad.wait_own_names()
        self.register_all(OLD)
        self.resolver = Resolver(self.network, {ip: [OLD, NEW] for ip in HOSTS}, self.names)
        self.addCleanup(self.resolver.end)
        for step in (self.step_1_look, self.step_2_watch, self.step_3_join, self.step_4_move,
                     self.step_5_back_and_again, self.step_6_take_over, self.step_7_retire):
            asked = self.resolver.asked
            step()
            self.assertEqual(self.resolver.failed, [], step.__doc__)
            print('# %s: %d questions answered meanwhile' % (
                step.__name__, self.resolver.asked - asked))
        self.resolver.end()
        self.assertGreater(self.resolver.asked, 1000)
        self.assertEqual(self.resolver.failed, [])
        for name, right in self.names.items():
            for server in (NEW, OLD):
                self.assertLessEqual(self.knows(server, name), right)
                self.assertTrue(self.knows(server, name))


class RollBack(Case):
    """The old server's clock is turned while it runs; winsd is started anew
    each day, since a clock that steps ages nothing there."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='winsd-clock-')
        self.addCleanup(folder.cleanup)
        self.clock = test_clock.WallClock(folder.name)
        self.environment = self.clock.env()
        super().setUp()

    def test_a_week_later_the_old_server_answers(self):
        self.ad.start()
        self.ad.wait_own_names()
        self.register_all(OLD)
        for day in range(8):
            self.clock.set(day * DAY)
            self.server.start(env=self.environment)
            self.server.wait_own_names()
            self.register_all(NEW)      # as a host does each day that it is started
            late = 'DAY%d<20>' % day
            self.assertTrue(self.hosts.register(HOSTS[day], NEW, late))
            self.names[late] = {HOSTS[day]}
            self.add_static('FIXED%d<20>' % day, '10.53.59.%d' % (210 + day))
            self.settled()
            self.server.stop()
        missing = {name: got for name, right in sorted(self.names.items())
                   for got in [self.knows(OLD, name)] if not got or not got <= right}
        print('# %d names after a week' % len(self.names))
        self.assertEqual(missing, {})
        owners = [r['owner'] for name, r in self.ad.records().items() if name in self.names]
        self.assertEqual(set(owners), {NEW, OLD})


if __name__ == '__main__':
    unittest.main()
