# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts for tests with several servers: they register, move, release, die and
answer for what they hold, as real ones do, from port 137 of their addresses.

Hosts answers in a thread of its own and knows who holds what; what it believes
is what its hosts were told. Traffic is what they do by chance, drawn from dice
that the test gives; several may run side by side, each with hosts of its own.
"""
import select
import threading

import nbclient

TTL = 300000
UNIQUE, GROUP, MHOMED = 'unique', 'group', 'mhomed'


class Hosts:
    """addresses: of the hosts, on devices of the network. timeout: s that a
    host waits for a server before it believes that it is not there."""

    def __init__(self, network, addresses, servers, timeout=10):
        self.servers = list(servers)
        self.holds = {ip: {} for ip in addresses}       # ip -> {name: kind}
        self.dead = set()
        self.unanswered = 0     # requests
        self.lock = threading.Lock()
        self.answers, self.asks = {}, {}
        with network.entered():
            for ip in addresses:
                self.answers[ip] = nbclient.Client(self.servers[0], source=ip, source_port=137)
                self.asks[ip] = {server: nbclient.Client(server, source=ip, timeout=timeout)
                                 for server in self.servers}
        self.failures = []      # of the thread; raised by close()
        self.ending = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def close(self):
        self.ending = True
        self.thread.join()
        for ip, client in self.answers.items():
            client.close()
            for other in self.asks[ip].values():
                other.close()
        if self.failures:
            raise self.failures[0]

    # -- being asked

    def run(self):
        try:
            self.serve()
        except Exception as error:      # whatever it is, the test must hear of it
            self.failures.append(error)

    def serve(self):
        by_sock = {c.sock: (ip, c) for ip, c in self.answers.items()}
        while not self.ending:
            for sock in select.select(list(by_sock), [], [], 0.2)[0]:
                ip, client = by_sock[sock]
                data, sender = sock.recvfrom(2048)
                if not data[2] & 0x80 and ip not in self.dead:
                    self.take(ip, client, nbclient.Message(data), sender)

    def take(self, ip, client, msg, sender):
        """A challenge is answered, a release demand takes the name."""
        name = str(msg.name)
        with self.lock:
            held = name in self.holds[ip]
            if msg.opcode == nbclient.RELEASE:
                self.holds[ip].pop(name, None)
        if msg.opcode == nbclient.RELEASE:
            reply = nbclient.build_reply(msg.trn_id, 0xb400, name, nbclient.NB, 0,
                                         nbclient.nb_rdata([(0, ip)]))
        elif held:
            reply = nbclient.build_reply(msg.trn_id, 0x8580, name, nbclient.NB, 0,
                                         nbclient.nb_rdata([(nbclient.H_NODE, ip)]))
        else:
            reply = nbclient.build_reply(msg.trn_id, 0x8583, name, nbclient.NULL)
        client.send(reply, sender)

    # -- asking

    def change(self, opcode, ip, server, name, kind):
        """What the server said: True, False, or None for nothing."""
        flags = nbclient.H_NODE | (nbclient.GROUP if kind == GROUP else 0)
        ttl = 0 if opcode == nbclient.RELEASE else TTL
        try:
            return self.asks[ip][server].change(opcode, name, ttl=ttl, flags=flags).rcode == 0
        except nbclient.Timeout:
            with self.lock:
                self.unanswered += 1
            return None

    def register(self, ip, server, name, kind=UNIQUE):
        """True if the server said yes; False if no, or nothing."""
        opcode = nbclient.MREGISTER if kind == MHOMED else nbclient.REGISTER
        positive = self.change(opcode, ip, server, name, kind)
        if positive:
            with self.lock:
                self.holds[ip][name] = kind
        return positive is True

    def refresh(self, ip, server, name):
        """A host that is refused still wants the name, and says so if asked."""
        with self.lock:
            kind = self.holds[ip].get(name)
        self.change(nbclient.REFRESH, ip, server, name, kind)

    def release(self, ip, server, name):
        with self.lock:
            kind = self.holds[ip].pop(name, None)
        self.change(nbclient.RELEASE, ip, server, name, kind)

    def move(self, old, new, server, name):
        """One host that had the address old has new: it answers no more there."""
        with self.lock:
            self.holds[old].pop(name, None)
        return self.register(new, server, name)

    def die(self, ip):
        """Without a word: it is not asked, and answers nobody, ever again."""
        with self.lock:
            self.dead.add(ip)
            self.holds[ip].clear()

    # -- all of them

    def live(self):
        return sorted(set(self.holds) - self.dead)

    def refresh_all(self, server_of):
        """Every live host refreshes what it holds, at one server each."""
        for ip in self.live():
            with self.lock:
                names = sorted(self.holds[ip])
            for name in names:
                self.refresh(ip, server_of(ip), name)

    def holders(self, name):
        """Live addresses that hold the name, as far as their hosts know."""
        name = str(nbclient.Name.of(name))
        with self.lock:
            return {ip for ip, names in self.holds.items() if name in names}


class Traffic:
    """What some of the hosts do, one thing after the other."""

    def __init__(self, hosts, dice, addresses=None):
        self.hosts, self.dice = hosts, dice
        self.addresses = sorted(addresses or hosts.holds)

    def one_thing(self):
        dice, hosts = self.dice, self.hosts
        ip = dice.choice([a for a in self.addresses if a not in hosts.dead])
        server = dice.choice(hosts.servers)
        own = 'HOST%s' % ip.rsplit('.', maxsplit=1)[-1]
        what = dice.random()
        if what < 0.35:
            hosts.register(ip, server, own + dice.choice(['<00>', '<20>']))
        elif what < 0.5:
            hosts.register(ip, server, 'TEAM%d<00>' % dice.randint(1, 3), GROUP)
        elif what < 0.65:
            hosts.register(ip, server, 'DOM%d<1C>' % dice.randint(1, 2), GROUP)
        elif what < 0.75:
            hosts.register(ip, server, 'SHARED%d<20>' % dice.randint(1, 3))
        elif what < 0.85:
            hosts.register(ip, server, 'MULTI%d<20>' % dice.randint(1, 3), MHOMED)
        else:
            hosts.release(ip, server, dice.choice(
                [own + '<00>', own + '<20>', 'DOM1<1C>', 'SHARED1<20>', 'MULTI1<20>']))
