"""What is to be looked at: a settings file as far as it can be read, and the machine it lies on."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, Self

from flicbridge.clock import Clock
from flicbridge.config import Settings, default_state_dir, warnings
from flicbridge.config.load import check, parse, read_text
from flicbridge.credentials import Credentials
from flicbridge.errors import ConfigError, Problem
from flicbridge.press.settings import Family, LinkMode
from flicbridge.selfcheck.finding import Finding

type Probe = Callable[["Case"], Awaitable[Sequence[Finding]]]


@dataclass(frozen=True, slots=True)
class Case:
    """See the module.

    Attributes:
        file: the settings file.
        settings: what it says, or None if it cannot work.
        raw: its tables as they stand there; empty if they cannot be parsed.
        problems: why there are no settings. Their words may repeat what somebody wrote there.
        advice: what works and is unwise.
        state_dir: where the state is, as far as anybody can tell.
        credentials: where secrets are looked up.
        root: where `/proc`, `/sys`, `/run` and `/etc` are.
    """

    file: Path
    clock: Clock
    state_dir: Path
    credentials: Credentials
    settings: Settings | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    advice: tuple[Problem, ...] = ()
    root: Path = Path("/")

    @classmethod
    def open(cls, file: Path, clock: Clock) -> Self:
        """Read a settings file, whatever there is of it. Raises nothing."""
        credentials = Credentials.beside(file)
        raw: dict[str, Any] = {}
        try:
            text = read_text(file)
            raw = parse(text, file)
            settings = check(text, file, None)
        except ConfigError as error:
            return cls(
                file, clock, _state_dir(raw, file), credentials, raw=raw, problems=tuple(error.problems)
            )
        advice = tuple(warnings(settings))
        return cls(file, clock, settings.bridge.state_dir, credentials, settings, raw, advice=advice)

    @property
    def zone(self) -> tzinfo:
        """The practice's time zone."""
        return self.settings.bridge.zone if self.settings else UTC

    @property
    def language(self) -> str:
        """Of the practice; French if nobody can tell."""
        if self.settings:
            return self.settings.bridge.language.value
        bridge = self.raw.get("bridge")
        wanted = bridge.get("language") if isinstance(bridge, Mapping) else None
        return "en" if wanted == "en" else "fr"

    @property
    def needs_bluetooth(self) -> bool:
        """Whether a button is heard over this machine's Bluetooth; yes, if nobody can tell."""
        if self.settings is None:
            return True
        return not self.settings.radio.simulated and self._has(Family.FLIC2)

    @property
    def stays_connected(self) -> int:
        """How many buttons are meant to hold a link all the time."""
        if self.settings is None:
            return 0
        return sum(
            button.family is Family.FLIC2 and button.link is LinkMode.ALWAYS
            for button in self.settings.buttons
        )

    def _has(self, family: Family) -> bool:
        return self.settings is not None and any(b.family is family for b in self.settings.buttons)


def _state_dir(raw: Mapping[str, Any], file: Path) -> Path:
    """The state's folder of settings that are wrong somewhere."""
    bridge = raw.get("bridge")
    written = bridge.get("state_dir") if isinstance(bridge, Mapping) else None
    if not isinstance(written, str) or "\0" in written:
        return default_state_dir()
    return Path(file.parent, written).absolute()
