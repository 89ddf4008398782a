"""Clocks: a monotonic one for machines, a wall clock for people, and the machine's own count of its life.

Timers use `now_s`. Only what a person will read, or what must survive a restart of the machine, uses
`now_at`: a wall clock may start in 1970, be set by hours while we look, or be wrong all day. What was dated
by it keeps the `Uptime` of that moment beside the date: so its age is known whatever became of the clock.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol
from uuid import uuid4

BOOT_ID_FILE: Final = Path("/proc/sys/kernel/random/boot_id")

EARLIEST_AT: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""No bridge ran before: a time before this was told by a clock that nobody had set."""

# NTP slews a clock by half a millisecond a second at most; what that makes of a date is not worth correcting.
SLIGHT: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Uptime:
    """A moment in the life of the machine, which no setting of the wall clock can move.

    Attributes:
        boot: which life. Counts of two lives have nothing in common.
        up_s: seconds since its beginning; a machine that was suspended counts on, where it can.
    """

    boot: str
    up_s: float

    def since_s(self, earlier: "Uptime | None") -> float | None:
        """Seconds since an earlier moment, or None if that was in another life, or nobody noted it."""
        if earlier is None or earlier.boot != self.boot:
            return None
        return max(0.0, self.up_s - earlier.up_s)


@dataclass(frozen=True, slots=True)
class Reading:
    """The wall clock and the machine's count, read at once."""

    at: datetime
    up: Uptime

    def error_of(self, dated_at: datetime, then: Uptime | None) -> timedelta:
        """How far the wall clock has been set since it dated something: what to add to that date.

        Args:
            dated_at: what the wall clock said, UTC.
            then: the count at that moment.

        Returns:
            Nothing, if it was not set since, or if nobody can tell.
        """
        ago_s = self.up.since_s(then)
        if ago_s is None:
            return timedelta(0)
        error = self.at - timedelta(seconds=ago_s) - dated_at
        return error if abs(error) > SLIGHT else timedelta(0)


def is_credible(at: datetime) -> bool:
    """Tell whether a time may have been told by a clock that somebody had set."""
    return at >= EARLIEST_AT


class Clock(Protocol):
    """What time it is, and a way to wait."""

    def now_s(self) -> float:
        """Monotonic seconds, the same scale as the event loop's own time."""
        ...

    def now_at(self) -> datetime:
        """The wall clock, aware, in UTC. It may jump."""
        ...

    def reading(self) -> Reading:
        """The wall clock together with what tells later whether it was set in between."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many monotonic seconds."""
        ...


class SystemClock:
    """The machine's clocks."""

    def __init__(self) -> None:
        self._boot = _boot_id()

    def now_s(self) -> float:
        return time.monotonic()

    def now_at(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - this is the Clock that others ask

    def reading(self) -> Reading:
        return Reading(self.now_at(), Uptime(self._boot, _up_s()))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)  # noqa: TID251 - this is the Clock that others wait on


def _boot_id() -> str:
    """The kernel's name for this life of the machine; where it has none, one for this process."""
    try:
        return BOOT_ID_FILE.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return str(uuid4())


def _up_s() -> float:
    """Linux alone has a count that goes on while the machine is suspended and still never jumps."""
    boot_time: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


class LoopClock:
    """The running event loop's time, with a wall clock that moves along with it until somebody sets it.

    On an ordinary loop this is a SystemClock that ignores later jumps of the wall clock; on a loop that
    leaps over idle time (`flicbridge.simulator.leap`) both clocks leap together.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, wall_at: datetime | None = None) -> None:
        self._loop = loop
        self._wall_at = wall_at or SystemClock().now_at()
        self._since_s = loop.time()
        self._boot = str(uuid4())
        self._suspended_s = 0.0

    def now_s(self) -> float:
        return self._loop.time()

    def now_at(self) -> datetime:
        passed_s = self._loop.time() - self._since_s + self._suspended_s
        return datetime.fromtimestamp(self._wall_at.timestamp() + passed_s, UTC)

    def reading(self) -> Reading:
        return Reading(self.now_at(), Uptime(self._boot, self._loop.time() + self._suspended_s))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)  # noqa: TID251 - this is the Clock that others wait on

    def step(self, seconds: float) -> None:
        """Set the wall clock, forwards or back, as network time does."""
        self._wall_at += timedelta(seconds=seconds)

    def suspend(self, seconds: float) -> None:
        """Let the machine have slept: its monotonic clock stood still meanwhile."""
        self._suspended_s += seconds

    def restart(self) -> None:
        """Let the machine begin another life."""
        self._boot = str(uuid4())
