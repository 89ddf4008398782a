"""Keeping one part alive while the others go on: a broken console must not silence a button."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from flicbridge.clock import Clock
from flicbridge.observation import Observation, Observe

log = structlog.get_logger()

type Start = Callable[[], Awaitable[None]]
"""Starts a part anew and runs it until it fails or is cancelled."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the next try.

    The wait is drawn at random between the shortest and a ceiling that doubles with every failure in a row,
    so that parts which failed together do not come back together.

    Attributes:
        shortest_s: never less than this, so that a part failing at once does not spin.
        longest_s: never more than this: a doctor may press in the meantime.
    """

    shortest_s: float = 1.0
    longest_s: float = 10.0

    def delay_s(self, failures: int, *, chance: Callable[[float, float], float] = random.uniform) -> float:
        """Draw the wait after that many failures in a row (1 or more)."""
        doublings = min(failures, 16)  # far beyond any sensible ceiling, and no overflow after a month
        ceiling_s = min(self.longest_s, self.shortest_s * 2**doublings)
        return chance(self.shortest_s, ceiling_s)


async def keep_running(part: str, start: Start, *, clock: Clock, backoff: Backoff, observe: Observe) -> None:
    """Keep one part alive: when it fails, say so, wait, start it again. Ends only by cancellation.

    Observed of the part: `running`, `failure` (what broke last, by the name of its exception, for the text of
    a stranger's exception may name a person) and `failures` in a row. A run longer than the longest wait
    begins a new row.

    Args:
        part: the subject of the observations, such as `radio` or `button:poche`.
        start: runs the part. It returning is a failure too, for parts are meant to run for ever.
        clock: what time it is.
        backoff: how long to wait between tries.
        observe: told what happens.
    """
    failures = 0
    while True:
        began_s = clock.now_s()
        observe(Observation(part, "running", True))
        failure = await _run_until_it_fails(part, start)
        ran_well = clock.now_s() - began_s > backoff.longest_s
        failures = 1 if ran_well else failures + 1
        observe(Observation(part, "running", False))
        observe(Observation(part, "failure", failure))
        observe(Observation(part, "failures", failures))
        await clock.sleep(backoff.delay_s(failures))


async def _run_until_it_fails(part: str, start: Start) -> str:
    """Return what broke.

    The part has a task of its own: a TaskGroup that failed leaves its task half cancelled (Python 3.12), and
    a library that cancels more than its own must not end the supervision too.
    """
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_failure_of(part, start), name=part)
    if task.cancelled():
        log.error("part_cancelled_itself", part=part)
        return "CancelledError"
    return task.result()


async def _failure_of(part: str, start: Start) -> str:
    try:
        await start()
    except Exception as error:
        log.exception("part_failed", part=part)
        return type(error).__name__
    log.error("part_ended", part=part)
    return "ended"


@asynccontextmanager
async def alongside(**parts: Start) -> AsyncGenerator[None]:
    """Run parts for as long as the context lasts, and cancel them when it ends.

    An error inside the context leaves it as it is. (A bare TaskGroup would wrap it in a group, and whoever
    waits for an InputError would not know it again.)

    Args:
        parts: what to start, by the name of its task.
    """
    error: Exception | None = None
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_awaited(start), name=name) for name, start in parts.items()]
        try:
            yield
        except Exception as raised:  # noqa: BLE001 - raised again below, outside of the group
            error = raised
        finally:
            for task in tasks:
                task.cancel()
    if error is not None:
        raise error


async def _awaited(start: Start) -> None:
    await start()
