# SPDX-License-Identifier: GPL-3.0-or-later
"""Do the databases of several servers agree? And where not, by which rule.

A view is what one server holds: {'NAME<20>': record} with type, state, static,
owner, version and members [(address, owner)]. All views must have the same of
each name, but for what EXPLAINED names with the rule of protocol.md that makes
the difference; anything else is found.
"""
import itertools


def ours_of(line):
    """(name, record) of a line that `winsctl --json record list` prints."""
    name = '%s<%02x>%s' % (line['name'], line['suffix'],
                           '.' + line['scope'] if line.get('scope') else '')
    return name, {'type': line['type'], 'state': line['state'], 'static': line['static'],
                  'owner': line['owner'], 'version': line['version'],
                  'members': sorted((a['ip'], a['owner']) for a in line['addresses'])}


def view_of(server):
    """Of a harness.Server."""
    return dict(ours_of(line) for line in server.ctl('record', 'list'))


def addresses(record):
    return {ip for ip, _ in record['members']}


def same(a, b):
    """3.3: one address alone goes without its owner; it is the record's."""
    if a['type'] in ('unique', 'group'):
        a, b = (dict(r, members=[m[0] for m in r['members']]) for r in (a, b))
    return a == b


class Two:
    """What two servers, here and there, have of one name: a and b, or None.
    holders: live hosts that hold the name, where the test knows."""

    def __init__(self, a, here, b, there, holders=None):
        self.a, self.here, self.b, self.there, self.holders = a, here, b, there, holders

    def sides(self):
        """(record, its server, the other's record, its server), both ways."""
        return ((self.a, self.here, self.b, self.there), (self.b, self.there, self.a, self.here))


# ---------------------------------------------------------------- the rules

def released_at_owner(two):
    """4.2: a released record is never sent, and 2.6: who released it knows. Its
    replica stays as it was until a tombstone comes; and a host that took its
    name from one server is still known at the other where it registered too."""
    return any(r and r['owner'] == at and r['state'] == 'released' for r, at, _, _ in two.sides())


def group_address(two):
    """1.4, 2.7, 5.3b: a normal group has one address, that nobody is told, and
    belongs to the server where one of its members refreshed last. With members
    at both servers the two copies go on taking each other's place."""
    a, b = two.a, two.b
    return a['type'] == b['type'] == 'group' and a['state'] == b['state']


def member_expired_late(two):
    """6, and Q184832: a member that was released at its owner without a new
    version (2.7: partial release of an own record) is known to the owner
    only, until the next version."""
    a, b = two.a, two.b
    if a['owner'] == two.there:
        a, b = b, a
    return (a['owner'] == b['owner'] and a['version'] == b['version'] and
            a['type'] == b['type'] and addresses(a) < addresses(b))


def two_holders(two):
    """5.6: each server asked its own holder, that answered, and it keeps it.
    Two hosts claim one name, and both live."""
    a, b = two.a, two.b
    hosts = ('unique', 'mhomed')
    if two.holders is not None and not (addresses(a) & two.holders and addresses(b) & two.holders):
        return False
    return (a['owner'] != b['owner'] and a['state'] == b['state'] == 'active' and
            a['type'] in hosts and b['type'] in hosts and not addresses(a) & addresses(b))


def identical_groups(two):
    """5.3b: of an own special group with the same members and owners nothing
    is taken, not even the version."""
    a, b = two.a, two.b
    return (a['owner'] == two.here and b['owner'] == two.there and
            a['type'] == b['type'] == 'sgroup' and
            a['state'] == b['state'] == 'active' and a['members'] == b['members'])


def member_refreshed(two):
    """2.3 #20 and 2.7: the refresh of a member in a special group of our own
    makes the member ours, and makes no version."""
    mine, theirs = dict(two.a['members']), dict(two.b['members'])
    return (two.a['type'] == two.b['type'] == 'sgroup' and
            two.a['state'] == two.b['state'] == 'active' and
            set(mine) == set(theirs) and mine != theirs and
            all(mine[ip] == theirs[ip] or mine[ip] == two.here or theirs[ip] == two.there
                for ip in mine))


EXPLAINED = [released_at_owner, group_address, member_expired_late, two_holders,
             identical_groups, member_refreshed]


# ---------------------------------------------------------------- judging

def explain(two):
    """The rule that explains a difference, or None."""
    if not two.a or not two.b:
        return 'released_only_here' if (two.a or two.b)['state'] == 'released' else None
    return next((rule.__name__ for rule in EXPLAINED if rule(two)), None)


def differences(views, holders=lambda name: None):
    """views: {server: view}. ({name: {server: record}}, {name: rules}): what
    differs without and with a reason."""
    found, explained = {}, {}
    for name in sorted(set().union(*views.values())):
        have = {server: view.get(name) for server, view in views.items()}
        reasons = {explain(Two(have[x], x, have[y], y, holders(name)))
                   for x, y in itertools.combinations(have, 2)
                   if (have[x] or have[y]) and not
                   (have[x] and have[y] and same(have[x], have[y]))}
        if None in reasons:
            found[name] = have
        elif reasons:
            explained[name] = sorted(reasons)
    return found, explained
