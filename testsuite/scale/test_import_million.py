#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A million records into the database of a stopped server, with memory that does not
grow with them (issue migration, "Done when"), and then a thousand into that million."""
import os
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                'scenario'))
import harness

COUNT = 1000000
OLD = '192.0.2.9'
MIB = 1 << 10           # in KiB, as /proc says


def anonymous(pid):
    """What it has in memory that is no file."""
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        return int(re.search(r'^RssAnon:\s+(\d+) kB', f.read(), re.M).group(1))


def write(path, numbers, version):
    at = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + 86400))
    line = ('{"name":"HOST%%08d","suffix":32,"scope":"","type":"unique","state":"active",'
            '"node":"H","static":false,"owner":"%s","version":%%d,"expires":"%s","addresses":'
            '[{"ip":"10.%%d.%%d.%%d","owner":"%s","expires":"%s"}]}\n' % (OLD, at, OLD, at))
    with open(path, 'w', encoding='ascii') as f:
        f.write('{"format":"winsd-1"}\n')
        f.writelines(line % (n, version + n, n >> 16 & 255, n >> 8 & 255, n & 255)
                     for n in numbers)


class Million(harness.Case):
    def run_import(self, server, path):
        argv = [os.path.join(harness.BUILD, 'bin', 'winsmigrate'), 'import', '-s', server.config,
                path]
        began = time.monotonic()
        tool = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                universal_newlines=True)
        said, peak = '', 0
        for line in tool.stderr:
            said += line
            if '%' in line:
                peak = max(peak, anonymous(tool.pid))
        tool.stderr.close()
        _, status, used = os.wait4(tool.pid, 0)
        tool.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(tool.returncode, 0, said)
        print('# %.1f s, %.1f s of a CPU, %d KiB of its own' % (
            time.monotonic() - began, used.ru_utime + used.ru_stime, peak), flush=True)
        return said, peak

    def test_import(self):
        server = self.serve()
        server.stop()
        path = os.path.join(server.folder, 'source.jsonl')
        write(path, range(COUNT), 1)
        said, peak = self.run_import(server, path)
        self.assertRegex(said, r'(?m)^ +imported +%d$' % COUNT)
        self.assertTrue(0 < peak < 16 * MIB, peak)
        write(path, range(0, COUNT, 1000), COUNT + 1)
        said, _ = self.run_import(server, path)
        self.assertRegex(said, r'(?m)^ +imported +1000$')
        server.start()
        status, = server.ctl('server', 'status')
        self.assertEqual(status['records'], COUNT)
        with server.client() as client:
            reply = client.query('HOST%08d<20>' % 0x031722)
            self.assertEqual(reply.addrs, ['10.3.23.34'])
        shown, = server.ctl('record', 'show', 'HOST00777000<20>')
        self.assertEqual((shown['owner'], shown['version']), (OLD, COUNT + 1 + 777000))


if __name__ == '__main__':
    unittest.main()
