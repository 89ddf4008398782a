"""An event loop that leaps over time in which nobody has anything to do.

Rehearsing "the network is down for half an hour" must not take half an hour. On this loop everything real
stays real: sockets, threads, files, the order of events. Only when no callback is ready, no socket has
anything to say and no worker thread is busy does the loop's clock leap to the next timer. Timeouts, backoffs
and intervals behind `loop.time()` all move along, those of libraries included.

Not for code that waits for another process: it has no part in the leaps.
"""

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

# Bytes written to a loopback socket can be read at once, as the kernel hands them over within the write, but
# on a busy machine it may put that off; this much real time without news counts as silence.
GRACE_S = 0.002


class _LeapingSelector(selectors.DefaultSelector):
    """A selector that asks its loop for a leap instead of waiting for a timer."""

    loop: "LeapingEventLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if not self.loop.is_leaping:
            return super().select(timeout)
        ready = super().select(0)
        if ready or timeout is None or timeout <= 0:
            return ready if ready or timeout is not None else super().select(None)
        if self.loop.threads_busy:
            return super().select(timeout)
        if ready := super().select(min(timeout, GRACE_S)):
            return ready
        self.loop.leap(timeout - GRACE_S)
        return []


class LeapingEventLoop(asyncio.SelectorEventLoop):
    """See the module's docstring. Use as `asyncio.Runner(loop_factory=LeapingEventLoop)`.

    Attributes:
        is_leaping: set it to False to go on in real time, for somebody to watch.
        threads_busy: how many calls of `run_in_executor` are under way.
    """

    def __init__(self) -> None:
        self.is_leaping = True
        self._leapt_s = 0.0
        self.threads_busy = 0
        selector = _LeapingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return super().time() + self._leapt_s

    def leap(self, seconds: float) -> None:
        """Move this loop's clock forward."""
        self._leapt_s += max(0.0, seconds)

    def run_in_executor[*Ts, T](
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        self.threads_busy += 1
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for the default executor's threads in real time."""
        self.threads_busy += 1
        try:
            await super().shutdown_default_executor(timeout)
        finally:
            self.threads_busy -= 1

    def _thread_done(self, _future: asyncio.Future[Any]) -> None:
        self.threads_busy -= 1
