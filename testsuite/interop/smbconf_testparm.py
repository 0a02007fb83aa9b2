#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our parser of smb.conf and the suite's own, testparm, on the same files.

Several hundred small files of every syntactic kind: joins in all places,
comments, blanks, quotes, empty values, odd sections, repeated names, options
of the suite in all spellings. What both make of a file must be the same, but
for DIFFERENCES, each of which says why.

testparm shows an option of an unknown family, `t:name`, as it read it, so the
syntax is compared on those; options that it knows are asked for by name.
"""
import concurrent.futures
import itertools
import json
import os
import random
import re
import subprocess
import tempfile
import unittest

TOP = os.environ.get('WINSD_TOP', os.path.join(os.path.dirname(__file__), '..', '..'))
BUILD = os.environ.get('WINSD_BUILD', os.path.join(TOP, 'build'))
DUMP = os.path.join(BUILD, 'test', 'smbconf_dump')
PARAMETER = re.compile(rb'^\t([^=]*:[^=]*) = ?(.*)$', re.S)
BOM = b'\xef\xbb\xbf'

# What we do otherwise: (which files, why, what to compare instead). None: we
# refuse the file whatever testparm makes of it; SKIP: nothing to compare.
SKIP = object()
BLANK = rb'[ \t\v\f\r]'
JOIN = rb'(?:\\' + BLANK + rb'*\n' + BLANK + rb'*)'
LOOKAHEAD = re.compile(rb'\\B*(J)+(\n|\Z)|\\B+\nB*J|J\\B+\n|J+J(=|$)'.replace(b'J', JOIN).replace(b'B', BLANK))
DIFFERENCES = [
    (lambda text: b'\0' in text,
     'testparm drops what follows a NUL; a configuration that is cut short '
     'without a word is worse than one that is refused', lambda text: None),
    (lambda text: re.search(rb'(?m)^(J|B)*\[(B|J)+\]'.replace(b'J', JOIN).replace(b'B', BLANK), text),
     'a section named by blanks only is a slip, and we say so', lambda text: None),
    (lambda text: text.startswith(BOM),
     'testparm takes a byte order mark for part of the first line, which '
     'hides it; we read the file as if the mark were not there',
     lambda text: text[len(BOM):]),
    (lambda text: re.search(LOOKAHEAD, text),
     'behind a backslash testparm looks for the end of the line through the '
     'join that follows, so that two of them swallow an empty line or end a '
     'statement; ours joins where a backslash is the last thing on its line',
     lambda text: SKIP),
    (lambda text: re.search(rb'(?m)^' + BLANK + rb'*(' + JOIN + rb')+=', text),
     'testparm refuses = without a name, but not with blanks before it behind '
     'a join; we always do', lambda text: None),
]


def fold(name):
    """A name as both compare it: without case and blanks."""
    return re.sub(rb'[ \t\v\f\r]', b'', name).lower()


def section_key(name):
    return b'global' if name is None or fold(name) == b'globals' else fold(name)


def in_file(text, command):
    with tempfile.NamedTemporaryFile(suffix='.conf') as f:
        f.write(text)
        f.flush()
        return subprocess.run(command + [f.name], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def testparm(text):
    """{(section, name): value} of the parametric options, or None: refused."""
    run = in_file(text, ['testparm', '-s', '--suppress-prompt'])
    if run.returncode:
        return None
    found, section = {}, b'global'
    for line in run.stdout.split(b'\n'):
        match = PARAMETER.match(line)
        if line.startswith(b'['):
            section = section_key(line[1:-1])
        elif match and not line.startswith(b'\tidmap config * :'):
            found[section, fold(match.group(1))] = match.group(2)
    return found


def dump(text):
    """The lines of our parser, or None: refused."""
    run = in_file(text, [DUMP])
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    if run.returncode not in (0, 1):
        raise AssertionError('%s: %d %s' % (DUMP, run.returncode, run.stderr))
    return None if run.returncode else lines


def ours(text):
    lines = dump(text)
    if lines is None:
        return None
    found = {}
    for line in lines:
        name = line['name'].encode('latin-1')
        if line['value'] is not None and b':' in name:
            section = line['section'] and line['section'].encode('latin-1')
            found[section_key(section), fold(name)] = line['value'].encode('latin-1')
    return found


def expected(text):
    for applies, _why, instead in DIFFERENCES:
        if applies(text):
            text = instead(text)
            return text if text in (None, SKIP) else testparm(text)
    return testparm(text)


def same(theirs, mine):
    """Equal in [global]. A service that is opened again forgets its parametric
    options in testparm; services are not read by us, their end is all that counts."""
    if theirs is None or mine is None:
        return theirs is mine
    return (set(theirs.items()) <= set(mine.items()) and
            {k for k in mine if k[0] == b'global'} == {k for k in theirs if k[0] == b'global'})


def agree(text):
    """None, or what is different."""
    theirs, mine = expected(text), ours(text)
    return None if theirs is SKIP or same(theirs, mine) else '%r\n  testparm: %r\n  ours:     %r' % (text, theirs, mine)


def joins():
    """A join at every place of a statement, with every kind of tail."""
    statement = b't:one = a b'
    for at, tail in itertools.product(range(len(statement) + 1),
                                      [b'\\\n', b'\\ \n', b'\\\t\r\n', b'\\\n  ', b' \\\n\t']):
        yield statement[:at] + tail + statement[at:] + b'\nt:two = 2\n'
    for end in [b'\\', b'\\ ', b'\\\n', b'\\\\\n', b'\\\\', b'\\\\\\\n', b'\\x', b'\\ x', b'\\\n\n',
                b'\\\n\\\n', b'\\\n  \\\n', b' \\ \\ \n', b'\\\n = x\n', b'\\\r', b'\\\n;c', b'\\\n#c', b'\\\n[x]']:
        yield b't:one = 1' + end
        yield b't:one = 1' + end + b'\nt:two = 2\n'
        yield end + b't:one = 1\nt:two = 2\n'
        yield b'[x]\npath=/tmp\nt:one = 1' + end + b't:two = 2\n'


def comments():
    for mark, blank, rest in itertools.product(
            [b';', b'#'], [b'', b' ', b'\t', b' \t ', b'\v', b'\f'],
            [b'', b't:one = 1', b'c\\', b'\\', b' \\ ', b'[x]', b'=', b'\r']):
        yield blank + mark + rest + b'\nt:two = 2\n'
    for text in [b't:one = 1 ; x', b't:one = 1;x', b't:one = ;x', b't:one = #', b't:one ; = 1',
                 b't:;one = 1', b';', b'#', b';\\\n', b'\\\n;t:one = 1', b' \\\n #t:one = 1',
                 b'\\\n\n;t:one = 1', b't:one = a\\\n;b', b't:one = a\\\n #b\\\nc']:
        yield text
        yield text + b'\nt:two = 2'


def blanks():
    runs = [b'', b' ', b'\t', b'  ', b' \t', b'\t ', b'\v', b'\f', b'\r', b'\r\r ']
    for before, after in itertools.product(runs, runs):
        yield b't:one' + before + b'=' + after + b'1\n'
        yield before + b't:one = a' + after + b'b' + before + b'\nt:two = 2\n'
    for name in [b't:one', b't :one', b't: one', b't : one', b' T:ONE', b't:o n e', b't:o\tne']:
        yield name + b' = 1\n'
        yield b't:one = 0\n' + name + b' = 1\nt:two = 2\n'


def values():
    for value in [b'', b' ', b'""', b'"', b'"a', b'a"', b'"a b"', b'" a  b "', b'"a" "b"', b"'a'", b'a=b',
                  b'=', b'==', b'= a', b'a =', b'a,b', b'a, b', b'%h', b'\\', b'a\\b', b'$(x)', b'`x`',
                  b'\x01', b'a\x7fb', b'\x1b[m', b'\x80\xff', b'\xc3\xa4', b'\xc2\xa0a', b'a' * 200,
                  b'a' * 1023, b'a' * 1024, b'a' * 1025, b'a' * 4096, b'a ' * 5000, b'[x]', b'x]', b'[',
                  b'; x', b'a;b', b'yes', b'0x10', b'-1']:
        yield b't:one = ' + value + b'\nt:two = 2\n'
        yield b't:one=' + value
    for name in [b't:', b':t', b':', b't::a', b't:a:b', b't:[a]', b't:a]', b't:"a"', b't:\x01',
                 b't:\xc3\xa4', b't:' + b'n' * 300, b't:a\\b', b'[t:a', b't:a;b', b't:a#b']:
        yield name + b' = 1\nt:two = 2\n'


def sections():
    for section in [b'[global]', b'[GLOBAL]', b'[Global]', b'[globals]', b'[ global ]', b'[glo bal]',
                    b'[\tglobal]', b'[glo\\\nbal]', b' [global]', b'[global] ', b'[global]x', b'[global];x',
                    b'[global]]', b'[[global]', b'[global] t:one = 1', b'[global]\\\nt:one = 1', b'[x]',
                    b'[x y]', b'[x  y]', b'[x;y]', b'[x#y]', b'[x=y]', b'[x\\y]', b'[x\\]', b'[x\\\n]', b'[]',
                    b'[ ]', b'[\t]', b'[', b'[x', b'[x\ny]', b']', b']x[', b'[\x01]', b'[\xe4]', b'\\\n[x]',
                    b'  \\\n [x]', b'[x]]', b'[' + b'n' * 200 + b']']:
        yield section + b'\npath = /tmp\nt:two = 2\n'
        yield b't:zero = 0\n' + section + b'\npath = /tmp\nt:two = 2\n[global]\nt:three = 3\n'
        yield b'[y]\npath = /tmp\n' + section + b'\nt:two = 2\n'


def files():
    """Whole files: ends, empty ones, marks, lines that are none."""
    for text in [b'', b'\n', b'\n\n\n', b' ', b'\r\n', b'\\', b'\\\n', b'a', b'=', b'= =', b' = 1', b'\\\n= 1',
                 b't:one = 1', b't:one = 1\r', b't:one = 1\r\nt:two = 2\r\n', b't:one\n= 1', b't:one\n\n=1\n',
                 b'junk\nt:one = 1\n', b't:one 1\nt:two = 2\n', b't:one\nt:two = 2\n', b't:one\\\nt:two = 2\n',
                 b't:one = 1\rt:two = 2\n', BOM, BOM + b't:one = 1\n', BOM + b'[x]\npath = /tmp\nt:one = 1\n',
                 BOM + b'\n[global]\nt:one = 1\n', b'\n' + BOM + b't:one = 1\n', b'\0', b't:one = 1\0\n',
                 b't:o\0ne = 1\n', b'[x\0]\n', b';\0\n', b't:one = 1\n\0t:two = 2\n',
                 b't:one = 1\n' * 500, b'\n' * 2000 + b't:one = 1', b'\xff\xfet\0:\0']:
        yield text


def random_files(count):
    """Whatever the pieces make in any order; the seed is fixed."""
    rng = random.Random(20022)
    pieces = [b'\\', b'\n', b' ', b'\t', b'\r', b'=', b';', b'#', b'"', b'x', b't:a', b't:b', b't:c = 1\n',
              b'[global]', b'[s]\npath=/tmp\n', b'\\\n', b'\\ \n', b'=1', b' = a  b\n', b':', b'\v', b'ab']
    for _ in range(count):
        yield b''.join(rng.choice(pieces) for _ in range(rng.randrange(1, 14))) + b'\nt:last = 1\n'


def check_all(test, texts):
    texts = list(dict.fromkeys(texts))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        wrong = [w for w in pool.map(agree, texts) if w]
    test.assertGreater(len(texts), 20)
    test.assertFalse(wrong, '%d of %d files:\n%s' % (len(wrong), len(texts), '\n'.join(wrong[:10])))


class Syntax(unittest.TestCase):
    def test_joins(self):
        check_all(self, joins())

    def test_comments(self):
        check_all(self, comments())

    def test_blanks(self):
        check_all(self, blanks())

    def test_values_and_names(self):
        check_all(self, values())

    def test_sections(self):
        check_all(self, sections())

    def test_names_that_are_not_utf8(self):
        """The suite cannot compare such a name; we ignore it like any other that is not ours."""
        self.assertIsNone(testparm(b't:\xe4 = 1\n'))
        self.assertEqual(ours(b't:\xe4 = 1\n'), {(b'global', b't:\xe4'): b'1'})

    def test_whole_files(self):
        check_all(self, files())

    def test_random(self):
        check_all(self, random_files(250))

    def test_differences_are_differences(self):
        """Each named difference is seen: otherwise it has to go."""
        for applies, why, _instead in DIFFERENCES:
            seen = [t for t in itertools.chain(files(), sections(), joins())
                    if applies(t) and testparm(t) != ours(t)]
            self.assertTrue(seen, why)


class Options(unittest.TestCase):
    """Options that the suite knows: the same name, the same value."""

    def same(self, name, line, shown=None):
        """Our option `name` gets from `line` what testparm gets."""
        lines = dump(line)
        self.assertEqual([l['option'] for l in lines], [name], line)
        theirs = in_file(line, ['testparm', '-s', '--suppress-prompt', '--parameter-name=' + name])
        self.assertEqual(theirs.stdout.rstrip(b'\n').decode('latin-1'), shown or lines[0]['value'], line)

    def test_spellings(self):
        for name, value in [('max wins ttl', '4711'), ('min wins ttl', '4711'), ('nbt port', '1137'),
                            ('workgroup', 'ABC'), ('netbios name', 'ABC'), ('netbios aliases', 'A B'),
                            ('netbios scope', 'A.B'), ('state directory', '/tmp'), ('lock directory', '/tmp'),
                            ('interfaces', 'lo 10.0.0.1/8'), ('wins hook', '/bin/true')]:
            squeezed = name.replace(' ', '')
            for spelling in [name, name.upper(), squeezed, ' ' + name.replace(' ', '  ') + '\t',
                             '\t'.join(name.title().split()), ' '.join(squeezed)]:
                self.same(name, ('%s = %s\n' % (spelling, value)).encode())

    def test_other_names(self):
        self.same('lock directory', b'lock dir = /tmp\n')
        run = in_file(b'debuglevel = 1\n', ['testparm', '-s', '--suppress-prompt'])
        self.assertNotIn(b'nknown parameter', run.stderr)
        self.assertEqual(dump(b'debuglevel = 1\n')[0]['option'], 'log level')

    def test_truth(self):
        """Both take the same words for yes and no, and no others."""
        for word in ['yes', 'Yes', 'YES', 'true', 'True', '1', 'on', 'On', 'no', 'No', 'false', '0', 'off', 'y', 'n',
                     't', 'f', '2', '-1', 'yes no', '"yes"', 'enabled', 'tru', '']:
            line = ('wins support = %s\n' % word).encode()
            run = in_file(line, ['testparm', '-s', '--suppress-prompt', '--parameter-name=wins support'])
            self.assertEqual(dump(line)[0]['result'] == 0, run.returncode == 0, word)
        for word, shown in [('on', 'Yes'), ('1', 'Yes'), ('FALSE', 'No'), ('Off', 'No')]:
            self.same('wins support', ('wins support = %s\n' % word).encode(), shown)

    def test_last_one_wins(self):
        for line in [b'max wins ttl = 5000\nmaxwinsttl = 6000\n', b'lock dir = /tmp\nlock directory = /var\n']:
            self.assertEqual([l['result'] for l in dump(line)], [0, 0])
        run = in_file(b'max wins ttl = 5000\nmaxwinsttl = 6000\n',
                      ['testparm', '-s', '--suppress-prompt', '--parameter-name=max wins ttl'])
        self.assertEqual(run.stdout, b'6000\n')

    def test_numbers(self):
        """Where testparm guesses a number, we refuse: the one place is named."""
        for text, theirs in [('6d', b'6'), ('010', b'8'), ('', b'-1'), ('"300"', b'0'), ('3 4', b'3')]:
            line = ('max wins ttl = %s\n' % text).encode()
            run = in_file(line, ['testparm', '-s', '--suppress-prompt', '--parameter-name=max wins ttl'])
            self.assertEqual((run.stdout.strip(), dump(line)[0]['result']), (theirs, 2), text)
        run = in_file(b'max wins ttl = 0x1000\n',
                      ['testparm', '-s', '--suppress-prompt', '--parameter-name=max wins ttl'])
        self.assertEqual((run.stdout.strip(), dump(b'max wins ttl = 0x1000\n')[0]['result']), (b'4096', 0))

    def test_no_false_hints(self):
        """Every option of the suite passes without a word; 300 and more."""
        run = in_file(b'', ['testparm', '-sv', '--suppress-prompt'])
        shown = [line.strip().split(b' = ', 1) for line in run.stdout.split(b'\n') if b' = ' in line]
        names = [name for name, _value in (pair for pair in shown if len(pair) == 2)]
        names += [line.strip()[:-2] for line in run.stdout.split(b'\n') if line.endswith(b' =')]
        self.assertGreater(len(names), 300)
        led = {b'include', b'copy', b'config file', b'config backend'}
        lines = dump(b'\n'.join(name + b' = x' for name in names if name not in led) + b'\n')
        noted = [l for l in lines if l['option'] is None and l['note']]
        self.assertEqual(noted, [])


if __name__ == '__main__':
    unittest.main()
