#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Estates of real servers, each in a network of its own on one segment.

Hosts register, move, release, die and claim each other's names at any server
while cables are cut, servers are stopped and started, and killed. Then all is
whole again, every live host comes by once, and

    all databases agree, but for what agreement.py names with the rule;
    a static that was acknowledged is at every server, as it was made;
    no version ever named two records (Ledger);
    `check versions` says that everybody knows of every owner what that says.

What is not left to chance has tests of its own: a server without its database
and one with an old copy of it get their records back and go on above what
others know of them; records of a retired server are adopted.

Nothing sleeps: `partner pull` ends when the partner was asked and what it told
is durable, and that is repeated until what is awaited is there.
"""
import os
import random
import shutil
import socket
import threading
import time
import unittest

import agreement
import harness
import hosts
from nbclient import Name
from wreplclient import SEND_REQUEST, Partner, build_send_reply, record

SERVER = '10.53.60.%d'
HOSTS = ['10.53.60.%d' % (101 + i) for i in range(12)]
STATIC = '10.53.61.%d'
SEED = os.environ.get('SEED')
PATIENCE = int(os.environ.get('PATIENCE', '60'))
KEEP = os.environ.get('KEEP')   # a folder for all that servers say
SURPRISE = 'knows versions of ours'     # a crash forgets none that was told
RECORDS, PORTION = 20000, 4096
ROUNDS = 8
PACE = 3                        # things that hosts do to one that happens to servers
OPEN = 'registrations are taken from now on'

PAIR = [(1, 2)]
CHAIN = [(1, 2), (2, 3), (3, 4)]
TRIANGLE = [(1, 2), (2, 3), (1, 3)]
MESH = [(a, b) for a in range(1, 5) for b in range(1, a)]


class Ledger:
    """Which record each version of each owner was ever seen to name. Members
    come and go under one version (2.7, 5.4), names do not."""

    def __init__(self):
        self.seen = {}          # (owner, version) -> name

    def note(self, view):
        for name, record in view.items():
            key = record['owner'], record['version']
            first = self.seen.setdefault(key, name)
            if first != name:
                raise AssertionError('version %d of %s was %s, and is %s' % (
                    key[1], key[0], first, name))

    def highest(self, owner):
        return max((v for who, v in self.seen if who == owner), default=0)


class Case(harness.Case):
    maxDiff = None

    def build(self, edges, options=None, **partner):
        """Servers, running, and hosts that can reach them all."""
        self.switch = harness.Switch()
        self.addCleanup(self.switch.close)
        self.edges = edges
        self.servers = {}
        self.ledger = Ledger()
        for number in sorted({n for edge in edges for n in edge}):
            self.servers[SERVER % number] = self.server(number, options or {}, partner)
        self.network = harness.Network()
        self.addCleanup(self.network.close)
        self.switch.plug(self.network, '10.53.60.100/24')
        self.network.add_addresses('eth0', [ip + '/24' for ip in HOSTS])
        self.logs = {}
        if KEEP:
            self.addCleanup(self.keep_logs)
        for address in self.servers:
            self.start_server(address)
        for server in self.servers.values():
            self.assertTrue(server.log.wait(OPEN), server.log.text())
        self.hosts = hosts.Hosts(self.network, HOSTS, self.servers, timeout=0.5)
        self.addCleanup(self.hosts.close)

    def start_server(self, address):
        server = self.servers[address]
        server.start()
        self.logs.setdefault(address, []).append(server.log)

    def keep_logs(self):
        for address, logs in self.logs.items():
            with open(os.path.join(KEEP, address), 'w', encoding='utf-8') as f:
                f.write('\n--- start\n'.join(log.text() for log in logs) + '\n')

    def partners(self, number):
        return [SERVER % (a if b == number else b) for a, b in self.edges if number in (a, b)]

    def server(self, number, options, partner):
        network = harness.Network()
        self.addCleanup(network.close)
        self.switch.plug(network, SERVER % number + '/24')
        server = harness.Server(network=network, address=SERVER % number, bits=24)
        self.addCleanup(server.close)
        state = os.path.join(server.folder, 'state')
        os.mkdir(state)
        keys = ', '.join('%s=%s' % item for item in dict(
            {'pull interval': 1, 'retry': 1, 'push count': 1}, **partner).items())
        server.configure({
            'netbios name': 'SERVER%d' % number, 'state directory': state,
            'wins:partners': ' '.join(self.partners(number)),
            'wins:demand delay': '0', 'wins:challenge': '300 2',
            'wreplsrv:periodic_interval': '1', 'log level': '10' if KEEP else '3'})
        server.configure({'wins:partner ' + a: keys for a in self.partners(number)})
        server.configure(options)
        return server

    def diameter(self):
        """Most hops between two servers."""
        numbers = {n for edge in self.edges for n in edge}
        far = 0
        for start in numbers:
            seen, hops = {start}, 0
            while seen != numbers:
                seen |= {n for edge in self.edges for n in edge if set(edge) & seen}
                hops += 1
            far = max(far, hops)
        return far

    # -- looking

    def views(self):
        views = {a: agreement.view_of(s) for a, s in self.servers.items() if s.running()}
        for view in views.values():
            self.ledger.note(view)
        return views

    def pull(self, rounds=1):
        """Everybody from all partners; what one round brings others pass on."""
        for _ in range(rounds):
            for server in self.servers.values():
                if server.running():
                    server.tool('winsctl', '-s', server.config, 'partner', 'pull')

    def until(self, good, what):
        """Pull until it is so; the last view of all."""
        deadline = time.monotonic() + PATIENCE
        views = self.views()
        while not good(views):
            self.assertLess(time.monotonic(), deadline, what + ':\n' + '\n'.join(
                '%s %s' % (a, v) for a, v in views.items()))
            self.pull()
            views = self.views()
        return views

    def settled(self):
        """All views, once nothing comes any more; or after so many rounds, for
        some conflicts go round for ever (matrix-limits/told-anew-for-ever)."""
        views, before = self.views(), None
        for _ in range(ROUNDS):
            if views == before:
                break
            self.pull(self.diameter())
            views, before = self.views(), views
        return views

    def agree(self):
        """What was explained, and all views."""
        deadline = time.monotonic() + PATIENCE
        found = None
        while found != {} and time.monotonic() < deadline:
            views = self.settled()
            found, explained = agreement.differences(views, self.hosts.holders)
        if found:
            self.fail(agreement.show(found))
        return explained, views

    def renew(self, name, views):
        """A new version of it: at who owns it and knows most living hosts, or
        of a host that refreshes it elsewhere. False: nobody can make one."""
        holders = self.hosts.holders(name)
        owners = [a for a, view in views.items() if view.get(name) and view[name]['owner'] == a and
                  view[name]['state'] == 'active']
        if owners:
            best = max(owners, key=lambda a: len(agreement.addresses(views[a][name]) & holders))
            # refused if a replica has come meanwhile
            self.servers[best].tool('winsctl', '-s', self.servers[best].config, 'record',
                                    'touch', name, '--yes')
        for ip in sorted(holders) if not owners else ():
            self.hosts.refresh(ip, SERVER % 1, str(Name.of(name)))
        return bool(owners or holders)

    def mend(self, names):
        """Where the matrix is at its limit new versions bring all together."""
        deadline = time.monotonic() + PATIENCE
        views, left = None, names
        while left:
            self.assertLess(time.monotonic(), deadline, 'limits that stay: %s\n%s' % (
                left, agreement.show({n: {a: v.get(n) for a, v in views.items()} for n in left})
                if views else ''))
            views = self.views()
            found, _ = agreement.differences(views, self.hosts.holders, agreement.ALWAYS)
            # two replicas that crossed are nobody's if no host lives (5.3b)
            left = [name for name in names if name in found and self.renew(name, views)]
            self.pull(self.diameter() + 1)

    def agree_in_the_end(self):
        explained, views = self.agree()
        stays = {agreement.two_holders, agreement.released_at_owner}
        self.mend([name for name, rules in explained.items()
                   if rules & set(agreement.LIMITS) and not rules & stays])
        return agreement.told(explained), len(views[SERVER % 1])

    def uneven(self):
        """What check versions says of anybody who lags behind or tells more."""
        found = []
        for address, server in self.servers.items():
            if not server.running():
                continue
            lines = server.ctl('check', 'versions')
            found += [(address, x) for x in lines if 'reachable' in x and not x['reachable']]
            cells = [(line['owner'], cell) for line in lines if 'owner' in line
                     for cell in line['servers']]
            self.assertGreaterEqual(len(cells), 4, address)
            found += [(address,) + cell for cell in cells if cell[1]['differs']]
        return found

    def even(self):
        """Everybody knows of every owner what that says, once all have pulled
        what was made of the last that they pulled."""
        deadline = time.monotonic() + PATIENCE
        found = self.uneven()
        while found and time.monotonic() < deadline:
            self.pull()
            found = self.uneven()
        self.assertEqual(found, [])


class Chaos(Case):
    """By chance."""

    def live_through(self, edges, seed, things):
        print('# SEED=%d' % seed)
        self.dice = random.Random(seed)
        self.statics = {}               # name -> (address, server)
        self.tries = 0
        self.cuts, self.unplugged = set(), set()
        self.build(edges)
        self.count = dict.fromkeys(('cut', 'unplug', 'heal', 'stop', 'kill', 'start', 'static',
                                    'move', 'die'), 0)
        busy = [hosts.Traffic(self.hosts, random.Random(self.dice.random()), HOSTS[i::2])
                for i in (0, 1)]
        self.ending = False
        self.news = threading.Condition()
        self.traffic = 0
        threads = [threading.Thread(target=self.run_traffic, args=(t,)) for t in busy]
        for thread in threads:
            thread.start()
        try:
            for number in range(1, things + 1):
                self.one_thing()
                with self.news:
                    self.news.wait_for(lambda: self.traffic >= PACE * number, PATIENCE)
        finally:
            self.ending = True
            for thread in threads:
                thread.join()
        self.recover()

    def run_traffic(self, traffic):
        while not self.ending:
            traffic.one_thing()
            with self.news:
                self.traffic += 1
                self.news.notify_all()

    # -- what happens

    def one_thing(self):
        what = self.dice.choice(['cut', 'cut', 'unplug', 'heal', 'heal', 'stop', 'kill', 'start',
                                 'start', 'static', 'static', 'static', 'move', 'move', 'die'])
        address = self.dice.choice(sorted(self.servers))
        if getattr(self, what)(address):
            self.count[what] += 1
        for server in self.servers.values():
            if server.running():
                self.ledger.note(agreement.view_of(server))

    def cut(self, _):
        a, b = self.dice.choice(self.edges)
        if (a, b) in self.cuts:
            return False
        self.cuts.add((a, b))
        self.servers[SERVER % a].network.lose(SERVER % b)
        self.servers[SERVER % b].network.lose(SERVER % a)
        return True

    def heal(self, _):
        if self.unplugged:
            address = self.unplugged.pop()
            self.switch.replug(self.servers[address].network)
        elif self.cuts:
            a, b = self.cuts.pop()
            self.servers[SERVER % a].network.find(SERVER % b)
            self.servers[SERVER % b].network.find(SERVER % a)
        else:
            return False
        return True

    def unplug(self, address):
        if self.unplugged:
            return False
        self.unplugged.add(address)
        self.switch.unplug(self.servers[address].network)
        return True

    def stop(self, address, how='stop'):
        if sum(s.running() for s in self.servers.values()) < 2 or \
                not self.servers[address].running():
            return False
        log = self.servers[address].log
        getattr(self.servers[address], how)()
        self.assertIsNone(log.find(SURPRISE))
        return True

    def kill(self, address):
        return self.stop(address, 'kill')

    def start(self, _):
        for address, server in self.servers.items():
            if not server.running():
                self.start_server(address)
                return True
        return False

    def static(self, address):
        server = self.servers[address]
        if not server.running():
            return False
        self.tries += 1
        number = self.tries
        # also of names that hosts want, where none has it there
        name = 'SHARED%d<20>' % number if number < 3 else 'STATIC%d<20>' % number
        if server.tool('winsctl', '-s', server.config, 'record', 'add', name,
                       STATIC % number).returncode != 0:
            return False
        self.statics[name] = STATIC % number, address
        # and a host wants it where that may not be known yet
        self.hosts.register(self.dice.choice(self.hosts.live()),
                            self.dice.choice(sorted(self.servers)), name)
        return True

    def move(self, address):
        old, new = self.dice.sample(self.hosts.live(), 2)
        name = 'HOST%s<20>' % old.rsplit('.', maxsplit=1)[-1]
        return self.hosts.move(old, new, address, name)

    def die(self, _):
        if self.hosts.dead:
            return False
        self.hosts.die(self.dice.choice(self.hosts.live()))
        return True

    # -- and then

    def recover(self):
        while self.heal(None) or self.start(None):
            pass
        self.pull(2 * self.diameter())
        self.hosts.refresh_all(lambda ip: SERVER % (int(ip[-1]) % len(self.servers) + 1))
        explained, count = self.agree_in_the_end()
        print('# %d things by hosts, %s' % (self.traffic, self.count))
        print('# %d records, %d versions seen, explained differences: %s' % (
            count, len(self.ledger.seen), explained))
        for name, (ip, address) in self.statics.items():
            for view in self.views().values():
                record = view.get(name)
                self.assertTrue(record and record['static'], (name, record))
                self.assertEqual((record['state'], record['owner'], agreement.addresses(record)),
                                 ('active', address, {ip}))
        self.even()
        for server in self.servers.values():
            self.assertIsNone(server.log.find(SURPRISE))
        self.assertGreaterEqual(self.traffic, PACE * sum(self.count.values()))
        self.assertGreater(count, 15)

    def test_pair(self):
        self.live_through(PAIR, int(SEED or '1'), 30)

    def test_chain(self):
        self.live_through(CHAIN, int(SEED or '2'), 30)

    def test_mesh(self):
        self.live_through(MESH, int(SEED or '3'), 30)


class Loss(Case):
    """Servers that lose their memory, or come to an end."""

    def names(self, address, prefix, count=6):
        """So many names, each of another host, and a static, at this server."""
        for number, ip in zip(range(count), HOSTS):
            self.assertTrue(self.hosts.register(ip, address, '%s%d<20>' % (prefix, number)))
        self.servers[address].ctl('record', 'add', prefix + '<20>', STATIC % 1)
        return ['%s%d<20>' % (prefix, n) for n in range(count)] + [prefix + '<20>']

    def all_have(self, names):
        """Wait until every server has them as their owner does."""
        return self.until(lambda views: all(
            name in view and agreement.same(view[name], views[view[name]['owner']][name])
            for view in views.values() for name in names), 'not all have %s' % names)

    def gate(self, address):
        return self.servers[address].ctl('server', 'status')[0]['gate']

    def cut_off(self, address):
        """From the other servers; hosts still reach it."""
        for other in self.servers:
            if other != address:
                self.servers[address].network.lose(other)

    def join_again(self, address):
        for other in self.servers:
            if other != address:
                self.servers[address].network.find(other)

    def start_without_memory(self, address, reason):
        """Behind the gate nothing is taken; with partners it opens."""
        server = self.servers[address]
        self.cut_off(address)
        self.start_server(address)
        status = server.ctl('server', 'status')[0]
        self.assertEqual((status['state'], status['gate']), ('waiting', 'waiting'))
        self.assertIn(reason, status['gate_reason'])
        self.assertFalse(self.hosts.register(HOSTS[7], address, 'EARLY<20>'))
        server.ctl('record', 'add', 'EARLY<20>', STATIC % 2, status=6)
        self.assertIsNone(server.log.find(OPEN))
        self.join_again(address)
        self.assertTrue(server.log.wait(OPEN), server.log.text())
        self.assertEqual(self.gate(address), 'open')

    def goes_on(self, address, before, names, highest):
        """All is there as it was, though told anew, and versions go on above
        what was known."""
        view = self.all_have(names)[address]
        for name in names:
            self.assertGreaterEqual(view[name]['version'], before[name]['version'])
            self.assertEqual(dict(view[name], version=0), dict(before[name], version=0))
        later = self.names(address, 'LATER')
        view = self.all_have(names + later)[address]
        for name in later:
            self.assertGreater(view[name]['version'], highest)
        self.hosts.refresh_all(lambda ip: address)
        self.assertEqual(self.agree()[0], {})
        self.even()

    def test_wiped(self):
        self.build(TRIANGLE)
        first = SERVER % 1
        names = self.names(first, 'OURS')
        theirs = self.names(SERVER % 2, 'THEIRS')
        # the highest version of all names nothing any more: only marks know it
        self.assertTrue(self.hosts.register(HOSTS[0], first, 'MOVED<20>'))
        self.all_have(['MOVED<20>'])
        self.hosts.refresh(HOSTS[0], SERVER % 2, 'MOVED<20>')
        self.until(lambda views: all(v['MOVED<20>']['owner'] == SERVER % 2
                                     for v in views.values()), 'not taken over')
        before = self.all_have(names + theirs)[first]
        self.servers[first].kill()
        shutil.rmtree(os.path.join(self.servers[first].folder, 'state'))
        os.mkdir(os.path.join(self.servers[first].folder, 'state'))
        highest = self.ledger.highest(first)
        self.start_without_memory(first, 'empty')
        self.goes_on(first, before, names + theirs, highest)

    def test_restored(self):
        self.build(TRIANGLE)
        first = SERVER % 1
        server = self.servers[first]
        names = self.names(first, 'OLD')
        backup = server.ctl('server', 'backup')[0]['path']
        names += self.names(first, 'NEW') + self.names(SERVER % 2, 'THEIRS')
        before = self.all_have(names)[first]
        server.kill()
        done = server.tool('winsrepair', '-s', server.config, 'restore', backup, '--yes')
        self.assertEqual(done.returncode, 0, done.stderr)
        highest = self.ledger.highest(first)
        self.start_without_memory(first, 'restored')
        self.goes_on(first, before, names, highest)

    def test_retired(self):
        """Its records are adopted, statics stay what they are."""
        self.build(TRIANGLE)
        first, old = SERVER % 1, SERVER % 3
        names = self.names(old, 'OLD')
        before = self.all_have(names)[first]
        adopt = ['owner', 'adopt', old, '--all', '--yes']
        server = self.servers[first]
        done = server.tool('winsctl', '-s', server.config, *adopt)
        self.assertEqual(done.returncode, 6, done.stdout + done.stderr)     # it answers
        self.assertIn(old, done.stderr)
        self.servers[old].stop()
        highest = self.ledger.highest(first)
        told, = server.ctl(*adopt)
        self.assertGreaterEqual(told['adopted'], len(names))
        for number in (1, 2):
            self.servers[SERVER % number].configure({
                'wins:partners': SERVER % (3 - number), 'wins:partner ' + old: None})
            self.servers[SERVER % number].reload()
        *dynamic, static = names
        self.until(lambda views: all(view[name]['owner'] == first for view in views.values()
                                     for name in dynamic), 'not all are adopted everywhere')
        # 5.2 #3: a static stays whoever else says so. An operator forgets the
        # old server there, and it comes anew.
        second = self.servers[SERVER % 2]
        self.assertEqual(self.views()[SERVER % 2][static], before[static])
        second.ctl('owner', 'delete', old, '--even-active', '--yes')
        server.ctl('record', 'touch', static, '--yes')
        views = self.until(lambda views: all(static in view for view in views.values()), static)
        for name in names:
            now, then = views[first][name], before[name]
            self.assertGreater(now['version'], highest)
            for key in ('static', 'type', 'state'):
                self.assertEqual(now[key], then[key], name)
            self.assertEqual(agreement.addresses(now), agreement.addresses(then))
        self.assertEqual(self.agree()[0], {})
        self.even()


class Killed(Case):
    """A partner's records come in small portions, and after one of them the
    server is killed: before, while and after it writes what came."""

    def listed(self):
        return {r['name']: r['version'] for r in self.server.ctl('record', 'list', 'K*')}

    def mark(self):
        return next((o['max_version'] for o in self.server.ctl('owner', 'list')
                     if o['owner'] == self.partner.address), 0)

    def feed(self, connection, message):
        """The partner's answer, as far as it goes."""
        if message.command != SEND_REQUEST or not self.portions:
            return False
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        frame = build_send_reply(connection.ctx, self.partner.records.select(*message.request))
        for number in range(self.portions):
            connection.send(frame[number * PORTION:(number + 1) * PORTION])
        self.server.process.kill()
        return True

    def test_in_the_middle_of_a_pull(self):
        """No mark is on disk before what it stands for: kill -9 loses time,
        nothing else."""
        seed = int(SEED or random.randrange(1 << 32))
        print('# SEED=%d' % seed)
        dice = random.Random(seed)
        self.server = harness.Server(options={
            'wins:partners': '127.0.0.21', 'wins:start wait': '0', 'log level': '1',
            'wins:partner 127.0.0.21': 'pull interval=never'})
        self.addCleanup(self.server.close)
        self.portions = 0
        with self.server.network.entered():
            self.partner = Partner('127.0.0.21', [
                record('K%d<20>' % n, STATIC % (n % 250), version=n)
                for n in range(1, RECORDS + 1)], on_message=self.feed)
        self.addCleanup(self.partner.close)
        reached, mark = [], 0
        for _ in range(8):
            self.server.start()
            size = 44 * (RECORDS - mark) // PORTION
            self.portions = dice.randint(1, max(2, size // 2))
            self.server.tool('winsctl', '-s', self.server.config, 'partner', 'pull')
            self.server.kill()
            self.server.start()
            mark, have = self.mark(), set(self.listed().values())
            reached.append((mark, len(have) - mark))
            self.assertLessEqual(set(range(1, mark + 1)), have)
            self.server.kill()
        self.portions = 0
        self.server.start()
        self.server.ctl('partner', 'pull')
        self.assertEqual(self.listed(), {'K%d' % n: n for n in range(1, RECORDS + 1)})
        print('# marks, and records beyond, after each crash: %s' % reached)
        self.assertGreater(len(set(reached)), 2)


if __name__ == '__main__':
    unittest.main()
