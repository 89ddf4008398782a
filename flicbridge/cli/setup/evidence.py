"""What was proven during the setup, kept beside the settings: a setup that is interrupted proves it once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from flicbridge.cli.setup.private import write_private

if TYPE_CHECKING:
    from flicbridge.config import ButtonSettings

FILE_NAME: Final = "commissioning.json"


class Fact(BaseModel):
    """Something that was seen, and when."""

    model_config = ConfigDict(frozen=True)

    at: datetime


class RadioFact(Fact):
    """Whether the radio worked, and what was wrong if not."""

    works: bool
    detail: str = ""


class ButtonFact(Fact):
    """How a button was when it was paired; `heard_after_s` is None if its press was not heard."""

    serial: str
    product: str
    firmware: int
    battery_mv: float
    rssi_dbm: float | None
    heard_after_s: float | None


class ChannelFact(Fact):
    """What became of a test message.

    Attributes:
        of: the fingerprint of the channel's settings: others have not been proven by it.
        outcome: `delivered` to the handset, `sent` (taken by the other side), `failed`, or `skipped`.
        took_s: until the other side had taken it.
        delivered_s: until it had reached the handset, where that can be known.
        seen: whether somebody said that it arrived.
    """

    of: str
    outcome: Literal["delivered", "sent", "failed", "skipped"]
    took_s: float | None = None
    delivered_s: float | None = None
    detail: str = ""
    seen: bool = False


class ReachedFact(BaseModel):
    """One message of a rehearsed alert; `after_s` counts from the press to the other side's receipt."""

    model_config = ConfigDict(frozen=True)

    channel: str
    state: str
    after_s: float | None
    detail: str = ""


class PressFact(Fact):
    """What became of a press.

    Attributes:
        serial: of which button, see `identity`: another one of that name has not been proven by it.
        known_after_s: how old it was when the bridge had recognised it.
    """

    serial: str = ""
    gesture: str
    reaction: str
    known_after_s: float
    reached: tuple[ReachedFact, ...]


class RoomFact(Fact):
    """How a button was heard in a room; `verdict` as in `press.survey`."""

    room: str
    button: str
    median_dbm: float | None
    longest_silence_s: float
    verdict: str


class Evidence(BaseModel):
    """All of it; buttons, channels and presses by name, and who signed the last report."""

    model_config = ConfigDict(frozen=True)

    radio: RadioFact | None = None
    buttons: Mapping[str, ButtonFact] = {}
    channels: Mapping[str, ChannelFact] = {}
    presses: Mapping[str, PressFact] = {}
    rooms: tuple[RoomFact, ...] = ()
    installer: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """The evidence of one settings file."""

    path: Path

    @classmethod
    def beside(cls, settings: Path) -> "EvidenceFile":
        """The one that belongs to a settings file."""
        return cls(settings.with_name(FILE_NAME))

    def read(self) -> Evidence:
        """What is known so far; nothing, if the file is damaged: then it is proven again."""
        try:
            return Evidence.model_validate_json(self.path.read_bytes())
        except (OSError, ValidationError):
            return Evidence()

    def note(self, **changes: object) -> None:
        """Write down what is new, in place of what was known of the same part.

        Raises:
            InputError: it cannot be written.
        """
        changed = self.read().model_copy(update=changes)
        write_private(self.path, changed.model_dump_json(indent=2) + "\n")

    def note_one(self, kind: Literal["buttons", "channels", "presses"], name: str, fact: Fact) -> None:
        """The same, for one of several."""
        known: Mapping[str, Fact] = getattr(self.read(), kind)
        self.note(**{kind: {**known, name: fact}})


def identity(button: "ButtonSettings") -> str:
    """Tells whether a button is still the one that was tried: its serial number, or its address for flicd."""
    return button.serial or button.address


def fingerprint(channel: Mapping[str, Any]) -> str:
    """Tells whether a channel's settings are still those that were proven."""
    return sha256(json.dumps(channel, sort_keys=True, default=str).encode()).hexdigest()[:16]
