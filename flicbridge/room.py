"""The room around the bridge: the radio that buttons are heard over, real or simulated."""

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from flicbridge.clock import Clock
from flicbridge.config.settings import Settings
from flicbridge.errors import InputError
from flicbridge.observation import Observe
from flicbridge.press.flic2.crypto import TEST_ROOT_KEY, VENDOR_ROOT_KEY
from flicbridge.press.power import BluezPower, Power
from flicbridge.press.radio import Radio
from flicbridge.supervise import alongside

SWITCHED_OFF: Final = "switched-off"
"""The file in the state directory that names the adapters which are off because of us."""

type Finger = Callable[[Sequence[tuple[float, float]]], Awaitable[None]]
"""Presses a simulated button as a script of (down, up) seconds says."""


@dataclass(frozen=True, slots=True)
class RadioRoom:
    """A radio at work, and whom to believe on it.

    Attributes:
        radio: running for as long as the room is open.
        root_key: the Ed25519 key that vouches for genuine buttons: the vendor's, or the public test key in a
            rehearsal or on a test bench.
        fingers: simulated buttons by their name in the configuration; empty for a real radio.
    """

    radio: Radio
    root_key: bytes = VENDOR_ROOT_KEY
    fingers: Mapping[str, Finger] = field(default_factory=dict)


@asynccontextmanager
async def open_room(
    settings: Settings, *, clock: Clock, observe: Observe, is_ours: bool = False
) -> AsyncGenerator[RadioRoom]:
    """Open the radio that the settings ask for, and let it run.

    Args:
        settings: what the installer said.
        clock: what time it is.
        observe: told how the radio fares.
        is_ours: whether this is the bridge itself, which may switch the adapter off and on if the settings
            allow it. Whoever else opens the radio would cut the bridge's links by that.

    Raises:
        InputError: a simulated radio is asked for and its extra is not installed.
    """
    if settings.radio.simulated:
        try:
            from flicbridge.simulator.room import open_simulated_room
        except ImportError as error:
            raise InputError(f"[radio] simulated = true: {error}") from error
        async with open_simulated_room(settings, clock=clock, observe=observe) as room:
            yield room
        return
    radio = Radio(
        None,
        None,
        clock=clock,
        observe=observe,
        power=_power(settings, clock) if is_ours else None,
        silence_s=settings.radio.silence.total_seconds(),
    )
    async with alongside(radio=radio.run):
        yield RadioRoom(radio, TEST_ROOT_KEY if settings.radio.believe_test_key else VENDOR_ROOT_KEY)


def _power(settings: Settings, clock: Clock) -> Power | None:
    """Who may switch the adapter off and on: nobody where the settings forbid it, or nobody can."""
    if settings.radio.power_cycle and sys.platform == "linux":
        return BluezPower(settings.bridge.state_dir / SWITCHED_OFF, clock=clock)
    return None
