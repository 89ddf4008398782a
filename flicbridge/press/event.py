"""The one value that leaves this stage: a physical fact about a button."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class EventKind(StrEnum):
    """What the button did."""

    DOWN = "down"
    UP = "up"
    STILL = "still"
    """Nothing: the button's own word that its clock got this far without another edge."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Where in a button's life an event stands; together with the serial it names the event for ever.

    Attributes:
        boot_id: chosen by the button at each start (battery change, firmware update); 32 bits.
        event_count: counts up within one boot; 32 bits, wraps through 0.
    """

    boot_id: int
    event_count: int

    def at_or_before(self, other: Self) -> bool:
        """Tell whether this event is not newer than `other` in the same boot, wrap-around included."""
        return self.boot_id == other.boot_id and (other.event_count - self.event_count) % 2**32 < 2**31


@dataclass(frozen=True, slots=True)
class ButtonEvent:
    """One physical fact.

    Attributes:
        button: the name in the configuration.
        serial: what the button calls itself; part of the alert's identity.
        kind: down, up, or still.
        at_s: when, on the button's own clock, in seconds since its boot.
        counter: boot id and event count of this very event.
        was_queued: True if the button had kept it because we were not connected.
        age_s: how old it was when it arrived here, in seconds; 0 for a live event.
        arrived_s: when it arrived here, on our monotonic clock.
    """

    button: str
    serial: str
    kind: EventKind
    at_s: float
    counter: Counter
    was_queued: bool
    age_s: float
    arrived_s: float
