"""Where the bridge of a settings file is, even if the file holds a mistake.

Whoever edits the settings saves them half done now and then, and the bridge that runs does not mind. Neither
may those who ask it, least of all whoever presses a button: they need its state folder, and little else.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from pydantic import ValidationError

from flicbridge.config.load import parse, read_text
from flicbridge.config.settings import BridgeSettings, Settings
from flicbridge.errors import ConfigError

USABLE: Final = ("state_dir", "language", "timezone")
NAMELESS: Final[Mapping[str, Any]] = {"id": "unknown"}  # only the bridge itself needs to know its name

# From its heading to the next one, or to the end; the lines of this table hold one value each.
BRIDGE_TABLE: Final = re.compile(r"^[ \t]*\[bridge\].*?(?=^[ \t]*\[|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What it takes to ask a bridge.

    Attributes:
        bridge: its table, as far as that is sound; the rest as if it were not there.
        is_guess: the file does not say which folder it is, so this is the default one.
        may_have_pin: False if it is known that no PIN is asked for.
    """

    bridge: BridgeSettings
    is_guess: bool
    may_have_pin: bool

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take them from settings that are sound."""
        return cls(settings.bridge, is_guess=False, may_have_pin=settings.alerts.duress_pin is not None)

    @classmethod
    def salvage(cls, path: Path) -> Self | None:
        """Read what can be read of a file that does not pass the check.

        Returns:
            None if it cannot be opened, or is no text at all.
        """
        try:
            text = read_text(path)
        except ConfigError:
            return None
        try:
            raw = parse(text, path)
        except ConfigError:
            return cls._among(_bridge_table(text, path), path.parent, may_have_pin=True)
        alerts = raw.get("alerts")
        may_have_pin = "duress_pin" in alerts if isinstance(alerts, dict) else alerts is not None
        return cls._among(raw.get("bridge"), path.parent, may_have_pin=may_have_pin)

    @classmethod
    def unsaid(cls) -> Self:
        """Where a bridge is that was told nothing."""
        return cls._among(None, Path(), may_have_pin=True)

    @classmethod
    def _among(cls, table: object, folder: Path, *, may_have_pin: bool) -> Self:
        sound, context = dict(NAMELESS), {"folder": folder}
        for key in USABLE:
            if isinstance(table, dict) and key in table:
                with suppress(ValidationError):
                    BridgeSettings.model_validate({**NAMELESS, key: table[key]}, context=context)
                    sound[key] = table[key]
        bridge = BridgeSettings.model_validate(sound, context=context)
        return cls(bridge, is_guess="state_dir" not in sound, may_have_pin=may_have_pin)


def _bridge_table(text: str, path: Path) -> object:
    """The table about the bridge in a file that is not TOML as a whole; None if that table is not either."""
    found = BRIDGE_TABLE.search(text)
    try:
        return None if found is None else parse(found.group(), path).get("bridge")
    except ConfigError:
        return None
