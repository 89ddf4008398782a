"""An event loop that leaps over time in which nobody has anything to do.

Rehearsing "the network is down for half an hour" must not take half an hour. On this loop everything real
stays real: sockets, threads, files, the order of events. Only when no callback is ready, no socket has
anything to say and no worker thread is busy does the loop's clock leap to the next timer. Timeouts, backoffs
and intervals behind `loop.time()` all move along, those of libraries included.

Not for code that waits for another process: it has no part in the leaps.
"""

import asyncio
import selectors
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from typing import Any, Final

# The kernel hands bytes over to a loopback connection within the write, or on a busy machine a little later,
# in order: a datagram that is sent last also arrives last. It is waited for so long, and after it, as far as
# a kernel has several queues, a moment more without news counts as silence.
ECHO_TIMEOUT_S: Final = 1.0
GRACE_S: Final = 0.0005

# A sum of floats may fall short of a deadline by its last digit.
LATE_S: Final = 1e-6

# So long a thread may work before that takes time on the clock of a loop that does not count how long things
# really take: ample for a commit on a busy machine, and short for a test whose thread hangs on purpose.
PATIENCE_S: Final = 1.0

# What a turn of the loop takes on the clock of a loop that does not count how long it really took.
TURN_S: Final = 0.00005


class _Echo:
    """A datagram to ourselves: when it is back, all that was sent before it has arrived."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.connect(self._socket.getsockname())
        self._socket.settimeout(ECHO_TIMEOUT_S)

    def wait(self) -> None:
        with suppress(OSError):  # a machine that keeps datagrams from itself is given the grace alone
            self._socket.send(b"\0")
            self._socket.recv(1)

    def close(self) -> None:
        self._socket.close()


class _LeapingSelector(selectors.DefaultSelector):
    """A selector that asks its loop for a leap instead of waiting for a timer."""

    loop: "LeapingEventLoop"

    def __init__(self) -> None:
        super().__init__()
        self._echo = _Echo()
        self._lines: set[int] = set()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = super().register(fileobj, events, data)
        if _is_line(key.fd):
            self._lines.add(key.fd)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = super().unregister(fileobj)
        self._lines.discard(key.fd)
        return key

    def close(self) -> None:
        self._echo.close()
        super().close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if not self.loop.is_leaping:
            return super().select(timeout)
        self.loop.work()
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None or self.loop.threads_busy:
            return self._wait(timeout)
        if self._lines and (ready := self._news_under_way()):
            return ready
        self.loop.leap(timeout)
        return []

    def _wait(self, timeout_s: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait in real time, which counts, except for a thread that is soon done."""
        patience_s = self.loop.patience_s()
        if patience_s > 0 and (ready := super().select(patience_s)):
            return ready
        with self.loop.in_real_time():
            return super().select(timeout_s)

    def _news_under_way(self) -> list[tuple[selectors.SelectorKey, int]]:
        """What was sent to one of our connections and has not been there yet."""
        self._echo.wait()
        return super().select(GRACE_S)


def _is_line(fd: int) -> bool:
    """Tell whether bytes to this may still be under way. In pipes and local sockets they never are."""
    try:
        found = socket.socket(fileno=fd)
    except OSError:
        return False
    try:
        is_listening = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        return found.family in (socket.AF_INET, socket.AF_INET6) and not is_listening
    finally:
        found.detach()


class LeapingEventLoop(asyncio.SelectorEventLoop):
    """See the module's docstring. Use as `asyncio.Runner(loop_factory=LeapingEventLoop)`.

    Args:
        counts_work: whether the clock goes on while something is computed, as clocks do. Otherwise every turn
            of the loop takes the same short time on it, however busy the machine is, and waiting for threads
            counts only once they have been busy for longer than `PATIENCE_S`.

    Attributes:
        threads_busy: how many calls of `run_in_executor` are under way.
    """

    def __init__(self, *, counts_work: bool = True) -> None:
        self._counts_work = counts_work
        self._is_leaping = True
        self._leapt_s = 0.0
        self._stopped_at_s: float | None = None
        self._threads_busy_since_s = 0.0
        self.threads_busy = 0
        selector = _LeapingSelector()
        selector.loop = self
        super().__init__(selector)
        self._stop_clock()

    @property
    def is_leaping(self) -> bool:
        """Set it to False to go on in real time, for somebody to watch."""
        return self._is_leaping

    @is_leaping.setter
    def is_leaping(self, is_leaping: bool) -> None:
        self._is_leaping = is_leaping
        if is_leaping:
            self._stop_clock()
        else:
            self._start_clock()

    def time(self) -> float:
        real_s = super().time() if self._stopped_at_s is None else self._stopped_at_s
        return real_s + self._leapt_s

    def leap(self, seconds: float) -> None:
        """Move this loop's clock forward, and like every clock wake nobody too early."""
        self._leapt_s += max(0.0, seconds) + LATE_S

    def patience_s(self) -> float:
        """How long the threads may still work before it counts; 0 where none works or all time counts."""
        if not self.threads_busy or self._stopped_at_s is None:
            return 0.0
        return max(0.0, self._threads_busy_since_s + PATIENCE_S - super().time())

    def work(self) -> None:
        """Count a turn of the loop, if not by how long it took."""
        if self._stopped_at_s is not None:
            self._leapt_s += TURN_S

    @contextmanager
    def in_real_time(self) -> Iterator[None]:
        """Let the clock go on while there is something to wait for."""
        self._start_clock()
        try:
            yield
        finally:
            self._stop_clock()

    def _start_clock(self) -> None:
        if self._stopped_at_s is not None:
            self._leapt_s += self._stopped_at_s - super().time()
            self._stopped_at_s = None

    def _stop_clock(self) -> None:
        if not self._counts_work and self._stopped_at_s is None:
            self._stopped_at_s = super().time()

    def run_in_executor[*Ts, T](
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        if not self.threads_busy:
            self._threads_busy_since_s = super().time()
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


def steady_loop() -> LeapingEventLoop:
    """A loop for tests: its times are the same on a busy machine as on an idle one."""
    return LeapingEventLoop(counts_work=False)
