# -*- python -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# How winsd is built. Rooms are found, not listed: a new file in a room, a new
# unit test or a new fuzz target needs no line here.
import os
import subprocess
import sys

from waflib import Build, Context, Errors, Logs, Options

APPNAME = 'winsd'
VERSION = '0.1'
top = '.'
out = 'build'

sys.path.insert(0, os.path.join(Context.launch_dir or '.', 'build-support'))
import arrows
import serve as serve_command

# One memory of what was built from what, whichever Python runs this: `./waf`
# takes the first on the PATH, `./waf check` the distribution's. With one each
# the second takes what the first built in between for its own.
Context.DBFILE = '.wafpickle-%d' % Context.ABI

ROOMS = ['core', 'codec', 'rules', 'store', 'serve', 'repl', 'client', 'control', 'net']
PURE = ['core', 'codec', 'rules']
PROGRAMS = ['winsd', 'winsctl', 'winsrepair', 'winsregister']    # and winsmigrate, see below
MIGRATE_LIBS = 'LDB ESEDB CSV SQLITE3 SECCOMP'

WARNINGS = '-Wall -Wextra -Wshadow -Wmissing-prototypes -Wsign-compare -Werror'.split()
HARDENING = ('-fstack-protector-strong -fstack-clash-protection -fcf-protection '
             '-ftrivial-auto-var-init=zero').split()
# For x86, gcc clears and copies what is longer than a few words by `rep stos`
# and `rep movs`, which take dozens of cycles to begin. Records are 700 bytes and
# locals are cleared (see above): by libc's memset a query costs half as much.
BLOCKS = ['-mmem%s-strategy=unrolled_loop:64:noalign,libcall:-1:noalign' % f for f in ('set', 'cpy')]
LINK_HARDENING = '-Wl,-z,relro -Wl,-z,now -Wl,-z,defs'.split()


def options(opt):
    opt.load('compiler_c gnu_dirs')
    opt.add_option('--sanitize', default='', help='sanitizers, as in --sanitize=address,undefined')
    opt.add_option('--fuzz', action='store_true', default=False,
                   help='build the libFuzzer targets (needs clang)')
    opt.add_option('--debug', action='store_true', default=False, help='-O0 instead of -O2')
    opt.add_option('--seconds', type='int', default=600,
                   help='torture: how long each fuzz target runs')
    opt.add_option('--seeds', type='int', default=1000000,
                   help='torture: how many estates are lived through')
    opt.add_option('--images', type='int', default=100000,
                   help='torture: how many crashed disks are looked at')
    opt.add_option('--kills', type='int', default=2000,
                   help='torture: how often a server under load is killed')
    opt.add_option('--only', default='', help='check: run only the stages with these names')
    opt.add_option('--quick', action='store_true', default=False,
                   help='bench: one short round, to see that it works')


def configure(conf):
    conf.load('compiler_c gnu_dirs')
    conf.load('clang_compilation_database')
    cfg = conf.check_cfg
    cfg(package='talloc', args='--cflags --libs', uselib_store='TALLOC', atleast_version='2.3')
    cfg(package='tevent', args=['--cflags', '--libs', 'tevent >= 0.11'], uselib_store='TEVENT')
    cfg(package='tdb', args='--cflags --libs', uselib_store='TDB')
    cfg(package='popt', args='--cflags --libs', uselib_store='POPT')
    cfg(package='jansson', args='--cflags --libs', uselib_store='JANSSON')
    cfg(package='libcap-ng', args='--cflags --libs', uselib_store='CAPNG')
    cfg(package='ldb', args='--cflags --libs', uselib_store='LDB')
    cfg(package='libesedb', args='--cflags --libs', uselib_store='ESEDB')
    cfg(package='sqlite3', args='--cflags --libs', uselib_store='SQLITE3')
    cfg(package='libseccomp', args='--cflags --libs', uselib_store='SECCOMP')
    conf.check_cc(header_name='csv.h', lib='csv', uselib_store='CSV')
    cfg(package='cmocka', args='--cflags --libs', uselib_store='CMOCKA', mandatory=False)
    conf.check_cc(header_name='bsd/sys/tree.h')
    env = conf.env
    env.append_unique('CFLAGS', ['-std=c11', '-D_GNU_SOURCE', '-g', '-fPIC',
                                 '-fvisibility=hidden', '-fno-strict-aliasing'] + WARNINGS)
    sanitize = conf.options.sanitize or ('address,undefined' if conf.options.fuzz else '')
    if sanitize:
        flags = ['-fsanitize=' + sanitize, '-fno-sanitize-recover=all', '-fno-omit-frame-pointer']
        env.append_unique('CFLAGS', flags + ['-O1'])
        if env.CC_NAME == 'gcc':    # its guess at truncation depends on what it inlines
            env.append_unique('CFLAGS', ['-Wno-format-truncation'])
        env.append_unique('LINKFLAGS', flags)
    else:
        env.append_unique('CFLAGS', ['-O0'] if conf.options.debug else ['-O2', '-D_FORTIFY_SOURCE=2'])
        env.append_unique('LINKFLAGS', LINK_HARDENING)
        for flag in HARDENING:
            conf.check_cc(cflags=['-Werror', flag], uselib_store='HARDEN', mandatory=False,
                          msg='Checking for ' + flag)
        for flag in BLOCKS:
            conf.check_cc(cflags=['-Werror', flag], uselib_store='BLOCKS', mandatory=False,
                          msg='Checking for ' + flag.split('=')[0])
        env.append_unique('CFLAGS', env.CFLAGS_HARDEN + env.CFLAGS_BLOCKS)
    if conf.options.fuzz:
        env.append_unique('CFLAGS', ['-fsanitize=fuzzer-no-link'])
    env.SANITIZE = sanitize
    env.FUZZ = conf.options.fuzz
    conf.define('WINSD_VERSION', VERSION)
    conf.define('WINSD_MODULE', os.path.join(env.LIBDIR, 'winsd', 'wins.so'))
    conf.define('WINSD_STATEDIR', os.path.join(env.LOCALSTATEDIR, 'lib', 'winsd'))
    conf.define('WINSD_LOCKDIR', os.path.join(env.LOCALSTATEDIR, 'run', 'winsd'))
    conf.define('WINSD_CONFIG', os.path.join(env.SYSCONFDIR, 'winsd', 'winsd.conf'))
    conf.write_config_header('config.h')


def build(bld):
    arrows.check(bld.path.abspath())
    includes = ['source', 'plugins', '.']
    libs = {'store': 'TALLOC TDB', 'serve': 'TALLOC', 'repl': 'TALLOC TEVENT',
            'client': 'TALLOC TEVENT', 'control': 'TALLOC TEVENT', 'net': 'TALLOC TEVENT'}

    # core + codec + rules: one library without a world (see testsuite/unit/purity.py)
    bld.stlib(target='pure', source=[f for r in PURE for f in bld.path.ant_glob('source/%s/*.c' % r)],
              includes=includes, export_includes=includes)
    # the linker needs users before what they use: upper rooms first
    rooms = []
    for room in reversed(ROOMS):
        source = bld.path.ant_glob('source/%s/*.c' % room)
        if room not in PURE and source:
            bld.stlib(target='room_' + room, source=source, includes=includes,
                      use='pure ' + libs[room])
            rooms.append('room_' + room)
    everything = ' '.join(rooms + ['pure', 'TALLOC', 'TEVENT', 'TDB'])

    wiring = bld.path.ant_glob('plugins/wins/*.c')
    if wiring:
        bld.stlib(target='wiring', source=wiring, includes=includes, use=everything)
        everything = 'wiring ' + everything
        bld.env.cshlib_PATTERN = '%s.so'
        bld.shlib(target='modules/wins', source=wiring, includes=includes, use=everything,
                  linkflags=['-Wl,--exclude-libs,ALL'], install_path='${LIBDIR}/winsd')

    common = bld.path.ant_glob('tools/common/*.c')
    if common:
        bld.stlib(target='toolcommon', source=common, includes=includes + ['tools'],
                  use='pure POPT JANSSON TALLOC TEVENT')
    for name in PROGRAMS:
        source = bld.path.ant_glob('tools/%s/*.c' % name)
        if source:
            bld.program(target='bin/' + name, source=source, includes=includes + ['tools'],
                        use='toolcommon room_client room_store pure POPT JANSSON CAPNG TALLOC TEVENT TDB',
                        lib=['dl'], install_path='${SBINDIR}' if name == 'winsd' else '${BINDIR}')
    # winsmigrate: a room of its own beside the tools, a library for its tests
    migrate = bld.path.ant_glob('migrate/**/*.c', excl='migrate/main.c')
    bld.stlib(target='room_migrate', source=migrate, includes=includes + ['tools'],
              use='toolcommon room_client room_store pure ' + MIGRATE_LIBS)
    bld.program(target='bin/winsmigrate', source=['migrate/main.c'], includes=includes + ['tools'],
                use='room_migrate toolcommon room_client room_store pure POPT JANSSON CAPNG TALLOC '
                    'TEVENT TDB ' + MIGRATE_LIBS, install_path='${BINDIR}')
    bld.install_files('${MANDIR}/man1', bld.path.ant_glob('man/*.1'))
    bld.install_files('${MANDIR}/man5', bld.path.ant_glob('man/*.5'))
    bld.install_files('${MANDIR}/man8', bld.path.ant_glob('man/*.8'))
    for page in bld.path.ant_glob('packaging/completion/*'):
        bld.install_files('${DATADIR}/bash-completion/completions', page)
    bld.install_files('${DATADIR}/doc/winsd', ['README.md', 'NEWS', 'packaging/winsd.conf.example'])
    bld.install_files('${PREFIX}/lib/systemd/system', 'packaging/winsd.service')
    bld.install_as('${PREFIX}/lib/sysusers.d/winsd.conf', 'packaging/winsd.sysusers')
    bld.install_as('${PREFIX}/lib/sysctl.d/winsd.conf', 'packaging/winsd.sysctl')
    build_tests(bld, includes + ['testsuite', 'tools'], everything)


def build_tests(bld, includes, everything):
    sim = bld.path.ant_glob('testsuite/sim/*.c')
    if sim:
        bld.stlib(target='sim', source=sim, includes=includes, use=everything)
        everything = 'sim ' + everything
    if bld.env.LIB_CMOCKA:
        tests = bld.path.ant_glob('testsuite/unit/**/test_*.c')
        twice = {t.name for t in tests if [u.name for u in tests].count(t.name) > 1}
        if twice:
            bld.fatal('two tests of one name, only one would run: ' + ' '.join(sorted(twice)))
        for test in tests:
            moved = 'room_migrate ' if test.parent.name == 'migrate' else ''
            bld.program(target='test/' + test.name[:-2], source=[test], includes=includes,
                        use=moved + 'toolcommon ' + everything + ' CMOCKA JANSSON POPT ' +
                            (MIGRATE_LIBS if moved else ''), install_path=None)
        # what stands between the store and libc is in these programs alone
        bld.objects(target='faults', source=bld.path.ant_glob(
                        'testsuite/faults/*.c', excl='testsuite/faults/test_*.c'),
                    includes=includes, use=everything)
        for test in bld.path.ant_glob('testsuite/faults/test_*.c'):
            bld.program(target='test/' + test.name[:-2], source=[test], includes=includes,
                        use='faults ' + everything + ' CMOCKA', install_path=None)
    # Estates: the judge stands between the rooms, by the linker.
    wraps = ('store_put store_delete store_set_mark store_mark serve_replica serve_set_mark '
             'rule_replica wrepl_encode_table owner_known owner_wants owner_told '
             'pull_worked').split()
    bld.objects(target='estate', includes=includes, use=everything, source=bld.path.ant_glob(
                    'testsuite/estate/*.c', excl='testsuite/estate/test_*.c'))
    for test in bld.path.ant_glob('testsuite/estate/test_*.c') if bld.env.LIB_CMOCKA else []:
        bld.program(target='test/' + test.name[:-2], source=[test], includes=includes,
                    use='estate ' + everything + ' CMOCKA', install_path=None,
                    linkflags=['-Wl,--wrap=' + name for name in wraps])
    # Fuzz targets: with --fuzz under libFuzzer, else behind a main() that
    # replays files, so that the corpus runs in every build.
    replay = bld.path.ant_glob('testsuite/fuzz/replay.c')
    for target in bld.path.ant_glob('testsuite/fuzz/fuzz_*.c'):
        moved = target.name.startswith('fuzz_migrate')
        bld.program(target='fuzz/' + target.name[:-2], includes=includes,
                    use='room_migrate toolcommon %s JANSSON POPT %s' % (everything, MIGRATE_LIBS)
                        if moved else everything,
                    source=[target] + ([] if bld.env.FUZZ else replay), install_path=None,
                    linkflags=['-fsanitize=fuzzer'] if bld.env.FUZZ else [])
    for prog in bld.path.ant_glob('testsuite/interop/*.c'): bld.program(target='test/' + prog.name[:-2], source=[prog], includes=includes, use=everything + ' JANSSON', install_path=None)
    for folder in bld.path.ant_glob('testsuite/bench/*', dir=True, src=False):
        bld.program(target='bench/' + folder.name, source=folder.ant_glob('*.c'),
                    includes=includes, use=everything, install_path=None)


# ---- the commands beside configure, build and install ----

def become(script, *words):
    """Run a script in our place: what it prints last is what is read last."""
    sys.stdout.flush()
    path = os.path.join(Context.top_dir or Context.launch_dir, script)
    # the distribution's Python: the one that its bindings are built for
    python = '/usr/bin/python3' if os.path.exists('/usr/bin/python3') else sys.executable
    os.execv(python, [python, path] + [w for w in words if w])


def serve(ctx):
    '''builds and runs the server in the foreground, with a default configuration'''
    sys.exit(serve_command.main(Context.top_dir or Context.launch_dir))


def check(ctx):
    '''builds and runs every test that CI runs'''
    only = Options.options.only
    become('testsuite/run.py', '--jobs=%d' % Options.options.jobs, only and '--only=' + only)


def torture(ctx):
    '''runs the campaigns that are too long for CI'''
    become('testsuite/torture.py', '--seconds=%d' % Options.options.seconds,
           '--seeds=%d' % Options.options.seeds, '--images=%d' % Options.options.images, '--kills=%d' % Options.options.kills)


def bench(ctx):
    '''measures winsd beside nmbd, the AD server and the limits of the machine'''
    become('testsuite/bench/bench.py', Options.options.quick and '--quick')
