"""Is the wall clock right? Was it set, did the machine sleep? Pure: it is shown readings, and compares.

A wrong wall clock harms no timer, but texts, signatures and certificates: help reads a wrong time, a webhook
refuses an "old" message, TLS a certificate that is "not yet valid". So it is said, and what failed for it is
tried again at once when somebody has set the clock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flicbridge.clock import EARLIEST_AT, Reading

# NTP slews what is less than this (ntpd: 0.128 s, chrony: as configured), and nobody reads seconds.
STEP_S: Final = 2.0
# A clock that is behind what an earlier run saw by less than this was only corrected.
BEHIND: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Glance:
    """What one look at the clocks showed.

    Attributes:
        stepped_s: how far the wall clock was set since the look before, negative if back; 0 if it was not.
        slept_s: how long the machine was suspended since the look before, as far as anybody can tell.
        wrong: why the wall clock cannot be right, or nothing.
    """

    stepped_s: float
    slept_s: float
    wrong: str


class ClockWatch:
    """Compares the wall clock with the machine's own count, and with the newest time known to be past."""

    def __init__(self, past_at: datetime | None) -> None:
        """Begin to watch; `past_at` is the newest time that an earlier run saw, if any."""
        self._past_at = max(EARLIEST_AT, past_at or EARLIEST_AT)
        self._last: tuple[Reading, float] | None = None

    def look(self, now: Reading, now_s: float) -> Glance:
        """Look at all clocks, read in one go: wall clock and count, and the loop's monotonic time."""
        stepped_s = slept_s = 0.0
        if self._last is not None:
            last, last_s = self._last
            passed_s = now.up.up_s - last.up.up_s
            moved_s = (now.at - last.at).total_seconds() - passed_s
            stepped_s = moved_s if abs(moved_s) >= STEP_S else 0.0
            slept_s = max(0.0, passed_s - (now_s - last_s))
        if stepped_s:
            # Somebody knows better than whoever wrote that down: perhaps the clock was ahead in those days.
            self._past_at = EARLIEST_AT
        self._last = now, now_s
        return Glance(stepped_s, slept_s if slept_s >= STEP_S else 0.0, self._wrong(now.at))

    def _wrong(self, now_at: datetime) -> str:
        if now_at >= self._past_at - BEHIND:
            return ""
        now, past = (at.isoformat(timespec="minutes") for at in (now_at, self._past_at))
        return f"it says {now}, and {past} is past"
