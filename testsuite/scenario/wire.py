# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server really said: read from a recording of the wire (network.py).

What it did not do can be shown no other way: no push, no challenge, no release
demand left it, and no version of its own was told.
"""
import struct

import nbclient
import wreplwire as wrepl

PUSHES = (wrepl.UPDATE, wrepl.UPDATE2, wrepl.INFORM, wrepl.INFORM2)


def frames(recorder):
    """[(source, destination, wreplwire.Message)] of TCP 42, addresses alone;
    only whole frames, those of one connection in order."""
    found = []
    for source, destination, data in recorder.streams(42):
        while len(data) >= 4:
            size = 4 + struct.unpack('>I', data[:4])[0]
            if len(data) < size:
                break
            found.append((source[0], destination[0], wrepl.Message(data[4:size])))
            data = data[size:]
    return found


def pushes(recorder, server):
    """The frames by which this server made others pull."""
    return [m for source, _, m in frames(recorder) if source == server and m.command in PUSHES]


def versions(recorder, server):
    """All that it told as its own highest version."""
    return {high for source, _, m in frames(recorder) if source == server
            for owner, high, _ in m.table if owner == server}


def asked(recorder, server):
    """[(destination, nbclient.Message)]: requests of UDP 137 that left it, but
    for the claims of its own names, which are broadcasts."""
    found = []
    for source, destination, data in recorder.datagrams(137):
        if source == (server, 137) and not data[2] & 0x80:
            message = nbclient.Message(data)
            if not message.op & nbclient.BROADCAST:
                found.append((destination[0], message))
    return found
