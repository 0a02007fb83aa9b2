# SPDX-License-Identifier: GPL-3.0-or-later
"""What Windows leaves as text, as a person meets it: a configuration that
winsd takes, refused entries that can be mended, includes that are missing."""
import os
import shutil
import subprocess
import tempfile
import unittest

BIN = os.path.join(os.environ['WINSD_BUILD'], 'bin')
KEY = 'HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\WINS'
REGISTRY = '''Windows Registry Editor Version 5.00

[%(key)s\\Parameters]
"RefreshInterval"=dword:00054600
"VerifyInterval"=dword:001fa400
"BurstQueSize"=dword:0000012c
"UseSelfFndPnrs"=dword:00000001
"NoOfWrkThds"=dword:00000002
[%(key)s\\Partners\\Pull\\192.0.2.2]
"TimeInterval"=dword:00000e10
"SpTime"="02:30:00"
[%(key)s\\Partners\\Push\\192.0.2.2]
"UpdateCount"=dword:00000028
[%(key)s\\Partners\\Push\\192.0.2.3]
''' % {'key': KEY}
SCRIPT = '''set namerecord renew=345600 extinction=345600 extimeout=345600 verification=2073600
set burstparam state=1 value=300
set autopartnerconfig state=1 interval=0 ttl=2
add partner server=192.0.2.2 type=2
add partner server=192.0.2.3 type=1
set pullpartnerconfig state=1 server=192.0.2.2 start=9000 interval=3600
set pushpartnerconfig state=1 server=192.0.2.2 update=40
set pushpartnerconfig state=1 server=192.0.2.3 update=0
add name Name=PC EndChar=20 IP={192.0.2.9}
'''
OURS = '[global]\nnetbios name = NEW\ninterfaces = 192.0.2.1/24\nwins support = yes\n'
TITLES = 'Record Name\tType\tIP Address\tState\n'


class Windows(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def put(self, name, text, encoding='latin-1'):
        with open(self.path(name), 'w', encoding=encoding, newline='\r\n') as f:
            f.write(text)

    def get(self, name):
        with open(self.path(name), encoding='latin-1') as f:
            return f.read()

    def run_it(self, program, *words, status=0):
        done = subprocess.run([os.path.join(BIN, program)] + list(words), cwd=self.folder,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False,
                              universal_newlines=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertNotIn('Sanitizer', done.stderr)
        return done

    def convert(self, *words, status=0):
        return self.run_it('winsmigrate', 'convert', *words, status=status)

    def effective(self, fragment):
        """What winsd makes of the fragment below what is the server's own."""
        with open(self.path('conf'), 'w', encoding='latin-1') as f:
            f.write(OURS + fragment)
        return self.run_it('winsd', '-t', '-s', 'conf').stdout

    def check(self, said):
        for line in ('max wins ttl = 345600', 'wreplsrv:verify_interval = 2073600',
                     'wins:burst threshold = 300', 'wins:autodiscovery = both',
                     'wins:partners = 192.0.2.2 192.0.2.3(push)',
                     'wins:partner 192.0.2.2 = pull interval=3600, start time=02:30, '
                     'push count=40',
                     'wins:partner 192.0.2.3 = push count=0'):
            self.assertIn('\n\t%s\n' % line, said)

    def test_registry(self):
        self.put('wins.reg', REGISTRY, 'utf-16')
        done = self.convert('wins.reg', '-t', 'config')
        self.check(self.effective(done.stdout))
        self.assertIn('\t# NoOfWrkThds = 2: ', done.stdout)

    def test_script(self):
        self.put('dump.txt', SCRIPT)
        done = self.convert('dump.txt', '-t', 'config', status=4)
        self.check(self.effective(done.stdout))
        self.assertIn('1  not a setting: PC<20> (at 9)', done.stderr)
        done = self.convert('-y', 'dump.txt', '-t', 'netsh-add', '--server', 'hub')
        self.assertIn('netsh wins server \\\\hub add name Name=PC EndChar=20', done.stdout)

    def test_refused_rows_are_mended(self):
        self.put('list.txt', TITLES + 'A\t[20h] x\t192.0.2.1\tActive\n'
                 'B\t[20h] x\t192.0.2.2\tErloschen\n', 'utf-16')
        self.convert('list.txt', '-t', 'winsd', 'one', status=4)
        raw = self.get('one.skipped.raw')
        self.assertEqual(raw, TITLES + 'B\t[20h] x\t192.0.2.2\tErloschen\n')
        self.put('mended', raw.replace('Erloschen', 'Released'))
        done = self.convert('mended', '-t', 'winsd')
        self.assertIn('{"name":"B","suffix":32,"type":"unique","state":"released"',
                      done.stdout)
        self.put('wins.reg', REGISTRY.replace('dword:00054600', 'dword:54600s'))
        self.convert('wins.reg', '-t', 'config', 'two', status=4)
        self.put('mended', self.get('two.skipped.raw').replace('54600s', '54600'))
        done = self.convert('mended', '-t', 'config')
        self.assertIn('\tmax wins ttl = 345600\n', done.stdout)

    def test_missing_include(self):
        self.put('lmhosts', '192.0.2.1 A\n#INCLUDE \\\\SRV\\PUBLIC\\LMHOSTS.ALL\n')
        done = self.convert('lmhosts', '-t', 'winsd', 'one', status=4)
        self.assertIn('line 2: #INCLUDE \\\\SRV\\PUBLIC\\LMHOSTS.ALL: ', done.stderr)
        self.put('LMHOSTS.ALL', '192.0.2.2 B\n')
        self.convert('lmhosts', '-t', 'winsd', 'two')
        self.assertEqual(self.get('two').count('"ip"'), 6)


if __name__ == '__main__':
    unittest.main()
