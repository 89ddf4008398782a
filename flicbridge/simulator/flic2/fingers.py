"""What a finger on a Flic 2 brings about: downs, holds, ups and time-outs, and the codes they are sent as.

Source: fact sheet sections 9.4 and 11 ("button physics"). Durations are those of the genuine button.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

DOUBLE_CLICK_S: Final = 0.5
"""Second press after first press; also the longest press that can be the first half of a double click."""
HOLD_S: Final = 1.0


class Encoded(IntEnum):
    """The four bits an event is sent as."""

    DOWN = 1
    TIMEOUT = 2
    HOLD = 3
    SECOND_DOWN = 5
    """As the sister product Twist has it. Whether a genuine Flic 2 sends 5 or 1 is open."""
    SECOND_HOLD = 7
    UP_UNDECIDED = 8
    UP_SINGLE = 10
    UP_DOUBLE = 11
    UP_HELD = 14
    UP_DOUBLE_HELD = 15


@dataclass(frozen=True, slots=True)
class Motion:
    """One physical fact; `at_s` is monotonic."""

    encoded: Encoded
    at_s: float


class Fingers:
    """Turns presses, releases and the passing of time into motions."""

    def __init__(self) -> None:
        self._down_s: float | None = None
        self._first_s: float | None = None  # the first press of what may become a double click
        self._is_second = False
        self._is_held = False

    @property
    def is_down(self) -> bool:
        return self._down_s is not None

    @property
    def deadline_s(self) -> float | None:
        """When `pass_time` will have something to say."""
        if self._down_s is not None:
            return None if self._is_held else self._down_s + HOLD_S
        return None if self._first_s is None else self._first_s + DOUBLE_CLICK_S

    def press(self, at_s: float) -> list[Motion]:
        """Put the finger down; nothing happens if it is down already."""
        if self.is_down:
            return []
        motions = self.pass_time(at_s)
        self._is_second = self._first_s is not None
        self._down_s, self._is_held, self._first_s = at_s, False, None
        return [*motions, Motion(Encoded.SECOND_DOWN if self._is_second else Encoded.DOWN, at_s)]

    def release(self, at_s: float) -> list[Motion]:
        """Lift the finger; nothing happens if it is up already."""
        if self._down_s is None:
            return []
        motions = self.pass_time(at_s)
        held_s = at_s - self._down_s
        if not self._is_second and held_s < DOUBLE_CLICK_S:
            self._first_s = self._down_s  # a second press may follow
        self._down_s = None
        return [*motions, Motion(self._up(held_s), at_s)]

    def _up(self, held_s: float) -> Encoded:
        if self._is_held:
            return Encoded.UP_DOUBLE_HELD if self._is_second else Encoded.UP_HELD
        if self._is_second:
            return Encoded.UP_DOUBLE
        return Encoded.UP_UNDECIDED if held_s < DOUBLE_CLICK_S else Encoded.UP_SINGLE

    def pass_time(self, now_s: float) -> list[Motion]:
        """Tell what happens by the mere passing of time, at most one thing at a time."""
        due_s = self.deadline_s
        if due_s is None or now_s < due_s:
            return []
        if self.is_down:
            self._is_held = True
            return [Motion(Encoded.SECOND_HOLD if self._is_second else Encoded.HOLD, due_s)]
        self._first_s = None
        return [Motion(Encoded.TIMEOUT, due_s)]
