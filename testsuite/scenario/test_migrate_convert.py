# SPDX-License-Identifier: GPL-3.0-or-later
"""winsmigrate convert as a person meets it: sources of every kind, targets
that are whole or not there, reports and exit codes, Ctrl-C."""
import json
import os
import pty
import random
import shutil
import signal
import stat
import subprocess
import tempfile
import unittest

PROGRAM = os.path.join(os.environ['WINSD_BUILD'], 'bin', 'winsmigrate')
FIRST = '{"format":"winsd-1"}\n'


def line(number, **more):
    record = {'name': 'HOST%d' % number, 'suffix': 32, 'scope': '', 'type': 'unique',
              'state': 'active', 'node': 'H', 'static': False, 'owner': '192.0.2.1',
              'version': 2 ** 64 - 1 - number, 'expires': '2026-08-01T12:00:00Z',
              'addresses': [{'ip': '192.0.2.10', 'owner': '192.0.2.1',
                             'expires': '2026-08-01T12:00:00Z'}]}
    record.update(more)
    return json.dumps(record, separators=(',', ':')) + '\n'


class Convert(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.text = FIRST + ''.join(line(i) for i in range(10))
        self.put('source', self.text)

    def path(self, name):
        return os.path.join(self.folder, name)

    def put(self, name, text):
        with open(self.path(name), 'w', encoding='utf-8') as f:
            f.write(text)

    def get(self, name):
        with open(self.path(name), encoding='utf-8') as f:
            return f.read()

    def names(self):
        return set(os.listdir(self.folder))

    def run_it(self, *words, status=0, feed=None):
        done = subprocess.run([PROGRAM] + list(words), cwd=self.folder, input=feed,
                              stdin=None if feed is not None else subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              universal_newlines=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertNotIn('Sanitizer', done.stderr)
        return done

    def test_file_to_file(self):
        done = self.run_it('convert', 'source', '-t', 'winsd', 'target')
        self.assertEqual(self.get('target'), self.text)
        self.assertEqual(os.stat(self.path('target')).st_mode, 0o100600)
        self.assertEqual(self.names(), {'source', 'target'})
        self.assertEqual(done.stdout, '')
        self.assertIn('read      10 (0 static)', done.stderr)

    def test_streams(self):
        for words in (['-'], ['/dev/stdin'], ['-f', 'winsd', '-']):
            done = self.run_it('convert', *words, '-t', 'winsd', feed=self.text)
            self.assertEqual(done.stdout, self.text)
        done = self.run_it('convert', 'source', '-t', 'winsd', '-')
        self.assertEqual(done.stdout, self.text)

    def test_long_stream(self):
        text = FIRST + ''.join(line(i) for i in range(5000))
        self.assertGreater(len(text), 1 << 20)
        done = self.run_it('convert', '-', '-t', 'winsd', feed=text)
        self.assertEqual(done.stdout, text)
        self.put('long', text)
        done = self.run_it('convert', 'long', '-t', 'winsd')
        self.assertEqual(done.stdout, text)
        for tenth in range(10, 101, 10):
            self.assertIn('%d %%  ' % tenth, done.stderr)
        done = self.run_it('--json', 'convert', 'long', '-t', 'winsd')
        self.assertEqual(json.loads(done.stderr)['written'], 5000)

    def test_skipped_and_read_again(self):
        self.put('source', FIRST + line(1) + 'broken\n' + line(2))
        done = self.run_it('convert', 'source', '-t', 'winsd', 'target', status=4)
        self.assertIn('1  not a record: at 3: ', done.stderr)
        self.assertEqual(self.names(), {'source', 'target', 'target.skipped.raw'})
        self.assertEqual(self.get('target.skipped.raw'), FIRST + 'broken\n')
        self.put('target.skipped.raw', FIRST + line(3))
        done = self.run_it('convert', 'target.skipped.raw', '-t', 'winsd')
        self.assertEqual(done.stdout, FIRST + line(3))

    def test_json_report(self):
        self.put('source', FIRST + line(1) + 'broken\n')
        done = self.run_it('--json', 'convert', 'source', '-t', 'winsd', '--skipped', 'away',
                           status=4)
        told = json.loads(done.stderr)
        self.assertEqual((told['read'], told['written'], told['skipped']), (2, 1, 1))
        self.assertEqual(told['raw_file'], 'away.raw')

    def test_dry_run(self):
        self.put('source', FIRST + line(1) + 'broken\n')
        dry = self.run_it('convert', 'source', '-t', 'winsd', 'target', '--dry-run', status=4)
        self.assertEqual(self.names(), {'source'})
        wet = self.run_it('convert', 'source', '-t', 'winsd', 'target', status=4)
        self.assertEqual(dry.stderr.replace(' (dry run: nothing is changed)', ''),
                         wet.stderr.split('  entries that')[0])

    def test_existing(self):
        self.put('target', 'precious')
        done = self.run_it('convert', 'source', '-t', 'winsd', 'target', status=6)
        self.assertIn('--yes', done.stderr)
        self.assertEqual(self.get('target'), 'precious')
        self.run_it('convert', 'source', '-t', 'winsd', 'target', '--yes')
        self.assertEqual(self.get('target'), self.text)
        self.put('target.part', 'of a run that was killed')
        os.unlink(self.path('target'))
        self.run_it('convert', 'source', '-t', 'winsd', 'target', status=6)
        self.run_it('convert', 'source', '-t', 'winsd', 'target', '-y')
        self.assertEqual(self.get('target'), self.text)

    def test_skipped_file_is_not_lost(self):
        self.put('target.skipped', 'being mended')
        self.run_it('convert', 'source', '-t', 'winsd', 'target', status=6)
        self.assertEqual(self.get('target.skipped'), 'being mended')
        os.rename(self.path('target.skipped'), self.path('target.skipped.raw'))
        self.run_it('convert', 'source', '-t', 'winsd', 'target', status=6)
        self.assertEqual(self.get('target.skipped.raw'), 'being mended')

    def test_skipped_rows_never_replace_the_source(self):
        for name in ('target.skipped', 'target.skipped.raw'):
            self.put(name, FIRST + line(1) + 'broken\n')
            done = self.run_it('convert', name, '-t', 'winsd', 'target', '--yes', status=6)
            self.assertIn('--skipped', done.stderr)
            self.assertEqual(self.get(name), FIRST + line(1) + 'broken\n')
            self.run_it('convert', name, '-t', 'winsd', 'target', '--yes', '--skipped', 'else',
                        status=4)
            os.unlink(self.path(name))

    def test_devices_are_not_replaced(self):
        """Not even with --yes, nor by another name: root would take them from all others."""
        os.mkfifo(self.path('pipe'))
        os.symlink('pipe', self.path('other'))
        for target in ('pipe', 'other'):
            for name in ('winsd', 'sqlite'):
                done = self.run_it('convert', 'source', '-t', name, target, '--yes', status=2)
                self.assertIn('no regular file', done.stderr)
        self.run_it('convert', 'source', '-t', 'hosts', '--domain', 'x', 'new', '--all',
                    '--skipped', 'pipe', '--yes', status=2)
        self.assertTrue(stat.S_ISFIFO(os.lstat(self.path('pipe')).st_mode))
        self.assertTrue(os.path.islink(self.path('other')))

    def test_links_are_not_followed(self):
        self.put('victim', 'precious')
        os.symlink('victim', self.path('target.part'))
        os.symlink('victim', self.path('target'))
        self.run_it('convert', 'source', '-t', 'winsd', 'target', status=6)
        self.run_it('convert', 'source', '-t', 'winsd', 'target', '--yes')
        self.assertEqual(self.get('victim'), 'precious')
        self.assertFalse(os.path.islink(self.path('target')))

    def test_source_ends_badly(self):
        self.put('target', 'precious')
        self.put('source', self.text + ' ' * 70000)
        done = self.run_it('convert', 'source', '-t', 'winsd', 'target', '--yes', status=1)
        self.assertIn('source: line 12', done.stderr)
        self.assertEqual(self.names(), {'source', 'target'})
        self.assertEqual(self.get('target'), 'precious')

    def test_full_disk(self):
        with open('/dev/full', 'w', encoding='utf-8') as full:
            done = subprocess.run([PROGRAM, 'convert', 'source', '-t', 'winsd'], cwd=self.folder,
                                  stdout=full, stderr=subprocess.PIPE, check=False,
                                  universal_newlines=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn('No space', done.stderr)

    def test_empty(self):
        """A copy that went wrong is no estate without names, whatever its format."""
        self.put('nothing', '')
        listed = self.run_it('formats', '--json').stdout.splitlines()
        readers = {f['format'] for f in map(json.loads, listed) if f['reads']}
        self.assertGreater(len(readers), 12)
        for name in readers - {'server', 'wrepl'}:
            with self.subTest(name):
                done = self.run_it('convert', '-f', name, 'nothing', '-t', 'csv', 'out', status=1)
                self.assertIn('nothing is empty', done.stderr)
        self.run_it('convert', '-f', 'wins.dat', '-', '-t', 'csv', 'out', feed='', status=1)
        self.assertEqual(self.names(), {'source', 'nothing'})

    def test_no_such(self):
        self.run_it('convert', 'nowhere', '-t', 'winsd', status=3)
        self.run_it('convert', '.', '-t', 'winsd', status=1)
        self.run_it('convert', '-f', 'winsd', '.', '-t', 'winsd', status=2)
        done = self.run_it('convert', 'source', '-t', 'winds', status=2)
        self.assertIn("did you mean 'winsd'", done.stderr)
        self.run_it('convert', 'source', status=2)
        self.put('garbage', '\0' * 100)
        done = self.run_it('convert', 'garbage', '-t', 'winsd', status=1)
        self.assertIn('-f NAME', done.stderr)
        self.run_it('convert', 'source', '-t', 'winsd', 'no/such/place', status=1)
        self.run_it('convert', 'source', '-t', 'winsd', '--ttl', 'soon', status=2)
        self.run_it('convert', 'source', '-t', 'winsd', '--queried-since', 'May', status=2)

    def test_interrupt(self):
        """At a pipe that says nothing more: whole rows are out, the target is
        not there, and the program ends by the signal."""
        for words, signum in ([], signal.SIGINT), (['target'], signal.SIGINT), \
                (['target'], signal.SIGTERM):
            with open(self.path('out'), 'w+', encoding='utf-8') as out:
                proc = subprocess.Popen([PROGRAM, 'convert', '-f', 'winsd', '-', '-t', 'winsd'] +
                                        words, cwd=self.folder, stdin=subprocess.PIPE, stdout=out,
                                        stderr=subprocess.PIPE, universal_newlines=True)
                # more than a pipe holds: when all is taken it has begun
                proc.stdin.write(FIRST + ''.join(line(i) for i in range(2000)))
                proc.stdin.flush()
                proc.send_signal(signum)
                self.assertEqual(proc.wait(timeout=60), -signum)
                self.assertIn('interrupted', proc.communicate()[1])
                out.seek(0)
                text = out.read()
                self.assertTrue(text.endswith('}\n') if not words else text == '')
            self.assertEqual(self.names(), {'source', 'out'})

    def test_progress_on_a_terminal(self):
        self.put('long', FIRST + ''.join(line(i) for i in range(20000)))
        leader, follower = pty.openpty()
        proc = subprocess.Popen([PROGRAM, 'convert', 'long', '-t', 'winsd', 'target'],
                                cwd=self.folder, stdin=subprocess.DEVNULL, stderr=follower)
        os.close(follower)
        seen = b''
        try:
            while True:
                more = os.read(leader, 4096)
                if not more:
                    break
                seen += more
        except OSError:     # the other end is closed
            pass
        os.close(leader)
        self.assertEqual(proc.wait(), 0)
        self.assertIn(b'read      20000', seen)

    # -- sqlite, against the program of that name

    def sql(self, name, text):
        return subprocess.run(['sqlite3', '-bail', self.path(name)], input=text, check=True,
                              stdout=subprocess.PIPE, universal_newlines=True,
                              timeout=60).stdout

    def test_sqlite_written(self):
        self.put('source', FIRST + line(1, name='A\u00ff', version=2 ** 64 - 1) +
                 line(2, owner='192.0.2.9', version=2 ** 63 - 1, scope='lab', static=True,
                      expires=None, addresses=[{'ip': '192.0.2.10', 'owner': '192.0.2.9',
                                                'expires': None}]) +
                 '{"name":"B","suffix":0,"type":"sgroup","addresses":[{"ip":"192.0.2.2"},'
                 '{"ip":"192.0.2.1"}]}\n')
        self.run_it('convert', 'source', '-t', 'sqlite', 'target')
        self.assertEqual(self.names(), {'source', 'target'})
        self.assertEqual(os.stat(self.path('target')).st_mode, 0o100600)
        told = self.sql('target', """
            PRAGMA integrity_check; PRAGMA foreign_key_check; PRAGMA user_version;
            SELECT hex(name), typeof(name), suffix, version, typeof(version),
                datetime(expires, 'unixepoch') FROM records WHERE id = 1;
            SELECT scope, static, version, typeof(version), expires FROM records
                WHERE name = 'HOST2';
            SELECT state IS NULL, owner IS NULL, version IS NULL, expires IS NULL FROM records
                WHERE name = 'B';
            SELECT ip, owner IS NULL FROM addresses WHERE record = 3 ORDER BY position;""")
        self.assertEqual(told.split('\n'), [
            'ok', '1', '41FF|blob|32|18446744073709551615|text|2026-08-01 12:00:00',
            'lab|1|9223372036854775807|integer|9223372036854775807', '1|1|1|1',
            '192.0.2.2|1', '192.0.2.1|1', ''])
        done = self.run_it('convert', 'target', '-t', 'winsd')
        self.assertEqual(done.stdout, self.get('source'))
        self.run_it('convert', 'source', '-t', 'sqlite', status=2)

    def test_sqlite_read(self):
        self.sql('mine', """
            CREATE TABLE records (id INTEGER PRIMARY KEY, name, suffix, scope, type, state, node,
                static, owner, version, expires, queried);
            CREATE TABLE addresses (record, position, ip, owner, expires);
            INSERT INTO records (name, suffix, type, version) VALUES ('A', 32, 'unique', 7);
            INSERT INTO records (name, suffix, type) VALUES ('B', 32, 'twin');
            INSERT INTO records (name, suffix, type) VALUES ('C', 256, 'unique');
            INSERT INTO records (name, suffix, type) VALUES (NULL, 0, 'unique');
            INSERT INTO records (name, suffix, type) VALUES ('none', 0, 'unique');
            INSERT INTO records (name, suffix, type, version)
                VALUES ('D', 0, 'unique', 18446744073709551616.0);
            INSERT INTO addresses (record, position, ip)
                VALUES (1, 0, '192.0.2.7'), (2, 0, '192.0.2.8'), (6, 0, '192.0.2.8');""")
        done = self.run_it('convert', 'mine', '-t', 'winsd', status=4)
        self.assertEqual(done.stdout, FIRST + '{"name":"A","suffix":32,"type":"unique",'
                         '"version":7,"addresses":[{"ip":"192.0.2.7"}]}\n')
        self.assertIn('5  not a record', done.stderr)

    def test_sqlite_of_others(self):
        self.sql('mine', 'CREATE TABLE records (id, name);')
        done = self.run_it('convert', 'mine', '-t', 'winsd', status=1)
        self.assertIn('no such column', done.stderr)
        self.sql('view', """CREATE TABLE addresses (record, position, ip, owner, expires);
            CREATE VIEW records AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n)
                SELECT id, 'A' AS name, 0 AS suffix, '' AS scope, 'unique' AS type, NULL AS state,
                NULL AS node, 1 AS static, NULL AS owner, 1 AS version, 1 AS expires,
                1 AS queried FROM n;""")
        done = self.run_it('convert', 'view', '-t', 'winsd', status=1)
        self.assertIn('view', done.stderr)

    def test_sqlite_broken(self):
        self.put('source', FIRST + ''.join(line(i) for i in range(300)))
        self.run_it('convert', 'source', '-t', 'sqlite', 'whole')
        with open(self.path('whole'), 'rb') as f:
            data = f.read()
        random.seed(7)
        for _ in range(60):
            broken = bytearray(data)
            for _ in range(8):
                broken[random.randrange(100, len(data))] ^= 1 << random.randrange(8)
            with open(self.path('broken'), 'wb') as f:
                f.write(broken[:random.choice([len(data), random.randrange(len(data))])])
            done = subprocess.run([PROGRAM, 'convert', '-f', 'sqlite', 'broken', '-t', 'winsd',
                                   '--yes'], cwd=self.folder, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                                  timeout=60)
            self.assertIn(done.returncode, (0, 1, 4), done.stderr)
            self.assertNotIn(b'Sanitizer', done.stderr)


if __name__ == '__main__':
    unittest.main()
