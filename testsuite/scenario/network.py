# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of our own: namespaces that leave nothing behind.

A Network is a network namespace held by a file descriptor alone: it has no
name, so there is nothing to clean up after a crash, and two test runs beside
each other never meet. Every address of 127/8 is usable in it and port 137 is
free. Sockets made inside `with network.entered()` stay there afterwards, so
one test can play hosts of several networks.

Needs root, or a kernel that lets users make user namespaces and a test run
under `unshare -rn`.

Recorder keeps every frame that passes an interface and can write them as a
capture file for the decoders.
"""
import contextlib
import ctypes
import os
import re
import socket
import struct
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
PACKET_OUTGOING = 4
SYN = 2
SO_RCVBUFFORCE = 33
NOBODY = '02:00:00:00:00:00'    # no device of ours has it
LIBC = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Network:
    def __init__(self):
        with open('/proc/thread-self/ns/net', 'rb') as before:
            checked(LIBC.unshare(CLONE_NEWNET))
            try:
                self.fd = os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
            finally:
                checked(LIBC.setns(before.fileno(), CLONE_NEWNET))
        self.ip('link', 'set', 'lo', 'up')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Gone with the last process in it, veth pairs as well."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    @contextlib.contextmanager
    def entered(self):
        """This thread, its new sockets and its new children are inside."""
        with open('/proc/thread-self/ns/net', 'rb') as before:
            checked(LIBC.setns(self.fd, CLONE_NEWNET))
            try:
                yield self
            finally:
                checked(LIBC.setns(before.fileno(), CLONE_NEWNET))

    def popen(self, argv, **how):
        with self.entered():
            return subprocess.Popen(argv, **how)

    def run(self, argv, **how):
        with self.entered():
            return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, universal_newlines=True,
                                  errors='replace', check=False, **how)

    def ip(self, *words, batch=None):
        with self.entered():
            done = subprocess.run(['ip'] + list(words), input=batch, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, universal_newlines=True, check=False)
        if done.returncode != 0:
            raise RuntimeError('ip %s: %s' % (' '.join(words), done.stdout))
        return done.stdout

    def add_addresses(self, device, addresses):
        """ADDR/BITS each; thousands at once are fine."""
        self.ip('-batch', '-', batch=''.join(
            'addr add %s brd + dev %s\n' % (a, device) for a in addresses))

    def own(self, block):
        """Every address of the block is ours, as if each had been added."""
        self.ip('route', 'add', 'local', block, 'dev', 'lo')

    def join(self, other, device='eth0', address=None, other_address=None, other_device=None):
        """A cable between two networks, a device of this name in each."""
        other_device = other_device or device
        self.ip('link', 'add', 'cable0', 'type', 'veth', 'peer', 'name', 'cable1')
        path = '/proc/%d/fd/%d' % (os.getpid(), other.fd)
        self.ip('link', 'set', 'cable1', 'netns', path)
        self.ip('link', 'set', 'cable0', 'name', device)
        other.ip('link', 'set', 'cable1', 'name', other_device)
        for network, name, addr in ((self, device, address), (other, other_device, other_address)):
            if addr:
                network.add_addresses(name, [addr])
            network.ip('link', 'set', name, 'up')

    def lose(self, address, device='eth0'):
        """What is sent to this neighbour is lost without a word, as behind a
        cable cut far away: nobody has the hardware address that it goes to."""
        self.ip('neigh', 'replace', address, 'lladdr', NOBODY, 'dev', device, 'nud', 'permanent')

    def find(self, address, device='eth0'):
        """The end of lose()."""
        self.ip('neigh', 'del', address, 'dev', device)

    def listeners(self, port, kind='u'):
        """Processes that have the UDP port (or TCP: t) open."""
        out = self.run(['ss', '-Hlnp' + kind, 'sport = :%d' % port]).stdout
        return sorted({int(pid) for pid in re.findall(r'pid=(\d+)', out)})


class Switch:
    """One segment for many networks; each has a plug that can be pulled."""

    def __init__(self):
        self.network = Network()
        self.network.ip('link', 'add', 'br0', 'type', 'bridge')
        self.network.ip('link', 'set', 'br0', 'up')
        self.ports = {}         # network -> the device here

    def close(self):
        self.network.close()

    def plug(self, network, address):
        """A device eth0 with this ADDR/BITS over there, on the segment."""
        port = self.ports[network] = 'port%d' % len(self.ports)
        self.network.join(network, port, other_device='eth0', other_address=address)
        self.network.ip('link', 'set', port, 'master', 'br0')

    def unplug(self, network):
        """No carrier there; addresses and routes stay."""
        self.network.ip('link', 'set', self.ports[network], 'down')

    def replug(self, network):
        self.network.ip('link', 'set', self.ports[network], 'up')


def assembled(parts):
    """{offset: bytes}, some of them twice, as one."""
    out = b''
    for offset, part in sorted(parts.items()):
        if offset <= len(out):
            out += part[len(out) - offset:]
    return out


class Recorder:
    """Frames seen on one device of a network, in order, each once."""

    def __init__(self, network, device='lo'):
        with network.entered():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
            self.sock.bind((device, 3))
        # On lo each frame is seen leaving and arriving: keep it once.
        self.loopback = device == 'lo'
        self.frames = []        # (time, bytes)
        self.stopped = False
        self.sock.settimeout(0.1)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _take(self):
        frame, where = self.sock.recvfrom(1 << 17)
        if not (self.loopback and where[2] == PACKET_OUTGOING):
            self.frames.append((time.time(), frame))

    def _read(self):
        while not self.stopped:
            try:
                self._take()
            except socket.timeout:
                continue

    def stop(self):
        """What was sent before this call is in frames after it."""
        if self.stopped:
            return
        self.stopped = True
        self.thread.join()
        self.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._take()
        self.sock.close()

    def datagrams(self, port=137):
        """(source, destination, payload) of UDP to or from the port."""
        found = []
        for _, frame in list(self.frames):
            if len(frame) < 42 or frame[12:14] != b'\x08\0' or frame[23] != 17:
                continue
            start = 14 + 4 * (frame[14] & 15)
            sport, dport, length = struct.unpack_from('>HHH', frame, start)
            if port in (sport, dport):
                found.append(((socket.inet_ntoa(frame[26:30]), sport),
                              (socket.inet_ntoa(frame[30:34]), dport),
                              frame[start + 8:start + length]))
        return found

    def segments(self, port):
        """(source, destination, sequence number, flags, payload) of TCP."""
        for _, frame in list(self.frames):
            if len(frame) < 54 or frame[12:14] != b'\x08\0' or frame[23] != 6:
                continue
            start = 14 + 4 * (frame[14] & 15)
            sport, dport, number = struct.unpack_from('>HHI', frame, start)
            length, = struct.unpack_from('>H', frame, 16)
            if port in (sport, dport):
                yield ((socket.inet_ntoa(frame[26:30]), sport),
                       (socket.inet_ntoa(frame[30:34]), dport), number, frame[start + 13],
                       frame[start + 4 * (frame[start + 12] >> 4):14 + length])

    def streams(self, port=42):
        """[(source, destination, bytes)] of TCP to or from the port, one for
        each direction of each connection whose beginning was seen; bytes as far
        as they came without a gap."""
        streams, open_ones = [], {}
        for source, destination, number, flags, payload in self.segments(port):
            if flags & SYN:
                begun = (number + 1) & 0xffffffff
                if open_ones.get((source, destination), [None])[0] != begun:
                    open_ones[source, destination] = [begun, {}]
                    streams.append((source, destination, open_ones[source, destination]))
            elif payload and (source, destination) in open_ones:
                begin, parts = open_ones[source, destination]
                offset = (number - begin) & 0xffffffff
                parts[offset] = max(parts.get(offset, b''), payload, key=len)
        return [(source, destination, assembled(parts)) for source, destination, (_, parts) in streams]

    def save(self, path):
        """As a capture file with Ethernet frames."""
        with open(path, 'wb') as f:
            f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
            for when, frame in list(self.frames):
                f.write(struct.pack('<IIII', int(when), int(when % 1 * 1e6),
                                    len(frame), len(frame)) + frame)
        return path
