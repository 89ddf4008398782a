"""What every button family gives to the bridge: values that say what was heard, a way to acknowledge."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from flicbridge.press.event import ButtonEvent, Counter


@dataclass(frozen=True, slots=True)
class LinkUp:
    """A new session with the button began.

    Events that were heard before but not settled will be heard again, so whoever recognises gestures
    forgets the unfinished one.

    Attributes:
        button: the name in the configuration.
        boot_id: the button's present boot.
        clock_s: the button's clock at the start of the session, in seconds.
        arrived_s: when, on our monotonic clock.
    """

    button: str
    boot_id: int
    clock_s: float
    arrived_s: float


@dataclass(frozen=True, slots=True)
class PressesLost:
    """The button's counter jumped: presses were dropped before they reached us.

    Attributes:
        button: the name in the configuration.
        presses: how many whole presses are missing, at least 1.
    """

    button: str
    presses: int


type Heard = ButtonEvent | LinkUp | PressesLost
type Hear = Callable[[Heard], None]
"""Takes what a button said, in order. Synchronous, cheap, never raises."""


class ButtonSource(Protocol):
    """One button, seen from the bridge."""

    async def run(self, hear: Hear) -> None:
        """Listen until cancelled, whatever happens to the radio."""
        ...

    def acknowledge(self, counter: Counter) -> None:
        """Tell the button that everything up to `counter` is safe with us. Never raises, never waits."""
        ...
