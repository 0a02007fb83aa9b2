#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMB suite's own tests of a replication partner: nbt.winsreplication.

The recipe is protocol.md 9.1 and 9.4: the client is a partner that is never
pulled from, has three addresses (so that no case of `owned` is left out), and
release demands go out at once. assoc_ctx1 is skipped by smbtorture itself; its
client cannot pass it, so testsuite/unit/repl/test_assoc.c plays it.
"""
import os
import random
import re
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'scenario'))
sys.path.insert(0, HERE)
import subject
import wreplclient
from test_smbtorture import CLIENTS, CONFIG, SERVER, verdicts

CLIENT = '127.0.0.21'
OWNERS = ['127.71.1.1', '127.72.1.1', '127.73.1.1']
OPTIONS = {'wins:partners': CLIENT, 'wins:partner ' + CLIENT: 'pull interval=never',
           'wins:demand delay': '0'}
LOADED = 1000


def mixed(seed=4):
    """Records of all types and states of three owners, a version each."""
    dice = random.Random(seed)
    out = []
    for i in range(LOADED):
        kind = dice.choice(['unique', 'group', 'sgroup', 'mhomed'])
        many = dice.randint(1, 25) if kind in ('sgroup', 'mhomed') else 1
        out.append(wreplclient.record(
            'MIX%06d<%02x>' % (i, dice.choice([0x00, 0x03, 0x20, 0x42]) if kind != 'sgroup'
                               else 0x1c),
            ['10.%d.%d.%d' % (i // 250, i % 250, k + 1) for k in range(many)],
            type=kind, state=dice.choice(['active', 'active', 'tombstone']),
            static=dice.random() < 0.1, owner=OWNERS[i % 3], version=i // 3 + 1))
    return out


class WinsReplication(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.environ.get('WINSD_SUBJECT') == 'ad':
            import peers
            peers.AdSamba.partners = {CLIENT: {'pullInterval': '0', 'pushChangeCount': '0'}}
        cls.subject, cls.network = subject.start(cls, options=OPTIONS)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.config = os.path.join(folder.name, 'smb.conf')
        with open(cls.config, 'w', encoding='ascii') as f:
            f.write(CONFIG.format(clients=CLIENTS, server=SERVER, folder=folder.name))

    def torture(self, suite):
        done = self.network.run(['smbtorture', '-s', self.config, '-U%',
                                 '--option=torture:progress=no', '//%s/x' % SERVER, suite])
        print(''.join('# %s\n' % line for line in done.stdout.splitlines()))
        said = verdicts(done.stdout)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:])
        return said, done.stdout

    def load(self):
        with self.network.entered():
            link = wreplclient.Connection(SERVER, source=CLIENT)
        with link:
            link.start()
            asked = link.push(wreplclient.Records(mixed()))
        self.assertEqual([owner for owner, _, _ in asked], OWNERS)

    def test_a_thousand_records_of_three_owners(self):
        """wins_replication pulls the whole database as a partner would."""
        self.load()
        said, text = self.torture('nbt.winsreplication.wins_replication')
        self.assertEqual(said, {'wins_replication': 'success'})
        received = [int(n) for n in re.findall(r'Received (\d+) names', text)]
        self.assertEqual(sum(received), LOADED, text[-3000:])

    def test_winsreplication(self):
        said, text = self.torture('nbt.winsreplication')
        self.assertEqual(said.pop('assoc_ctx1'), 'skip')
        self.assertEqual(said, dict.fromkeys(
            ['assoc_ctx2', 'wins_replication', 'replica', 'owned'], 'success'))
        for case in ('_MA_MA_SB_A', '_UA_UA_DI_A', '_SA_SA_SB_U'):
            self.assertIn(case, text)
        # names stay between runs (a second run of owned takes three minutes)
        said, _ = self.torture('nbt.winsreplication.replica')
        self.assertEqual(said, {'replica': 'success'})


if __name__ == '__main__':
    unittest.main()
