#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Foreign clients use the server, foreign decoders read all that it said.

Six client code bases: the suite's nmblookup, net and smbclient, its Python
binding, nbtscan and impacket. Every datagram that passes while they and our
own client work is kept; afterwards tshark must show no expert remark and
ndrdump must decode each packet of the server to its last byte.

What the foreign programs get wrong themselves is said where it matters.
"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'scenario'))
sys.path.insert(0, HERE)
import harness
import nbclient
import subject

SERVER, CLIENT, HOLDER = '127.0.0.11', '127.0.0.22', '127.0.0.21'
CONFIG = """\
[global]
	interfaces = {client}/8
	bind interfaces only = yes
	name resolve order = wins
	wins server = {server}
	private dir = {folder}
	lock directory = {folder}
	state directory = {folder}
	cache directory = {folder}
	pid directory = {folder}
	ncalrpc dir = {folder}
"""


class Network(unittest.TestCase):
    """A running server, a scratch folder and a recorder, once a class."""

    @classmethod
    def setUpClass(cls):
        cls.subject, cls.network = subject.start(cls)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.config = os.path.join(cls.folder, 'smb.conf')
        with open(cls.config, 'w', encoding='ascii') as f:
            f.write(CONFIG.format(client=CLIENT, server=SERVER, folder=cls.folder))
        cls.wire = harness.Recorder(cls.network)
        cls.addClassCleanup(cls.wire.stop)

    def client(self, source=HOLDER, port=0):
        with self.network.entered():
            client = nbclient.Client(SERVER, source=source, source_port=port)
        self.addCleanup(client.close)
        return client

    def register(self, name, **how):
        self.assertEqual(self.client().register(name, **how).rcode, 0)

    def run_tool(self, *words):
        return self.network.run(list(words), timeout=harness.PATIENCE)

    def python(self, code):
        """Run code with the distribution's Python; what it printed."""
        done = self.run_tool('/usr/bin/python3', '-c', code)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout.splitlines()


class Suite(Network):
    """The SMB suite's own command line programs."""

    def nmblookup(self, *words):
        return self.run_tool('nmblookup', '-s', self.config, *words).stdout

    def by_wins(self, name):
        return self.nmblookup('-U', SERVER, '--recursion', name)

    def test_nmblookup_query(self):
        self.register('LOOKUP<20>')
        self.assertIn('%s LOOKUP<20>' % HOLDER, self.by_wins('LOOKUP#20'))

    def test_nmblookup_group(self):
        self.register('LOOKGRP<00>', group=True)
        self.assertIn('255.255.255.255 LOOKGRP<00>', self.by_wins('LOOKGRP#00'))

    def test_nmblookup_domain(self):
        for last in (31, 32, 33):
            address = '127.0.0.%d' % last
            self.assertEqual(self.client(address).register('LOOKDOM<1c>', group=True).rcode, 0)
        self.assertEqual(set(re.findall(r'^([\d.]+) LOOKDOM<1c>', self.by_wins('LOOKDOM#1C'), re.M)),
                         {'127.0.0.31', '127.0.0.32', '127.0.0.33'})

    def test_nmblookup_unknown_name(self):
        self.assertIn('failed to find name NOWHERE', self.by_wins('NOWHERE#20'))

    def test_nmblookup_node_status(self):
        text = self.nmblookup('-A', SERVER)
        # A name that is active and nobody's but ours: unique, no conflict.
        self.assertRegex(text, r'SPECWINS +<20> - +[BPMH] <ACTIVE> *\n'
                         if self.subject.label == 'winsd' else '__SAMBA__')
        if self.subject.label == 'winsd':
            # Statistics are all zero: memory that was not set never leaves.
            self.assertIn('MAC Address = 00-00-00-00-00-00', text)

    def test_nmblookup_status_by_name(self):
        text = self.nmblookup('-S', '-U', SERVER, '--recursion', 'SPECWINS#20')
        self.assertIn('%s SPECWINS<20>' % SERVER, text)
        for line in (r'SPECWINS +<00> - +[BPMH] <ACTIVE>', r'SPECWINS +<20> - +[BPMH] <ACTIVE>',
                     r'SPECGRP +<00> - <GROUP> [BPMH] <ACTIVE>'):
            self.assertRegex(text, line)

    def test_net_lookup(self):
        self.register('NETLOOK<20>')
        self.assertEqual(self.run_tool('net', 'lookup', '-s', self.config, 'host', 'NETLOOK')
                         .stdout.strip(), HOLDER)

    def test_smbclient_goes_where_the_name_points(self):
        """It finds nobody there, at the right address."""
        self.register('SMBSERVER<20>')
        text = self.run_tool('smbclient', '-s', self.config, '-N', '-L', '//SMBSERVER/').stdout
        self.assertIn('Connection to SMBSERVER failed (Error NT_STATUS_CONNECTION_REFUSED)', text)
        text = self.run_tool('smbclient', '-s', self.config, '-N', '-L', '//NOSERVER/').stdout
        self.assertIn('NT_STATUS_', text)
        self.assertNotIn('CONNECTION_REFUSED', text)


class Others(Network):
    def test_nbtscan(self):
        text = self.run_tool('nbtscan', '-v', SERVER).stdout
        for line in (r'SPECWINS +<20> +UNIQUE', r'SPECWINS +<00> +UNIQUE', r'SPECGRP +<00> +GROUP'):
            self.assertRegex(text, line)

    def test_nbtscan_table(self):
        self.assertRegex(self.run_tool('nbtscan', '-q', SERVER).stdout,
                         r'^127\.0\.0\.11 +SPECWINS +<server>')

    def test_impacket(self):
        said = self.python('''
from impacket import nmb
n = nmb.NetBIOS()
n.set_nameserver('%s')
r = n.name_registration_request('IMPACKET', '%s', nmb.TYPE_WORKSTATION, None, 0x2000, '127.0.0.1')
print(hex(r['FLAGS']))
print(n.gethostbyname('IMPACKET').entries)
print(sorted((e['NAME'].decode().strip(), e['TYPE']) for e in n.getnodestatus('*', '%s')))
print(n.getnetbiosname('%s'))
try:
    n.gethostbyname('NOBODY')
except nmb.NetBIOSError as error:
    print(error.get_error_string())
''' % ((SERVER,) * 4))
        # 0xad80: a registration response that is authoritative, rcode 0.
        self.assertEqual(said[:2], ['0xad80', "['127.0.0.1']"])
        self.assertEqual(said[4], 'Negative response-Name does not exist(3)')
        if self.subject.label == 'winsd':
            for name in (('SPECWINS', 0x20), ('SPECWINS', 0), ('SPECGRP', 0)):
                self.assertIn(repr(name), said[2])
            self.assertEqual(said[3], 'SPECWINS')

    def test_python_samba(self):
        """The binding does not initialise the NB_FLAGS of a registration,
        raises SystemError after every refresh, also a good one, and sends no
        release at all. What it can show: a refresh as a first registration
        by asking afterwards, a registration's rcode, query, node status."""
        said = self.python('''
from samba import netbios
n, server = netbios.Node(), '%s'
try:
    n.refresh_name(('PYSAMBA', 0x20), '127.0.0.1', server, 0x6000, False, 300000, 5, 0)
except SystemError:
    pass
print(n.query_name(('PYSAMBA', 0x20), server, False, True, 5, 0))
print(n.register_name(('PYOTHER', 0x20), '127.0.0.1', server, False, False, False, 300000, 5, 0))
print(n.name_status(('*', 0), server, 5, 0))
try:
    n.query_name(('PYNOBODY', 0x20), server, False, True, 5, 0)
except Exception as error:
    print(hex(error.args[0]))
''' % SERVER)
        self.assertEqual(said[:2], [
            "('127.0.0.11', ('PYSAMBA', 32), ['127.0.0.1'])",
            "('127.0.0.11', ('PYOTHER', 32), '127.0.0.1', 0)"])
        self.assertEqual(said[3], '0xc0000034')         # NT_STATUS_OBJECT_NAME_NOT_FOUND
        if self.subject.label == 'winsd':
            self.assertRegex(said[2], r"\('SPECWINS +', \d+, 32\)")


class Decoders(Network):
    """Every kind of packet that the server sends, before foreign eyes."""

    def make_traffic(self):
        long_scope = '.'.join(['s' * 63] * 3 + ['t' * 45])
        host = self.client()
        for name in ('D1<20>', 'D2<00>.foo.example.com', 'D3<72>.' + long_scope,
                     nbclient.Name(bytes(range(1, 16)), 0x7f), nbclient.Name(b'', 0x55)):
            for reply in (host.register(name), host.refresh(name), host.query(name)):
                self.assertEqual(reply.rcode, 0, name)
            self.assertEqual(host.release(name).rcode, 0)
            self.assertEqual(host.query(name).rcode, nbclient.NAM_ERR)
        self.assertEqual(host.register('DG<1e>', group=True).rcode, 0)
        self.assertEqual(host.query('DG<1e>').addrs, ['255.255.255.255'])
        self.assertEqual(host.register('DG<1e>').rcode, nbclient.RFS_ERR)
        self.assertEqual(host.register('DG<00>', group=True).rcode, 0)
        self.assertEqual(host.register('DG<00>').rcode, nbclient.ACT_ERR)
        for last in range(30, 55):
            self.assertEqual(self.client('127.0.0.%d' % last).register('DOM<1c>', group=True).rcode, 0)
        self.assertEqual(len(host.query('DOM<1c>').addrs), 25)
        self.assertEqual(host.register('SPECWINS<20>').rcode, nbclient.ACT_ERR)
        self.assertTrue(host.query('SPECWINS<20>', rd=False).positive)
        self.assertTrue(host.status().names)
        # A second host wants the name of one that answers: WACK, then no.
        holder = self.client(HOLDER, 137)
        self.assertEqual(holder.register('DW<20>').rcode, 0)
        other = self.client('127.0.0.23')
        reply = other.exchange(
            nbclient.build_change(nbclient.REGISTER, 'DW<20>', '127.0.0.23', 77, 300000),
            on_wack=lambda _: holder.hold('DW<20>'))
        self.assertEqual((reply.rcode, len(reply.wacks)), (nbclient.ACT_ERR, 1))
        # And of one that answers with another list: multi-homed.
        self.assertEqual(holder.mregister('DM<20>').rcode, 0)
        reply = other.exchange(
            nbclient.build_change(nbclient.MREGISTER, 'DM<20>', '127.0.0.23', 78, 300000),
            on_wack=lambda _: holder.hold('DM<20>', [HOLDER, '127.0.0.23']))
        self.assertEqual(reply.rcode, 0)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # To tshark any datagram to one of these is "Possible traceroute".
        with cls.network.entered(), open('/proc/sys/net/ipv4/ip_local_reserved_ports', 'w',
                                         encoding='ascii') as ports:
            ports.write('33434-33534')
        cls('make_traffic').make_traffic()
        cls.wire.stop()
        cls.capture = cls.wire.save(os.path.join(cls.folder, 'wire.pcap'))
        cls.ours = [p for source, _, p in cls.wire.datagrams() if source == (SERVER, 137)]

    def tshark(self, *words):
        done = subprocess.run(['tshark', '-n', '-r', self.capture, *words], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              universal_newlines=True)
        return done.stdout.splitlines()

    def test_there_is_every_kind(self):
        self.assertGreater(len(self.ours), 60)
        kinds = {(p[2] >> 3, p[3] & 15) for p in self.ours}     # R + opcode, rcode
        for kind in ((0x10, 0), (0x10, 3), (0x15, 0), (0x15, 5), (0x15, 6), (0x16, 0), (0x17, 0), (0x00, 0)):
            self.assertIn(kind, kinds)

    def test_tshark_reads_all_of_it_as_nbns(self):
        mine = self.tshark('-Y', 'nbns && ip.src == ' + SERVER, '-T', 'fields', '-e', 'nbns.id')
        self.assertEqual([int(i, 16) for i in mine],
                         [int.from_bytes(p[:2], 'big') for p in self.ours])

    def test_tshark_has_no_remark(self):
        self.assertEqual(self.tshark('-Y', 'ip.src == %s && (_ws.malformed || _ws.expert)' % SERVER,
                                     '-T', 'fields', '-e', '_ws.col.Info', '-e', '_ws.expert.message',
                                     '-e', 'udp.dstport', '-e', 'nbns.id'), [])

    def ndrdump(self, payload):
        path = os.path.join(self.folder, 'packet')
        with open(path, 'wb') as f:
            f.write(payload)
        done = subprocess.run(['ndrdump', 'nbt', 'nbt_name_packet', 'struct', path], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True, errors='replace')
        good = done.returncode == 0 and 'dump OK' in done.stdout
        return good and 'unread bytes' not in done.stdout, done.stdout

    def test_ndrdump_decodes_each_to_the_last_byte(self):
        for payload in sorted(set(self.ours)):
            good, text = self.ndrdump(payload)
            self.assertTrue(good, '%s\n%s' % (payload.hex(), text))
            # It takes a WACK's two bytes for the start of an address.
            rest = 2 if payload[2] >> 3 == 0x17 else 0
            self.assertIn('padding                  : DATA_BLOB length=%d\n' % rest, text)

    def test_the_decoders_would_complain(self):
        reply = max(self.ours, key=len)
        self.assertFalse(self.ndrdump(reply[:-3])[0])
        with tempfile.TemporaryDirectory() as folder:
            broken = harness.Recorder.__new__(harness.Recorder)
            frame = next(f for _, f in self.wire.frames if reply in f)
            at = frame.index(reply) + len(reply) - 8    # RDLENGTH of one address
            frame = frame[:at] + b'\xff\xff' + frame[at + 2:]
            broken.frames = [(0, frame)]
            path = broken.save(os.path.join(folder, 'broken.pcap'))
            done = subprocess.run(['tshark', '-n', '-r', path, '-Y', '_ws.malformed || _ws.expert'],
                                  check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            self.assertTrue(done.stdout)


if __name__ == '__main__':
    unittest.main()
