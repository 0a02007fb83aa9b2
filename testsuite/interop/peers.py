# SPDX-License-Identifier: GPL-3.0-or-later
"""Other people's WINS servers: nmbd and the SMB suite's AD-style daemon.

Each runs in a Network with a scratch folder for all it writes and is stopped
with it; nothing of the system's own installation is used or changed. Ready
means that it answers a query, not that some time has passed.

The AD-style daemon wants a domain. We give it the three little databases that
its nbt and wrepl services really open, and of its many database modules only
the one for WINS records, unpacked from its package without installing that.
"""
import fcntl
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'scenario'))
import harness
import nbclient

MODULE_PACKAGE = 'samba-dsdb-modules'
CACHE = os.path.join(TOP, 'build', 'cache')

COMMON = """\
[global]
	netbios name = {name}
	workgroup = {group}
	interfaces = {address}/{bits}
	bind interfaces only = yes
	wins support = yes
	dns proxy = no
	private dir = {folder}/private
	lock directory = {folder}/lock
	state directory = {folder}/state
	cache directory = {folder}/cache
	pid directory = {folder}/run
	ncalrpc dir = {folder}/run
	nmbd:socket dir = {folder}/run
	winbindd socket directory = {folder}/run
	ntp signd socket directory = {folder}/run
	log file = {folder}/log/log
	log level = 0
	max log size = 1000
"""


class Peer:
    """A server of somebody else; a subclass says how it is started."""

    label = program = None
    extra = ''

    def __init__(self, network, address, bits=8, name='SPECWINS', group='SPECGRP', pin=(),
                 where=None):
        self.network = network
        self.address, self.bits, self.name, self.group = address, bits, name, group
        self.pin = list(pin)            # words before the command: nice, taskset
        self.folder = tempfile.mkdtemp(prefix='winsd-peer-', dir=where)
        for sub in ('lock', 'state', 'cache', 'private', 'run', 'log'):
            os.makedirs(os.path.join(self.folder, sub))
        self.config = os.path.join(self.folder, 'smb.conf')
        with open(self.config, 'w', encoding='utf-8') as f:
            f.write(COMMON.format(**vars(self)) + self.extra)
        self.process = self.out = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def start(self):
        self.out = open(os.path.join(self.folder, 'log', 'out'), 'wb')
        self.process = self.network.popen(
            self.pin + self.command(), env=dict(os.environ, **self.environment()),
            stdin=subprocess.DEVNULL, stdout=self.out, stderr=subprocess.STDOUT,
            start_new_session=True)
        self.wait_ready()
        return self

    def wait_ready(self):
        deadline = time.monotonic() + harness.PATIENCE
        with self.network.entered():
            client = nbclient.Client(self.address)
        with client:
            while time.monotonic() < deadline and self.process.poll() is None:
                try:
                    client.query('NOT-THERE<20>', timeout=0.2)
                    return
                except nbclient.Timeout:
                    continue
        raise RuntimeError('%s does not answer:\n%s' % (self.label, self.said()))

    def wait_own_names(self):
        """Its own name is claimed on the network first: some seconds."""
        deadline = time.monotonic() + harness.PATIENCE
        with self.network.entered():
            client = nbclient.Client(self.address)
        with client:
            while time.monotonic() < deadline:
                if self.name + '<20>' in [n for n, _ in client.status().names]:
                    return
                client.silent(0.1)
        raise RuntimeError('%s: own name never active' % self.label)

    def said(self):
        text = ''
        for path in glob.glob(os.path.join(self.folder, 'log', '*')):
            with open(path, encoding='utf-8', errors='replace') as f:
                text += f.read()
        return text

    def pids(self):
        """The processes that have port 137 open: who does the work."""
        return self.network.listeners(137)

    def stop(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
        if harness.wait_process(self.process, 10) is None:
            self.process.kill()
            self.process.wait()
        # It was the leader of a session of its own: end its children too.
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass
        self.process = None
        self.out.close()

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Nmbd(Peer):
    """The suite's old NetBIOS daemon: acknowledges from memory."""

    label = 'nmbd'
    extra = """\
	server role = standalone server
	domain master = no
	local master = no
	preferred master = no
"""

    def command(self):
        return ['nmbd', '-F', '-s', self.config, '--no-process-group']


class AdSamba(Peer):
    """The AD-style services nbt and wrepl, without a provisioned domain."""

    label = 'ad'
    extra = """\
	server role = active directory domain controller
	server role check:inhibit = yes
	server services = nbt, wrepl
	dcerpc endpoint servers = winreg
	min wins ttl = 21600
	max wins ttl = 518400
	wreplsrv:periodic_interval = 1
"""

    # partners: {address: {attribute of protocol.md 4.6: value}}
    partners = {}

    def command(self):
        self.make_databases()
        return ['samba', '-F', '-s', self.config, '--no-process-group', '-M', 'standard']

    def environment(self):
        return {'LDB_MODULES_PATH': ldb_modules()}

    def make_databases(self):
        import ldb      # only where the distribution's Python has it
        private = os.path.join(self.folder, 'private')
        base = 'DC=peer,DC=test'
        root = {'dn': '@ROOTDSE', 'defaultNamingContext': [base],
                'rootDomainNamingContext': [base],
                'configurationNamingContext': ['CN=Configuration,' + base],
                'schemaNamingContext': ['CN=Schema,CN=Configuration,' + base]}
        sam = ldb.Ldb('tdb://%s/sam.ldb' % private, flags=0)
        sam.add({'dn': '@SAMBA_DSDB', 'compatibleFeatures': ['none']})
        sam.add(root)
        ldb.Ldb('tdb://%s/privilege.ldb' % private, flags=0)
        config = ldb.Ldb('tdb://%s/wins_config.ldb' % private, flags=0)
        for address, said in self.partners.items():
            config.add({'dn': 'CN=%s,CN=PARTNERS' % address, 'objectClass': 'wreplPartner',
                        'name': address, 'address': address, 'type': '0x3', **said})

    def records(self):
        """Its database as it is: {'NAME<20>': record}, in the words of `winsctl record
        list` (protocol.md 7.5). May be read while it runs."""
        import ldb
        db = ldb.Ldb('tdb://%s/state/wins.ldb' % self.folder, options=['modules:'])
        found = db.search(base='', scope=ldb.SCOPE_SUBTREE, expression='(objectClass=winsRecord)')
        return dict(ad_record(m, self.address) for m in found)


TYPES = ['unique', 'group', 'sgroup', 'mhomed']
STATES = ['active', 'released', 'tombstone']


def ad_record(message, local):
    """(printed name, record) of one entry of wins.ldb."""
    def one(attribute, default=''):
        return (bytes(message[attribute][0]).decode('utf-8', 'backslashreplace')
                if attribute in message else default)

    def outward(owner):
        return local if owner in ('', '0.0.0.0') else owner

    owner = outward(one('winsOwner'))
    members = []
    for value in message.get('address', []):
        parts = dict(p.split(':', 1) for p in str(value).split(';')[1:] if p)
        members.append((str(value).split(';', maxsplit=1)[0], outward(parts.get('winsOwner', owner))))
    # it takes a suffix for a signed char: 0xFFFFFF80
    name = '%s<%02x>%s' % (one('name'), int(one('type'), 16) & 0xff,
                           '.' + one('scope') if 'scope' in message else '')
    return name, {'type': TYPES[int(one('recordType', '0'))],
                  'state': STATES[int(one('recordState', '1'))],
                  'static': one('isStatic', '0') == '1', 'owner': owner,
                  'version': int(one('versionID', '0')), 'members': sorted(members)}


def run_in(folder, words):
    return subprocess.call(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=sys.stderr) == 0


def ldb_modules():
    """A folder with the base modules and the one for WINS, nothing else. One
    test makes it, another that comes at the same time waits."""
    folder = os.path.join(CACHE, 'ldb-modules')
    wins = os.path.join(folder, 'wins_ldb.so')
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, 'ldb-modules.lock'), 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(wins):
            make_modules(folder, wins)
    return folder


def make_modules(folder, wins):
    unpacked = os.path.join(CACHE, MODULE_PACKAGE)
    os.makedirs(unpacked, exist_ok=True)
    download = ['apt-get', '-q', 'download', MODULE_PACKAGE]
    if not run_in(unpacked, download):
        run_in(unpacked, ['apt-get', '-q', 'update'])
        run_in(unpacked, download)
    run_in(unpacked, ['dpkg-deb', '-x'] + glob.glob(unpacked + '/*.deb')[:1] + ['.'])
    base = subprocess.run(['dpkg', '-L', 'libldb2'], check=True, stdout=subprocess.PIPE,
                          universal_newlines=True).stdout.split()
    os.makedirs(folder, exist_ok=True)
    for path in base:
        if '/ldb/' in path and path.endswith('.so') and os.path.isfile(path):
            shutil.copy(path, folder)
    found = [os.path.join(d, n) for d, _, names in os.walk(unpacked) for n in names
             if n == 'wins_ldb.so']
    shutil.copy(found[0], wins + '.new')
    os.rename(wins + '.new', wins)      # last: this file says that all is there
