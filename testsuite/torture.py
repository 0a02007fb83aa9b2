#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`./waf torture`: the campaigns that are too long for CI.

First 1,000,000 estates of servers in virtual time (testsuite/estate); one that
fails is cut down and kept in build/. Then 100,000 disks as a power cut may leave
them (testsuite/faults/test_crash.c); a bad one stays in /dev/shm and is named.
Then 2,000 times kill -9 on a server under load (testsuite/scale/test_kill.py),
which tells its seed. Then all lengths of a wins.mdb and 10,000 flipped bits in it
(testsuite/unit/migrate/test_ese_broken.c).

Then builds the fuzz targets with libFuzzer under ASan and UBSan and lets each run
for a while from its corpus; inputs that reach new code are merged into
build/torture/TARGET, whence a person may move the good ones to the corpus. A
finding is kept there, printed, and makes the exit status 1. The figures that
were reached are the table at the end: write them down where you claim them.
"""
import argparse
import glob
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.path.join(TOP, 'build', 'fuzzing')
# what one input may be long: a datagram, a value, a session, a configuration
LONGEST = {'fuzz_session': 4096, 'fuzz_smbconf': 4096, 'fuzz_migrate_ese': 8192}


def build():
    env = dict(os.environ, CC='clang', WAFLOCK='.lock-waf-fuzz')
    waf = [sys.executable, os.path.join(TOP, 'waf')]
    subprocess.run(waf + ['configure', '-o', OUT, '--fuzz'], cwd=TOP, env=env, check=True)
    subprocess.run(waf + ['build'], cwd=TOP, env=env, check=True)


def build_plain():
    waf = [sys.executable, os.path.join(TOP, 'waf')]
    subprocess.run(waf + ['configure', 'build'], cwd=TOP, check=True)


def estates(seeds):
    """True if all of them became quiet, and nothing was wrong until then."""
    if seeds == 0:
        return True
    env = dict(os.environ, SEEDS=str(seeds), CMOCKA_MESSAGE_OUTPUT='TAP', WINSD_TOP=TOP,
               WINSD_BUILD=os.path.join(TOP, 'build'))
    return subprocess.run([os.path.join(TOP, 'build', 'test', 'test_estate')], env=env,
                          stdin=subprocess.DEVNULL, check=False).returncode == 0


def crash(images):
    """True if every disk that a power cut left was good."""
    if images == 0:
        return True
    env = dict(os.environ, IMAGES=str(images), CMOCKA_MESSAGE_OUTPUT='TAP')
    return subprocess.run([os.path.join(TOP, 'build', 'test', 'test_crash')], env=env,
                          stdin=subprocess.DEVNULL, check=False).returncode == 0


def kill(rounds):
    """True if nothing was lost or given twice in so many crashes."""
    if rounds == 0:
        return True
    env = dict(os.environ, WINSD_ROUNDS=str(rounds), WINSD_TOP=TOP,
               WINSD_BUILD=os.path.join(TOP, 'build'), PYTHONDONTWRITEBYTECODE='1')
    return subprocess.run([sys.executable, os.path.join(TOP, 'testsuite', 'tap.py'),
                           os.path.join(TOP, 'testsuite', 'scale', 'test_kill.py')], env=env,
                          stdin=subprocess.DEVNULL, check=False).returncode == 0


def moved():
    """True if 200 databases came out as they went in."""
    env = dict(os.environ, DATABASES='200', WINSD_TOP=TOP, PYTHONDONTWRITEBYTECODE='1',
               WINSD_BUILD=os.path.join(TOP, 'build'))
    return subprocess.run([sys.executable, os.path.join(TOP, 'testsuite', 'tap.py'),
                           os.path.join(TOP, 'testsuite', 'scenario', 'test_import.py'),
                           'Stopped.test_databases_by_chance'], env=env,
                          stdin=subprocess.DEVNULL, check=False).returncode == 0


def damaged():
    """True if every damage to a wins.mdb ended in rows or a message."""
    env = dict(os.environ, STEP='1', FLIPS='10000', CMOCKA_MESSAGE_OUTPUT='TAP', WINSD_TOP=TOP)
    return subprocess.run([os.path.join(TOP, 'build', 'test', 'test_ese_broken')], env=env,
                          stdin=subprocess.DEVNULL, check=False).returncode == 0


def run(target, seconds):
    """(executions, edges, the finding's file or None)"""
    name = os.path.basename(target)
    corpus = os.path.join(TOP, 'testsuite', 'fuzz', 'corpus', name[len('fuzz_'):])
    fresh = os.path.join(TOP, 'build', 'torture', name)
    os.makedirs(fresh, exist_ok=True)
    done = subprocess.run(
        [target, '-max_total_time=%d' % seconds, '-max_len=%d' % LONGEST.get(name, 1024),
         '-print_final_stats=1', '-artifact_prefix=%s/finding-' % fresh, fresh, corpus],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode('utf-8', 'replace')
    runs = re.search(r'stat::number_of_executed_units: *(\d+)', text)
    edges = re.findall(r'cov: (\d+)', text)
    found = None
    if done.returncode != 0:
        found = next(iter(glob.glob(fresh + '/finding-*')), fresh)
        print(text[-4000:])
    return int(runs.group(1)) if runs else 0, int(edges[-1]) if edges else 0, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--seconds', type=int, default=600, help='for each target (default 600)')
    parser.add_argument('--target', default='', help='only targets whose name contains this')
    parser.add_argument('--seeds', type=int, default=1000000, help='of estates (default 1000000; '
                        '0: none)')
    parser.add_argument('--images', type=int, default=100000, help='of crashed disks (default '
                        '100000; 0: none)')
    parser.add_argument('--kills', type=int, default=2000, help='of a server under load '
                        '(default 2000; 0: none)')
    options = parser.parse_args()
    build_plain()
    bad = [what for what, good in (('estates of servers', estates(options.seeds)),
                                   ('images of crashed disks', crash(options.images)),
                                   ('ends by kill -9', kill(options.kills)),
                                   ('databases moved', moved()),
                                   ('damage to a wins.mdb', damaged())) if not good]
    build()
    rows = []
    for target in sorted(glob.glob(os.path.join(OUT, 'fuzz', 'fuzz_*'))):
        if options.target in os.path.basename(target):
            rows.append((os.path.basename(target),) + run(target, options.seconds))
    print('\n%-16s %14s %8s  %s' % ('target', 'executions', 'edges', 'finding'))
    for name, runs, edges, found in rows:
        print('%-16s %14d %8d  %s' % (name, runs, edges, found or 'none'))
    for what in bad:
        print('bad %s: see above' % what)
    return 0 if not bad and rows and not any(row[-1] for row in rows) else 1


if __name__ == '__main__':
    sys.exit(main())
