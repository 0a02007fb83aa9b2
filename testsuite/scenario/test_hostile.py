# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile datagrams on a real wire: 5,000 of the opcode matrix, empty ones,
huge ones. The in-process tests send all five million; this one shows that the
socket, the loop and the counters between are of the same mind."""
import os
import subprocess
import unittest

import harness


def shapes(count):
    program = os.path.join(harness.BUILD, 'test', 'nbns_shapes_dump')
    out = subprocess.run([program, str(count)], stdout=subprocess.PIPE, check=True,
                         universal_newlines=True).stdout
    for line in out.splitlines():
        verdict, _, text = line.partition(' ')
        yield verdict == 'good', bytes.fromhex(text)


class Hostile(harness.Case):
    def changes(self, server):
        stats = server.ctl('server', 'stats')[0]
        return stats['store_changes'], sum(v for k, v in stats.items() if k.startswith('refused_'))

    def barrier(self, server):
        """Datagrams are served in order: when this answer is here, they all are."""
        with server.client('127.0.0.29') as client:
            self.assertTrue(client.query('KEEP<20>').positive)

    def test_five_thousand_of_the_matrix(self):
        server = self.serve()
        with server.client('127.0.0.29') as client:
            self.assertTrue(client.register('KEEP<20>').positive)
        before, refused = self.changes(server)
        bad = 0
        with server.client('127.0.0.21') as client:
            for good, data in shapes(5000):
                if not good:
                    client.send(data)
                    bad += 1
                if bad % 100 == 0:
                    self.barrier(server)
            self.barrier(server)
            self.assertTrue(client.silent(0.2), 'a refused datagram got an answer')
        after, now_refused = self.changes(server)
        self.assertEqual(after, before)
        self.assertEqual(now_refused - refused, bad)
        with server.client('127.0.0.21') as client:
            for good, data in shapes(5000):
                if good:
                    client.send(data)
        self.barrier(server)

    def test_empty_and_huge(self):
        server = self.serve()
        with server.client('127.0.0.29') as client:
            self.assertTrue(client.register('KEEP<20>').positive)
        with server.client('127.0.0.21') as client:
            for n in range(3000):
                client.send(b'')
                if n % 10 == 0:
                    client.send(os.urandom(60000))
                if n % 100 == 0:
                    self.barrier(server)
        self.barrier(server)


if __name__ == '__main__':
    unittest.main()
