"""By whose clock messages are signed: ours, or that of a receiver which turned us away. Pure.

A receiver takes only what was signed within minutes of its own time. A bridge that starts without network
time signs in the past, and that must not silence it: so it signs by the clock of a receiver which says what
that shows. But what says so may be a proxy that does not know the time either: so a receiver's clock is
believed only until a message that was signed by it is refused.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from flicbridge.clock import Reading, is_credible

# Receivers turn away what is older or newer than five minutes; well within that a clock is no excuse.
CLOCK_IS_OFF_S: Final = 120.0
# So many clocks are tried in a row, and none of them twice, or a wrong key would be tried for ever.
MOST_TRIED: Final = 3
# Longer than it takes to try them all, at the slowest pace there is; after that the world may have changed.
FORGOTTEN_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a message says that it was signed.

    Attributes:
        at_s: seconds since 1970.
        by: the reading of the receiver's clock that says so; None: it was ours.
    """

    at_s: int
    by: Reading | None


class Skew:
    """Knows by whose clock the messages to one receiver are signed."""

    def __init__(self) -> None:
        self._theirs: Reading | None = None
        self._tried: list[Reading] = []

    def stamp(self, now: Reading) -> Stamp:
        """What a message says that is signed now."""
        at = now.at if self._theirs is None else _shown_by(self._theirs, now)
        return Stamp(int(at.timestamp()), self._theirs)

    def accepted(self) -> None:
        """A message was taken, so whatever is refused from now on is another matter."""
        self._tried.clear()

    def excuse(self, stamp: Stamp, theirs_at: datetime | None, now: Reading) -> str | None:
        """Say why a refusal may be the fault of a clock; from then on messages are signed by another one.

        Args:
            stamp: what the refused message said.
            theirs_at: what the receiver's clock shows, UTC; None if it does not say.
            now: the clocks, as they were when it was signed.

        Returns:
            None if no clock is to blame, so that another try would end like this one.
        """
        if stamp.by is not self._theirs:
            return "signed by a clock that is not believed any more"
        if theirs_at is not None and self._is_worth_trying(theirs_at, stamp, now):
            self._theirs = Reading(theirs_at, now.up)
            self._tried.append(self._theirs)
            return f"our clocks are {_apart_s(theirs_at, now.at):.0f} s apart, next time with theirs"
        if stamp.by is not None:
            self._theirs = None
            return "signed by the receiver's clock, next time with ours"
        if theirs_at is None and not is_credible(now.at):
            return "our clock is not set"  # somebody may have set it by the next try
        return None

    def _is_worth_trying(self, theirs_at: datetime, stamp: Stamp, now: Reading) -> bool:
        if self._tried and (now.up.since_s(self._tried[-1].up) or 0.0) > FORGOTTEN_S:
            self._tried.clear()
        signed_at = datetime.fromtimestamp(stamp.at_s, UTC)
        known = (signed_at, now.at, *(_shown_by(tried, now) for tried in self._tried))
        return len(self._tried) < MOST_TRIED and all(
            _apart_s(theirs_at, at) >= CLOCK_IS_OFF_S for at in known
        )


def _shown_by(clock: Reading, now: Reading) -> datetime:
    """What a clock shows now that was read earlier in this life of the machine."""
    since_s = now.up.since_s(clock.up)
    return now.at if since_s is None else clock.at + timedelta(seconds=since_s)


def _apart_s(one_at: datetime, other_at: datetime) -> float:
    return abs((one_at - other_at).total_seconds())
