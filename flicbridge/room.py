"""The room around the bridge: the radio that buttons are heard over, real or simulated."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from flicbridge.clock import Clock
from flicbridge.config.settings import Settings
from flicbridge.errors import InputError
from flicbridge.observation import Observe
from flicbridge.press.flic2.crypto import VENDOR_ROOT_KEY
from flicbridge.press.radio import Radio
from flicbridge.supervise import alongside

type Finger = Callable[[Sequence[tuple[float, float]]], Awaitable[None]]
"""Presses a simulated button as a script of (down, up) seconds says."""


@dataclass(frozen=True, slots=True)
class RadioRoom:
    """A radio at work, and whom to believe on it.

    Attributes:
        radio: running for as long as the room is open.
        root_key: the Ed25519 key that vouches for genuine buttons: the vendor's, or the public test key in a
            rehearsal.
        fingers: simulated buttons by their name in the configuration; empty for a real radio.
    """

    radio: Radio
    root_key: bytes = VENDOR_ROOT_KEY
    fingers: Mapping[str, Finger] = field(default_factory=dict)


@asynccontextmanager
async def open_room(settings: Settings, *, clock: Clock, observe: Observe) -> AsyncGenerator[RadioRoom]:
    """Open the radio that the settings ask for, and let it run.

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
    radio = Radio(None, None, clock=clock, observe=observe)
    async with alongside(radio=radio.run):
        yield RadioRoom(radio)
