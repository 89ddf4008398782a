"""Two clocks: a monotonic one for machines, a wall clock for people.

Timers and ages use `now_s`. Only what a person will read, or what must survive a restart, uses `now_at`.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What time it is, and a way to wait."""

    def now_s(self) -> float:
        """Monotonic seconds, the same scale as the event loop's own time."""
        ...

    def now_at(self) -> datetime:
        """The wall clock, aware, in UTC. It may jump."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many monotonic seconds."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_s(self) -> float:
        return time.monotonic()

    def now_at(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - this is the Clock that others ask

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)  # noqa: TID251 - this is the Clock that others wait on


class LoopClock:
    """The running event loop's time, with a wall clock that moves along with it.

    On an ordinary loop this is a SystemClock that ignores later jumps of the wall clock; on a loop that
    leaps over idle time (`flicbridge.simulator.leap`) both clocks leap together.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, wall_at: datetime | None = None) -> None:
        self._loop = loop
        self._wall_at = wall_at or SystemClock().now_at()
        self._since_s = loop.time()

    def now_s(self) -> float:
        return self._loop.time()

    def now_at(self) -> datetime:
        return datetime.fromtimestamp(self._wall_at.timestamp() + self._loop.time() - self._since_s, UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)  # noqa: TID251 - this is the Clock that others wait on
