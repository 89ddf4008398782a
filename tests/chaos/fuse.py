"""A fuse in a bridge: it counts the places that the bridge comes to, and kills it at the n-th, for real.

The product knows nothing of it: it is put around SQLite, the radio and the channels, in the process that is
going to die.
"""

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final

from flicbridge.channel import TransportCarrier
from flicbridge.outbox.carrier import Handed
from flicbridge.outbox.job import Job

SHOWN: Final = 4
"""So many words of a statement name it."""


class Fuse:
    """Burns at the n-th step; never if n is 0.

    Args:
        step: n.
        last_words: told the place just before the kill.
    """

    def __init__(self, step: int, last_words: Callable[[str], None]) -> None:
        self._left = step
        self._last_words = last_words
        self._lock = threading.Lock()  # SQLite works in threads of its own

    def step(self, place: str) -> None:
        """The bridge has come to a place."""
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._last_words(place)
                os.kill(os.getpid(), signal.SIGKILL)

    def lay(self) -> None:
        """Put the fuse around every statement that this process will send to SQLite, and around every try."""
        _lay_around_sqlite(self.step)
        _lay_around_channels(self.step)


def _lay_around_sqlite(step: Callable[[str], None]) -> None:
    class Connection(sqlite3.Connection):
        """Steps before and after every statement; within `executemany`, before every row."""

        def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
            step(f"before {_name(sql)}")
            done = super().execute(sql, parameters)
            step(f"after {_name(sql)}")
            return done

        def executemany(self, sql: str, parameters: Iterable[Any]) -> sqlite3.Cursor:
            self.set_trace_callback(lambda _: step(f"before a row of {_name(sql)}"))
            try:
                done = super().executemany(sql, parameters)
            finally:
                self.set_trace_callback(None)
            step(f"after {_name(sql)}")
            return done

    connect = sqlite3.connect

    def fused(*arguments: Any, **options: Any) -> sqlite3.Connection:
        return connect(*arguments, **options, factory=Connection)

    sqlite3.connect = fused  # type: ignore[assignment]  # in a process that exists to be killed


def _lay_around_channels(step: Callable[[str], None]) -> None:
    carry = TransportCarrier.carry

    async def fused(self: TransportCarrier, job: Job) -> Handed:
        step("before a try")
        handed = await carry(self, job)
        step("after a try")
        return handed

    TransportCarrier.carry = fused  # type: ignore[method-assign]


def _name(sql: str) -> str:
    return " ".join(sql.split()[:SHOWN])
