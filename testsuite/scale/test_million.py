# SPDX-License-Identifier: GPL-3.0-or-later
"""A million records: listed by one client with bounded memory on both sides,
while another that stopped reading costs nothing and name service goes on."""
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                'scenario'))
import harness

COUNT = 1000000
MIB = 1 << 10           # in KiB, as /proc says


def memory(pid):
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        return int(re.search(r'^VmRSS:\s+(\d+) kB', f.read(), re.M).group(1))


class Million(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='winsd-test-')
        cls.addClassCleanup(cls.folder.cleanup)
        subprocess.run([os.path.join(harness.BUILD, 'test', 'make_database'),
                        os.path.join(cls.folder.name, 'wins.tdb'), str(COUNT)],
                       check=True, stdout=subprocess.DEVNULL)

    def lister(self, server):
        argv = [os.path.join(harness.BUILD, 'bin', 'winsctl'), '-s', server.config, '--json',
                'record', 'list']
        with server.network.entered():
            return subprocess.Popen(argv, stdout=subprocess.PIPE, bufsize=1 << 16)

    def test_list(self):
        # what is counted of who asks grows as the queries come
        server = self.serve({'wins:source rate': '0', 'wins:usage': 'off'},
                            folder=self.folder.name)
        before = memory(server.pid)
        stalled = self.lister(server)
        stalled.stdout.readline()
        served, stop = [], threading.Event()

        def ask():
            with server.client() as client:
                while not stop.is_set():
                    name = 'N%07d<20>' % (len(served) * 7919 % COUNT)
                    served.append(client.query(name).positive)

        asker = threading.Thread(target=ask)
        asker.start()
        listing = self.lister(server)
        seen = bytearray(COUNT)
        peak = 0
        for number, line in enumerate(listing.stdout):
            name = json.loads(line)['name']
            self.assertEqual(seen[int(name[1:])], 0, name)
            seen[int(name[1:])] = 1
            if number % 50000 == 0:
                peak = max(peak, memory(server.pid))
        _, status, used = os.wait4(listing.pid, 0)
        listing.returncode = os.waitstatus_to_exitcode(status)
        listing.stdout.close()
        self.assertEqual(listing.returncode, 0)
        reader = used.ru_maxrss
        stop.set()
        asker.join()
        self.assertEqual(sum(seen), COUNT)
        self.assertTrue(served and all(served))
        self.assertLess(peak - before, 8 * MIB)
        self.assertLess(reader, 32 * MIB)
        self.assertIsNone(stalled.poll())
        stalled.kill()
        stalled.wait()
        stalled.stdout.close()
        print('# server %d KiB before, %d KiB at most; reader %d KiB; %d queries answered meanwhile' %
              (before, peak, reader, len(served)))


if __name__ == '__main__':
    unittest.main()
