# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is tested: winsd, or with WINSD_SUBJECT=ad the server we compare with.

A test of a foreign client that fails against the reference as well says
something about the test. Nothing in `./waf check` sets the variable.
"""
import os

import harness
import peers


class Winsd:
    """winsd with the peers' few verbs."""

    label = 'winsd'

    def __init__(self, network, address, bits=8, options=None):
        self.server = harness.Server(network=network, address=address, bits=bits,
                                     options=options)
        self.name = self.server.options['netbios name']

    def start(self):
        self.server.start()
        return self

    def wait_own_names(self):
        self.server.wait_own_names()

    def close(self):
        self.server.close()


def start(case, address='127.0.0.11', options=None):
    """A running subject in a network of its own; (subject, network). The
    options are winsd's."""
    network = harness.Network()
    case.addClassCleanup(network.close)
    if os.environ.get('WINSD_SUBJECT', 'winsd') == 'ad':
        subject = peers.AdSamba(network, address)
    else:
        subject = Winsd(network, address, options=options)
    case.addClassCleanup(subject.close)
    subject.start()
    subject.wait_own_names()
    return subject, network
