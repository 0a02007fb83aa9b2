# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of TCP 42 as ndrdump and tshark read them, in the form that
wrepl_emit and wrepl_dump print: a dict of what the frame's kind has."""
import os
import re
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'scenario'))
import wreplwire as wire

OWNER = '192.0.2.1'     # of all records that have no owner in the frame


def record(name, scope, suffix, flags, group, version, addresses):
    """A record; the bits are those of protocol.md 3.3."""
    kind = wire.TYPES[flags & 3]
    if group != (kind in ('group', 'sgroup')):
        raise ValueError('group %d in a record of type %s' % (group, kind))
    return {'name': name, 'scope': scope, 'suffix': suffix, 'type': kind,
            'state': wire.STATES[flags >> 2 & 3], 'node': wire.NODES[flags >> 5 & 3],
            'static': bool(flags & 0x80), 'version': version, 'addresses': addresses}


class Frame:
    """Collects fields in the order of the wire, under our names for them."""

    def __init__(self):
        self.fields = {}
        self.records = []       # [name, scope, suffix, flags, group, version, addresses]
        self.owners = []
        self.owner = None
        self.padding = None

    def context(self, value):
        self.fields['sender' if 'context' in self.fields else 'context'] = value

    def version(self, value):
        self.fields.setdefault('versions', []).append(value)

    def address(self, ip):
        self.records[-1][-1].append([ip, self.owner or OWNER])
        self.owner = None

    def result(self):
        out, command = dict(self.fields), self.fields.get('command')
        if command in wire.TABLES:
            out['owners'] = self.owners
        elif command == wire.SEND_REQUEST:
            [out['request']] = self.owners
        elif command == wire.SEND_REPLY:
            out['records'] = [record(*r) for r in self.records]
        return out


# ---------------------------------------------------------------- ndrdump

def unescape(text):
    """Bytes that ndrdump prints as %xx."""
    return re.sub(rb'%([0-9a-f]{2})', lambda m: bytes([int(m.group(1), 16)]),
                  text.encode('utf-8', 'surrogateescape'))


def ndr_name(text):
    """'NAME<20>' or 'NAME<20>-scope', quotes and all."""
    name, suffix, scope = re.fullmatch(r"'(.*)<([0-9a-f]{2})>(?:-(.*))?'", text, re.S).groups()
    return unescape(name), unescape(scope or ''), int(suffix, 16)


class NdrFrame(Frame):
    def line(self, key, text):
        number = re.search(r'\(?0x([0-9a-fA-F]+)', text)
        number = number and int(number.group(1), 16)
        if key in ('opcode', 'command', 'reason'):
            self.fields[key] = number
        elif key == 'mess_type':
            self.fields['type'] = number
        elif key == 'assoc_ctx':
            self.context(number)
        elif key in ('minor_version', 'major_version'):
            self.version(number)
        elif key == 'initiator':
            self.fields[key] = text
        elif key == 'padding':
            self.padding = int(text.split('=')[1])
        elif key == 'address':
            self.owners.append([text])
        elif key in ('max_version', 'min_version'):
            self.owners[-1].append(number)
        else:
            self.record_line(key, text, number)

    def record_line(self, key, text, number):
        if key == 'name':
            name, scope, suffix = ndr_name(text)
            self.records.append([name.hex(), scope.hex(), suffix, None, None, None, []])
        elif key in ('flags', 'is_group', 'id'):
            self.records[-1][3 + ('flags', 'is_group', 'id').index(key)] = number
        elif key == 'owner':
            self.owner = text
        elif key == 'ip':
            self.address(text)


def ndrdump(frame, again=True):
    """(what it read, bytes over), or (None, why not); again: and must write
    the same bytes."""
    with tempfile.NamedTemporaryFile() as f:
        f.write(frame[4:])
        f.flush()
        done = subprocess.run(['ndrdump'] + ['--validate'] * again +
                              ['winsrepl', 'wrepl_packet', 'struct', f.name],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    output = done.stdout.decode('utf-8', 'surrogateescape')
    if done.returncode != 0 or 'dump OK' not in output or 'WARNING' in output:
        return None, 'status %d: %s' % (done.returncode, output.splitlines()[-3:])
    read = NdrFrame()
    for key, text in re.findall(r'^ *(\w+) +: (.*)$', output, re.M):
        read.line(key, text)
    return read.result(), read.padding


# ---------------------------------------------------------------- tshark

def write_pcap(path, frames):
    """Each frame as one TCP segment from a port of its own to 42, raw IPv4."""
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for number, frame in enumerate(frames):
            tcp = struct.pack('>HHIIBBHHH', 1024 + number, 42, 1, 1, 5 << 4, 0x18, 0xffff, 0,
                              0) + frame
            head = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(tcp), number, 0, 64, 6, 0,
                               b'\x0a\x00\x00\x01', b'\x0a\x00\x00\x02')
            packet = head + tcp
            f.write(struct.pack('<IIII', number, 0, len(packet), len(packet)) + packet)


def shark_name(raw, suffix):
    """It shows fifteen bytes and a type as they stand, 1B not swapped, no scope."""
    raw = raw.ljust(15, b' ') + bytes([suffix])
    if raw[0] == 0x1b:
        raw = raw[15:] + raw[1:15] + raw[:1]
    return raw[:15].split(b'\0')[0].rstrip(b' '), raw[15]


class SharkFrame(Frame):
    NUMBERS = {'opcode': 'opcode', 'message_type': 'type', 'repl_cmd': 'command',
               'reason': 'reason'}
    RECORD = {'name_flags': 3, 'name_group_flag': 4, 'name_version_id': 5}

    def field(self, name, show, value):
        if name in self.NUMBERS:
            self.fields[self.NUMBERS[name]] = int(value, 16)
        elif name == 'size':
            self.padding = int(show)
        elif name == 'assoc_ctx':
            self.context(int(value, 16))
        elif name in ('minor_version', 'major_version'):
            self.version(int(value, 16))
        elif name == 'initiator':
            self.fields[name] = show
        elif name == 'owner_address':
            self.owners.append([show])
        elif name in ('max_version', 'min_version'):
            self.owners[-1].append(int(value, 16))
        elif name in self.RECORD:
            little = name == 'name_group_flag'
            self.records[-1][self.RECORD[name]] = int.from_bytes(
                bytes.fromhex(value), 'little' if little else 'big')
        elif name == 'ip_owner':
            self.owner = show
        elif name == 'ip_address':
            self.address(show)

    def name(self, value):
        self.records.append([bytes.fromhex(value), None, None, None, None, None, []])

    def name_type(self, value):
        name, suffix = shark_name(self.records[-1][0], int(value, 16))
        self.records[-1][0], self.records[-1][2] = name.hex(), suffix


def tshark(frames):
    """(what it read, without scopes; its complaints) for each frame."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'wrepl.pcap')
        write_pcap(path, frames)
        done = subprocess.run(['tshark', '-n', '-r', path, '-T', 'pdml'], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for packet in ElementTree.fromstring(done.stdout).iter('packet'):
        read = SharkFrame()
        complaints = [p.get('name') for p in packet.iter('proto')
                      if p.get('name') == '_ws.malformed']
        for field in packet.iter('field'):
            name = field.get('name')
            if name == '_ws.expert.message':
                complaints.append(field.get('show'))
            elif name == 'netbios.nb_name':
                read.name(field.get('value'))
            elif name == 'netbios.nb_name_type':
                read.name_type(field.get('value'))
            elif name.startswith('winsrepl.'):
                read.field(name[len('winsrepl.'):], field.get('show'), field.get('value'))
        yield read.result(), complaints
