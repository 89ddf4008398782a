"""What the commands have in common: their options, the settings, and how things are shown."""

import json
import os
import sys
import unicodedata
from collections.abc import Callable, Coroutine
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from flicbridge.cli.faults import DEBUG

if TYPE_CHECKING:  # they cost more time than `--help` takes
    from rich.console import Console
    from rich.table import Table

    from flicbridge.config import Settings
    from flicbridge.config.settings import BridgeSettings

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", show_default=False, help="The settings file."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

type Translate = Callable[[str], str]


class OfABridge(Protocol):
    """What says where a bridge is and which language it speaks: settings, or what is left of them."""

    @property
    def bridge(self) -> "BridgeSettings":
        """The table about the bridge itself."""
        ...


def settings_in(file: Path | None, *, secrets: bool = False) -> "Settings":
    """Load the settings for a command. Whoever only asks a question need not be able to read secrets.

    Raises:
        ConfigError: they cannot work.
    """
    from flicbridge import logs
    from flicbridge.config import default_path, load

    logs.set_up(level="debug" if os.environ.get(DEBUG) else "error")
    return load(file or default_path(), secrets=secrets)


def words_of(settings: OfABridge) -> Translate:
    """What translates an English text into the language of these settings."""
    from flicbridge.texts import translator

    return translator(settings.bridge.language).gettext


def wait_for[T](work: Coroutine[Any, Any, T]) -> T:
    """Run asynchronous work to its end; a person may interrupt it."""
    import asyncio

    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def print_json(value: object) -> None:
    """Print for programs: ASCII, so that no locale can garble it."""
    typer.echo(json.dumps(value, indent=2))


def console(*, to_stderr: bool = False) -> "Console":
    """Where people read. Text is shown as it is; a file or a pipe gets long lines rather than cut ones.

    Where there is no such stream (`>&-`), nobody reads, and the command does the rest of its work.
    """
    from rich.console import Console

    stream = sys.stderr if to_stderr else sys.stdout
    width = None if stream is not None and stream.isatty() else 200
    return Console(stderr=to_stderr, width=width, markup=False, emoji=False, highlight=False)


def table(*headings: str) -> "Table":
    """A table without much ink."""
    from rich import box
    from rich.table import Table

    return Table(*headings, box=box.SIMPLE_HEAD, pad_edge=False)


def printable(text: object) -> str:
    """Text from elsewhere, on one line and without what could steer a terminal."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if _steers(character) else character for character in str(text)
    )


def _steers(character: str) -> bool:
    category = unicodedata.category(character)
    return category.startswith("C") or category in ("Zl", "Zp")


def local(rfc3339: str | None, zone: tzinfo) -> str:
    """A time of the API on the practice's clock; nothing for none."""
    if rfc3339 is None:
        return ""
    return f"{datetime.fromisoformat(rfc3339).astimezone(zone):%Y-%m-%d %H:%M:%S}"
