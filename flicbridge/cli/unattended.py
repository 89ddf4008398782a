"""`flicbridge run` as a service runs it: without what makes a command line comfortable.

A bridge runs for months and shows nothing to anybody, so it does not carry along Typer, Click and Rich.
Whoever asks for more than the settings file gets the real command line.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flicbridge.cli.faults import DEBUG

if TYPE_CHECKING:
    from flicbridge.transport.base import Message

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Orders:
    """Which bridge to run; None for the settings where they usually are."""

    config: Path | None


def orders_in(arguments: Sequence[str]) -> Orders | None:
    """Read the arguments of the command, if they are so plain."""
    match arguments:
        case ["run"]:
            return Orders(None)
        case ["run", "--config", file]:
            return Orders(Path(file))
        case ["run", option] if option.startswith("--config="):
            return Orders(Path(option.removeprefix("--config=")))
    return None


def obey(orders: Orders) -> None:
    """Run the bridge until it is told to stop.

    Raises:
        See `run`.
    """
    _travel_light()
    try:
        run(orders.config)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def run(
    config: Path | None, *, dry_run: bool = False, show: "Callable[[Message], None] | None" = None
) -> None:
    """Run the bridge of a settings file until it is told to stop.

    Raises:
        FlicbridgeError: it cannot run.
        KeyboardInterrupt: somebody wanted it to end at once.
    """
    import asyncio  # not even this is needed for `--help`
    import gc

    from flicbridge import bridge, logs
    from flicbridge.cli.stopping import until_stopped
    from flicbridge.config.load import load
    from flicbridge.config.places import default_path
    from flicbridge.credentials import Credentials

    file = config or default_path()
    logs.set_up(level="debug" if os.environ.get(DEBUG) else "error")
    settings = load(file, secrets=True)
    logs.set_up(settings.log.format, settings.log.level)
    work = bridge.run(
        settings,
        Credentials.beside(file),
        dry_run=dry_run,
        show=show,
        reread=lambda: load(file, secrets=False),
    )
    # What is there now stays for good. The collector would look through all of it time and again, for
    # 40 ms (on a PC) in which no press is heard, and so seldom that the waste of weeks adds up to megabytes.
    gc.freeze()
    asyncio.run(until_stopped(work))


def _travel_light() -> None:
    """Leave behind what libraries take along unasked: some megabytes, for months."""
    with _without("rich"):
        import structlog  # noqa: F401 - it takes Rich along if it finds it, for tracebacks that `logs` never shows
    # aiohttp's lists of a few entries come as compiled C++, and C++'s library of 1 MB with them. The same in
    # Python will do. Source: frozenlist/__init__.py.
    os.environ.setdefault("FROZENLIST_NO_EXTENSIONS", "1")


@contextmanager
def _without(package: str) -> Iterator[None]:
    """Whoever imports this package meanwhile does not find it; where it is there already, it stays.

    Source: Python's language reference, "The module cache", on None in `sys.modules`.
    """
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]
