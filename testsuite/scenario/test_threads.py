#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of winsd's threads at once: the loop under load, the committer and the
carrier of the disk behind it, a backup beside them, the loader at a start
that is asked before it is done, and ends of each kind in the middle of it.

What this is for is the build with ThreadSanitizer, whose reports end the
server and fail the test that started it (harness.py); the files are judged
by other tests, here only what was acknowledged."""
import contextlib
import json
import os
import subprocess
import unittest

import harness

LOADS = (('TA', 2000, 256), ('TB', 200, 8))     # prefix, names, window
WRONG = ('wrong_format', 'wrong_rcode', 'wrong_name', 'wrong_address', 'wrong_ttl')


class Threads(harness.Case):
    def setUp(self):
        network = harness.Network()
        self.addCleanup(network.close)
        network.own('10.128.0.0/9')
        self.server = self.serve({'log level': '1'}, network=network)

    def load(self, op, prefix, names, window):
        return self.server.network.popen(
            [os.path.join(harness.BUILD, 'bench', 'load'), '--server', self.server.address,
             '--op', op, '--prefix', prefix, '--names', str(names), '--window', str(window),
             '--seconds', '600', '--timeout', '1000', '--tries', '60', '--own-address',
             '--state', os.path.join(self.server.folder, 'state.' + prefix)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    def said(self, loads):
        """What the loads said at their ends; nothing wrong."""
        said = [json.loads(load.communicate()[0]) for load in loads]
        for one in said:
            self.assertEqual([one[w] for w in WRONG], [0] * len(WRONG), one)
        return said

    @contextlib.contextmanager
    def changing(self):
        """Names come, stay and go meanwhile; stopped at the end of it."""
        loads = [self.load('change', *words) for words in LOADS]
        try:
            yield
        finally:
            for load in loads:
                load.terminate()
            self.changes = self.said(loads)

    def check(self):
        said = self.said([self.load('check', *words) for words in LOADS])
        self.assertEqual([one['right'] for one in said], [names for _, names, _ in LOADS])

    def await_growth(self, counter, by):
        end = self.server.ctl('server', 'stats')[0][counter] + by
        while self.server.ctl('server', 'stats')[0][counter] < end:
            pass

    def test_all_of_them(self):
        with self.changing():
            self.await_growth('disk_carried', 1)
            backup = self.server.ctl('server', 'backup')[0]
            self.assertGreater(os.path.getsize(backup['path']), 0)
            self.server.reload()
            self.server.ctl('record', 'list')
            self.server.ctl('server', 'scavenge')
            self.await_growth('disk_carried', 1)
        self.check()

    def test_ends(self):
        """A clean one and kill -9, both with everything under way; after
        each the loader runs while names are asked for."""
        for end in (self.server.stop, self.server.kill):
            with self.changing():
                self.await_growth('store_changes', 5000)
                end()
            self.server.start()
            self.check()


if __name__ == '__main__':
    unittest.main()
