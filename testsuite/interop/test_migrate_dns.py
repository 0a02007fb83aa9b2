#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way out of WINS, against a real DNS server.

One database of hosts, groups, users and the like is exported. named-checkzone
accepts the zones, BIND serves them, and a zone that it changes itself takes
the nsupdate script, twice, without one record more. What must be there is said
here from the rules (manual page, LEAVING WINS), not from what was written.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'scenario'))
import harness

PROGRAM = os.path.join(harness.BUILD, 'bin', 'winsmigrate')
ADDRESS, PORT = '127.0.0.1', 5353
STATIC, DYNAMIC = 'corp.example', 'lab.example'
REVERSE = '2.0.192.in-addr.arpa'
BLOCKED = {'wpad', 'isatap', 'localhost'}

NAMED = """\
options {
	directory "%(folder)s";
	listen-on port %(port)d { %(address)s; };
	listen-on-v6 { none; };
	pid-file none;
	lock-file none;
	session-keyfile none;
	recursion no;
	notify no;
	allow-transfer { any; };
	dnssec-validation no;
	empty-zones-enable no;
};
controls { };
zone "%(static)s" { type primary; file "static"; };
zone "%(reverse)s" { type primary; file "reverse"; allow-update { any; }; };
zone "%(dynamic)s" { type primary; file "dynamic"; allow-update { any; }; };
"""
EMPTY = """\
$ORIGIN %s.
$TTL 300
@	IN	SOA	localhost. hostmaster.localhost. 1 3600 600 1209600 300
@	IN	NS	localhost.
"""


def row(name, suffix, *addresses, **more):
    record = {'name': name, 'suffix': suffix, 'type': 'unique', 'state': 'active',
              'addresses': [{'ip': ip} for ip in addresses]}
    record.update(more)
    return record


def database():
    """Rows of a database with everything that there is in one."""
    rows = []
    for i in range(1, 101):
        rows += [row('PC%03d' % i, suffix, '192.0.2.%d' % i) for suffix in (0x20, 0x00, 0x03)]
    rows += [
        row('4711', 0x20, '192.0.2.201'),
        row('a-Mixed-Name', 0x00, '192.0.2.202'),
        row('STATIC', 0x20, '192.0.2.203', static=True),
        row('ONE-CARD', 0x20, '192.0.2.204', type='mhomed'),
        row('FAR', 0x20, '198.51.100.7'),
        row('SECOND', 0x20, '192.0.2.1'),
        row('TAKEN', 0x20, '192.0.2.205'),
        row('ALIAS', 0x20, '192.0.2.206'),
        # none of these is for DNS
        row('TWO-CARDS', 0x20, '192.0.2.207', '192.0.2.208', type='mhomed'),
        row('TWO-MINDS', 0x20, '192.0.2.209'), row('TWO-MINDS', 0x00, '192.0.2.210'),
        row('AWAY', 0x20, '192.0.2.211', state='released'),
        row('GONE', 0x20, '192.0.2.212', state='tombstone'),
        row('UNDER_SCORE', 0x20, '192.0.2.213'), row('DOT.TED', 0x20, '192.0.2.214'),
        row('-DASH', 0x20, '192.0.2.215'), row('DASH-', 0x20, '192.0.2.216'),
        row('$(reboot)', 0x20, '192.0.2.217'), row("'; quit", 0x20, '192.0.2.218'),
        row('\u00c4PFEL', 0x20, '192.0.2.219'), row('', 0x20, '192.0.2.220'),
        row('SCOPED', 0x20, '192.0.2.221', scope='lab'),
        row('WPAD', 0x20, '192.0.2.222'), row('LOCALHOST', 0x20, '192.0.2.223'),
        row('LOOP', 0x20, '127.0.0.1'),
        row('CORP', 0x00, '255.255.255.255', type='group'),
        row('CORP', 0x1b, '192.0.2.224'), row('CORP', 0x1d, '192.0.2.225'),
        row('CORP', 0x1c, '192.0.2.226', '192.0.2.227', type='sgroup'),
        row('CORP', 0x1e, '255.255.255.255', type='group'),
        row('ALICE', 0x03, '192.0.2.1'), row('SQL', 0x2f, '192.0.2.228'),
    ]
    return rows


def expected(rows):
    """{name: address}: active hosts with one address on all their entries."""
    found = {}
    for r in rows:
        name = r['name'].lower()
        if (r['suffix'] in (0x00, 0x20) and r['type'] in ('unique', 'mhomed') and
                r['state'] == 'active' and 'scope' not in r and name not in BLOCKED and
                re.fullmatch('[a-z0-9]([a-z0-9-]*[a-z0-9])?', name) and
                not r['addresses'][0]['ip'].startswith('127.')):
            found.setdefault(name, set()).update(a['ip'] for a in r['addresses'])
    return {name: min(ips) for name, ips in found.items() if len(ips) == 1}


class Named:
    """BIND in the foreground, with all that it writes in one folder."""

    def __init__(self, network, folder):
        self.network, self.said, self.ready = network, [], threading.Event()
        config = os.path.join(folder, 'named.conf')
        with open(config, 'w', encoding='ascii') as f:
            f.write(NAMED % {'folder': folder, 'port': PORT, 'address': ADDRESS, 'static': STATIC,
                             'reverse': REVERSE, 'dynamic': DYNAMIC})
        self.process = network.popen(['named', '-g', '-4', '-n', '1', '-c', config],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, universal_newlines=True)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.said.append(line)
            if line.rstrip().endswith(' running'):
                self.ready.set()
        self.ready.set()        # or it has ended

    def wait(self):
        self.ready.wait(harness.PATIENCE)
        if self.process.poll() is not None or not self.ready.is_set():
            raise RuntimeError('named does not run:\n' + ''.join(self.said))

    def close(self):
        self.process.terminate()
        if harness.wait_process(self.process, harness.PATIENCE) is None:
            self.process.kill()
            self.process.wait()
        self.thread.join()
        self.process.stdout.close()


class WayOut(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='winsd-dns-')
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.rows = database()
        cls.expected = expected(cls.rows)
        cls.put('source', '{"format":"winsd-1"}\n' + ''.join(json.dumps(r) + '\n' for r in cls.rows))
        cls.export('bind', 'static')
        # Somebody is there before us: other hosts of two names, an alias.
        cls.put('dynamic', EMPTY % DYNAMIC +
                'taken IN A 203.0.113.9\nalias IN CNAME taken\nmail IN MX 10 taken\n')
        cls.put('reverse', EMPTY % REVERSE + '2 IN PTR elsewhere.example.\n')
        network = harness.Network()
        cls.addClassCleanup(network.close)
        cls.network = network
        cls.named = Named(network, cls.folder)
        cls.addClassCleanup(cls.named.close)
        cls.named.wait()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def put(cls, name, text):
        with open(cls.path(name), 'w', encoding='utf-8') as f:
            f.write(text)

    def get(self, name):
        with open(self.path(name), encoding='utf-8') as f:
            return f.read()

    @classmethod
    def export(cls, to, target, *words, domain=STATIC, every=True,
               source='source'):
        """Converted; its report, which must add up and tell of skipped rows."""
        done = subprocess.run(
            [PROGRAM, 'convert', source, '-t', to, target, '--domain', domain, '--json',
             '--yes'] + (['--all'] if every else []) + list(words), cwd=cls.folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            universal_newlines=True, check=False)
        if done.returncode != 4:
            raise AssertionError('%s: status %d\n%s' % (to, done.returncode, done.stderr))
        report = json.loads(done.stderr)
        if report['read'] != sum(report[n] for n in ('written', 'changed', 'unchanged', 'skipped')):
            raise AssertionError(report)
        return report

    def tool(self, *words, status=0):
        done = self.network.run(list(words), timeout=harness.PATIENCE, cwd=self.folder)
        if status is not None:
            self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def dig(self, kind, names):
        """{name: [data]} of many questions at once."""
        self.put('questions', ''.join('-q %s -t %s\n' % (name, kind) for name in names))
        out = self.tool('dig', '@' + ADDRESS, '-p', str(PORT), '-f', 'questions', '+noall',
                        '+answer')
        found = {}
        for name, data in re.findall(r'^(\S+)\s+\d+\s+IN\s+(?:A|PTR)\s+(\S+)$', out, re.M):
            found.setdefault(name, []).append(data)
        return found

    def transfer(self, zone):
        return self.tool('dig', '@' + ADDRESS, '-p', str(PORT), 'axfr', zone)

    def records(self, zone):
        return sorted(line.split(None, 4)[0:1] + line.split(None, 4)[3:]
                      for line in self.transfer(zone).splitlines()
                      if line and line[0] != ';' and ' SOA ' not in re.sub(r'\s', ' ', line))

    def test_a_zone_that_is_served(self):
        report = self.export('bind', 'again')
        said = self.tool('named-checkzone', STATIC, 'again')
        self.assertRegex(said, r'loaded serial \d+\nOK')
        found = self.dig('A', ['%s.%s' % (name, STATIC) for name in sorted(self.expected)])
        self.assertEqual(found, {'%s.%s.' % (name, STATIC): [ip]
                                 for name, ip in self.expected.items()})
        self.assertEqual(report['written'], len(found))
        self.assertEqual(len([r for r in self.records(STATIC) if r[1] == 'A']), len(found))

    def test_no_other_name_is_served(self):
        others = {r['name'].lower() for r in self.rows} - set(self.expected)
        others = sorted(name for name in others if re.fullmatch('[a-z0-9._-]+', name))
        self.assertGreater(len(others), 10)
        self.assertEqual(self.dig('A', ['%s.%s' % (name, STATIC) for name in others]), {})

    def test_a_reverse_zone(self):
        report = self.export('bind', 'reversed', '--reverse', REVERSE)
        self.assertRegex(self.tool('named-checkzone', REVERSE, 'reversed'), r'\nOK')
        text = self.get('reversed')
        first = {}
        for name, ip in sorted(self.expected.items()):
            if ip.startswith('192.0.2.'):
                first.setdefault(ip.split('.')[3], name)
        self.assertEqual(dict(re.findall(r'^(\d+)\tIN\tPTR\t(\S+)\.%s\.$' % STATIC, text, re.M)),
                         first)
        self.assertEqual(report['written'], len(first))

    def test_updates_twice(self):
        report = self.export('nsupdate', 'script', '--reverse', REVERSE, '--server', ADDRESS,
                             '--ttl', '60', domain=DYNAMIC)
        update = ['nsupdate', '-p', str(PORT), 'script']
        # two names are taken and one PTR record: held off by the server
        said = self.tool(*update, status=2)
        self.assertEqual(said.count('update failed: YXRRSET'), 3, said)
        once = self.records(DYNAMIC), self.records(REVERSE)
        want = dict(self.expected, taken='203.0.113.9')
        del want['alias']
        self.assertEqual({r[0]: r[2] for r in once[0] if r[1] == 'A'},
                         {'%s.%s.' % (name, DYNAMIC): ip for name, ip in want.items()})
        self.assertEqual(len([r for r in once[0] if r[1] == 'A']), len(want))
        self.assertEqual([r for r in once[0] if r[1] == 'CNAME'],
                         [['alias.%s.' % DYNAMIC, 'CNAME', 'taken.%s.' % DYNAMIC]])
        asked = ['%s.%s' % (i, REVERSE) for i in (1, 2, 3, 201)]
        self.assertEqual(self.dig('PTR', asked), {
            asked[0] + '.': ['pc001.%s.' % DYNAMIC], asked[1] + '.': ['elsewhere.example.'],
            asked[2] + '.': ['pc003.%s.' % DYNAMIC], asked[3] + '.': ['4711.%s.' % DYNAMIC]})
        messages = self.get('script').count('\nsend\n')
        said = self.tool(*update, status=2)
        self.assertEqual(said.count('update failed: YXRRSET'), messages, said)
        self.assertEqual((self.records(DYNAMIC), self.records(REVERSE)), once)
        # far away: without PTR; second: another name has it
        self.assertEqual(report['written'], len(self.expected) - 2)

    def test_what_is_there_is_not_written(self):
        before = self.export('hosts', 'all')
        self.put('transferred', self.transfer(STATIC))
        for style in ('relative', 'full'):      # as a server writes its own file
            self.tool('named-compilezone', '-q', '-s', style, '-o', style, STATIC, 'static')
        for taken in ('transferred', 'static', 'relative', 'full'):
            report = self.export('hosts', 'none', '--existing', taken)
            self.assertEqual(report['written'], 0)
            self.assertEqual(report['unchanged'], before['written'] + before['changed'])
            self.assertNotRegex(self.get('none'), r'(?m)^\d')
        self.put('taken', 'taken.%s. 300 IN A 203.0.113.9\n192.0.2.201 4711\n' % STATIC)
        report = self.export('hosts', 'some', '--existing', 'taken')
        self.assertEqual(report['written'], len(self.expected) - 2)
        skipped = [json.loads(line) for line in self.get('some.skipped').splitlines()[1:]]
        reasons = {r['name']: r['skipped'] for r in skipped if r['name'] in ('TAKEN', '4711')}
        self.assertEqual(reasons, {'TAKEN': 'taken, by another address'})
        self.assertEqual(report['unchanged'], 1)

    def test_hosts_reads_as_hosts(self):
        """The C library, with our file in the place of the system's."""
        self.export('hosts', 'hosts')
        names = sorted(self.expected)
        names.remove('4711')    # to the C library that is an address
        for domain in ('', '.' + STATIC):
            out = self.tool('unshare', '-m', 'sh', '-c', 'mount --bind hosts /etc/hosts && '
                            'exec getent -s files hosts "$@"', 'sh', *[n + domain for n in names])
            found = [line.split() for line in out.splitlines()]
            self.assertEqual(found, [[self.expected[n], n + '.' + STATIC, n] for n in names])

    def test_nothing_but_names_in_scripts(self):
        """Every word that comes from a name, a bare word: no script sees more."""
        for to in ('powershell', 'dnscmd', 'nsupdate', 'dnsmasq'):
            self.export(to, to)
            text = self.get(to)
            for bad in ('reboot', 'quit', 'under_score', 'UNDER_SCORE', '\u00c4', '127.0.0'):
                self.assertNotIn(bad, text)
            for name, ip in self.expected.items():
                self.assertIn(name, text)
                self.assertIn(ip, text)

    def test_who_was_asked_for_lately(self):
        moments = {'PC001': '2026-07-31T23:59:59Z', 'PC002': '2026-08-01T00:00:00Z'}
        self.put('asked', '{"format":"winsd-1"}\n' + ''.join(
            json.dumps(dict(r, queried=moments.get(r['name']))) + '\n' for r in self.rows))
        for words, names in (([], {'pc001', 'pc002'}),
                             (['--queried-since', '2026-08-01'], {'pc002'}),
                             (['--all'], set(self.expected))):
            self.export('hosts', 'lately', *words, every=False, source='asked')
            found = re.findall(r'(?m)^[\d.]+\t\S+ (\S+)$', self.get('lately'))
            self.assertEqual(set(found), names)
            self.assertEqual(len(found), len(names))

    def test_who_was_asked_for_must_be_known(self):
        done = subprocess.run([PROGRAM, 'convert', 'source', '-t', 'hosts', 'refused'],
                              cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, check=False)
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn('--all', done.stderr)
        self.assertFalse(os.path.exists(self.path('refused')))


if __name__ == '__main__':
    unittest.main()
