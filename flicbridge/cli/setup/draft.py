"""The settings file as far as it has come. Every answer is written into it at once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flicbridge.errors import ConfigError

if TYPE_CHECKING:
    from flicbridge.config import Settings

type Where = tuple[str | int, ...]

BEGINNING: Final = """\
# flicbridge: settings of one practice, begun by `flicbridge setup`, which can be run again at any time.
#
# Check them:                    flicbridge config check
# All that can be set, explained: flicbridge config example
"""

# What a question about a part of the settings needs to be asked before the other parts are there. Never
# written, and never told to anybody.
STAND_INS: Final[Mapping[str, Mapping[str, Any]]] = {
    "bridge": {"id": "setup"},
    "doctor": {"name": "-", "phone": "+33123456789"},
    "practice": {"name": "-", "address": "-"},
}
NOBODY: Final = {"transport": "email", "host": "localhost", "from": "a@example.fr", "to": "a@example.fr"}
STAND_IN_LISTS: Final[Mapping[str, list[Mapping[str, Any]]]] = {
    "buttons": [{"name": "setup", "family": "virtual", "gestures": {"single": "alert"}}],
    "recipients": [{"name": "setup", "channels": [NOBODY]}],
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A settings file that may be incomplete."""

    path: Path

    def begin(self) -> None:
        """Make the file if it is not there.

        Raises:
            ConfigError: it cannot be written.
        """
        from flicbridge.config.write import begin

        if not self.path.exists():
            begin(self.path, BEGINNING)

    def raw(self) -> dict[str, Any]:
        """What the file says.

        Raises:
            ConfigError: it cannot be read.
        """
        from flicbridge.config.load import parse, read_text

        return parse(read_text(self.path), self.path)

    def get(self, *where: str | int) -> Any:
        """What stands there; None if nothing does."""
        node: Any = self.raw()
        for step in where:
            try:
                node = node[step]
            except (KeyError, IndexError, TypeError):
                return None
        return node

    def text(self, *where: str | int) -> str:
        """The text that stands there, to be offered as an answer; empty if there is none."""
        found = self.get(*where)
        return found if isinstance(found, str) else ""

    def tables(self, *where: str | int) -> list[dict[str, Any]]:
        """The list of tables that stands there."""
        found = self.get(*where)
        return [table for table in found if isinstance(table, dict)] if isinstance(found, list) else []

    def put(self, *where: str | int, value: Any) -> None:
        """Write one value, at once.

        Raises:
            ConfigError: the file cannot be written.
        """
        self.put_all({where: value})

    def put_all(self, values: Mapping[Where, Any], remove: Collection[Where] = ()) -> None:
        """Write several values that belong together, and take out what does not go with them.

        Raises:
            ConfigError: the file cannot be written.
        """
        from flicbridge.config.write import write_values

        write_values(self.path, values, remove)

    def settings(self) -> "Settings":
        """The settings so far, with stand-ins for what is not answered yet.

        Raises:
            ConfigError: what is there already cannot work.
        """
        from pydantic import ValidationError

        from flicbridge.config import Settings
        from flicbridge.config.explain import findings
        from flicbridge.config.finding import as_problems

        raw = _completed(self.raw())
        try:
            return Settings.read(raw, self.path.parent)
        except ValidationError as error:
            raise ConfigError(str(self.path), as_problems(list(findings(error, raw)), {})) from error

    def missing(self) -> list[str]:
        """The parts that nobody has answered yet."""
        raw = self.raw()
        keys = [f"{table}.{key}" for table, made_up in STAND_INS.items() for key in made_up
                if key not in (raw.get(table) or {})]  # fmt: skip
        return [*keys, *(listed for listed in (*STAND_IN_LISTS, "plan") if not raw.get(listed))]


def _completed(raw: dict[str, Any]) -> dict[str, Any]:
    for table, made_up in STAND_INS.items():
        given = raw.get(table, {})
        if isinstance(given, dict):
            raw[table] = {**made_up, **given}
    for listed, entries in STAND_IN_LISTS.items():
        raw[listed] = raw.get(listed) or entries
    raw["plan"] = raw.get("plan") or [{"after": "0s", "notify": [_somebody(raw["recipients"])]}]
    return raw


def _somebody(recipients: Any) -> str:
    """The first recipient's name; whatever else stands there is refused as what it is."""
    first = recipients[0] if isinstance(recipients, list) else None
    return first.get("name", "setup") if isinstance(first, dict) else "setup"
