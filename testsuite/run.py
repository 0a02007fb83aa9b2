#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`./waf check`: every test that there is, one table of stages, one verdict.

Each stage is a row: its name, what it shows, the build that it needs and the
programs that it runs. A program speaks TAP (see tap.py) and each of its tests
counts; one that says nothing, skips, crashes, leaves tests out or hangs is a
failure. Its whole output is in build/check/STAGE/NAME.log.

The last line is "N passed, N failed"; the exit status is 1 if any failed.
"""
import argparse
import collections
import concurrent.futures
import glob
import os
import re
import signal
import subprocess
import sys
import time

TESTS = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(TESTS)
sys.path.insert(0, os.path.join(TOP, 'build-support'))
sys.path.insert(0, TESTS)
sys.dont_write_bytecode = True
import packages
import tap

PYTHON = '/usr/bin/python3'     # the one that python3-samba is built for
TAIL, AFTER = 60, 20            # lines of a failed program's output shown

# Builds: name -> (output directory, environment, configure options). Each has
# a lock file of its own, so that they do not forget each other. The second
# one uses the other compiler: both must be without a warning.
BUILDS = {
    'plain': ('build', {}, []),
    'asan': ('build/asan', {'CC': 'clang', 'WAFLOCK': '.lock-waf-asan'},
             ['--sanitize=address,undefined']),
    'tsan': ('build/tsan', {'CC': 'clang', 'WAFLOCK': '.lock-waf-tsan'}, ['--sanitize=thread']),
}
SANITIZER_ENV = {
    'ASAN_OPTIONS': 'detect_leaks=1:detect_stack_use_after_return=1:exitcode=99',
    'UBSAN_OPTIONS': 'print_stacktrace=1:halt_on_error=1:exitcode=99',
    'TSAN_OPTIONS': 'halt_on_error=1:second_deadlock_stack=1:exitcode=99',
}

# Unit tests of what starts threads or is called from them.
THREADS = re.compile('disk|journal|tdbfile|loader|health|backup|world|usage_keep')

Program = collections.namedtuple('Program', 'name argv')
Stage = collections.namedtuple('Stage', 'name what build find jobs timeout')

# Stages that wait much more than they compute, in namespaces of their own: they
# begin with the first stage and are told of in their turn.
PATIENT = {'smbtorture'}


def found(*pattern):
    return sorted(glob.glob(os.path.join(TOP, *pattern), recursive=True))


def python_test(path):
    """A Python program: unittest through tap.py, others speak TAP themselves.
    None for a module that others import: it has no main."""
    with open(path, encoding='utf-8') as f:
        text = f.read()
    if "__name__ == '__main__'" not in text:
        return None
    through = [os.path.join(TESTS, 'tap.py')] if re.search('^ *import unittest', text, re.M) else []
    return Program(os.path.splitext(os.path.basename(path))[0], [PYTHON] + through + [path])


def python_tests(*patterns, but=()):
    def find(_build):
        paths = [p for pattern in patterns for p in found('testsuite', pattern)
                 if os.path.basename(p) not in but]
        return [test for test in map(python_test, paths) if test]
    return find


def unit_tests(build):
    """What was built for each source; a test that was not built still counts."""
    names = [os.path.basename(p)[:-2] for p in found('testsuite/unit/**/test_*.c')]
    return [Program(n, [os.path.join(TOP, build, 'test', n)]) for n in names]


def threaded_tests(build):
    """Those of programs with threads, and all of winsd's at once."""
    return ([test for test in unit_tests(build) if THREADS.search(test.name)] +
            python_tests('scenario/test_threads.py')(build))


def threaded_targets():
    """What those need of a build; the rest would take longer than they do."""
    tests = ['test/' + test.name for test in unit_tests('') if THREADS.search(test.name)]
    return ['bin/winsd', 'bin/winsctl', 'modules/wins', 'bench/load'] + tests


def fault_tests(build):
    """Disks and memory that fail."""
    names = [os.path.basename(p)[:-2] for p in found('testsuite/faults/test_*.c')]
    return [Program(n, [os.path.join(TOP, build, 'test', n)]) for n in names]


def estate_tests(build):
    """Whole estates of servers in virtual time."""
    names = [os.path.basename(p)[:-2] for p in found('testsuite/estate/test_*.c')]
    return [Program(n, [os.path.join(TOP, build, 'test', n)]) for n in names]


def fuzz_replays(build):
    """Each fuzz target over its corpus, behind the replaying main()."""
    names = [os.path.basename(p)[:-2] for p in found('testsuite/fuzz/fuzz_*.c')]
    return [Program(n, [PYTHON, os.path.join(TESTS, 'fuzz', 'replay.py'),
                        os.path.join(TOP, build, 'fuzz', n),
                        os.path.join(TESTS, 'fuzz', 'corpus', n[len('fuzz_'):])])
            for n in names]


STAGES = [
    Stage('static', 'law of arrows, pure rooms, budgets, linters, man pages',
          'plain', python_tests('unit/purity.py', 'static/*.py'), 2, 300),
    Stage('unit', 'every room for itself', 'plain', unit_tests, 2, 120),
    Stage('faults', 'power cuts, disks and memory that fail', 'plain', fault_tests, 2, 900),
    Stage('estate', 'whole estates of servers in virtual time', 'plain', estate_tests, 1, 900),
    Stage('asan', 'the same under ASan and UBSan, clang', 'asan', unit_tests, 2, 300),
    Stage('python', 'the test tools themselves', 'plain',
          python_tests('unit/**/test_*.py', 'scenario/nbclient.py', 'scenario/wrepl*.py',
                       'bench/test_*load.py'), 2, 120),
    Stage('fuzz', 'corpus replay under ASan and UBSan', 'asan', fuzz_replays, 2, 300),
    Stage('scenario', 'real winsd processes, ASan and UBSan', 'asan',
          python_tests('scenario/*.py', but=['nbclient.py', 'wreplclient.py', 'wreplwire.py']), 2, 300),
    Stage('tsan', 'threads, and real winsd processes, under TSan', 'tsan', threaded_tests, 2, 300),
    Stage('commands', './waf serve and the build as a person meets them', 'plain',
          python_tests('commands/*.py'), 1, 300),
    Stage('smbtorture', "the SMB suite's own WINS tests", 'plain',
          python_tests('interop/test_smbtorture.py', 'interop/test_winsreplication.py'), 1, 500),
    Stage('interop', 'foreign clients, decoders and parsers', 'plain',
          python_tests('interop/*.py', but=['test_smbtorture.py', 'test_winsreplication.py']), 2,
          500),
    Stage('scale', 'a million records', 'plain', python_tests('scale/test_*.py'), 1, 300),
    Stage('bench', 'a short round of the bench: everything measured, nothing wrong', 'plain',
          python_tests('bench/test_bench.py'), 1, 300),
]


class Ledger:
    """Who passed, who failed, and where the time went."""

    def __init__(self):
        self.rows = collections.OrderedDict()
        self.failures = []

    def add(self, stage, passed, failed, seconds):
        row = self.rows.setdefault(stage, [0, 0, 0.0])
        row[0] += passed
        row[1] += len(failed)
        row[2] += seconds
        self.failures += ['%s: %s' % (stage, name) for name in failed]

    def totals(self):
        return [sum(row[i] for row in self.rows.values()) for i in range(3)]

    def print(self):
        passed, failed, seconds = self.totals()
        print('\n%-12s %8s %8s %9s' % ('stage', 'passed', 'failed', 'seconds'))
        for stage, row in self.rows.items():
            print('%-12s %8d %8d %9.1f' % (stage, row[0], row[1], row[2]))
        print('%-12s %8d %8d %9.1f\n' % ('all', passed, failed, seconds))
        for failure in self.failures:
            print('FAILED ' + failure)
        print('%d passed, %d failed' % (passed, failed))
        return 1 if failed or not passed else 0


def end_group(process):
    """Stop what is left of a program that we started in its own session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run_program(stage, program, build):
    """Run one program; returns its outcome, seconds and log file."""
    folder = os.path.join(TOP, 'build', 'check', stage.name)
    os.makedirs(folder, exist_ok=True)
    log = os.path.join(folder, program.name + '.log')
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT='TAP', WINSD_TOP=TOP,
               WINSD_BUILD=os.path.join(TOP, build), WINSD_PYTHON=sys.executable,
               PYTHONDONTWRITEBYTECODE='1',
               **SANITIZER_ENV)
    begin, timed_out, status = time.monotonic(), False, 127
    with open(log, 'wb') as out:
        try:
            process = subprocess.Popen(program.argv, stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=subprocess.STDOUT, env=env, cwd=TOP,
                                       start_new_session=True)
        except OSError as error:
            out.write(('cannot run: %s\n' % error).encode())
        else:
            try:
                status = process.wait(stage.timeout)
            except subprocess.TimeoutExpired:
                timed_out = True
            end_group(process)
            process.wait()
    with open(log, encoding='utf-8', errors='replace') as text:
        outcome = tap.Outcome().read(text.read())
    outcome.close(status, timed_out, program.name)
    return outcome, time.monotonic() - begin, log


def told(lines):
    """What to show of a failed program: what follows each failure (cmocka
    tells why after it), or the end if it died without a word."""
    picked, left = [], 0
    for line in lines:
        if line.startswith('not ok'):
            left = AFTER
        elif not line.startswith('#'):
            left = 0
        if left > 0:
            picked.append(line)
            left -= 1
    return picked[:TAIL] or lines[-TAIL:]


def show(stage, program, outcome, seconds, log):
    print('%-4s %-34s %5d passed %7.1f s' % (
        'FAIL' if outcome.failed else 'ok', stage.name + '/' + program.name,
        len(outcome.passed), seconds))
    if outcome.failed:
        with open(log, encoding='utf-8', errors='replace') as text:
            lines = [line.rstrip() for line in text]
        for line in told(lines):
            print('     | ' + line)
        print('     | all of it: ' + os.path.relpath(log, TOP))
    sys.stdout.flush()


def begin_stage(stage, jobs):
    """Its programs, each with the future of its outcome."""
    build = BUILDS[stage.build][0]
    pool = concurrent.futures.ThreadPoolExecutor(min(jobs, stage.jobs))
    running = [(p, pool.submit(run_program, stage, p, build)) for p in stage.find(build)]
    pool.shutdown(wait=False)
    return running


def run_stage(stage, ledger, running):
    """Tell what became of a stage; its time is what was waited for it."""
    begin = time.monotonic()
    print('\n== %s: %s' % (stage.name, stage.what), flush=True)
    if not running:
        ledger.add(stage.name, 0, ['no program found'], 0)
        return
    for program, future in running:
        outcome, seconds, log = future.result()
        show(stage, program, outcome, seconds, log)
        ledger.add(stage.name, len(outcome.passed), outcome.failed, 0)
    ledger.add(stage.name, 0, [], time.monotonic() - begin)


def make(build, ledger, jobs):
    """Configure and build a variant: one test of its own. True if it worked."""
    out, env, options = BUILDS[build]
    begin = time.monotonic()
    print('\n== build %s in %s' % (build, out), flush=True)
    waf = [sys.executable, os.path.join(TOP, 'waf')]
    env = dict(os.environ, **env)
    some = ['--targets=' + ','.join(threaded_targets())] if build == 'tsan' else []
    good = all(subprocess.call(waf + words, cwd=TOP, env=env, stdin=subprocess.DEVNULL) == 0
               for words in (['configure', '-o', out] + options, ['build', '-j%d' % jobs] + some))
    ledger.add('build ' + build, int(good), [] if good else ['does not build'],
               time.monotonic() - begin)
    return good


def get_packages(ledger):
    begin = time.monotonic()
    failed = []
    try:
        packages.install('packages-build', 'packages-check')
    except packages.Missing as error:
        print(error)
        failed = [str(error)]
    ledger.add('packages', int(not failed), failed, time.monotonic() - begin)


def main():
    names = [s.name for s in STAGES]
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--only', default='', help='stages: ' + ', '.join(names))
    parser.add_argument('--jobs', type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    only = [n for n in args.only.split(',') if n]
    unknown = [n for n in only if n not in names]
    if unknown:
        parser.error('no stage %s; there are: %s' % (', '.join(unknown), ', '.join(names)))
    stages = [s for s in STAGES if not only or s.name in only]

    ledger = Ledger()
    get_packages(ledger)
    broken = [b for b in BUILDS if any(s.build == b for s in stages)
              and not make(b, ledger, args.jobs)]
    early = {s.name: begin_stage(s, args.jobs) for s in stages
             if s.name in PATIENT and s.build not in broken}
    for stage in stages:
        if stage.build in broken:
            ledger.add(stage.name, 0, ['not run: build %s failed' % stage.build], 0)
        else:
            run_stage(stage, ledger, early.get(stage.name) or begin_stage(stage, args.jobs))
    return ledger.print()


if __name__ == '__main__':
    sys.exit(main())
