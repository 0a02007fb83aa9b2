#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registry files that another program writes.

The SMB suite's `net registry` takes the keys of a WINS server into a registry
of its own and exports them in both forms of such files. What winsmigrate makes
of them is the same as of the file that was typed. (It drops a value that has
no blank line behind it at the end of a file, so there is one.)
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'scenario'))
import harness

PROGRAM = os.path.join(harness.BUILD, 'bin', 'winsmigrate')
WINS = 'SYSTEM\\CurrentControlSet\\Services\\WINS'
KEY = '[HKEY_LOCAL_MACHINE\\' + WINS
TYPED = '''Windows Registry Editor Version 5.00

%(key)s\\Parameters]
"RefreshInterval"=dword:00054600
"BurstQueSize"=dword:0000012c
"BackupDirPath"="D:\\\\wins \\"bak\\""
"DbFileNm"=hex(2):25,00,53,00,79,00,73,00,74,00,65,00,6d,00,52,00,\\
  6f,00,6f,00,74,00,25,00,00,00
%(key)s\\Partners]
"PersonaNonGrata"=hex(7):31,00,39,00,32,00,2e,00,30,00,2e,00,32,00,\\
  2e,00,36,00,36,00,00,00,31,00,39,00,32,00,2e,00,30,00,2e,00,32,00,\\
  2e,00,36,00,37,00,00,00,00,00
%(key)s\\Partners\\Pull\\192.0.2.2]
"SpTime"="02:30:00"
"TimeInterval"=dword:00000e10
%(key)s\\Partners\\Push\\192.0.2.4]
"UpdateCount"=dword:00000028

''' % {'key': KEY}
EXPECTED = '''\
	# BackupDirPath = D:\\wins "bak": backups go to the state directory; wins:backup says how often
	# DbFileNm = %SystemRoot%: the database is in the state directory
	wreplsrv:renew_interval = 345600
	# Windows grants its renewal interval, whatever was asked for
	min wins ttl = 345600
	max wins ttl = 345600
	wins:burst threshold = 300
	wins:block owners = 192.0.2.66 192.0.2.67
	wins:partners = 192.0.2.2(pull) 192.0.2.4(push)
	wins:partner 192.0.2.2 = pull interval=3600, start time=02:30
	wins:partner 192.0.2.4 = push count=40
'''


class Registry(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        with open(os.path.join(self.folder, 'smb.conf'), 'w', encoding='ascii') as f:
            f.write('[global]\nnetbios name = TEST\n' + ''.join(
                '%s = %s\n' % (option, self.folder) for option in
                ('private dir', 'lock directory', 'state directory', 'cache directory')))
        with open(os.path.join(self.folder, 'typed.reg'), 'w', encoding='ascii') as f:
            f.write(TYPED)
        self.run_it('net', '-s', 'smb.conf', 'registry', 'import', 'typed.reg')

    def run_it(self, *words):
        return subprocess.run(words, cwd=self.folder, stdin=subprocess.DEVNULL, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              universal_newlines=True, timeout=60).stdout

    def fragment(self, name):
        return self.run_it(PROGRAM, 'convert', name, '-t', 'config').split('[global]\n')[1]

    def test_typed(self):
        self.assertEqual(self.fragment('typed.reg'), EXPECTED)

    def test_exported(self):
        for form in ([], ['regedit4']):
            with self.subTest(form):
                self.run_it('net', '-s', 'smb.conf', 'registry', 'export', 'HKLM\\' + WINS,
                            'out.reg', *form)
                with open(os.path.join(self.folder, 'out.reg'), 'rb') as f:
                    self.assertEqual(f.read().startswith(b'REGEDIT4'), bool(form))
                self.assertEqual(self.fragment('out.reg'), EXPECTED)


if __name__ == '__main__':
    unittest.main()
