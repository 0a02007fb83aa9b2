# SPDX-License-Identifier: GPL-3.0-or-later
"""Do the databases of several servers agree? And where not, by which rule.

A view is what one server holds: {'NAME<20>': record} with type, state, static,
owner, version and members [(address, owner)]. All views must have the same of
each name, but for what RULES names with the paragraph of protocol.md that makes
the difference; anything else is found.

A rule looks at what a server here has (a) and another there (b), and may ask
what the others have. LIMITS among them are limits of the pinned matrix, where
one more version of the name brings all together.
"""
import itertools

HOSTS = ('unique', 'mhomed')


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
    """have: {server: record or None} of one name. holders: addresses whose
    hosts claim it, where the test knows, else None."""

    def __init__(self, have, here, there, holders=None):
        self.have, self.here, self.there, self.holders = have, here, there, holders
        self.a, self.b = have[here], have[there]

    def active(self, *types):
        """Are both there, active, and of such a type?"""
        return all(r and r['state'] == 'active' and r['type'] in types for r in (self.a, self.b))

    def claimed(self, record):
        return self.holders is None or bool(addresses(record) & self.holders)


# ---------------------------------------------------------------- the rules

def released_at_owner(two):
    """4.2: a released record is never sent, and 2.6: who released it knows. Its
    replicas stay as they were until a tombstone comes; who had none gets none;
    and a host that took its name from one server is still known at the other
    where it registered too."""
    at_owner = two.a and two.have.get(two.a['owner'])
    return at_owner and at_owner['owner'] == two.a['owner'] and at_owner['state'] == 'released'


def group_address(two):
    """1.4, 2.7, 5.3b: a normal group has one address, that nobody is told, and
    belongs to the server where one of its members refreshed last. With members
    at both servers the two copies go on taking each other's place."""
    return two.active('group')


def member_expired_late(two):
    """6, and Q184832: a member that was released at its owner without a new
    version (2.7: partial release of an own record) is known to the owner
    only, until the next version."""
    return (two.active('sgroup', 'mhomed') and two.a['type'] == two.b['type'] and
            two.a['owner'] == two.b['owner'] and two.a['version'] == two.b['version'] and
            two.b['owner'] != two.there and addresses(two.a) < addresses(two.b))


def identical_groups(two):
    """5.3b: of an own special group with the same members and owners nothing
    is taken, not even the version."""
    return two.active('sgroup') and two.a['owner'] == two.here and \
        two.a['members'] == two.b['members']


def member_refreshed(two):
    """2.3 #20 and 2.7: the refresh of a member in a special group of our own
    makes the member ours, and makes no version: whose each member is depends
    on where its host came by last, and on when others heard of the group."""
    return two.active('sgroup') and addresses(two.a) == addresses(two.b)


def two_holders(two):
    """5.6: each server asked its own holder, that answered, and it keeps it.
    Two hosts claim one name, and both live; others have the one or the other."""
    if not two.active(*HOSTS) or not two.claimed(two.a) or not two.claimed(two.b):
        return False
    return len(two.holders) > 1 if two.holders is not None else \
        not addresses(two.a) & addresses(two.b)


def standing_group(two):
    """5.3a, row GA: of the groups of two others what stands stays, whichever is
    newer, and who asks there hears of no other. And two that cross each other
    leave each owner with the other's (5.3b). To clients they are the same."""
    return two.active('group') and two.a['owner'] != two.b['owner'] and \
        any(record and record['owner'] != server for server, record in two.have.items())


def older_came_last(two):
    """5.3a, rows UA and MA: of the hosts of two others the last one that came
    is kept, and who heard of the newer one first has the older one. Nobody
    makes a version of it afterwards."""
    return two.active(*HOSTS) and two.a['owner'] != two.here and two.a['owner'] != two.b['owner']


def holder_gone(two):
    """5.6 and 2.8: a replica was refused because the holder here answered, and
    then it left without a word. What it had stands until its time is over."""
    return two.active(*HOSTS) and two.a['owner'] == two.here and not two.claimed(two.a)


def passed_by(two):
    """4.3: who asks a third server for the versions of an owner is given what
    that holds of them and passes the rest: what was refused there, taken over
    since, or merged into a record of its own (5.4). If two owners have the name
    it can pass both, each where the other stands."""
    owners = {record['owner'] for record in two.have.values() if record}
    return len(two.have) > 2 and len(owners) > 1 and \
        not (two.a and two.b and two.a['owner'] == two.b['owner'])


LIMITS = [older_came_last, holder_gone, passed_by]
ALWAYS = [released_at_owner, group_address, member_expired_late, identical_groups,
          member_refreshed, two_holders, standing_group]
RULES = ALWAYS + LIMITS


# ---------------------------------------------------------------- judging

def explain(have, here, there, holders, rules):
    """The first of them that explains a difference, or None."""
    if not have[here] or not have[there]:
        if (have[here] or have[there])['state'] == 'released':
            return released_at_owner    # and its owner may know nothing of it
    both = Two(have, here, there, holders), Two(have, there, here, holders)
    return next((rule for rule in rules if any(map(rule, both))), None)


def differences(views, holders=lambda name: None, rules=tuple(RULES)):
    """views: {server: view}. ({name: {server: record}}, {name: rules}): what
    differs without and with a reason."""
    found, explained = {}, {}
    for name in sorted(set().union(*views.values())):
        have = {server: view.get(name) for server, view in views.items()}
        reasons = {explain(have, x, y, holders(name), rules)
                   for x, y in itertools.combinations(have, 2)
                   if (have[x] or have[y]) and not
                   (have[x] and have[y] and same(have[x], have[y]))}
        if None in reasons:
            found[name] = have
        elif reasons:
            explained[name] = reasons
    return found, explained


def told(explained):
    """For people."""
    return {name: sorted(rule.__name__ for rule in rules) for name, rules in explained.items()}


def show(found):
    """For people: who has what."""
    lines = []
    for name, have in found.items():
        lines.append(name)
        for server, record in have.items():
            lines.append('    %-15s ' % server + ('nothing' if not record else '%s %s%s of %s/%d %s' % (
                record['type'], record['state'], ' static' if record['static'] else '',
                record['owner'], record['version'],
                ' '.join('%s(%s)' % m for m in record['members']))))
    return '\n'.join(lines)
