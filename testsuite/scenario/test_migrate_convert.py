# SPDX-License-Identifier: GPL-3.0-or-later
"""winsmigrate convert as a person meets it: sources of every kind, targets
that are whole or not there, reports and exit codes, Ctrl-C."""
import json
import os
import pty
import shutil
import signal
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
        for words in ([], ['target']):
            with open(self.path('out'), 'w+', encoding='utf-8') as out:
                proc = subprocess.Popen([PROGRAM, 'convert', '-f', 'winsd', '-', '-t', 'winsd'] +
                                        words, cwd=self.folder, stdin=subprocess.PIPE, stdout=out,
                                        stderr=subprocess.PIPE, universal_newlines=True)
                # more than a pipe holds: when all is taken it has begun
                proc.stdin.write(FIRST + ''.join(line(i) for i in range(2000)))
                proc.stdin.flush()
                proc.send_signal(signal.SIGINT)
                self.assertEqual(proc.wait(timeout=60), -signal.SIGINT)
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


if __name__ == '__main__':
    unittest.main()
