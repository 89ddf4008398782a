"""A button, and hosts that talk to it."""

import pytest

from flicbridge.simulator.flic2 import SimulatedFlic2
from flicbridge.simulator.flic2.plain_host import PlainHost


@pytest.fixture
def button() -> SimulatedFlic2:
    """A button in public mode, not connected."""
    button = SimulatedFlic2.new("Panic", now_s=0.0)
    button.go_public(0.0)
    return button


@pytest.fixture
def host(button: SimulatedFlic2) -> PlainHost:
    """A host on a link to the button, not paired."""
    host = PlainHost(button)
    host.connect()
    return host


@pytest.fixture
def paired(host: PlainHost) -> PlainHost:
    """A host that has just paired."""
    host.pair()
    return host


@pytest.fixture
def listening(paired: PlainHost) -> PlainHost:
    """A host that has asked for events and hears them live."""
    paired.init()
    return paired
