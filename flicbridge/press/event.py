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

    A Flic Duo counts for each of its two buttons, and tells the events of both in one row. So its place in
    that row is both counts, as they are after the event; the count of the key that was touched names it.

    Attributes:
        boot_id: chosen by the button at each start (battery change, firmware update); 32 bits.
        event_count: counts up within one boot; 32 bits, wraps through 0.
        small_count: the same for the small button of a Duo; always 0 for every other button.
    """

    boot_id: int
    event_count: int
    small_count: int = 0

    def at_or_before(self, other: Self) -> bool:
        """Tell whether this event is not newer than `other` in the same boot, wrap-around included."""
        return self.boot_id == other.boot_id and all(
            (theirs - own) % 2**32 < 2**31 for own, theirs in zip(self.counts, other.counts, strict=True)
        )

    @property
    def counts(self) -> tuple[int, int]:
        """The count of each key."""
        return self.event_count, self.small_count


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
        key: which of the two buttons of a Flic Duo: 0 the big one, 1 the small one; 0 for all others.
    """

    button: str
    serial: str
    kind: EventKind
    at_s: float
    counter: Counter
    was_queued: bool
    age_s: float
    arrived_s: float
    key: int = 0

    @property
    def own_count(self) -> int:
        """The count that names this event among those of its key."""
        return self.counter.counts[self.key]
