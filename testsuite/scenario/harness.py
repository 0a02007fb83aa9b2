# SPDX-License-Identifier: GPL-3.0-or-later
"""A real winsd under test: started, awaited, asked, ended, and judged.

    class Some(harness.Case):
        def test_it(self):
            server = self.serve({'max wins ttl': '60'})
            with server.client('127.0.0.21') as host:
                self.assertTrue(host.register('ALICE<20>').positive)
            self.assertEqual(server.ctl('record', 'list')[0]['name'], 'ALICE')

Each server lives in a Network of its own unless one is given, with state and
sockets in a temporary folder. Ready means that winsd said so on its
NOTIFY_SOCKET; nothing here sleeps. A server that does not end with status 0,
or whose log has a sanitizer's report, fails the test that started it.
"""
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get('WINSD_BUILD') or os.path.join(TOP, 'build')
sys.path.insert(0, HERE)
import nbclient
from network import Network, Recorder, Switch  # noqa: F401 (part of what tests use)

PATIENCE = 60           # s for what takes far less unless something is broken
REPORT = re.compile(r'(Address|Leak|UndefinedBehavior|Thread)Sanitizer|runtime error:|'
                    r'Assertion .* failed')


def wait_process(process, seconds):
    """The status of the process, or None if it still runs after so long."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


class Notify:
    """The receiving end of sd_notify: awaits a word from a process."""

    def __init__(self, folder):
        self.path = os.path.join(folder, 'notify')
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.sock.setblocking(False)
        self.said = []

    def wait(self, word, process, seconds=PATIENCE):
        """True when the word came, False when the process ended before."""
        deadline = time.monotonic() + seconds
        pidfd = os.pidfd_open(process.pid)
        try:
            while True:
                left = deadline - time.monotonic()
                readable = select.select([self.sock, pidfd], [], [], max(0, left))[0]
                if self.sock in readable:
                    self.said.append(self.sock.recv(8192).decode())
                    if word in self.said[-1].splitlines():
                        return True
                elif readable or left <= 0:
                    return False
        finally:
            os.close(pidfd)

    def close(self):
        self.sock.close()


class Log:
    """What a process says, line by line as it comes; can be awaited."""

    def __init__(self, pipe):
        self.lines = []
        self.ended = False
        self.news = threading.Condition()
        self.pipe = pipe
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.pipe:
            with self.news:
                self.lines.append(line.decode('utf-8', 'replace').rstrip('\n'))
                self.news.notify_all()
        with self.news:
            self.ended = True
            self.news.notify_all()

    def find(self, pattern, start=0):
        return next((l for l in self.lines[start:] if re.search(pattern, l)), None)

    def wait(self, pattern, seconds=PATIENCE, start=0):
        """The first line from start on that matches, or None."""
        with self.news:
            self.news.wait_for(lambda: self.ended or self.find(pattern, start), seconds)
            return self.find(pattern, start)

    def text(self):
        return '\n'.join(self.lines)


class Server:
    """winsd -i with a configuration of its own. See the head of this file."""

    def __init__(self, network=None, address='127.0.0.11', options=None, bits=8, folder=None,
                 prefix=()):
        self.own_network = network is None
        self.network = network or Network()
        self.address = address
        self.folder = folder or tempfile.mkdtemp(prefix='winsd-test-')
        self.own_folder = folder is None
        self.prefix = list(prefix)      # words before the command: nice, taskset
        self.config = os.path.join(self.folder, 'smb.conf')
        self.options = {
            'netbios name': 'SPECWINS', 'workgroup': 'SPECGRP',
            'interfaces': '%s/%d' % (address, bits), 'bind interfaces only': 'yes',
            'state directory': self.folder, 'lock directory': self.folder, 'log level': '3',
        }
        self.process = self.log = self.notify = None
        self.configure(options or {})

    def configure(self, options):
        """Set options (None: take it out) and write the file."""
        for key, value in options.items():
            if value is None:
                self.options.pop(key, None)
            else:
                self.options[key] = value
        with open(self.config, 'w', encoding='utf-8') as f:
            f.write('[global]\n' + ''.join('\t%s = %s\n' % i for i in self.options.items()))

    # -- life

    def start(self, words=(), env=None):
        if self.notify is None:
            self.notify = Notify(self.folder)
        env = dict(os.environ, NOTIFY_SOCKET=self.notify.path, **(env or {}))
        self.process = self.network.popen(
            self.prefix + [os.path.join(BUILD, 'bin', 'winsd'), '-i', '-s', self.config] +
            list(words), env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.log = Log(self.process.stdout)
        if not self.notify.wait('READY=1', self.process):
            self.kill()
            raise AssertionError('winsd did not get ready:\n' + self.log.text())
        return self

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process is not None and self.process.poll() is None

    def reload(self):
        """SIGHUP, and wait until the new configuration is in force."""
        self.process.send_signal(signal.SIGHUP)
        if not self.notify.wait('READY=1', self.process):
            raise AssertionError('no answer to SIGHUP:\n' + self.log.text())

    def kill(self):
        """As a crash would: no clean end, nothing judged but memory errors."""
        if self.running():
            self.process.kill()
        self._ended()

    def stop(self, signum=signal.SIGTERM):
        """A clean end; AssertionError if it was not one."""
        if self.process is None:
            return
        self.process.send_signal(signum)
        status = wait_process(self.process, PATIENCE)
        if status is None:
            self.process.kill()
        text = self._ended()
        if status != 0 or REPORT.search(text):
            raise AssertionError('winsd ended with %s:\n%s' % (
                'no end' if status is None else 'status %d' % status, text))

    def _ended(self):
        self.process.wait()
        self.log.thread.join()
        self.process.stdout.close()
        self.process = None
        return self.log.text()

    def close(self):
        """Stop if it runs, and leave nothing behind."""
        try:
            self.stop()
        finally:
            if self.notify:
                self.notify.close()
            if self.own_folder:
                shutil.rmtree(self.folder, ignore_errors=True)
            if self.own_network:
                self.network.close()

    # -- asking

    def tool(self, program, *words, text=None):
        """Run one of our tools against this server: a CompletedProcess."""
        argv = [os.path.join(BUILD, 'bin', program)] + list(words)
        with self.network.entered():
            return subprocess.run(argv, input=text, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, universal_newlines=True,
                                  timeout=PATIENCE, check=False)

    def ctl(self, *words, status=0):
        """winsctl --json: the objects it prints; the exit code must be this."""
        done = self.tool('winsctl', '-s', self.config, '--json', *words)
        if done.returncode != status:
            raise AssertionError('winsctl %s: exit %d, not %d: %s%s' % (
                ' '.join(words), done.returncode, status, done.stdout, done.stderr))
        return [json.loads(line) for line in done.stdout.splitlines()]

    def client(self, source='127.0.0.21', source_port=0, **how):
        """A name service client at an address of the server's network."""
        with self.network.entered():
            return nbclient.Client(self.address, source=source, source_port=source_port, **how)

    def wait_own_names(self, name=None, seconds=PATIENCE):
        """Until the server's own name is active: it claims it first. Only
        a node status tells; a query is answered before (protocol.md 1.6)."""
        name = '%s<20>' % (name or self.options['netbios name'])
        deadline = time.monotonic() + seconds
        with self.client() as client:
            while time.monotonic() < deadline:
                try:
                    if name in [n for n, _ in client.status(timeout=0.5).names]:
                        return
                    client.silent(0.1)
                except nbclient.Timeout:
                    pass
        raise AssertionError('%s never became active:\n%s' % (name, self.log.text()))


class Case(unittest.TestCase):
    """A test case that ends and judges every server it started."""

    def serve(self, options=None, **how):
        server = Server(options=options, **how)
        self.addCleanup(server.close)
        return server.start()

    def record(self, server, device='lo'):
        recorder = Recorder(server.network, device)
        self.addCleanup(recorder.stop)
        return recorder
