#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""winsmigrate export: a server says the same of its records running, stopped,
and with a journal that a crash left behind. The second opinion of what it has
is `winsctl record list`."""
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import harness

FIRST = '{"format":"winsd-1"}'


class Export(harness.Case):
    def migrate(self, server, *words, status=0):
        done = server.tool('winsmigrate', '-s', server.config, *words)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertNotIn('Sanitizer', done.stderr)
        return done

    def export(self, server):
        lines = self.migrate(server, 'export', '-f', 'winsd').stdout.splitlines()
        self.assertEqual(lines[0], FIRST)
        return sorted(lines[1:])

    def fill(self, server):
        with server.client() as host:
            for i in range(40):
                self.assertTrue(host.register('HOST%03d<20>' % i).positive)
            self.assertTrue(host.release('HOST007<20>').positive)
            self.assertTrue(host.query('HOST011<20>').positive)
        server.ctl('record', 'add', 'STATIC<20>', '192.0.2.7')
        server.ctl('record', 'add', 'DOM<1c>.lab', '192.0.2.8', '192.0.2.9', '--type', 'sgroup')

    def listed(self, server):
        return sorted(json.dumps(r, separators=(',', ':')) for r in server.ctl('record', 'list'))

    def at_rest(self, lines):
        """Files do not say when a name was last asked for."""
        records = [json.loads(r) for r in lines]
        return [json.dumps({k: v for k, v in r.items() if k != 'queried'},
                           separators=(',', ':')) for r in records]

    def own(self, lines):
        """Not the server's own names, which an end may release."""
        return [r for r in lines if 'SPEC' not in r and '__MSBROWSE__' not in r]

    def test_running_stopped_crashed(self):
        server = self.serve()
        self.fill(server)
        listed = self.listed(server)
        self.assertGreaterEqual(len(listed), 42)
        self.assertEqual(self.export(server), listed)
        asked = {r['name']: r.get('queried', 'unknown') for r in map(json.loads, listed)}
        self.assertRegex(asked['HOST011'], r'^20..-')
        self.assertIsNone(asked['HOST012'])
        listed = self.at_rest(listed)
        server.kill()
        self.assertTrue(os.path.exists(os.path.join(server.folder, 'wins.journal')))
        self.assertEqual(self.export(server), listed)
        server.start()
        server.stop()
        self.assertEqual(self.own(self.export(server)), self.own(listed))

    def test_to_dns_go_names_that_were_asked_for(self):
        server = self.serve()
        for i in range(4):
            server.ctl('record', 'add', 'PC%d<20>' % i, '192.0.2.%d' % (i + 1))
        with server.client() as host:
            for name in ('PC1<20>', 'PC2<20>', 'PC2<00>', 'PC3<00>'):
                host.query(name)
        skipped = os.path.join(server.folder, 'skipped')
        done = self.migrate(server, 'export', '-f', 'hosts', '--skipped', skipped, status=4)
        self.assertEqual([line.split('\t')[1] for line in done.stdout.splitlines()[1:]],
                         ['pc1', 'pc2'])
        self.assertIn('2  never asked for: PC0<20>, PC3<20>', done.stderr)
        server.stop()
        done = self.migrate(server, 'export', '-f', 'hosts', '--skipped', skipped, '--yes',
                            status=6)
        self.assertIn('--all', done.stderr)

    def test_as_a_source(self):
        server = self.serve()
        self.fill(server)
        target = os.path.join(server.folder, 'names')
        self.migrate(server, 'convert', 'winsd:', '-t', 'winsd', target)
        with open(target, encoding='utf-8') as f:
            self.assertEqual(sorted(f.read().splitlines()[1:]), self.listed(server))

    def test_many_slices(self):
        """More than one reply of the server, and than wait for the walk."""
        folder = tempfile.mkdtemp(prefix='winsd-test-')
        self.addCleanup(shutil.rmtree, folder)
        subprocess.run([os.path.join(harness.BUILD, 'test', 'make_database'),
                        os.path.join(folder, 'wins.tdb'), '3000'], check=True,
                       stdout=subprocess.DEVNULL)
        server = self.serve(folder=folder)
        running = self.export(server)
        self.assertEqual(len({json.loads(r)['name'] for r in running} &
                             {'N%07d' % i for i in range(3000)}), 3000)
        self.assertEqual(running, self.listed(server))
        server.stop()
        self.assertEqual(self.own(self.export(server)), self.own(self.at_rest(running)))

    def test_locked_and_nothing_there(self):
        server = self.serve()
        server.stop()
        with open(os.path.join(server.folder, 'winsd.lock'), 'r+', encoding='utf-8') as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            self.migrate(server, 'export', '-f', 'winsd', status=6)
        self.migrate(server, 'export', '-f', 'winsd')
        self.migrate(server, 'export', status=2)
        os.unlink(os.path.join(server.folder, 'wins.tdb'))
        done = self.migrate(server, 'export', '-f', 'winsd', status=3)
        self.assertIn('no server is running, and none was here', done.stderr)

    def test_damaged(self):
        """Half a database is no export: the target that was there stands."""
        server = self.serve()
        self.fill(server)
        server.stop()
        path = os.path.join(server.folder, 'wins.tdb')
        with open(path, 'r+b') as f:
            data = f.read()
            f.seek(data.index(b'HOST023') + 2)
            f.write(b'x')
        target = os.path.join(server.folder, 'names')
        with open(target, 'w', encoding='utf-8') as f:
            f.write('precious')
        done = self.migrate(server, 'export', '-f', 'winsd', '--yes', target, status=1)
        self.assertIn('damaged', done.stderr)
        with open(target, encoding='utf-8') as f:
            self.assertEqual(f.read(), 'precious')


if __name__ == '__main__':
    unittest.main()
