#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`./waf bench`: winsd beside nmbd, the AD-style server and two echo limits.

Figures of different runs do not compare: everything is measured in one run,
in interleaved rounds, and told as ratios of medians. The server side is
pinned to one CPU and the load to another; they are two network namespaces
joined by a cable, and every request leaves from the address of its name.

    echo      a tevent loop that sends back what it reads: limit of queries
    durable   the same with a synced journal before the reply: of changes
    nmbd, ad  other people's servers (see interop/peers.py)
    winsd     this one, also with 1k, 100k and 1M names

Every request of a change is one that has to be durable before the answer.
winsd-sustained is longer than its journal can take up: registrations of all
names of the largest server, and as many refreshes. winsd-2cpu may use both
CPUs, one of them with the load. Queries beside registrations are an open
loop: 80 of 100 requests are queries, once alone and once with 20 of new names.
At the end the largest server is started again, after a clean stop and after
kill -9, and asked each ms until it is right. Then replication is measured,
see replication.py.

The table of aims tells what the rates are for; it fails nothing. All phases
as JSON: build/bench.json. The exit status is 1 if winsd gave a
wrong answer or lost a request of a closed loop, whatever the speed.
"""
import argparse
import contextlib
import json
import math
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(TOP, 'build')
os.environ['WINSD_BUILD'] = BUILD
for room in ('../../build-support', '../interop', '../scenario'):
    sys.path.insert(0, os.path.join(HERE, room))
import harness
import nbclient
import packages
import peers
import replication

SERVER, BITS = '10.98.0.1', 16
# Servers that keep many names stay up while others come and go: behind a
# cable of their own, since nmbd wants port 137 of all addresses, and each in
# its own subnet, since winsd takes the subnet's broadcast address.
GROWN, GROWN_BITS = '10.97.%d.1', 24
ASKER = '10.97.1.1'             # our end of it
ECHO_PORT = 1137
CHANGE_LEN = 68                 # bytes of a registration
WRONG = ('wrong_format', 'wrong_rcode', 'wrong_name', 'wrong_address', 'wrong_ttl')
OPTIONS = {'log level': '0', 'netbios name': 'BENCH', 'workgroup': 'BENCHGRP',
           'wins:source rate': '0'}


class Plan:
    """How much of everything."""

    def __init__(self, args):
        quick = args.quick
        self.rounds = args.rounds or (1 if quick else 3)
        self.seconds = args.seconds or (0.3 if quick else 2.0)
        self.names = args.names or (1000 if quick else 10000)
        self.fresh = 300 if quick else 10000    # names that come and go
        self.sustained = 0.5 if quick else 20.0
        self.sizes = [1000, 20000] if quick else [1000, 100000, 1000000]
        self.records = args.records or (1000 if quick else 100000)
        self.some = 30 if quick else 1000       # what the AD server is told in a round
        self.subjects = args.only.split(',') if args.only else ['nmbd', 'ad', 'winsd']
        self.parts = args.parts.split(',')
        two = len(os.sched_getaffinity(0)) > 1
        nice = ['nice', '-n', '-20'] if os.geteuid() == 0 else []
        self.pin = nice + (['taskset', '-c', '0'] if two else [])
        self.load_pin = nice + (['taskset', '-c', '1'] if two else [])
        if not two:
            print('one CPU only: server and load share it', file=sys.stderr)


class Bench:
    server, bits = SERVER, BITS

    def __init__(self, plan):
        self.plan = plan
        self.rows, self.restarts, self.sizes = [], [], []
        self.replication = replication.Replication(self, say)
        self.server_side, self.grown_side = harness.Network(), harness.Network()
        self.client_side = harness.Network()
        self.client_side.own('10.128.0.0/9')
        self.cable(self.server_side, 'eth0', SERVER, '10.98.1.1')
        self.cable(self.grown_side, 'eth1', '10.97.0.1', ASKER)
        self.grown_side.add_addresses('eth1', [
            '%s/%d' % (GROWN % (10 + i), GROWN_BITS) for i in range(len(plan.sizes))])
        self.grown_side.add_addresses('eth1', [
            '%s/%d' % (address, replication.BITS) for address in replication.ADDRESSES])
        self.folder = os.path.join(BUILD, 'bench', 'state')
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)

    def cable(self, side, device, server, client):
        side.join(self.client_side, device, '%s/%d' % (server, BITS), '%s/%d' % (client, BITS))
        side.ip('route', 'add', '10.128.0.0/9', 'via', client)

    def load(self, label, op, address=SERVER, pid=0, **options):
        """One phase; its row is kept and returned."""
        options.setdefault('names', self.plan.names)
        options.setdefault('seconds', self.plan.seconds)
        words = ['--own-address', '--server', address, '--op', op, '--label', label,
                 '--pid', str(pid)]
        for name, value in options.items():
            words += ['--' + name.replace('_', '-'), str(value)]
        with self.client_side.entered():
            done = subprocess.run(self.plan.load_pin + [os.path.join(BUILD, 'bench', 'load')] + words,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  universal_newlines=True, check=False)
        if not done.stdout:
            raise RuntimeError('load failed: ' + ' '.join(words))
        row = json.loads(done.stdout)
        self.rows.append(row)
        return row

    # -- what is measured

    @contextlib.contextmanager
    def echo(self, *words):
        notify = harness.Notify(self.folder)
        process = self.server_side.popen(
            self.plan.pin + [os.path.join(BUILD, 'bench', 'echo'), SERVER, str(ECHO_PORT), *words],
            env=dict(os.environ, NOTIFY_SOCKET=notify.path))
        try:
            if not notify.wait('READY=1', process):
                raise RuntimeError('the echo does not start')
            yield process.pid
        finally:
            process.terminate()
            process.wait()
            notify.close()
            os.unlink(notify.path)

    def limits(self):
        where = '%s:%d' % (SERVER, ECHO_PORT)
        with self.echo('drain') as pid:
            self.load('echo', 'echo', where, pid)
            self.load('echo-w256', 'echo', where, pid, window=256)
            self.load('echo-open', 'echo', where, pid, rate=10000)
        with self.echo('durable', self.folder) as pid:
            self.load('durable', 'echo', where, pid, echo_size=CHANGE_LEN)
            self.load('durable-w256', 'echo', where, pid, echo_size=CHANGE_LEN, window=256)

    def operations(self, label, address, pid, tag):
        """Every operation on a server that has none of the names yet."""
        def run(op, suffix='', **options):
            return self.load(label + suffix, op, address, pid, **options)
        run('register', '-fill')
        for suffix, window in (('', 32), ('-w256', 256)):
            fresh = {'prefix': 'N%03d' % (tag + window), 'names': self.plan.fresh,
                     'window': window}
            run('register', suffix, **fresh)
            run('release', suffix, **fresh)
        run('query')
        run('query', '-w256', window=256)
        run('miss')
        run('refresh')
        run('refresh', '-w256', window=256)
        run('mixed')
        run('churn')
        run('query', '-open', rate=10000)
        if label == 'winsd':
            # names beyond those that are there are new
            run('query', '-alone', rate=8000)
            run('arrive', '-beside', rate=10000, names=2 * self.plan.names)

    def two_cpus(self, pid, tag):
        subprocess.run(['taskset', '-a', '-p', '-c', '0,1', str(pid)], check=False,
                       stdout=subprocess.DEVNULL)
        for suffix, window in (('-2cpu', 32), ('-2cpu-w256', 256)):
            self.load('winsd' + suffix, 'register', SERVER, pid, window=window,
                      prefix='C%03d' % (tag + window), names=self.plan.fresh)

    def peer(self, cls, tag):
        peer = cls(self.server_side, SERVER, BITS, 'BENCH', 'BENCHGRP', self.plan.pin)
        try:
            peer.start()
            self.operations(cls.label, SERVER, peer.pids()[0], tag)
        finally:
            peer.close()

    def winsd(self, side, address, name, bits=BITS, options=None):
        folder = os.path.join(self.folder, name)
        os.makedirs(folder, exist_ok=True)
        return harness.Server(network=side, address=address, bits=bits,
                              options={**OPTIONS, **(options or {})}, folder=folder,
                              prefix=self.plan.pin)

    def ours(self, tag):
        server = self.winsd(self.server_side, SERVER, 'round%d' % tag).start()
        try:
            self.operations('winsd', SERVER, server.pid, tag)
            if self.plan.pin[-2:-1] == ['-c']:
                self.two_cpus(server.pid, tag)
        finally:
            server.close()
        shutil.rmtree(server.folder)

    def grow(self, stack):
        """Servers that hold 1k, 100k, 1M names, for all the rounds."""
        grown = []
        for i, size in enumerate(self.plan.sizes):
            address = GROWN % (10 + i)
            server = self.winsd(self.grown_side, address, 'grown%d' % size, GROWN_BITS)
            stack.callback(server.close)
            server.start()
            empty = replication.resident(server.pid)
            last = size == self.plan.sizes[-1]
            row = self.load('winsd-sustained' if last else 'winsd-%d' % size, 'register',
                            address, server.pid, names=size, window=256, timeout=10000)
            stats = server.ctl('server', 'stats')[0]
            self.sizes.append({'names': size, 'resident': (replication.resident(server.pid) - empty) / size,
                               'counted': stats['store_memory'] / stats['records']})
            say('  %d names registered at %.0f/s, %.0f bytes each' % (
                size, row['rate'], self.sizes[-1]['resident']))
            grown.append((size, address, server))
        self.load('winsd-sustained', 'refresh', address, server.pid, names=size, window=256,
                  timeout=10000, seconds=self.plan.sustained)
        return grown

    def growth(self, grown):
        """Queries by the number of names, each beside the echo of its time
        and of as many addresses: those alone cost the kernel something."""
        where = '%s:%d' % (SERVER, ECHO_PORT)
        for size, address, server in grown:
            with self.echo('drain') as pid:
                self.load('echo-%d' % size, 'echo', where, pid, names=size)
            self.load('winsd-%d' % size, 'query', address, server.pid, names=size)
            self.load('winsd-%d' % size, 'miss', address, server.pid, names=size)

    def restart(self, size, address, server):
        """The largest server comes up again, as often as there are rounds."""
        for number in range(self.plan.rounds):
            for end in ('stop', 'kill'):
                # something for the journal, so that both have to look at it
                self.load('winsd-before-' + end, 'refresh', address, server.pid, names=size,
                          window=256)
                began = time.monotonic()
                getattr(server, end)()
                row = {'end': end, 'names': size, 'ended': time.monotonic() - began}
                if end == 'stop':
                    self.sizes[-1]['file'] = os.path.getsize(
                        os.path.join(server.folder, 'wins.tdb')) / size
                asker = Asker(self.client_side, address, size, len(self.restarts))
                server.start()
                row.update(asker.result())
                say('  after %s (%.1f s): %d names, first answer %.3f s, registration %.3f s' % (
                    end, row['ended'], size, row['answer'], row['registration']))
                self.restarts.append(row)

    def names(self):
        """All that clients do."""
        with contextlib.ExitStack() as stack:
            grown = []
            if 'winsd' in self.plan.subjects:
                say('filling')
                grown = self.grow(stack)
            for tag in range(self.plan.rounds):
                say('round %d of %d' % (tag + 1, self.plan.rounds))
                self.limits()
                if 'nmbd' in self.plan.subjects:
                    self.peer(peers.Nmbd, tag)
                if 'ad' in self.plan.subjects:
                    self.peer(peers.AdSamba, tag)
                if 'winsd' in self.plan.subjects:
                    self.ours(tag)
                    self.growth(grown)
            if grown:
                say('restarts')
                self.restart(*grown[-1])

    def run(self):
        try:
            if 'names' in self.plan.parts:
                self.names()
            if 'replication' in self.plan.parts:
                self.replication.run()
        finally:
            self.close()

    def close(self):
        self.server_side.close()
        self.grown_side.close()
        self.client_side.close()


class Asker(threading.Thread):
    """Asks a starting server each ms: for one of the load's names until the
    right answer comes, then to register a new one. In s from now."""

    def __init__(self, network, address, size, number):
        super().__init__(daemon=True)
        with network.entered():
            self.client = nbclient.Client(address, source=ASKER, timeout=0.001)
        self.size = size
        self.new_name = 'AGAIN%d<20>' % number
        self.random = random.Random(number)
        self.times = {}
        self.began = time.monotonic()
        self.start()

    def ask(self, packet):
        self.client.send(packet)
        try:
            return self.client.recv()[0]
        except nbclient.Timeout:
            return None

    def note(self, what):
        self.times[what] = time.monotonic() - self.began

    def run(self):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        right, trn_id = {}, 0
        while 'answer' not in self.times:
            index, trn_id = self.random.randrange(self.size), (trn_id + 1) & 0xffff
            net = index // 254
            packet = nbclient.build_query('LDN%08X<20>' % index, trn_id)
            right[packet[:2]] = bytes([10, 128 + (net >> 8), net & 255, index % 254 + 1])
            data = self.ask(packet)
            if data and data[3] & 15 == 0 and data[-4:] == right[data[:2]]:
                self.note('answer')
        packet = nbclient.build_change(nbclient.REGISTER, self.new_name, ASKER, 0)
        while 'registration' not in self.times:
            data = self.ask(packet)
            if data and data[2] >> 3 & 15 == nbclient.REGISTER and data[3] & 15 == 0:
                self.note('registration')

    def result(self):
        self.join()
        self.client.close()
        return self.times


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---- telling

class Result:
    """Medians of the rows of the same label and operation."""

    def __init__(self, rows):
        self.rows = rows

    def of(self, label, op):
        return [r for r in self.rows if (r['label'], r['op']) == (label, op)]

    def median(self, label, op, field='rate'):
        rows = self.of(label, op)
        return statistics.median(r[field] for r in rows) if rows else None

    def total(self, label, op, fields):
        return sum(r[f] for r in self.of(label, op) for f in fields)

    def ratio(self, label, op, other, other_op=None):
        mine, theirs = self.median(label, op), self.median(other, other_op or op)
        return '%.2f' % (mine / theirs) if mine and theirs else '-'

    def line(self, label, op):
        wide = label.endswith(('-w256', '-sustained'))
        suffix = '-w256' if wide else '-open' if label.endswith('-open') else ''
        echo, durable = ('echo-w256', 'durable-w256') if wide else ('echo', 'durable')
        return '%-9s %-17s %9.0f %8.0f %8.0f %7.1f %7s %8s %7s %7s %6d %6d %6d' % (
            op, label, self.median(label, op), self.median(label, op, 'p50_us'),
            self.median(label, op, 'p99_us'), self.median(label, op, 'server_cpu_us'),
            self.ratio(label, op, echo, 'echo'), self.ratio(label, op, durable, 'echo'),
            self.ratio(label, op, 'nmbd' + suffix), self.ratio(label, op, 'ad' + suffix),
            self.total(label, op, WRONG), self.total(label, op, ['again']),
            self.total(label, op, ['lost', 'unsent']))

    def table(self):
        print('%-9s %-17s %9s %8s %8s %7s %7s %8s %7s %7s %6s %6s %6s' % (
            'op', 'server', 'rate/s', 'p50 us', 'p99 us', 'cpu us', '/echo', '/durable',
            '/nmbd', '/ad', 'wrong', 'again', 'lost'))
        for op in ('echo', 'query', 'miss', 'register', 'refresh', 'release', 'mixed', 'churn',
                   'arrive'):
            for label in list(dict.fromkeys(r['label'] for r in self.rows if r['op'] == op)):
                if not label[-1:].isdigit() or label.endswith('-w256'):
                    print(self.line(label, op))

    def growth(self, sizes):
        """CPU per query tells growth also where other work disturbs rates."""
        print('\n%-9s %9s %9s %7s %9s %9s %9s %9s %7s' % (
            'names', 'query/s', 'echo/s', '/echo', 'cpu us', 'echo cpu', 'by cpu', 'miss/s', '/ad'))
        for size in sizes:
            ours, echo = 'winsd-%d' % size, 'echo-%d' % size
            if self.of(ours, 'query'):
                cpu, limit = (self.median(ours, 'query', 'server_cpu_us'),
                              self.median(echo, 'echo', 'server_cpu_us'))
                print('%-9d %9.0f %9.0f %7s %9.1f %9.1f %9.2f %9.0f %7s' % (
                    size, self.median(ours, 'query'), self.median(echo, 'echo'),
                    self.ratio(ours, 'query', echo, 'echo'),
                    cpu, limit, limit / cpu if cpu else 0, self.median(ours, 'miss'),
                    self.ratio(ours, 'query', 'ad')))

    def aims(self, sizes, restarts, partners):
        """What there is (None: nothing to compare) beside what is wanted."""
        print('\n%-56s %9s %9s' % ('aims', 'measured', 'wanted'))

        def row(text, measured, wanted, least=True):
            if measured is not None:
                print('%-56s %9.2f %6s %-5g %s' % (
                    text, measured, '>=' if least else '<=', wanted,
                    '' if (measured >= wanted) == least or measured == wanted else 'missed'))

        def ratio(label, op, other, other_op, field='rate'):
            mine, theirs = self.median(label, op, field), self.median(other, other_op, field)
            return mine / theirs if mine and theirs else None
        for op in ('register', 'refresh', 'release'):
            row(op + ' / durable', ratio('winsd', op, 'durable', 'echo'), 0.6)
            row(op + ' / durable at 256',
                ratio('winsd-w256', op, 'durable-w256', 'echo'), 0.6)
            row(op + ' / ad at 256', ratio('winsd-w256', op, 'ad-w256', op), 50)
        row('p99 of queries, beside registrations / alone',
            ratio('winsd-beside', 'arrive', 'winsd-alone', 'query', 'query_p99_us'), 2, False)
        for end in ('stop', 'kill'):
            times = [r for r in restarts if r['end'] == end]
            for what, wanted in (('answer', 1), ('registration', math.inf)) if times else ():
                row('s to the first %s after %s, %d names' % (what, end, times[0]['names']),
                    statistics.median(r[what] for r in times), wanted, False)
        for size in sizes[-1:]:
            row('bytes a record, as counted', size['counted'], 250, False)
            row('bytes a record, resident', size['resident'], 250, False)
            row('bytes a record in the file', size.get('file'), 300, False)
        row('p99 of queries, beside replicas / alone', ratio(
            'winsd-own-beside', 'query', 'winsd-own-alone', 'query', 'query_p99_us'), 2, False)
        partners.aims(row)

    def faults(self):
        """Wrong answers of winsd, and losses where it was asked again."""
        mine = [r for r in self.rows if r['label'].startswith('winsd')]
        return (sum(r[f] for r in mine for f in WRONG) +
                sum(r['lost'] for r in mine if not r['offered']))


def versions():
    out = subprocess.run(['dpkg-query', '-W', 'samba', 'libtevent0', 'libtdb1'], check=False,
                         stdout=subprocess.PIPE, universal_newlines=True).stdout
    return dict(line.split('\t') for line in out.splitlines())


def prepare():
    packages.install('packages-build', 'packages-check')
    waf = [sys.executable, os.path.join(TOP, 'waf')]
    for words in (['configure'], ['build']):
        if subprocess.call(waf + words, cwd=TOP, stdout=sys.stderr) != 0:
            raise SystemExit('the build failed')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--quick', action='store_true', help='see that it works, a minute at most')
    parser.add_argument('--rounds', type=int)
    parser.add_argument('--seconds', type=float, help='of each phase')
    parser.add_argument('--names', type=int)
    parser.add_argument('--records', type=int, help='of replication')
    parser.add_argument('--only', help='of nmbd,ad,winsd')
    parser.add_argument('--parts', default='names,replication', help='which of them')
    parser.add_argument('--no-build', action='store_true')
    parser.add_argument('--output', default=os.path.join(BUILD, 'bench.json'))
    args = parser.parse_args()
    if not args.no_build:
        prepare()
    plan = Plan(args)
    bench = Bench(plan)
    began = time.time()
    bench.run()
    result = Result(bench.rows)
    partners = replication.Told(bench.replication.rows)
    result.table()
    result.growth(plan.sizes)
    partners.table()
    result.aims(bench.sizes, bench.restarts, partners)
    with open(args.output, 'w', encoding='ascii') as f:
        json.dump({'began': began, 'seconds': time.time() - began, 'machine': platform.uname()._asdict(),
                   'cpus': os.cpu_count(), 'load_average': os.getloadavg(),
                   'packages': versions(), 'rounds': plan.rounds, 'rows': bench.rows,
                   'sizes': bench.sizes, 'restarts': bench.restarts,
                   'replication': bench.replication.rows}, f, indent=1)
    faults = result.faults() + partners.faults()
    print('\n%d rounds, %.0f s, %d faults of winsd; all phases in %s' % (
        plan.rounds, time.time() - began, faults, os.path.relpath(args.output)))
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
