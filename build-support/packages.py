# SPDX-License-Identifier: GPL-3.0-or-later
"""Which distribution packages are missing, and installing them.

The lists are build-support/packages-build and packages-check, one name a line.
Nothing is fetched or asked for when nothing is missing, so the two commands
work off line and as any user on a machine that is set up. Installing a peer
(samba) must not start its daemons: they would take port 137.
"""
import contextlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
POLICY = '/usr/sbin/policy-rc.d'


class Missing(Exception):
    """Packages are missing and we may not install them."""


def wanted(*lists):
    names = []
    for name in lists:
        with open(os.path.join(HERE, name), encoding='utf-8') as f:
            lines = (line.split('#')[0].strip() for line in f)
            names += [line for line in lines if line]
    return names


def missing(names):
    if not shutil.which('dpkg-query'):
        return []       # another distribution: configure says what it lacks
    found = subprocess.run(
        ['dpkg-query', '-W', '-f', '${db:Status-Status} ${Package}\n'] + names,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True,
        check=False)
    have = {line.split()[1] for line in found.stdout.splitlines()
            if line.startswith('installed ')}
    return [name for name in names if name not in have]


@contextlib.contextmanager
def services_stay_down():
    """Packages that bring a daemon do not start it while we install."""
    ours = not os.path.exists(POLICY)
    if ours:
        with open(POLICY, 'w', encoding='utf-8') as f:
            f.write('#!/bin/sh\nexit 101\n')
        os.chmod(POLICY, 0o755)
    try:
        yield
    finally:
        if ours:
            os.unlink(POLICY)


def apt(*words):
    env = dict(os.environ, DEBIAN_FRONTEND='noninteractive')
    return subprocess.call(['apt-get', '-q', '-y'] + list(words), env=env,
                           stdin=subprocess.DEVNULL, stdout=sys.stderr)


def install(*lists):
    """Install what is missing of these lists; raises Missing if we cannot."""
    names = missing(wanted(*lists))
    if not names:
        return
    command = 'apt-get install --no-install-recommends ' + ' '.join(names)
    if os.geteuid() != 0:
        raise Missing('missing packages; as root run: ' + command)
    print('installing: ' + ' '.join(names), file=sys.stderr, flush=True)
    with services_stay_down():
        words = ['install', '--no-install-recommends'] + names
        if apt(*words) != 0 and (apt('update') != 0 or apt(*words) != 0):
            raise Missing('apt-get failed; try: ' + command)
    left = missing(names)
    if left:
        raise Missing('still missing after installing: ' + ' '.join(left))
