"""When to try again. Pure."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """Exponential backoff with jitter, made for alarms: the second try comes soon, the last ones keep coming.

    It grows slowly, so that the end of an outage is never much further from the next try than half the time
    it lasted, and for as long as somebody may be waiting for help it hardly grows at all.

    Attributes:
        first_s: the wait after the first failure.
        longest_s: no wait is longer, whatever the number of failures.
        soon_longest_s, soon_failures: nor longer than this, up to so many failures: a quarter of an hour.
        factor: how much longer each wait is than the one before.
        jitter: the share of a wait that is random, so that many bridges do not come back as one.
        longest_asked_s: a provider may ask for a longer wait, but not for longer than this.
    """

    first_s: float = 1.0
    longest_s: float = 60.0
    soon_longest_s: float = 15.0
    soon_failures: int = 80
    factor: float = 1.5
    jitter: float = 0.2
    longest_asked_s: float = 300.0

    def wait_s(self, failures: int, asked_s: float | None, random: Callable[[], float]) -> float:
        """The wait after so many failures in a row.

        Args:
            failures: at least 1.
            asked_s: the least wait the other side asked for (HTTP `Retry-After`), or None.
            random: uniform in [0, 1).

        Returns:
            Seconds. Never less than what was asked for, up to `longest_asked_s`.
        """
        # The exponent is capped because a delivery may be tried for days and floats do overflow.
        longest_s = self.soon_longest_s if failures <= self.soon_failures else self.longest_s
        plain_s = min(longest_s, self.longest_s, self.first_s * self.factor ** min(failures - 1, 32))
        jittered_s = plain_s * (1 - self.jitter * random())
        return max(jittered_s, min(asked_s or 0.0, self.longest_asked_s))
