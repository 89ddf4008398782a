"""What befalls a part and should not: counted, dated and told in full, but logged only now and then.

Whoever attacks decides how often that is. So nothing here grows with the number of incidents: one count per
kind, and a log line per kind first for every incident, then for every ten minutes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from flicbridge.clock import Clock
from flicbridge.press.facts import Facts


class Incident(StrEnum):
    """What can be seen of an attack; each is a problem in `status` for a day after it was last seen."""

    IMPOSTOR = "impostor"
    """Somebody answered at the button's address with a proof that is false."""
    TAMPERING = "tampering"
    """Somebody changed, repeated or invented packets of a link with the button."""
    GARBAGE = "garbage"
    """Packets for nobody, far more than other programs on the same link would cause."""
    FLOOD = "advertisement_flood"
    """More advertisements, or more senders of them, than honest devices can make."""


class Incidents:
    """The incidents of one part.

    Observed: for each kind its name with how many there were since the start, `KIND_since` (RFC 3339, the
    first) and `KIND_detail` (the last).

    Args:
        facts: of the part.
        warn: writes a line to the log, given its event and facts.
        clock: what time it is.
    """

    def __init__(self, facts: Facts, warn: Callable[..., Any], clock: Clock) -> None:
        self._facts = facts
        self._warn = warn
        self._clock = clock
        self._seldom = Seldom(burst=5)

    def note(self, kind: Incident, event: str, detail: str, *, times: int = 1) -> None:
        """Take note of something.

        Args:
            kind: what it is an instance of.
            event: what the log calls it.
            detail: what was seen, briefly.
            times: how often, since this was last called.
        """
        now_at = self._clock.now_at().isoformat(timespec="seconds")
        if not self._facts.counted(kind):
            self._facts.tell(f"{kind}_since", now_at)
        self._facts.tell(f"{kind}_detail", detail)
        self._facts.count(kind, times)
        unsaid = self._seldom.due(event, self._clock.now_s())
        if unsaid is not None:
            self._warn(event, detail=detail, times=self._facts.counted(kind), unsaid=unsaid)


@dataclass(slots=True)
class _Lines:
    """What became of one kind of line in the present stretch of time."""

    since_s: float
    said: int = 0
    unsaid: int = 0


class Seldom:
    """Decides which of many like lines are worth writing: the first few of every stretch of time.

    Args:
        burst: so many are written in each stretch.
        stretch_s: how long one lasts.
    """

    STRETCH_S: Final = 600.0

    def __init__(self, *, burst: int, stretch_s: float = STRETCH_S) -> None:
        self._burst = burst
        self._stretch_s = stretch_s
        self._lines: dict[str, _Lines] = {}

    def due(self, line: str, now_s: float) -> int | None:
        """Return how many like it were left out since the last one; None if this one is to be left out too.

        Args:
            line: its kind; of a fixed set, as each is remembered for ever.
            now_s: monotonic.
        """
        seen = self._lines.setdefault(line, _Lines(now_s))
        if now_s >= seen.since_s + self._stretch_s:
            seen.since_s, seen.said = now_s, 0
        if seen.said >= self._burst:
            seen.unsaid += 1
            return None
        unsaid, seen.unsaid = seen.unsaid, 0
        seen.said += 1
        return unsaid


class Surge:
    """Tells when something that is normal in small numbers comes in great ones.

    Args:
        many: more than so many within one stretch of time are a surge.
        stretch_s: how long one lasts.
    """

    def __init__(self, *, many: int, stretch_s: float) -> None:
        self._many = many
        self._stretch_s = stretch_s
        self._since_s: float | None = None
        self._count = 0

    def add(self, more: int, now_s: float) -> int:
        """Count some more; return how many there were in a stretch that is over now if too many, else 0."""
        if self._since_s is None:
            self._since_s = now_s
        found = 0
        if now_s >= self._since_s + self._stretch_s:
            found = self._count if self._count > self._many else 0
            self._since_s, self._count = now_s, 0
        self._count += more
        return found
