# SPDX-License-Identifier: GPL-3.0-or-later
"""Datagrams of UDP 137 as tshark reads them, for the scripts beside this one."""
import os
import struct
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.environ.get('WINSD_TOP', os.path.join(HERE, '..', '..'))
BUILD = os.environ.get('WINSD_BUILD', os.path.join(TOP, 'build'))


def write_pcap(path, payloads):
    """Each payload as a UDP datagram from port 137 to port 137, raw IPv4."""
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for number, payload in enumerate(payloads):
            udp = struct.pack('>HHHH', 137, 137, 8 + len(payload), 0) + payload
            head = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0,
                               b'\x0a\x00\x00\x01', b'\x0a\x00\x00\x02')
            packet = head + udp
            f.write(struct.pack('<IIII', number, 0, len(packet), len(packet)) + packet)


class Packet:
    """One packet of the PDML: lists of values by field name."""

    def __init__(self, element):
        self.show = {}
        self.text = {}
        self.complaints = []
        for proto in element.iter('proto'):
            if proto.get('name') == '_ws.malformed':
                self.complaints.append('malformed')
        for field in element.iter('field'):
            name = field.get('name')
            self.show.setdefault(name, []).append(field.get('show'))
            self.text.setdefault(name, []).append(field.get('showname') or field.get('show'))
            if name == '_ws.expert.message':
                self.complaints.append(field.get('show'))
            if name == 'nbns.name' and field.get('show').startswith('Illegal NetBIOS name'):
                self.complaints.append('illegal name')

    def number(self, name):
        """The last value of the field as a number, or None."""
        values = self.show.get(name)
        return int(values[-1], 0) if values else None

    def addresses(self):
        return self.show.get('nbns.addr', [])


def read(payloads):
    """A Packet for each payload."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'nbns.pcap')
        write_pcap(path, payloads)
        done = subprocess.run(['tshark', '-n', '-r', path, '-T', 'pdml'], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return [Packet(p) for p in ElementTree.fromstring(done.stdout).iter('packet')]


def name_text(fifteen, suffix):
    """Fifteen bytes and a suffix as tshark prints them."""
    printed = ''.join(chr(b) if 32 <= b < 127 else '<%02x>' % b for b in fifteen.rstrip(b' '))
    return '%s<%02x>' % (printed, suffix)


def program(name):
    """A helper program, as the build put it into test/."""
    return os.path.join(BUILD, 'test', name)
