"""Whether a channel works at the moment, as far as its last tries can tell. Pure.

An open circuit never holds back a young message: an emergency is always tried at once, and again soon, even
on a channel that has been dead for a week, because a wrong guess here would cost more than a thousand
useless connections. What it does decide is how many *old* messages are tried at a time (`worker.py`), and
that a recipient's next channel is used at once instead of waiting for this one.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# One failure is noise: a connection that the other side closed in between, a phone that changed its cell.
OPENS_AFTER: Final = 2


class CircuitState(StrEnum):
    """Closed: works, or nobody knows better. Open: fails. Half open: fails, and is being tried just now."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(slots=True)
class Circuit:
    """Counts the failures of one channel in a row.

    Attributes:
        failures: how many tries have failed since the last success.
        under_way: how many tries are being made.
    """

    failures: int = 0
    under_way: int = 0
    _doubted: bool = False

    @property
    def is_open(self) -> bool:
        """True while the channel is known not to work."""
        return self.failures >= OPENS_AFTER and not self._doubted

    @property
    def state(self) -> CircuitState:
        """Where it stands."""
        if not self.is_open:
            return CircuitState.CLOSED
        return CircuitState.HALF_OPEN if self.under_way else CircuitState.OPEN

    def begin(self) -> None:
        """A try begins."""
        self.under_way += 1

    def succeed(self) -> bool:
        """A try has succeeded; returns True if nobody expected it: what waits need not wait any longer."""
        self.under_way -= 1
        recovered = self.failures >= OPENS_AFTER
        self.failures, self._doubted = 0, False
        return recovered

    def fail(self) -> bool:
        """A try has failed, for whatever reason; returns True if that opened the circuit."""
        self.under_way -= 1
        was_open = self.is_open
        self.failures, self._doubted = self.failures + 1, False
        return self.is_open and not was_open

    def doubt(self) -> None:
        """The world has changed, so what was known of this channel is old: closed until the next failure."""
        self._doubted = True
