"""A walk through the rooms: how well buttons were heard in each of them, and where not at all. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import Final

from flicbridge.press.signal import Strength, strength

# A button that calls by itself does so at least once a second, after a while. Several missed calls in a row
# are a place from which a press would come late.
SILENCE_S: Final = 5.0


class Verdict(StrEnum):
    """What is to be thought of a room."""

    GOOD = "good"
    WEAK = "weak"
    DEAD = "dead"
    """Too weak, or silent for too long."""
    UNKNOWN = "unknown"
    """Nothing was heard, and not listened for long enough either; or the button never called at all."""


@dataclass(frozen=True, slots=True)
class Reception:
    """How one button was heard in one room.

    Attributes:
        room: what it was called.
        button: its name.
        took_s: how long it was listened for.
        advertisements: how many were heard.
        min_dbm, median_dbm, max_dbm: of those; None if there were none.
        longest_silence_s: from one to the next, or to the ends of the stay.
    """

    room: str
    button: str
    took_s: float
    advertisements: int
    min_dbm: int | None
    median_dbm: float | None
    max_dbm: int | None
    longest_silence_s: float

    @property
    def verdict(self) -> Verdict:
        if self.longest_silence_s >= SILENCE_S:
            return Verdict.DEAD
        if self.median_dbm is None:
            return Verdict.UNKNOWN
        words = {Strength.GOOD: Verdict.GOOD, Strength.WEAK: Verdict.WEAK, Strength.TOO_WEAK: Verdict.DEAD}
        return words[strength(self.median_dbm)]


@dataclass(slots=True)
class _Stay:
    """What was heard of one button during one stay in a room."""

    since_s: float
    heard_dbm: list[int] = field(default_factory=list)
    silence_s: float = 0.0


class Survey:
    """Takes what is heard, and which room it is heard from.

    A button is silent until it calls for the first time: it may be asleep until somebody presses it.

    Args:
        buttons: names of those that are listened for.
        room: where the walk begins.
        now_s: monotonic.
    """

    def __init__(self, buttons: list[str], room: str, now_s: float) -> None:
        self._buttons = buttons
        self._room = room
        self._since_s = now_s
        self._last: dict[str, tuple[float, int]] = {}
        self._stays: dict[str, _Stay] = {}
        self._done: list[Reception] = []
        self._begin(now_s)

    @property
    def room(self) -> str:
        """Where the walk is now."""
        return self._room

    def hear(self, button: str, rssi_dbm: int, at_s: float) -> None:
        """Note one advertisement."""
        stay = self._stays[button]
        if button not in self._last:
            stay.since_s = at_s  # it has just woken up
        stay.silence_s = max(stay.silence_s, at_s - self._quiet_since_s(button))
        stay.heard_dbm.append(rssi_dbm)
        self._last[button] = at_s, rssi_dbm

    def newest(self, button: str) -> tuple[float, int] | None:
        """When, and how loud, a button was heard last."""
        return self._last.get(button)

    def name_room(self, room: str) -> None:
        """Call the room by another name."""
        self._room = room

    def enter(self, room: str, at_s: float) -> None:
        """Begin another room; coming back to one by its name is another stay."""
        self._done += self._receptions(at_s)
        self._room = room
        self._begin(at_s)

    def report(self, at_s: float) -> list[Reception]:
        """Every stay so far, in order, the present one included."""
        return [*self._done, *self._receptions(at_s)]

    def _begin(self, now_s: float) -> None:
        self._since_s = now_s
        self._stays = {button: _Stay(now_s) for button in self._buttons}

    def _quiet_since_s(self, button: str) -> float:
        """Since when nothing has been heard of a button in this room."""
        heard_s = self._last[button][0] if button in self._last else self._stays[button].since_s
        return max(heard_s, self._stays[button].since_s)

    def _receptions(self, at_s: float) -> Iterator[Reception]:
        for button, stay in self._stays.items():
            quiet_s = at_s - self._quiet_since_s(button) if button in self._last else 0.0
            heard = stay.heard_dbm
            yield Reception(
                room=self._room,
                button=button,
                took_s=at_s - self._since_s,
                advertisements=len(heard),
                min_dbm=min(heard, default=None),
                median_dbm=median(heard) if heard else None,
                max_dbm=max(heard, default=None),
                longest_silence_s=max(stay.silence_s, quiet_s),
            )
