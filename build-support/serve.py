# SPDX-License-Identifier: GPL-3.0-or-later
"""`./waf serve`: from a fresh clone to a server that answers, in one command.

Installs what is missing, configures and builds if needed, and runs winsd in
the foreground on a default configuration: state below build/serve/, loopback
only, ports 137 and 42 when they are allowed and free, else unprivileged ones.
When the server says that it is ready, prints the line that a person types next.
Ctrl-C ends it. WINSD_SERVE_STATE names another state directory.
"""
import os
import signal
import socket
import subprocess
import sys

import packages

CONFIG = """\
# Written by `./waf serve` at each start; not the place for your settings.
[global]
	netbios name = {name}
	workgroup = WINSD
	interfaces = {address}/8
	bind interfaces only = yes
	nbt port = {port}
	wins:replication port = {tcp}
	state directory = {folder}
	lock directory = {folder}
"""
FALLBACK_PORT = 11137
FALLBACK_TCP = 11042


def can_bind(address, port, kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:      # as the server does
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def choose():
    """The first loopback address and port that we may have, and a port for
    replication. Nobody misses that one: there are no partners."""
    for port in (137, FALLBACK_PORT):
        for address in ('127.0.0.1', '127.0.0.137', '127.13.7.1'):
            if can_bind(address, port):
                tcp = 42 if can_bind(address, 42, socket.SOCK_STREAM) else FALLBACK_TCP
                return address, port, tcp
    raise SystemExit('no loopback address has UDP port 137 or %d free' % FALLBACK_PORT)


def configured(top):
    """By this tree (not one that it was copied from) and its wscript?"""
    lock = os.path.join(top, '.lock-waf_%s_build' % sys.platform)
    try:
        with open(lock, encoding='utf-8') as f:
            here = 'top_dir = %r' % top in f.read()
        return here and os.path.getmtime(lock) >= os.path.getmtime(os.path.join(top, 'wscript'))
    except OSError:
        return False


def build(top):
    commands = ['build'] if configured(top) else ['configure', 'build']
    return subprocess.call([sys.executable, os.path.join(top, 'waf')] + commands, cwd=top)


def explain(top, address, port):
    tool = os.path.relpath(os.path.join(top, 'build', 'bin', 'winsregister'))
    where = address if port == 137 else '%s:%d' % (address, port)
    print('\nwinsd answers on %s, UDP port %d. Ctrl-C ends it.\n'
          'Register a name from another terminal, and see it resolved:\n\n'
          "    %s --server %s --name 'HELLO<20>'\n" % (address, port, tool, where), flush=True)


def run(top, address, port, tcp):
    folder = os.environ.get('WINSD_SERVE_STATE') or os.path.join(top, 'build', 'serve')
    os.makedirs(folder, mode=0o700, exist_ok=True)
    config = os.path.join(folder, 'winsd.conf')
    with open(config, 'w', encoding='utf-8') as f:
        f.write(CONFIG.format(name='WINSD', address=address, port=port, tcp=tcp, folder=folder))

    # Readiness as systemd is told it: one datagram on a socket of ours.
    ready = '\0winsd-serve-%d' % os.getpid()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(ready)
        told.settimeout(0.2)
        env = dict(os.environ, NOTIFY_SOCKET='@' + ready[1:])
        # The terminal sends Ctrl-C to the server as well; we wait for it.
        signal.signal(signal.SIGINT, lambda *_: None)
        server = subprocess.Popen([os.path.join(top, 'build', 'bin', 'winsd'), '-i',
                                   '-s', config], env=env, cwd=top)
        signal.signal(signal.SIGTERM, lambda *_: server.terminate())
        while server.poll() is None:
            try:
                if b'READY=1' in told.recv(4096):
                    explain(top, address, port)
                    break
            except socket.timeout:
                continue
        status = server.wait()
    if status == 0:
        print('winsd has ended.')
        return 0
    print('winsd ended with status %d' % status, file=sys.stderr)
    return 1


def main(top):
    try:
        packages.install('packages-build')
    except packages.Missing as error:
        print(error, file=sys.stderr)       # what is there may still do
    if build(top) != 0:
        return 1
    address, port, tcp = choose()
    return run(top, address, port, tcp)
