#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The law of arrows and the pure rooms (design.md section 2).

core, codec and rules are one static library. What it asks the linker for is
read with nm: functions on values and nothing else, so no memory, no file, no
socket, no clock, no randomness. The list says what is allowed; whatever is
not on it is a finding, a function that nobody thought of as well.

Each check is also shown a planted fault: a check that cannot fail is none.
"""
import os
import subprocess
import sys
import tempfile
import unittest

TOP = os.environ['WINSD_TOP']
BUILD = os.environ['WINSD_BUILD']
sys.path.insert(0, os.path.join(TOP, 'build-support'))
import arrows

# qsort is not here: glibc's allocates. __cpu_model is what libgcc knows of the
# processor's instructions.
ALLOWED = set('''
    memcpy memmove memset memcmp memchr memrchr strlen strnlen strcmp strncmp
    strchr strrchr strspn strcspn strstr strcasecmp strncasecmp
    strtol strtoul strtoll strtoull snprintf vsnprintf bsearch abort
    toupper tolower isalnum isalpha isdigit isprint isspace isxdigit
    __cpu_model __ctype_b_loc __ctype_tolower_loc __ctype_toupper_loc
    __isoc99_sscanf __assert_fail __stack_chk_fail _GLOBAL_OFFSET_TABLE_
    __memcpy_chk __memmove_chk __memset_chk __snprintf_chk __vsnprintf_chk
    __isoc23_strtol __isoc23_strtoul __isoc23_strtoll __isoc23_strtoull
'''.split())

# A few that must be found, by the world that they would let in.
WORLD = {
    'memory': 'malloc(1)', 'clock': 'time(0)', 'file': 'fopen("a", "r")',
    'socket': 'socket(2, 2, 0)', 'randomness': 'random()', 'log': 'puts("a")',
    'environment': 'getenv("A")', 'talloc': 'talloc_named_const(0, 1, "")',
    'tdb': 'tdb_close(0)', 'tevent': 'tevent_context_init(0)',
    'sorting that allocates': 'qsort(0, 0, 0, 0)',
}


def outside(library):
    """Symbols that the library needs and does not define, unless allowed."""
    out = subprocess.run(['nm', library], check=True, stdout=subprocess.PIPE,
                         universal_newlines=True).stdout
    defined, needed = set(), set()
    for line in out.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == 'U':
            needed.add(words[1])
        elif len(words) == 3:
            defined.add(words[2])
    return sorted(needed - defined - ALLOWED)


def compiled(folder, expression):
    source, library = os.path.join(folder, 'planted.c'), os.path.join(folder, 'planted.o')
    with open(source, 'w', encoding='ascii') as f:
        f.write('long nb_planted(void) { return (long)%s; }\n' % expression)
    subprocess.run(['gcc', '-w', '-fno-builtin', '-c', source, '-o', library], check=True)
    return library


class Purity(unittest.TestCase):
    def test_pure_rooms_need_nothing_of_the_world(self):
        self.assertEqual(outside(os.path.join(BUILD, 'libpure.a')), [])

    def test_the_library_is_not_empty(self):
        out = subprocess.run(['nm', os.path.join(BUILD, 'libpure.a')], check=True,
                             stdout=subprocess.PIPE, universal_newlines=True).stdout
        for symbol in ('nb_record_settle', 'nbns_decode', 'dbrec_encode'):
            self.assertTrue(' T ' + symbol in out, symbol)

    def test_planted_calls_are_found(self):
        for world, expression in WORLD.items():
            with self.subTest(world), tempfile.TemporaryDirectory() as folder:
                self.assertEqual(outside(compiled(folder, expression)),
                                 [expression.split('(')[0]])


class Arrows(unittest.TestCase):
    def test_no_include_points_the_wrong_way(self):
        self.assertEqual(list(arrows.violations(TOP)), [])

    def test_planted_includes_are_found(self):
        planted = {
            'core': '#include "codec/nbns.h"', 'codec': '#include "store/store.h"',
            'rules': '#include <talloc.h>', 'store': '#include "serve/serve.h"',
            'serve': '#include "net/door.h"', 'repl': '#include "net/udp.h"',
            'client': '#include "store/store.h"', 'control': '#include "net/door.h"',
            'net': '# include  "store/store.h"',
        }
        for room, line in planted.items():
            with self.subTest(room), tempfile.TemporaryDirectory() as top:
                folder = os.path.join(top, 'source', room)
                os.makedirs(folder)
                with open(os.path.join(folder, 'a.c'), 'w', encoding='ascii') as f:
                    f.write('/* a */\n' + line + '\n')
                self.assertEqual(len(list(arrows.violations(top))), 1)

    def test_a_rule_may_include_its_own_room_and_core(self):
        with tempfile.TemporaryDirectory() as top:
            os.makedirs(os.path.join(top, 'source', 'rules'))
            with open(os.path.join(top, 'source', 'rules', 'a.c'), 'w', encoding='ascii') as f:
                f.write('#include "rules/rules.h"\n#include "core/name.h"\n'
                        '#include <string.h>\n')
            self.assertEqual(list(arrows.violations(top)), [])


if __name__ == '__main__':
    unittest.main()
