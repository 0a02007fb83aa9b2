#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""winsregister by itself: what it sends, what it says, how it ends.

The server is a thread of this test that follows a script, so that every
answer, lie and silence comes when it should; ports are unprivileged. What
real servers make of the tool is in interop/test_client_peers.py.
"""
import json
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import nbclient
from nbclient import ACT_ERR, CFT_ERR, FMT_ERR, IMP_ERR, NAM_ERR, RFS_ERR, SRV_ERR

TOOL = os.path.join(os.environ['WINSD_BUILD'], 'bin', 'winsregister')
SERVER, CLIENT, SECOND = '127.0.0.11', '127.0.0.21', '127.0.0.22'
OK, FAILED, USAGE, NOT_FOUND, SOME, UNREACHABLE, REFUSED = 0, 1, 2, 3, 4, 5, 6


class Script:
    """A server whose answers are one function: request -> [datagram, ...]."""

    def __init__(self, answer, address=SERVER, port=0):
        self.answer = answer
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((address, port))
        self.address, self.port = self.sock.getsockname()
        self.where = '%s:%d' % (self.address, self.port)
        self.requests = []
        self.stop_r, self.stop_w = os.pipe()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while self.stop_r not in select.select([self.sock, self.stop_r], [], [])[0]:
            data, sender = self.sock.recvfrom(65535)
            msg = nbclient.Message(data)
            msg.sender = sender
            self.requests.append(msg)
            for reply in self.answer(msg):
                self.sock.sendto(reply, sender)

    def close(self):
        os.write(self.stop_w, b'x')
        self.thread.join()
        self.sock.close()
        os.close(self.stop_r)
        os.close(self.stop_w)


def good(msg, rcode=0, ttl=None):
    """The right answer by protocol.md 1.4."""
    if msg.qtype == nbclient.NBSTAT:
        names = [(b'HOST', 0x00, 0x6400), (b'HOST', 0x20, 0x6400), (b'GROUP', 0x00, 0xe400),
                 (b'\x01\x02__MSBROWSE__\x02', 0x01, 0xe600), (b'\xe9\xff', 0x03, 0x0c00)]
        rdata = bytes([len(names)]) + b''.join(
            n.ljust(15) + bytes([s, f >> 8, f & 255]) for n, s, f in names)
        return nbclient.build_reply(msg.trn_id, 0x8400, msg.name, nbclient.NBSTAT, 0,
                                    rdata + bytes.fromhex('02005e102030') + bytes(40))
    if msg.opcode == nbclient.QUERY:
        if rcode:
            return nbclient.build_reply(msg.trn_id, 0x8400 | rcode, msg.name, nbclient.NULL)
        return nbclient.build_reply(msg.trn_id, 0x8580, msg.name, nbclient.NB, 0,
                                    nbclient.nb_rdata([(0x6000, CLIENT)]))
    op = 0xb400 if msg.opcode == nbclient.RELEASE else 0xad80
    return nbclient.build_reply(msg.trn_id, op | rcode, msg.name, nbclient.NB,
                                msg.ttl if ttl is None else ttl, msg.rdata)


def wack(msg, ttl=9):
    return nbclient.build_reply(msg.trn_id, 0xbc00, msg.name, nbclient.NB, ttl, msg.data[2:4])


class Case(unittest.TestCase):
    def serve(self, answer=lambda msg: [good(msg)], **where):
        script = Script(answer, **where)
        self.addCleanup(script.close)
        return script

    def tool(self, server, *words, status=OK):
        done = subprocess.run([TOOL, '--server', getattr(server, 'where', server)] + list(words),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              universal_newlines=True, timeout=harness.PATIENCE, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.out, self.err = done.stdout, done.stderr
        return done.stdout + done.stderr


class Says(Case):
    """The text and the exit code of every ending."""

    def test_register(self):
        server = self.serve(lambda msg: [good(msg, ttl=1234)])
        self.tool(server, '--name', 'HELLO<20>', '--address', CLIENT)
        self.assertEqual(self.out, 'HELLO<20> registered at %s with %s, TTL 1234 s\n'
                         'HELLO<20> resolves at %s to %s\n' % (server.where, CLIENT, server.where, CLIENT))
        self.assertEqual(self.err, '')

    def test_refusals(self):
        """Every code for every request: words on stderr, nothing on stdout."""
        meaning = {FMT_ERR: (FAILED, 'FMT_ERR'), SRV_ERR: (FAILED, 'SRV_ERR'), NAM_ERR: (NOT_FOUND, 'is not known'),
                   IMP_ERR: (FAILED, 'IMP_ERR'), RFS_ERR: (REFUSED, 'RFS_ERR'), ACT_ERR: (REFUSED, 'ACT_ERR'),
                   CFT_ERR: (REFUSED, 'CFT_ERR'), 15: (FAILED, 'unknown code')}
        for rcode, (status, words) in meaning.items():
            server = self.serve(lambda msg, rcode=rcode: [good(msg, rcode)])
            for action in ('--query', '--release', '--refresh'):
                self.tool(server, '--name', 'HELLO<20>', '--address', CLIENT, action, status=status)
                self.assertIn(words, self.err)
                self.assertEqual(self.out, '')
                self.tool(server, '--name', 'HELLO<20>', '--address', CLIENT, action, '--json', status=status)
                told = json.loads(self.out)
                self.assertEqual((told['rcode'], told['request']), (rcode, action[2:]))
                self.assertEqual(told['result'], {NOT_FOUND: 'not found', REFUSED: 'refused', FAILED: 'failed'}[status])

    def test_refused_registration_shows_the_holder(self):
        server = self.serve(lambda msg: [good(msg, ACT_ERR if msg.opcode else 0)])
        self.tool(server, '--name', 'HELLO<20>', '--address', SECOND, status=REFUSED)
        self.assertIn('HELLO<20> resolves at %s to %s' % (server.where, CLIENT), self.out)

    def test_registered_and_not_found(self):
        server = self.serve(lambda msg: [good(msg, 0 if msg.opcode else NAM_ERR)])
        self.tool(server, '--name', 'HELLO<20>', '--address', CLIENT, status=NOT_FOUND)
        self.tool(server, '--name', 'HELLO<1d>', '--address', CLIENT, status=OK)

    def test_several_names(self):
        server = self.serve(lambda msg: [good(msg, RFS_ERR if msg.opcode and msg.name.suffix == 0x1b else 0)])
        self.tool(server, '--name', 'A<20>', '--name', 'B<1b>', '--name', 'C<20>', '--address', CLIENT, status=SOME)
        self.assertEqual([str(m.name) for m in server.requests if m.opcode], ['A<20>', 'B<1B>', 'C<20>'])
        self.tool(server, '--name', 'B<1b>', '--name', 'D<1b>', '--address', CLIENT, status=REFUSED)

    def test_release_of_a_name_that_is_gone(self):
        """As nmbd: the first release of a multihomed name was all of it."""
        known = ['HELLO']
        server = self.serve(lambda msg: [good(msg, 0 if known and known.pop() else NAM_ERR)])
        self.tool(server, '--name', 'HELLO<20>', '--release', '--address', CLIENT + ',' + SECOND)
        self.tool(server, '--name', 'HELLO<20>', '--release', '--address', CLIENT + ',' + SECOND, status=NOT_FOUND)

    def test_node_status(self):
        server = self.serve()
        self.tool(server, '--node-status')
        self.assertEqual(str(server.requests[0].name), '*<00>')
        lines = self.out.splitlines()
        self.assertEqual(len(lines), 6)
        self.assertRegex(lines[1], r'^HOST<20> +at \S+: unique, H node, active$')
        self.assertRegex(lines[3], r'^\\x01\\x02__MSBROWSE__\\x02<01> at \S+: group, H node, active, permanent$')
        self.assertRegex(lines[4], r'^\\xe9\\xff<03> +at \S+: unique, B node, active, in conflict$')
        self.assertEqual(lines[5], 'hardware address 02-00-5E-10-20-30')
        self.tool(server, '--node-status', '--json')
        told = json.loads(self.out)
        self.assertEqual([(n['name'], n['suffix'], n['group'], n['node']) for n in told['names']][3:],
                         [('\x01\x02__MSBROWSE__\x02', 1, True, 'H'), ('\xe9\xff', 3, False, 'B')])
        self.assertEqual(told['hardware'], '02:00:5e:10:20:30')

    def test_json(self):
        server = self.serve(lambda msg: ([wack(msg)] if msg.opcode else []) + [good(msg)])
        self.tool(server, '--name', r'odd\xe9\x22<20>.scope', '--address', CLIENT, '--json')
        first, second = [json.loads(line) for line in self.out.splitlines()]
        self.assertEqual(first, {
            'name': 'odd\xe9"', 'suffix': 0x20, 'scope': 'scope', 'request': 'register', 'result': 'ok',
            'server': SERVER, 'port': server.port, 'rcode': 0, 'ttl': 518400, 'tries': 1, 'wacks': 1,
            'addresses': [{'ip': CLIENT, 'group': False, 'node': 'H'}]})
        self.assertEqual((second['request'], second['result'], second['wacks']), ('query', 'ok', 0))
        self.assertIn('\\u00E9', self.out.replace('\\u00e9', '\\u00E9'))


class Sends(Case):
    """What the server hears."""

    def heard(self, *words, status=OK):
        server = self.serve()
        self.tool(server, '--name', 'HELLO<20>', *words, status=status)
        return server.requests

    def test_defaults(self):
        register, query = self.heard()
        self.assertEqual((register.op, register.ttl, register.entries), (0x2900, 518400, [(0x6000, '127.0.0.1')]))
        self.assertEqual((query.op, query.sender[0]), (0x0100, '127.0.0.1'))

    def test_actions(self):
        for words, op, entries in (
                (('--refresh',), 0x4000, [(0x6000, CLIENT)]),
                (('--release',), 0x3000, [(0x6000, CLIENT)]),
                (('--node', 'b', '--refresh'), 0x4000, [(0x0000, CLIENT)]),
                (('--node', 'P', '--refresh'), 0x4000, [(0x2000, CLIENT)]),
                (('--node', 'm', '--refresh'), 0x4000, [(0x4000, CLIENT)])):
            request, = self.heard('--address', CLIENT, *words)
            self.assertEqual((request.op, request.entries, request.sender[0]), (op, entries, CLIENT))
            self.assertEqual(request.ttl, 0 if words == ('--release',) else 518400)
        query, = self.heard('--query')
        self.assertEqual((query.op, query.qtype), (0x0100, nbclient.NB))

    def test_group_and_ttl(self):
        server = self.serve()
        self.tool(server, '--name', 'SALES<00>,group', '--address', CLIENT, '--ttl', '77')
        self.assertEqual((server.requests[0].ttl, server.requests[0].entries), (77, [(0xe000, CLIENT)]))

    def test_multihomed_from_each_card(self):
        requests = self.heard('--multihomed', '--address', CLIENT + ',' + SECOND)
        self.assertEqual([(m.op, m.sender[0], m.addrs) for m in requests[:2]],
                         [(0x7900, CLIENT, [CLIENT]), (0x7900, SECOND, [SECOND])])
        self.assertEqual(len(requests), 3)

    def test_from_the_port_where_challenges_come(self):
        server = self.serve()
        self.tool(server, '--name', 'HELLO<20>', '--address', CLIENT)
        self.assertEqual(server.requests[0].sender, (CLIENT, server.port))

    def test_address_of_another_host(self):
        server = self.serve()
        self.tool(server, '--name', 'HELLO<20>', '--address', '192.0.2.9')
        self.assertEqual(server.requests[0].addrs, ['192.0.2.9'])
        self.assertIn('192.0.2.9 is no address of this host', self.err)

    def test_same_id_in_every_try(self):
        server = self.serve(lambda msg: [])
        self.tool(server, '--name', 'HELLO<20>', '--query', '--timeout', '20', '--tries', '4', status=UNREACHABLE)
        self.assertEqual(len(server.requests), 4)
        self.assertEqual(len({m.data for m in server.requests}), 1)


class Bears(Case):
    """Servers that are silent, slow, hostile."""

    def test_next_server(self):
        """The second takes over and keeps what follows."""
        silent, second = self.serve(lambda msg: []), self.serve(address='127.0.0.12')
        self.tool(silent.where + ',' + second.where, '--name', 'A<20>', '--name', 'B<20>',
                  '--timeout', '30', '--tries', '2', '--address', CLIENT)
        self.assertEqual((len(silent.requests), len(second.requests)), (2, 4))
        self.assertIn('%s did not answer 2 requests of 30 ms' % silent.where, self.err)

    def test_refusal_stays(self):
        first, second = self.serve(lambda msg: [good(msg, ACT_ERR)]), self.serve(address='127.0.0.12')
        self.tool(first.where + ',' + second.where, '--name', 'A<20>', '--address', CLIENT, '--refresh', status=REFUSED)
        self.assertEqual(second.requests, [])

    def test_wack(self):
        """One try of 100 ms, an answer after 400 ms: the WACK made it wait."""
        def answer(msg):
            if msg.opcode == 0:
                return [good(msg)]
            threading.Timer(0.4, lambda: server.sock.sendto(good(msg), msg.sender)).start()
            return [wack(msg)]
        server = self.serve(answer)
        self.tool(server, '--name', 'A<20>', '--address', CLIENT, '--timeout', '100', '--tries', '1')

    def test_garbage_before_the_truth(self):
        def answer(msg):
            true = good(msg)
            junk = [true[:n] for n in range(len(true))] + [os.urandom(n) for n in range(0, 600, 7)]
            lies = [bytes([true[0] ^ 1]) + true[1:], true[:14] + bytes([true[14] ^ 1]) + true[15:]]
            return [j for j in junk if j != true] + lies + [true]
        server = self.serve(answer)
        self.tool(server, '--name', 'A<20>', '--address', CLIENT)
        self.tool(server, '--node-status')

    def test_challenge_is_answered(self):
        """Before it says yes to the second card the server asks the first."""
        asked = []

        def answer(msg):
            if msg.response or msg.opcode != nbclient.MREGISTER or msg.addrs != [SECOND]:
                if msg.response:
                    asked.append(msg)
                    return []
                return [good(msg)]
            for name in ('OTHER<20>', 'TWO<20>'):
                server.sock.sendto(nbclient.build_query(name, 0x9c18), (CLIENT, server.port))
            threading.Timer(0.3, lambda: server.sock.sendto(good(msg), msg.sender)).start()
            return [wack(msg)]
        server = self.serve(answer)
        self.tool(server, '--name', 'TWO<20>', '--multihomed', '--address', CLIENT + ',' + SECOND)
        self.assertEqual([(str(m.name), m.op, m.addrs, m.sender[0]) for m in asked],
                         [('TWO<20>', 0x8580, [CLIENT, SECOND], CLIENT)])

    def test_refused_name_is_not_defended(self):
        asked = []

        def answer(msg):
            if msg.response:
                asked.append(msg)
                return []
            if msg.opcode == nbclient.REGISTER and msg.name.name == b'MINE':
                for name in ('THEIRS<20>', 'MINE<20>'):
                    server.sock.sendto(nbclient.build_query(name, 0x9c18), (CLIENT, server.port))
            return [good(msg, ACT_ERR if msg.opcode and msg.name.name == b'THEIRS' else 0)]
        server = self.serve(answer)
        self.tool(server, '--name', 'THEIRS<20>', '--name', 'MINE<20>', '--address', CLIENT, status=SOME)
        self.assertEqual([str(m.name) for m in asked], ['MINE<20>'])

    def test_port_taken(self):
        server = self.serve()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind((CLIENT, server.port))
            self.tool(server, '--name', 'TWO<20>', '--multihomed', '--address', CLIENT + ',' + SECOND)
        self.assertIn('port %d of %s is not to be had (Address already in use)' % (server.port, CLIENT), self.err)


class Configured(Case):
    """-s and --option: the server that a configuration means."""

    def file(self, *lines):
        with tempfile.NamedTemporaryFile('w', suffix='.conf', delete=False) as f:
            f.write('[global]\n' + ''.join('\t%s\n' % line for line in lines))
        self.addCleanup(os.unlink, f.name)
        return f.name

    def ask(self, *words, status=UNREACHABLE):
        """What is said by a run that needs no server to answer."""
        done = subprocess.run([TOOL, '--query', '--name', 'A<20>', '--timeout', '10', '--tries', '1'] + list(words),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              universal_newlines=True, timeout=harness.PATIENCE, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stderr

    def test_just_works(self):
        """The file of a server that runs, and a name: nothing else."""
        server = self.serve()
        path = self.file('interfaces = %s/8' % SERVER, 'nbt port = %d' % server.port)
        done = subprocess.run([TOOL, '-s', path, '--name', 'HELLO<20>'], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, timeout=harness.PATIENCE, check=False)
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertIn('HELLO<20> registered at %s with ' % server.where, done.stdout)
        self.assertEqual(done.stderr, 'winsregister: asking %s, from `interfaces` in %s, line 2\n'
                         % (server.where, path))
        self.assertEqual([str(m.name) for m in server.requests], ['HELLO<20>'] * 2)

    def test_port_of_the_file(self):
        """For servers without a port; --server is who is asked."""
        server = self.serve()
        path = self.file('interfaces = 127.0.0.99', 'nbt port = %d' % server.port)
        for where, status in ((SERVER, OK), (server.where, OK), (SERVER + ':9', UNREACHABLE)):
            self.assertNotIn('asking', self.ask('-s', path, '--server', where, status=status))
        self.ask('--option=nbt port=%d' % server.port, '--server', SERVER, status=OK)
        self.assertEqual(len(server.requests), 3)

    def test_which_address(self):
        """Each row: lines of the file, who is asked by which of them."""
        for lines, server, option in (
                (['interfaces = 127.0.0.41/8'], '127.0.0.41', 'interfaces'),
                (['interfaces = 127.0.0.41'], '127.0.0.41', 'interfaces'),
                (['interfaces = eth0, 127.0.0.41/255.0.0.0'], '127.0.0.41', 'interfaces'),
                (['interfaces = "127.0.0.41;speed=10"'], '127.0.0.41', 'interfaces'),
                (['interfaces = 127.0.0.0/8 127.0.0.41/8'], '127.0.0.41', 'interfaces'),
                (['interfaces = 127.0.0.41/31'], '127.0.0.41', 'interfaces'),
                (['interfaces = ::1/128 127.0.0.41 127.0.0.42'], '127.0.0.41', 'interfaces'),
                (['interfaces = 127.0.0.1/8 192.0.2.41/24'], '192.0.2.41', 'interfaces'),
                (['interfaces = 127.0.0.42', 'wins:interfaces = 127.0.0.41'], '127.0.0.41', 'wins:interfaces'),
                (['interfaces = 127.0.0.42', 'wins server = 127.0.0.41'], '127.0.0.41', 'wins server'),
                (['wins server = a:127.0.0.41 b:127.0.0.42'], '127.0.0.41', 'wins server'),
                (['WINSserver = wins.example.com, x:127.0.0.41'], '127.0.0.41', 'wins server'),
                (['wins:interfaces = 127.0.0.41', 'wins server = 127.0.0.42'], '127.0.0.41', 'wins:interfaces'),
                (['wins:interfaces = eth0', 'wins server = 127.0.0.41'], '127.0.0.41', 'wins server')):
            with self.subTest(lines):
                said = self.ask('-s', self.file('nbt port = 9', *lines))
                self.assertRegex(said, r'asking %s:9, from `%s` in ' % (re.escape(server), option))
                self.assertIn(server + ':9', said.splitlines()[1])

    def test_wins_servers_of_one_tag(self):
        """They stand for each other; those of another tag do not."""
        said = self.ask('--option=nbt port=9', '--option=wins server=a:127.0.0.41 b:127.0.0.42 a:127.0.0.43')
        self.assertIn('asking 127.0.0.41:9, from `wins server` of --option', said)
        self.assertEqual(re.findall(r'(127\S+):9(?: did|: )', said), ['127.0.0.41', '127.0.0.43'])

    def test_no_server_in_it(self):
        for lines in ([], ['interfaces = eth0'], ['interfaces = 192.0.2.0/24'],
                      ['wins:interfaces = eth0', 'interfaces = 127.0.0.41'], ['wins server = wins.example.com']):
            with self.subTest(lines):
                self.assertIn('--server is missing, and no', self.ask('-s', self.file(*lines), status=USAGE))

    def test_mistakes(self):
        for words, said, status in (
                (('-s', self.file('nbt port = 70000')), ':2: nbt port = 70000: must be 1 to 65535', USAGE),
                (('-s', self.file('wins:interfaces = 0.0.0.0')), '0.0.0.0 is never served', USAGE),
                (('-s', self.file('interfaces = 127.0.0.41', 'nbt port')), 'asking 127.0.0.41', UNREACHABLE),
                (('-s', self.file('interfaces = 127.0.0.41', 'log level = x')), 'asking 127.0.0.41', UNREACHABLE),
                (('-s', '/nowhere/winsd.conf'), '/nowhere/winsd.conf: No such file', FAILED),
                (('--option=nbt prot=9', '--server', SERVER), 'did you mean nbt port?', USAGE),
                (('--option=nbt port', '--server', SERVER), 'NAME=VALUE is needed', USAGE)):
            with self.subTest(words):
                self.assertIn(said, self.ask(*words, status=status))


class Traces(Case):
    """-d: one line for each datagram."""

    def test_each_datagram(self):
        other = nbclient.build_reply(0x1234, 0x8580, 'LIE<20>', nbclient.NB, 0, nbclient.nb_rdata([(0, SECOND)]))
        server = self.serve(lambda msg: ([wack(msg)] if msg.opcode else []) + [b'junk', other, good(msg)])
        self.tool(server, '--name', 'HELLO<20>', '--address', CLIENT)
        self.assertEqual(self.err, '')
        self.tool(server, '-d', '1', '--name', 'HELLO<20>', '--address', CLIENT)
        register, query = server.requests[2:]
        lie = 'ignored from %s, %d bytes: query reply LIE<20>, id 1234, operation 8580, TTL 0, %s' % (
            server.where, len(other), SECOND)
        junk = 'ignored from %s, 4 bytes: not a name service datagram (short)' % server.where
        said = ['sent to %s, 68 bytes: register HELLO<20>, id %04x, operation 2900, TTL 518400, %s' % (
                    server.where, register.trn_id, CLIENT),
                'received from %s, %d bytes: wack HELLO<20>, id %04x, operation bc00, TTL 9' % (
                    server.where, len(wack(register)), register.trn_id),
                junk, lie,
                'received from %s, %d bytes: register reply HELLO<20>, id %04x, operation ad80, TTL 518400, %s' % (
                    server.where, len(good(register)), register.trn_id, CLIENT),
                'sent to %s, 50 bytes: query HELLO<20>, id %04x, operation 0100' % (server.where, query.trn_id),
                junk, lie,
                'received from %s, %d bytes: query reply HELLO<20>, id %04x, operation 8580, TTL 0, %s' % (
                    server.where, len(good(query)), query.trn_id, CLIENT)]
        self.assertEqual(self.err.splitlines(), ['winsregister: ' + line for line in said])

    def test_refusal(self):
        server = self.serve(lambda msg: [good(msg, RFS_ERR)])
        self.tool(server, '-d', '1', '--name', 'HELLO<20>', '--refresh', status=REFUSED)
        self.assertRegex(self.err, r'received .*: register reply HELLO<20>, id \w+, operation ad85, RFS_ERR, ')


class Nobody(unittest.TestCase):
    """Without a server: what the user is told."""

    @classmethod
    def setUpClass(cls):
        cls.network = harness.Network()
        cls.addClassCleanup(cls.network.close)

    def tool(self, *words, status):
        done = self.network.run([TOOL] + list(words), timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def test_unreachable(self):
        quick = ('--timeout', '50', '--tries', '2')
        text = self.tool('--server', SERVER + ',' + '127.0.0.12', '--name', 'A<20>', '--name', 'B<20>', *quick,
                         status=UNREACHABLE)
        for address in (SERVER, '127.0.0.12'):
            self.assertIn('%s did not answer 2 requests of 50 ms' % address, text)
        self.assertIn('the other 1 names were not tried', text)
        text = self.tool('--server', '192.0.2.1', '--name', 'A<20>', '--query', *quick, status=UNREACHABLE)
        self.assertIn('192.0.2.1: Network is unreachable', text)
        text = self.tool('--server', '192.0.2.1', '--name', 'A<20>', '--json', *quick, status=UNREACHABLE)
        last = json.loads(text.splitlines()[-1])
        self.assertEqual((last['name'], last['suffix'], last['result']), ('A', 0x20, 'unreachable'))

    def test_usage(self):
        server = ('--server', SERVER)
        for words, said in (
                ((), '--server is missing'),
                (server, '--name is missing'),
                (server + ('--name', 'HELLO'), "'HELLO' has no type"),
                (server + ('--name', 'SIXTEENBYTESLONG<20>'), 'is not a name: up to 15 bytes'),
                (server + ('--name', 'A<20>', '--query', '--release'), 'at a time'),
                (server + ('--name', 'A<20>', '--nonsense'), '--nonsense: unknown option'),
                (server + ('--name', 'A<20>', '--node', 'x'), 'none of b, p, m, h'),
                (server + ('--name', 'A<20>', '--tries', '0'), 'not a number from 1 to 100'),
                (server + ('--name', 'A<20>', '--timeout', 'soon'), 'not a number from 1 to 600000'),
                (server + ('--name', 'A<20>', '--ttl', '-1'), 'not a number from 0 to'),
                (server + ('--name', 'A<20>', '--address', '1.2.3'), 'not an IPv4 address'),
                (server + ('--name', 'A<20>', '--address', '127.0.0.1,127.0.0.2'), '--multihomed'),
                (server + ('--name', 'A<20>', '--multihomed', '--query'), 'is for registrations'),
                (server + ('A<20>',), 'is not an option'),
                (('--server', '127.0.0.1:0', '--name', 'A<20>'), "port '0' is not a number from 1"),
                (('--server', '127.0.0.1:65536', '--name', 'A<20>'), "port '65536' is not a number"),
                (('--server', '224.0.0.1', '--name', 'A<20>'), 'no host can have'),
                (('--server', ','.join('10.0.0.%d' % i for i in range(1, 14)), '--name', 'A<20>'),
                 'more than 12 servers'),
                (server + ('--name', 'A<20>', '--socket', '/x'), '--socket: unknown option'),
                (server + ('--name', 'A<20>', '-d', '11'), 'a level is 0 to 10')):
            with self.subTest(words):
                self.assertIn(said, self.tool(*words, status=USAGE))

    def test_output_that_cannot_be_written(self):
        for words in (['--help'], ['-V']):
            with open('/dev/full', 'w', encoding='ascii') as full:
                done = subprocess.run([TOOL] + words, stdout=full, stderr=subprocess.PIPE, check=False,
                                      universal_newlines=True)
            self.assertEqual((done.returncode, done.stderr), (
                FAILED, 'winsregister: cannot write the output: No space left on device\n'))

    def test_help(self):
        self.assertIn("winsregister --server 192.0.2.1 --name 'HELLO<20>'", self.tool('--help', status=OK))
        self.assertRegex(self.tool('-V', status=OK), r'^winsregister \d')


if __name__ == '__main__':
    unittest.main()
