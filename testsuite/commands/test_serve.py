#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`./waf serve` as a person meets it: start it, type what it says, Ctrl-C.

It runs in a network of its own, so that port 137 is free whatever else this
machine does, and with a state directory of its own.
"""
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import unittest

TOP = os.environ['WINSD_TOP']
sys.path.insert(0, os.path.join(TOP, 'testsuite', 'scenario'))
import harness


class Serve(unittest.TestCase):
    def setUp(self):
        self.network = harness.Network()
        self.addCleanup(self.network.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def start(self):
        """A running ./waf serve in a session of its own, as a terminal's."""
        process = self.network.popen(
            [os.environ['WINSD_PYTHON'], './waf', 'serve'], cwd=TOP, start_new_session=True,
            env=dict(os.environ, WINSD_SERVE_STATE=self.folder), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        log = harness.Log(process.stdout)
        self.addCleanup(self.end, process, log)
        return process, log

    def end(self, process, log):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        log.thread.join()
        process.stdout.close()

    def printed_command(self, log):
        line = log.wait(r'^ +\S*winsregister ')
        self.assertIsNotNone(line, log.text())
        return shlex.split(line)

    def test_the_printed_line_registers_and_resolves(self):
        process, log = self.start()
        command = self.printed_command(log)
        done = self.network.run(command, cwd=TOP)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r'HELLO<20>.*127\.0\.0\.1')
        # What a terminal does at Ctrl-C: the whole foreground group gets it.
        os.killpg(process.pid, signal.SIGINT)
        self.assertEqual(harness.wait_process(process, harness.PATIENCE), 0, log.text())
        # The name is still there the next time: it was on disk.
        process, log = self.start()
        done = self.network.run(self.printed_command(log) + ['--query'], cwd=TOP)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r'HELLO<20>.*127\.0\.0\.1')
        process.terminate()
        self.assertEqual(harness.wait_process(process, harness.PATIENCE), 0, log.text())

    def test_port_137_taken(self):
        """Another address of 127/8 then, or in the end another port."""
        for address in ('127.0.0.1', '127.0.0.137'):
            self.take_port(address)
        _, log = self.start()
        self.assertIn('127.13.7.1', self.printed_command(log))

    def take_port(self, address):
        with self.network.entered():
            client = harness.nbclient.Client('127.0.0.1', source=address, source_port=137)
        self.addCleanup(client.close)

    def test_no_port_137_at_all(self):
        self.take_port('0.0.0.0')
        _, log = self.start()
        command = self.printed_command(log)
        self.assertIn('127.0.0.1:11137', command)
        done = self.network.run(command, cwd=TOP)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r'HELLO<20>.*127\.0\.0\.1')


if __name__ == '__main__':
    unittest.main()
