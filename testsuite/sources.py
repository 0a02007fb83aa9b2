# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files are ours to look at: everything but what a build left."""
import os

TOP = os.environ['WINSD_TOP']
SKIP = {'build', '.git', '__pycache__', 'corpus'}


def files(*endings, below=''):
    found = []
    for folder, folders, names in os.walk(os.path.join(TOP, below)):
        folders[:] = sorted(f for f in folders if f not in SKIP)
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), TOP)
            if not endings or path.endswith(endings):
                found.append(path)
    return found


def text(path):
    with open(os.path.join(TOP, path), encoding='utf-8') as f:
        return f.read()


def programs():
    """Everything with a language: what a person wrote for a machine to run."""
    found = files('.c', '.h', '.py', '.sh') + ['waf', 'wscript']
    for path in files():
        with open(os.path.join(TOP, path), 'rb') as f:
            if path not in found and f.read(2) == b'#!':
                found.append(path)
    return found


def shell():
    found = []
    for path in files():
        with open(os.path.join(TOP, path), 'rb') as f:
            first = f.readline()
        if path.endswith('.sh') or (first.startswith(b'#!') and first.rstrip().endswith(b'sh')):
            found.append(path)
    return found
