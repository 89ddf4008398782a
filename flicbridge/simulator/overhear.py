"""Listening in on a bridge: what it writes to its log, as values, at the moment it does so.

The log is the one place where every part says what it does, in event names and ids. So a rehearsal needs no
hooks in the bridge: it plays the very code that runs in a practice.
"""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from flicbridge import logs


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log.

    Attributes:
        level: `debug`, `info`, `warning` or `error`.
        event: its name, such as `press_taken`.
        facts: everything else in it.
    """

    level: str
    event: str
    facts: Mapping[str, Any]


type Hear = Callable[[Entry], None]


@contextmanager
def overheard(hear: Hear, *, show: bool) -> Iterator[None]:
    """Call `hear` with every line that is logged while the context lasts.

    Args:
        hear: called where the line is logged, before the logging call returns. It must not raise.
        show: write the lines to standard error, too. Otherwise nothing is written.
    """
    ours, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    if show:
        logs.set_up(level="info")
    shown = structlog.get_config()["processors"] if show else []
    structlog.configure(
        processors=[_tap(hear, show=show), *shown],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
    )
    if not show:
        root.handlers[:] = []
    root.addHandler(_FromLibraries(hear))
    try:
        yield
    finally:
        structlog.configure(**ours)
        root.handlers[:] = handlers
        root.setLevel(level)
        if show:
            logging.captureWarnings(False)  # `logs.set_up` began it


def _tap(hear: Hear, *, show: bool) -> structlog.types.Processor:
    def tap(_logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        facts = {key: value for key, value in line.items() if key not in ("event", "exc_info")}
        if given := line.get("exc_info"):
            error = given if isinstance(given, BaseException) else sys.exception()
            facts["exception"] = f"{type(error).__name__}: {error}"
        hear(Entry("error" if method == "critical" else method, str(line["event"]), facts))
        if not show or method == "debug":
            raise structlog.DropEvent
        return line

    return tap


class _FromLibraries(logging.Handler):
    """Errors that libraries log, asyncio's about forgotten exceptions among them."""

    def __init__(self, hear: Hear) -> None:
        super().__init__(logging.ERROR)
        self._hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        self._hear(Entry("error", record.name, {"detail": record.getMessage()}))
