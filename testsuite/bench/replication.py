# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench of replication: winsd and the AD-style server as partners of
repload/, side by side in the rounds of one run.

    take    a partner tells of its records, the server fetches and stores them:
            until the last resolves and the server is done with the partner
    pull    a partner fetches all that the server has

Both servers get the same records from the same partner. Takes are of all of
them by an empty server (winsd-fresh), again of all of them at new addresses
(winsd-again), and of a few by a server that has all: new ones (more), known
ones (some). The AD server syncs eight times a record. So it gets most of them
while its database is in memory (ad-memory), which then is moved to the disk;
from there on it has the disk that winsd has.

A second winsd holds names of clients: it is pulled from, and asked for them
(an open loop) while replicas come in.

Memory is what is resident after each pull and each take; the server that
is told of the same names again and again should not grow.
"""
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import threading
import time

import harness
import peers

PARTNER = '10.255.0.1'
WINSD, OWN, FRESH = '10.97.100.1', '10.97.101.1', '10.97.102.1'
ADDRESSES, BITS = (WINSD, OWN, FRESH), 24
QUERIES = 8000          # a second, beside
MIB = 1 << 20
WRONG = ('wrong_form', 'wrong_name', 'wrong_address', 'wrong_version', 'wrong_twice',
         'wrong_missing', 'wrong_frames', 'wrong_sample', 'wrong_requests', 'wrong_served')


class Set:
    """Records of the partner or of clients, in repload's words."""

    def __init__(self, owner, prefix, names, first=0, version=0, shift=0):
        self.owner, self.prefix, self.names = owner, prefix, names
        self.first, self.version, self.shift = first, version, shift

    def __str__(self):
        return '%s,%s,%d,%d,%d,%d' % (self.owner, self.prefix, self.names, self.first,
                                      self.version, self.shift)

    def outside(self, other):
        """What of it is left where the other one has names anew."""
        low, high = max(self.first, other.first), min(self.end(), other.end())
        if self.owner != other.owner or low >= high:
            return [self]
        return [Set(self.owner, self.prefix, end - start, start,
                    self.version + start - self.first, self.shift)
                for start, end in ((self.first, low), (high, self.end())) if start < end]

    def end(self):
        return self.first + self.names


class Subject:
    """A server that is measured, and what it has."""

    def __init__(self, label, address, pids):
        self.label, self.address, self.pids = label, address, pids
        self.sets = []
        self.told = self.turns = 0      # highest version, how often names moved

    def resident(self):
        return sum(resident(pid) for pid in self.pids)

    def cpu(self):
        return sum(cpu(pid) for pid in self.pids)

    def news(self, names, records, first=0):
        """Names of the partner, at addresses that they never had."""
        made = Set(PARTNER, 'RP', names, first, self.told + 1, self.turns * records)
        self.told += names
        self.turns += 1
        self.sets = [rest for one in self.sets for rest in one.outside(made)] + [made]
        return made

    def more(self, names, records):
        return self.news(names, records, max(s.end() for s in self.sets if s.owner == PARTNER))


def memory_folder():
    """Where syncs cost nothing; None: there is no such place."""
    try:
        free = shutil.disk_usage('/dev/shm').free
    except OSError:
        return None
    return '/dev/shm' if free > 2 << 30 else None


def resident(pid):
    with open('/proc/%d/statm' % pid, encoding='ascii') as f:
        return int(f.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def cpu(pid):
    """Seconds of all its threads, those that ended too but for their last
    part of a tick."""
    with open('/proc/%d/stat' % pid, encoding='ascii') as f:
        fields = f.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


class Replication:
    """bench: who makes networks and servers and runs the other generator."""

    def __init__(self, bench, say):
        self.bench, self.plan, self.say = bench, bench.plan, say
        self.rows = []
        self.stack = contextlib.ExitStack()
        self.ad = self.kept = self.own = None

    # -- one measurement

    def repload(self, subject, label, mode, sets, *words):
        before, spent = subject.resident(), subject.cpu()
        argv = self.plan.load_pin + [
            os.path.join(harness.BUILD, 'bench', 'repload'), mode, '--server', subject.address,
            '--source', PARTNER, '--label', label, '--timeout', '600', *words]
        for one in sets:
            argv += ['--set', str(one)]
        with self.bench.client_side.entered():
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  universal_newlines=True, check=False)
        if not done.stdout:
            raise RuntimeError('repload failed: ' + ' '.join(argv))
        row = json.loads(done.stdout)
        row.update(before=before, resident=subject.resident(),
                   cpu_us=(subject.cpu() - spent) * 1e6 / row['records'] if row['records'] else 0)
        self.rows.append(row)
        return row

    def take(self, subject, news, suffix='', notify='update2'):
        return self.repload(subject, subject.label + suffix, 'serve', [news], '--notify', notify)

    def take_all(self, subject, suffix='', **how):
        records = self.plan.records
        return self.take(subject, subject.news(records, records), suffix, **how)

    def take_more(self, subject):
        self.take(subject, subject.more(self.plan.some, self.plan.records), '-more')

    def take_some(self, subject):
        self.take(subject, subject.news(self.plan.some, self.plan.records), '-some')

    def pull(self, subject, suffix=''):
        return self.repload(subject, subject.label + suffix, 'pull', subject.sets)

    # -- the servers

    def winsd(self, label, address):
        partner = {'wins:partners': PARTNER,
                   'wins:partner ' + PARTNER: 'pull interval=never, push count=0'}
        server = self.bench.winsd(self.bench.grown_side, address, label, BITS, partner).start()
        return server, Subject(label, address, [server.pid])

    def ad_peer(self, where=None):
        bench = self.bench
        peer = peers.AdSamba(bench.server_side, bench.server, bench.bits, 'BENCH', 'BENCHGRP',
                             self.plan.pin, where=where)
        peer.partners = {PARTNER: {'pullInterval': '0'}}
        self.stack.callback(peer.close)
        return peer

    def ad_pids(self, peer):
        """Of both services; a name is answered before the other one is there."""
        deadline, found = time.monotonic() + harness.PATIENCE, []
        while not found and time.monotonic() < deadline:
            found = peer.network.listeners(42, 't')
        if not found:
            raise RuntimeError('the AD server does not replicate:\n' + peer.said())
        return sorted(set(peer.pids()) | set(found))

    def start_ad(self):
        early, peer = self.ad_peer(memory_folder()), self.ad_peer()
        early.start()
        self.ad = Subject('ad', early.address, self.ad_pids(early))
        row = self.take_all(self.ad, '-memory')
        self.say('  the ad server took %d records at %.0f/s' % (row['records'], row['rate']))
        early.stop()
        shutil.copytree(os.path.join(early.folder, 'state'), os.path.join(peer.folder, 'state'),
                        dirs_exist_ok=True)
        peer.start()
        self.ad.pids = self.ad_pids(peer)

    def start_winsd(self):
        server, self.kept = self.winsd('winsd', WINSD)
        self.stack.callback(server.close)
        self.take_all(self.kept)
        server, self.own = self.winsd('winsd-own', OWN)
        self.stack.callback(server.close)
        # those of the clients; versions come in the order of arrival
        self.bench.load('winsd-own', 'register', OWN, server.pid, names=self.plan.records,
                        window=256, timeout=10000)
        self.own.sets = [Set(OWN, 'LD', self.plan.records)]

    # -- a round

    def ad_round(self):
        for _ in range(2):
            self.pull(self.ad)
        self.take_more(self.ad)
        self.take_some(self.ad)

    def winsd_round(self):
        for _ in range(2):
            self.pull(self.kept)
        self.take_all(self.kept, '-again')
        self.take_some(self.kept)

    def fresh_round(self, tag):
        """From nothing, by each way of being told."""
        server, subject = self.winsd('winsd-fresh', FRESH)
        try:
            self.take_all(subject, notify=('update2', 'inform2')[tag % 2])
            self.take_more(subject)
            self.pull(subject)
        finally:
            server.close()
        shutil.rmtree(server.folder)

    def own_round(self):
        self.pull(self.own)
        query = {'address': OWN, 'pid': self.own.pids[0], 'rate': QUERIES,
                 'names': self.plan.records}
        self.bench.load('winsd-own-alone', 'query', **query)
        usual = min(r['seconds'] for r in self.rows if r['op'] == 'take' and
                    r['label'].startswith('winsd') and r['records'] == self.plan.records)
        taking = threading.Thread(target=self.take_all, args=(self.own, '-beside'))
        taking.start()
        self.bench.load('winsd-own-beside', 'query', seconds=max(0.05, usual * 0.6), **query)
        taking.join()

    def rounds(self):
        if 'ad' in self.plan.subjects:
            self.say('filling the ad server by replication')
            self.start_ad()
        if 'winsd' in self.plan.subjects:
            self.start_winsd()
        for tag in range(self.plan.rounds):
            self.say('replication, round %d of %d' % (tag + 1, self.plan.rounds))
            if self.ad:
                self.ad_round()
            if self.kept:
                self.winsd_round()
                self.fresh_round(tag)
                self.own_round()

    def run(self):
        with self.stack:
            self.rounds()


# ---- telling

class Told:
    """Medians and ratios of the rows."""

    def __init__(self, rows):
        self.rows = rows

    def of(self, op, label):
        return [r for r in self.rows if (r['op'], r['label']) == (op, label)]

    def median(self, op, label, field='rate'):
        rows = self.of(op, label)
        return statistics.median(r[field] for r in rows) if rows else None

    def wrong(self, rows):
        return sum(r.get(w, 0) for r in rows for w in WRONG) + sum(
            not r.get('done', True) for r in rows)

    def faults(self):
        return self.wrong([r for r in self.rows if r['label'].startswith('winsd')])

    def table(self):
        if not self.rows:
            return
        print('\n%-6s %-14s %9s %4s %10s %9s %8s %9s %9s %8s %6s' % (
            'op', 'server', 'records', 'runs', 'rate/s', 'seconds', 'cpu us', 'MiB first',
            'MiB last', 'strange', 'wrong'))
        for op in ('take', 'pull'):
            for label in dict.fromkeys(r['label'] for r in self.rows if r['op'] == op):
                rows = self.of(op, label)
                print('%-6s %-14s %9d %4d %10.0f %9.3f %8.2f %9.1f %9.1f %8d %6d' % (
                    op, label, rows[-1]['records'], len(rows), self.median(op, label),
                    self.median(op, label, 'seconds'), self.median(op, label, 'cpu_us'),
                    rows[0]['resident'] / MIB, rows[-1]['resident'] / MIB,
                    sum(r.get('strange', 0) for r in rows), self.wrong(rows)))

    def growth(self):
        """MiB more in the end than when all names had come a second time."""
        first = self.of('take', 'winsd-again')
        kept = [r for r in self.rows if r['label'] in ('winsd', 'winsd-again', 'winsd-some')]
        return (kept[-1]['resident'] - first[0]['resident']) / MIB if first else None

    def aims(self, row):
        """row(text, measured, wanted, least) prints one of bench.py's."""
        def ratio(op, label, other='ad'):
            mine, theirs = self.median(op, label), self.median(op, other)
            return mine / theirs if mine and theirs else None
        row('pull of replicas / ad', ratio('pull', 'winsd'), 3)
        row("pull of clients' names / ad", ratio('pull', 'winsd-own'), 3)
        row('take of new names / ad', ratio('take', 'winsd-fresh', 'ad-more'), 50)
        row('take of known names / ad', ratio('take', 'winsd-again', 'ad-some'), 50)
        row('MiB more after all takes and pulls than after the first', self.growth(), 1, False)
