#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""winsctl against a real winsd: what its commands do, what they print, with
which exit code (design.md 4.3), and what the server does for clients of its
control socket that stall, vanish, or may not."""
import errno
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import unittest

import harness

NOBODY = '65534'
# control messages, typed from the head of source/codec/control.h
REQUEST, REPLY = 1, 2
VERB, STATUS, MESSAGE, CURSOR, INSTANCE, RECORD = 1, 64, 65, 16, 17, 18


def field(tag, value):
    return struct.pack('>BH', tag, len(value)) + value


def number(tag, value):
    return field(tag, struct.pack('>Q', value))


def frame(verb, *fields, release=1):
    body = struct.pack('BB', release, REQUEST) + field(VERB, verb.encode()) + b''.join(fields)
    return struct.pack('>I', len(body)) + body


def attach(server):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(harness.PATIENCE)
    sock.connect(os.path.join(server.folder, 'winsd.sock'))
    return sock


def exactly(sock, count):
    data = b''
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def reply(sock):
    """The fields of one reply as (tag, bytes)."""
    body = exactly(sock, struct.unpack('>I', exactly(sock, 4))[0])
    fields, at = [], 2
    while at < len(body):
        tag, length = struct.unpack_from('>BH', body, at)
        fields.append((tag, body[at + 3:at + 3 + length]))
        at += 3 + length
    return fields


def value(fields, tag):
    return next((struct.unpack('>Q', v)[0] for t, v in fields if t == tag), None)


def open_fds(pid):
    return len(os.listdir('/proc/%d/fd' % pid))


def resident(pid):
    with open('/proc/%d/statm' % pid, encoding='ascii') as f:
        return int(f.read().split()[1]) * 4096


class Winsctl(harness.Case):
    def run_ctl(self, server, *words, status=0):
        done = server.tool('winsctl', '-s', server.config, *words)
        self.assertEqual(done.returncode, status, '%s: %s%s' % (words, done.stdout, done.stderr))
        return done

    def filled(self):
        server = self.serve()
        for words in (['ALPHA<20>', '192.0.2.1'], ['BETA<20>', '192.0.2.2', '192.0.2.3'],
                      ['BETA<00>.lab', '192.0.2.2'], ['CORP<1c>', '192.0.2.4'],
                      ['OFFICE<00>', '192.0.2.5', '--type', 'group'],
                      ['LAP<00>', '192.0.2.6', '--dynamic', '--ttl', '86400', '--node', 'M']):
            self.run_ctl(server, 'record', 'add', *words)
        return server

    def names(self, server, *words):
        return ['%s<%02x>%s' % (r['name'], r['suffix'], r['scope'] and '.' + r['scope'])
                for r in server.ctl('record', 'list', *words)]


class Records(Winsctl):
    def test_add_and_show(self):
        server = self.filled()
        beta, = server.ctl('record', 'show', 'BETA<20>')
        self.assertEqual(beta['type'], 'mhomed')
        self.assertIs(beta['static'], True)
        self.assertIsNone(beta['expires'])
        self.assertEqual(beta['owner'], server.address)
        self.assertEqual({a['ip'] for a in beta['addresses']}, {'192.0.2.2', '192.0.2.3'})
        self.assertEqual({a['owner'] for a in beta['addresses']}, {server.address})
        lap, = server.ctl('record', 'show', 'LAP<00>')
        self.assertEqual((lap['type'], lap['state'], lap['node'], lap['static']),
                         ('unique', 'active', 'M', False))
        self.assertRegex(lap['expires'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
        kinds = {r['name']: r['type'] for r in server.ctl('record', 'list')}
        self.assertEqual(kinds['CORP'], 'sgroup')
        self.assertEqual(kinds['OFFICE'], 'group')

    def test_what_was_added_resolves(self):
        server = self.filled()
        with server.client() as host:
            self.assertEqual(set(host.query('BETA<20>').addrs), {'192.0.2.2', '192.0.2.3'})
            self.run_ctl(server, 'record', 'delete', 'BETA<20>', '--yes')
            self.assertFalse(host.query('BETA<20>').positive)

    def test_list_filters(self):
        server = self.filled()
        everything = {'ALPHA<20>', 'BETA<20>', 'BETA<00>.lab', 'CORP<1c>', 'OFFICE<00>',
                      'LAP<00>'}
        for words, expected in [
                ([], everything),
                (['*A'], {'ALPHA<20>', 'BETA<20>', 'BETA<00>.lab'}),
                (['B*<20>'], {'BETA<20>'}),
                (['*#00'], {'BETA<00>.lab', 'OFFICE<00>', 'LAP<00>'}),
                (['?ETA<00>.lab'], {'BETA<00>.lab'}), (['*<00>.lab'], {'BETA<00>.lab'}),
                (['*', '--scope', 'lab'], {'BETA<00>.lab'}),
                (['--scope', ''], everything - {'BETA<00>.lab'}),
                (['beta'], set()),
                (['\\x42*'], {'BETA<20>', 'BETA<00>.lab'}),
                (['\\x2a'], set()),
                (['--type', 'group'], {'OFFICE<00>'}),
                (['--type', 'sgroup'], {'CORP<1c>'}),
                (['--static'], everything - {'LAP<00>'}),
                (['--dynamic'], {'LAP<00>'}),
                (['--state', 'released'], set()),
                (['--address', '192.0.2.2'], {'BETA<20>', 'BETA<00>.lab'}),
                (['--owner', server.address], everything),
                (['--owner', '192.0.2.99'], set()),
                (['*A', '--address', '192.0.2.1'], {'ALPHA<20>'})]:
            with self.subTest(words):
                found = self.names(server, *words)
                self.assertEqual(set(found), expected)
                self.assertEqual(len(found), len(expected))
        versions = sorted(r['version'] for r in server.ctl('record', 'list'))
        for words, expected in [('%d' % versions[1], 1), ('%d-' % versions[2], 4),
                                ('-%d' % versions[1], 2),
                                ('%d-%d' % (versions[1], versions[3]), 3)]:
            self.assertEqual(len(self.names(server, '--versions', words)), expected)
        self.assertEqual(server.ctl('record', 'list', '--count'), [{'count': 6}])

    def test_list_for_people(self):
        server = self.filled()
        lines = self.run_ctl(server, 'record', 'list').stdout.splitlines()
        self.assertEqual(len(lines), 7)
        self.assertEqual(lines[0].split()[:4], ['NAME', 'TYPE', 'STATE', 'KIND'])
        column = lines[0].index('ADDRESSES')
        alpha = next(l for l in lines if l.startswith('ALPHA<20> '))
        self.assertEqual(alpha[column:], '192.0.2.1')

    def test_odd_names(self):
        server = self.serve()
        for name, text in [('A\\x3cB\\x80<20>', 'A<B\u0080'), ('\\x01\\x02<ff>', '\x01\x02'),
                           ('\\xc4\\x80<00>', '\u0100'), ('SP ACE<20>', 'SP ACE')]:
            self.run_ctl(server, 'record', 'add', name, '192.0.2.1')
            self.assertEqual(server.ctl('record', 'show', name)[0]['name'], text)
            self.assertIn('name       ' + name + '\n',
                          self.run_ctl(server, 'record', 'show', name).stdout)
        raw = self.run_ctl(server, '--json', 'record', 'list', 'A*').stdout
        self.assertIn('"name":"A<B\\u0080"', raw)

    def test_life_of_a_record(self):
        server = self.filled()
        first = server.ctl('record', 'show', 'LAP<00>')[0]
        self.run_ctl(server, 'record', 'touch', 'LAP<00>')
        touched = server.ctl('record', 'show', 'LAP<00>')[0]
        self.assertGreater(touched['version'], first['version'])
        self.assertEqual(dict(touched, version=0), dict(first, version=0))
        for verb, state in [('release', 'released'), ('tombstone', 'tombstone')]:
            self.run_ctl(server, 'record', verb, 'LAP<00>')
            self.assertEqual(server.ctl('record', 'show', 'LAP<00>')[0]['state'], state)
        self.run_ctl(server, 'record', 'delete', 'LAP<00>')
        self.run_ctl(server, 'record', 'show', 'LAP<00>', status=3)

    def test_release_of_one_address(self):
        server = self.filled()
        self.run_ctl(server, 'record', 'release', 'BETA<20>', '192.0.2.2', '--yes')
        self.assertEqual([a['ip'] for a in server.ctl('record', 'show', 'BETA<20>')[0]['addresses']],
                         ['192.0.2.3'])
        self.run_ctl(server, 'record', 'release', 'BETA<20>', '192.0.2.2', '--yes', status=3)

    def test_dry_run_prints_what_the_real_run_prints(self):
        server = self.filled()
        for words in (['add', 'NEW<20>', '192.0.2.9'], ['add', 'NEW<20>', '192.0.2.9'],
                      ['add', 'ALPHA<20>', '192.0.2.9'], ['add', 'ALPHA<20>', '192.0.2.9', '--yes'],
                      ['add', 'X<00>', '192.0.2.9', '--dynamic', '--ttl', '50000'],
                      ['touch', 'LAP<00>'], ['release', 'LAP<00>'], ['release', 'LAP<00>'],
                      ['tombstone', 'LAP<00>'], ['delete', 'LAP<00>', 'NOBODY<00>'],
                      ['delete', 'CORP<1c>'], ['delete', 'CORP<1c>', 'NEW<20>', '--yes']):
            for json_too in ([], ['--json']):
                before = server.ctl('record', 'list')
                dry = server.tool('winsctl', '-s', server.config, *json_too, 'record', *words,
                                  '--dry-run')
                self.assertEqual(server.ctl('record', 'list'), before)
                self.assertIn('nothing was changed', dry.stderr)
            plain = server.tool('winsctl', '-s', server.config, 'record', *words, '--dry-run')
            real = server.tool('winsctl', '-s', server.config, 'record', *words)
            self.assertEqual((plain.returncode, plain.stdout), (real.returncode, real.stdout), words)

    def test_explain(self):
        server = self.filled()
        with server.client('127.0.0.21') as host:
            self.assertTrue(host.register('HOST<20>').positive)
        for words, answer, rule, asked in [
                (['NEW<20>', '--as', '192.0.2.9'], 'accepted', '2.3 #7', []),
                (['ALPHA<20>', '--as', '192.0.2.9'], 'ACT_ERR', '2.3 #11', []),
                (['OFFICE<00>', '--as', '192.0.2.9'], 'nothing is stored', '2.3 #10', []),
                (['DOM<1d>', '--as', '192.0.2.9'], 'nothing is stored', '2.3 #1', []),
                (['DOM<1b>', '--as', '192.0.2.9', '--type', 'group'], 'RFS_ERR', '2.3 #2', []),
                (['HOST<20>', '--as', '127.0.0.21'], 'accepted', '2.3 #17', []),
                (['HOST<20>', '--as', '192.0.2.9'], 'asked first', '2.3 #18', ['127.0.0.21'])]:
            with self.subTest(words):
                said, = server.ctl('record', 'explain', *words)
                self.assertIn(answer, said['answer'])
                self.assertIn(rule, said['rule'])
                self.assertEqual(said['asked'], asked)
                self.assertIs(said['challenge'], bool(asked))
        self.run_ctl(server, 'record', 'show', 'NEW<20>', status=3)


class ExitCodes(Winsctl):
    def test_each_command_by_code(self):
        server = self.filled()
        many = ['N%d<20>' % i for i in range(21)]
        for status, words in [
                (0, ['record', 'list']), (2, ['record', 'list', 'A', 'B']),
                (2, ['record', 'list', 'A<2']), (2, ['record', 'list', '--type', 'none']),
                (2, ['record', 'list', '--static', '--dynamic']),
                (2, ['record', 'list', '--versions', 'x']),
                (0, ['record', 'show', 'ALPHA<20>']), (2, ['record', 'show']),
                (2, ['record', 'show', 'ALPHA']), (3, ['record', 'show', 'NO<20>']),
                (4, ['record', 'show', 'ALPHA<20>', 'NO<20>']),
                (3, ['record', 'show', 'SPECWINS<20>']),
                (0, ['record', 'add', 'ONE<20>', '192.0.2.1']),
                (0, ['record', 'add', 'ONE<20>', '192.0.2.1']),
                (2, ['record', 'add', 'ONE<20>']), (2, ['record', 'add', 'ONE<20>', '192.0.2']),
                (2, ['record', 'add', 'ONE<20>', '192.0.2.1', '--dynamic']),
                (2, ['record', 'add', 'ONE<20>', '192.0.2.1', '--ttl', '5']),
                (2, ['record', 'add', 'G<00>', '192.0.2.1', '192.0.2.2', '--type', 'group']),
                (2, ['record', 'add', 'ONE<20>', '224.0.0.1']),
                (6, ['record', 'add', 'ONE<20>', '192.0.2.2']),
                (6, ['record', 'add', 'DOM<1d>', '192.0.2.2', '--yes']),
                (6, ['record', 'add', 'SPECWINS<20>', '192.0.2.2', '--yes']),
                (0, ['record', 'explain', 'ONE<20>', '--as', '192.0.2.1']),
                (2, ['record', 'explain', 'ONE<20>']),
                (2, ['record', 'explain', 'ONE<20>', '--as', 'here']),
                (6, ['record', 'touch', 'ONE<20>']), (0, ['record', 'touch', 'ONE<20>', '--yes']),
                (0, ['record', 'touch', 'LAP<00>']), (3, ['record', 'touch', 'NO<20>']),
                (2, ['record', 'touch']), (4, ['record', 'touch', 'LAP<00>', 'NO<20>']),
                (6, ['record', 'release', 'CORP<1c>']), (2, ['record', 'release']),
                (2, ['record', 'release', 'LAP<00>', 'x']),
                (3, ['record', 'release', 'LAP<00>', '192.0.2.99']),
                (0, ['record', 'release', 'LAP<00>']), (0, ['record', 'release', 'LAP<00>']),
                (3, ['record', 'release', 'NO<20>']),
                (6, ['record', 'tombstone', 'ALPHA<20>']), (2, ['record', 'tombstone']),
                (0, ['record', 'tombstone', 'LAP<00>']), (3, ['record', 'tombstone', 'NO<20>']),
                (6, ['record', 'delete', 'ALPHA<20>']), (2, ['record', 'delete', 'ALPHA<20']),
                (6, ['record', 'delete'] + many), (3, ['record', 'delete', '--yes'] + many),
                (3, ['record', 'delete', 'NO<20>']),
                (4, ['record', 'delete', 'NO<20>', 'LAP<00>']),
                (0, ['server', 'status']), (2, ['server', 'status', 'now']),
                (0, ['server', 'stats']), (0, ['server', 'scavenge']), (0, ['server', 'reload']),
                (0, ['server', 'scavenge', '--dry-run']), (0, ['server', 'scavenge', '--force']),
                (0, ['server', 'backup']), (2, ['server', 'backup', 'now']),
                (2, ['server', 'scavenge', '--now', '--force']),
                (2, ['server', 'halt']), (2, ['recrods', 'list']), (2, []), (2, ['record']),
                (2, ['--nonsense']), (2, ['record', 'list', '--nonsense']),
                (0, ['--help']), (0, ['record', '--help']), (0, ['record', 'list', '--help']),
                (0, ['--version']), (0, ['server', 'stop'])]:
            with self.subTest(' '.join(words)):
                done = self.run_ctl(server, *words, status=status)
                # a refusal says why, success is quiet but for remarks
                self.assertEqual(bool(done.stderr), status != 0 or 'reload' in words, done.stderr)
        server.process.wait(harness.PATIENCE)
        for words in (['record', 'list'], ['record', 'show', 'A<20>'],
                      ['record', 'add', 'A<20>', '192.0.2.1'], ['record', 'delete', 'A<20>'],
                      ['record', 'tombstone', 'A<20>'], ['record', 'release', 'A<20>'],
                      ['record', 'touch', 'A<20>'],
                      ['record', 'explain', 'A<20>', '--as', '192.0.2.1'], ['server', 'status'],
                      ['server', 'stats'], ['server', 'reload'], ['server', 'scavenge'],
                      ['server', 'backup'], ['server', 'stop']):
            with self.subTest(' '.join(words)):
                done = self.run_ctl(server, *words, status=5)
                self.assertIn(server.folder + '/winsd.sock', done.stderr)

    def test_messages_name_what_helps(self):
        server = self.filled()
        for words, text, status in [
                (['record', 'delete', 'ALPHA<20>'], '--yes', 6),
                (['record', 'shwo'], "did you mean 'show'", 2),
                (['serve', 'status'], "did you mean 'server'", 2),
                (['record', 'show', 'ALPHA'], "'ALPHA<20>'", 2)]:
            self.assertIn(text, self.run_ctl(server, *words, status=status).stderr)

    def test_bad_reload_changes_nothing(self):
        server = self.serve()
        server.configure({'max wins ttl': 'soon'})
        done = self.run_ctl(server, 'server', 'reload', status=1)
        self.assertIn('smb.conf:', done.stderr)
        self.assertEqual(server.ctl('server', 'status')[0]['state'], 'running')

    def test_configuration(self):
        server = self.serve()
        done = server.tool('winsctl', '-s', '/nonexistent/conf', 'server', 'status')
        self.assertEqual(done.returncode, 1)
        self.assertIn('/nonexistent/conf', done.stderr)
        done = server.tool('winsctl', '--option=lock directory=' + server.folder, 'server',
                           'status', '-s', '/dev/null')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        done = server.tool('winsctl', '--socket', server.folder + '/winsd.sock', 'server', 'status')
        self.assertEqual((done.returncode, done.stderr), (0, ''))

    def test_full_disk_is_told(self):
        server = self.filled()
        with open('/dev/full', 'w', encoding='ascii') as full:
            done = subprocess.run([os.path.join(harness.BUILD, 'bin', 'winsctl'), '-s', server.config,
                                   'record', 'list'], stdout=full, stderr=subprocess.PIPE,
                                  check=False, universal_newlines=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn(os.strerror(errno.ENOSPC), done.stderr)


class Server(Winsctl):
    def test_status(self):
        server = self.filled()
        status, = server.ctl('server', 'status')
        self.assertEqual((status['state'], status['owner']), ('running', server.address))
        self.assertEqual((status['records'], status['active'], status['statics']), (6, 6, 5))
        self.assertIn('SPECWINS<20>', status['own_name'])
        self.assertIn('records                  6\n',
                      self.run_ctl(server, 'server', 'status').stdout)

    def test_stats_count(self):
        server = self.serve()
        with server.client() as host:
            self.assertTrue(host.register('HOST<20>').positive)
        stats, = server.ctl('server', 'stats')
        self.assertEqual((stats['records'], stats['registrations']), (1, 1))

    def test_stop_waits_for_the_end(self):
        server = self.filled()
        self.run_ctl(server, 'server', 'stop')
        self.assertFalse(os.path.exists(server.folder + '/winsd.sock'))
        server.process.wait(harness.PATIENCE)
        server.stop()       # it has ended: only how is looked at
        server.start()
        self.assertEqual(server.ctl('record', 'list', '--count'), [{'count': 6}])


class Peers(Winsctl):
    """wins:read group and wins:admin group by real processes of nobody."""

    def ask(self, server, group, *words):
        """winsctl as nobody in one group: exit code."""
        return subprocess.run(
            ['setpriv', '--reuid', NOBODY, '--regid', NOBODY, '--groups', group,
             os.path.join(harness.BUILD, 'bin', 'winsctl'), '--socket',
             server.folder + '/winsd.sock'] + list(words),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            universal_newlines=True)

    def test_groups(self):
        server = self.serve({'wins:read group': 'sys', 'wins:admin group': 'mail'})
        os.chmod(server.folder, 0o755)
        look, change = ['record', 'list'], ['record', 'add', 'A<20>', '192.0.2.1']
        self.assertEqual(self.ask(server, 'sys', *look).returncode, 0)
        refused = self.ask(server, 'sys', *change)
        self.assertEqual(refused.returncode, 6)
        self.assertIn('wins:admin group', refused.stderr)
        self.assertEqual(self.ask(server, 'sys', 'server', 'stop').returncode, 6)
        self.assertEqual(self.names(server), [])
        self.assertEqual(self.ask(server, 'mail', *look).returncode, 0)
        self.assertEqual(self.ask(server, 'mail', *change).returncode, 0)
        self.assertEqual(self.names(server), ['A<20>'])
        stranger = self.ask(server, 'daemon', *look)
        self.assertEqual(stranger.returncode, 5)
        self.assertIn(os.strerror(errno.EACCES), stranger.stderr)

    def test_no_groups(self):
        server = self.serve()
        os.chmod(server.folder, 0o755)
        self.assertEqual(os.stat(server.folder + '/winsd.sock').st_mode & 0o777, 0o600)
        self.assertEqual(self.ask(server, 'sys', 'server', 'status').returncode, 5)

    def test_other_release(self):
        server = self.serve()
        with attach(server) as sock:
            sock.sendall(frame('server status', release=2))
            fields = reply(sock)
        self.assertEqual(value(fields, STATUS), 11)
        self.assertIn(b'release 1', dict(fields)[MESSAGE])


class Foreign(unittest.TestCase):
    """winsctl and something at the socket that is no winsd, or no longer."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='winsd-test-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.path.join(self.folder, 'winsd.sock')
        self.listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listener.close)
        self.listener.settimeout(harness.PATIENCE)
        self.listener.bind(self.path)
        self.listener.listen()

    def start(self, *words):
        process = subprocess.Popen(
            [os.path.join(harness.BUILD, 'bin', 'winsctl'), '--socket', self.path] + list(words),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
        self.addCleanup(process.communicate)
        return process

    def accept(self):
        sock = self.listener.accept()[0]
        sock.settimeout(harness.PATIENCE)
        body = exactly(sock, struct.unpack('>I', exactly(sock, 4))[0])
        return sock, body

    @staticmethod
    def say(sock, *fields, release=1):
        body = struct.pack('BB', release, REPLY) + b''.join(fields)
        sock.sendall(struct.pack('>I', len(body)) + body)

    def ends(self, process, status, text=''):
        out, err = process.communicate(timeout=harness.PATIENCE)
        self.assertEqual(process.returncode, status, out + err)
        self.assertIn(text, err)
        return out

    def test_nonsense(self):
        for data in (b'\0\0\0\0', b'HTTP/1.0 400 no\r\n\r\n', b'\0\0\0\2\1\1',
                     b'\0\0\0\5\1\2\x40\0\1', b'\0\0\0\6\1\2\x40\0\1\0'):
            with self.subTest(data):
                process = self.start('server', 'status')
                sock, _ = self.accept()
                with sock:
                    sock.sendall(data)
                    self.ends(process, 1, 'does not speak')

    def test_other_release(self):
        process = self.start('server', 'status')
        sock, _ = self.accept()
        with sock:
            self.say(sock, b'whatever', release=2)
            self.ends(process, 1, 'another release')

    def test_gone(self):
        for data in (b'', b'\0\0', b'\0\0\1\0\1\2'):
            with self.subTest(data):
                process = self.start('record', 'delete', 'A<20>')
                sock, _ = self.accept()
                sock.sendall(data)
                sock.close()
                self.ends(process, 5, self.path)

    def test_nobody_listens_any_more(self):
        self.listener.close()
        self.ends(self.start('server', 'status'), 5, self.path)

    def test_stop_ends_when_the_server_does(self):
        process = self.start('server', 'stop')
        sock, _ = self.accept()
        with sock:
            self.say(sock, number(STATUS, 0))
            with self.assertRaises(subprocess.TimeoutExpired):
                process.wait(0.3)       # nothing can be awaited: it must wait
        self.ends(process, 0)

    def test_list_goes_on_after_a_lost_connection(self):
        """Idle clients are closed; the cursor is all there is to a list."""
        name = lambda text: field(RECORD, bytes([len(text)]) + text + bytes(27))
        process = self.start('record', 'list', '--count')
        sock, _ = self.accept()
        self.say(sock, number(STATUS, 0), name(b'A'), number(CURSOR, 7), number(INSTANCE, 9))
        sock.close()
        sock, body = self.accept()
        with sock:
            self.assertIn(number(CURSOR, 7) + number(INSTANCE, 9), body)
            self.say(sock, number(STATUS, 0), name(b'B'), name(b'C'))
            self.assertEqual(self.ends(process, 0), '3\n')

    def test_list_of_a_restarted_server(self):
        process = self.start('record', 'list')
        sock, _ = self.accept()
        with sock:
            self.say(sock, number(STATUS, 9), field(MESSAGE, b'begin anew'))
            self.ends(process, 1, 'begin anew')


class Lists(Winsctl):
    COUNT = 5000

    def crowded(self):
        """A server with many names, put there as hosts would."""
        server = self.serve()
        with server.client() as host:
            for i in range(self.COUNT):
                self.assertTrue(host.register('N%05d<20>' % i).positive)
        return server

    def test_long_lists(self):
        server = self.crowded()
        expected = ['N%05d<20>' % i for i in range(self.COUNT)]
        self.assertEqual(sorted(self.names(server)), expected)
        self.stalled_readers(server)
        self.changing_while_listed(server)
        self.interrupted(server)
        self.hung_up(server)
        self.vanish(server)

    def stalled_readers(self, server):
        """Readers that ask and do not read: no memory, others are served."""
        before = resident(server.pid)
        socks = [attach(server) for _ in range(30)]
        for sock in socks:
            sock.sendall(frame('record list'))
        with server.client() as host:
            for i in range(200):
                self.assertTrue(host.query('N%05d<20>' % i).positive)
        self.assertEqual(server.ctl('server', 'status')[0]['records'], self.COUNT)
        self.assertLess(resident(server.pid) - before, 30 * 70000 + (8 << 20))
        for sock in socks:
            self.assertEqual(value(reply(sock), STATUS), 0)
            sock.close()

    def changing_while_listed(self, server):
        """Every name that stays is seen, whatever changes between slices."""
        seen, cursor, instance, turn = set(), None, None, 0
        with attach(server) as sock, server.client() as host:
            while True:
                more = [] if cursor is None else [number(CURSOR, cursor),
                                                  number(INSTANCE, instance)]
                sock.sendall(frame('record list', *more))
                fields = reply(sock)
                self.assertLess(sum(3 + len(v) for _, v in fields), 65536 + 1024)
                seen |= {v[1:1 + v[0]].decode() for t, v in fields if t == RECORD}
                cursor, instance = value(fields, CURSOR), value(fields, INSTANCE)
                if cursor is None:
                    break
                for i in range(50):
                    host.register('NEW%d<20>' % (50 * turn + i))
                self.run_ctl(server, 'record', 'delete', 'NEW%d<20>' % (50 * turn))
                turn += 1
        self.assertGreater(turn, 3)
        self.assertEqual({n for n in seen if n.startswith('N0')},
                         {'N%05d' % i for i in range(self.COUNT)})

    def interrupted(self, server):
        """Ctrl-C behind a pager: whole lines, and the end that a shell sees."""
        argv = [os.path.join(harness.BUILD, 'bin', 'winsctl'), '-s', server.config, '--json',
                'record', 'list']
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
                              ) as process:
            first = process.stdout.readline()
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
            said = process.stderr.read()
        self.assertEqual(process.returncode, -signal.SIGINT)
        for line in (first + rest).splitlines():
            json.loads(line)
        self.assertTrue((first + rest).endswith(b'}\n'))
        self.assertIn(b'interrupted', said)

    def hung_up(self, server):
        """winsctl record list | head -1"""
        argv = [os.path.join(harness.BUILD, 'bin', 'winsctl'), '-s', server.config, 'record', 'list']
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.readline()
            process.stdout.close()
            self.assertEqual(process.stderr.read(), b'')
        self.assertIn(process.returncode, (-signal.SIGPIPE, 1))

    def vanish(self, server):
        """10,000 clients that go at random points: descriptors back to what
        they were, and the server serves."""
        before = open_fds(server.pid)
        choose = random.Random(4)
        requests = [frame('record list'), frame('server status'), frame('server scavenge'),
                    b'\0\0\0\x05junk!', b'\xff\xff\xff\xff']
        for _ in range(10000):
            request = choose.choice(requests)
            with attach(server) as sock:
                try:
                    sock.sendall(request[:choose.randrange(len(request) + 1)])
                    if choose.random() < 0.2:
                        sock.shutdown(socket.SHUT_WR)
                        sock.recv(choose.choice([1, 100, 70000]))
                except (BrokenPipeError, ConnectionResetError):
                    pass        # it had enough of us
        self.assertEqual(server.ctl('server', 'status')[0]['state'], 'running')
        with attach(server) as sock:        # all others were accepted before
            sock.sendall(frame('server status'))
            reply(sock)
            self.assertLessEqual(open_fds(server.pid), before + 1)


if __name__ == '__main__':
    unittest.main()
