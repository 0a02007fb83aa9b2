# SPDX-License-Identifier: GPL-3.0-or-later
"""The law of arrows of design.md section 2: which room may include which.

The build calls check() before it compiles anything, so an include that points
the wrong way never gets as far as a review.
"""
import os
import re

LAW = {
    'core': [],
    'codec': ['core'],
    'rules': ['core'],
    'store': ['core', 'codec'],
    'serve': ['core', 'rules', 'store'],
    'repl': ['core', 'codec', 'store', 'serve', 'client'],
    'client': ['core', 'codec'],
    'control': ['core', 'codec', 'store', 'serve', 'repl'],
    'net': ['core', 'codec', 'serve', 'repl', 'control'],
}
# The pure rooms: nothing but the C library's headers for values.
PURE = ['core', 'codec', 'rules']
PURE_HEADERS = {'assert.h', 'ctype.h', 'errno.h', 'inttypes.h', 'limits.h', 'stdarg.h',
                'stdbool.h', 'stddef.h', 'stdint.h', 'stdio.h', 'stdlib.h', 'string.h'}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def violations(top):
    """Yield 'file: what is wrong' for each include against the law."""
    for room, allowed in sorted(LAW.items()):
        folder = os.path.join(top, 'source', room)
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if not name.endswith(('.c', '.h')):
                continue
            with open(os.path.join(folder, name), encoding='utf-8') as f:
                text = f.read()
            for kind, header in INCLUDE.findall(text):
                other = header.split('/')[0]
                if kind == '"' and other != room and other not in allowed:
                    yield 'source/%s/%s: %s may not include "%s"' % (room, name, room, header)
                if kind == '<' and room in PURE and header not in PURE_HEADERS:
                    yield 'source/%s/%s: a pure room may not include <%s>' % (room, name, header)


def check(top):
    found = list(violations(top))
    if found:
        raise SystemExit('law of arrows broken:\n  ' + '\n  '.join(found))
