# SPDX-License-Identifier: GPL-3.0-or-later
"""replay.py TARGET CORPUS: a fuzz target over its corpus, as one TAP test.

All files go to the target at once; only if that fails each goes alone, so
that the ones to look at are named. A target without a corpus fails: then
nothing of what the fuzzer once found is guarded.
"""
import os
import subprocess
import sys


def feed(target, paths):
    done = subprocess.run([target] + paths, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode('utf-8', 'replace')


def main(target, corpus):
    name = os.path.basename(target)
    paths = sorted(os.path.join(d, f) for d, _, files in os.walk(corpus) for f in files)
    print('1..1')
    if not paths:
        print('not ok 1 - %s: no corpus in %s' % (name, corpus))
        return 1
    try:
        status, said = feed(target, paths)
    except OSError as error:
        status, said = 127, str(error)
    if status == 0:
        print('ok 1 - %s: %d inputs' % (name, len(paths)))
        return 0
    print('not ok 1 - %s: status %d' % (name, status))
    bad = [(p, text) for p in paths for code, text in [feed(target, [p])] if code] \
        if os.path.exists(target) else []
    for path, text in bad[:5] or [('all together', said)]:
        print('# %s\n%s' % (path, ''.join('#   %s\n' % line for line in text.splitlines()[:40])))
    return 1


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
