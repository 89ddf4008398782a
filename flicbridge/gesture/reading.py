"""What a row of presses means, whenever one comes to know of it.

The row is read from its head, press by press, for as long as some gesture still begins like that:

- Where a gesture is complete and no other goes on from there, it is that gesture.
- Where no gesture goes on, or the pause was too long, the longest gesture that the row begins with counts,
  and what is left is read again: two presses where there is a `single` and a `triple` are two singles.
- A hold is a hold. Where a plain `long` is configured and no rhythm goes on with the hold, it is that `long`,
  together with the short presses before it: fumbling must not turn a call for help into something else.
  Where there is no plain `long`, a hold that fits no rhythm counts as a short press.
- A press that nothing explains is passed over, alone.

So the meaning depends on the presses alone, the head of the row first. That is why the recogniser can decide
as soon as all that may still come means the same, and why a row heard again from any head means the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from flicbridge.gesture.table import GestureTable, Hold, Pattern, Thresholds


@dataclass(frozen=True, slots=True)
class Press:
    """One press.

    Attributes:
        hold: how long it was held.
        down_s: when it began, on the button's clock.
        up_s: when it ended, or will end at the earliest.
    """

    hold: Hold
    down_s: float
    up_s: float


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the head of a row means.

    Attributes:
        name: the gesture, or None if nothing explains the press.
        presses: how many presses it takes up, at least 1.
    """

    name: str | None
    presses: int


def first_meaning(table: GestureTable, row: Sequence[Press], free_s: float) -> Meaning | None:
    """Return what the head of the row means, or None if that depends on further presses.

    Args:
        table: the gestures.
        row: the presses, oldest first.
        free_s: no further press begins before this instant.
    """
    path: Pattern = ()
    nexts_s = [*(press.down_s for press in row[1:]), free_s]
    for n, (press, next_s) in enumerate(zip(row, nexts_s, strict=True), start=1):
        further = table.follow(path, press.hold)
        if further is None:
            return _longest(table, row[:n])
        if (name := table.final(further)) is not None:
            return Meaning(name, n)
        if latest_next_s(further[-1], press, table.thresholds) < next_s:
            return _longest(table, row[:n])
        path = further
    return None


def latest_next_s(hold: Hold, press: Press, thresholds: Thresholds) -> float:
    """Return the last instant at which the next press may begin, if this one counts as `hold`."""
    if hold is Hold.SHORT:
        return press.down_s + thresholds.window_s
    last_up_s = press.down_s + thresholds.longest_s
    return press.up_s + thresholds.window_s if press.up_s <= last_up_s else last_up_s


def _longest(table: GestureTable, row: Sequence[Press]) -> Meaning:
    """Return what the head means when no gesture goes on: what honours the holds, then what is longest."""
    holds = [n for n, press in enumerate(row) if press.hold is Hold.LONG]

    def merit(candidate: tuple[str, Pattern]) -> tuple[list[bool], int]:
        pattern = candidate[1]
        return [pattern[n : n + 1] == (Hold.LONG,) for n in holds], len(pattern)

    name, pattern = max(_candidates(table, row), key=merit, default=(None, (Hold.SHORT,)))
    return Meaning(name, len(pattern))


def _candidates(table: GestureTable, row: Sequence[Press]) -> Iterator[tuple[str, Pattern]]:
    """Yield the gestures that the row begins with, and a plain `long` that swallows a fumble before it."""
    yield from ((name, pattern) for name, pattern in table.patterns.items() if _fits(table, pattern, row))
    if table.plain_long is not None:
        pattern = tuple(press.hold for press in row)
        if Hold.LONG in pattern:
            yield table.plain_long, pattern[: pattern.index(Hold.LONG) + 1]


def _fits(table: GestureTable, pattern: Pattern, row: Sequence[Press]) -> bool:
    """Tell whether the row begins with that pattern, pauses included."""
    if not 0 < len(pattern) <= len(row):
        return False
    pairs = list(zip(pattern, row, strict=False))
    held_as_told = all(
        press.hold is hold or (hold is Hold.SHORT and table.plain_long is None) for hold, press in pairs
    )
    return held_as_told and all(
        next_press.down_s <= latest_next_s(hold, press, table.thresholds)
        for (hold, press), (_, next_press) in pairwise(pairs)
    )
