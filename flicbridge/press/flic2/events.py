"""What the codes and counts of a button's events mean, and its battery readings.

Pure arithmetic, shared by the session and the simulated button. Source: fact sheet sections 9.3 and 9.4.
"""

from bisect import bisect_right
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from flicbridge.press.flic2.wire.presses import TICKS_PER_S

COUNTS: Final = 2**32
"""Event counts wrap to 0 after this many; it is a multiple of 4, so the kind by remainder survives."""

_COUNTS_PER_PRESS: Final = 4
_PRESSES: Final = COUNTS // _COUNTS_PER_PRESS

# Event codes, 4 bits. Source: section 9.4, which gives a meaning to each of the 16 values.
_IS_UP: Final = 0b1000
_IS_FINAL: Final = 0b0010


class ItemKind(StrEnum):
    """What one item of a notification says."""

    DOWN = "down"
    UP = "up"
    HOLD = "hold"
    """Still down one second after the press."""
    TIMEOUT = "timeout"
    """No second press came within half a second of the first: it was a single click."""


_KIND_WHEN_NOT_UP: Final = (ItemKind.UP, ItemKind.DOWN, ItemKind.TIMEOUT, ItemKind.HOLD)


def item_kind(encoded: int) -> ItemKind:
    """Read a 4-bit event code. Every value means something: none may be dropped."""
    return ItemKind.UP if encoded & _IS_UP else _KIND_WHEN_NOT_UP[encoded & 0b11]


def completes_click(encoded: int) -> bool:
    """Tell whether a sequence of presses is over with this item, so that an acknowledgement is due."""
    if encoded & _IS_UP:
        return bool(encoded & _IS_FINAL)
    return item_kind(encoded) is ItemKind.TIMEOUT


def item_counts(press_counter: int, kinds: Sequence[ItemKind]) -> list[int]:
    """Find the event count of each item of a notification, which carries only that of the last.

    The remainder of a count by 4 tells the kind: 1 down, 2 hold, 3 up, 0 timeout; kinds that did not happen
    are skipped. So walk backwards.

    Args:
        press_counter: the count of the last item.
        kinds: of all items, oldest first.
    """
    counts = [press_counter]
    for kind in reversed(kinds[:-1]):
        following = counts[-1]
        remainder = following % _COUNTS_PER_PRESS
        neighbour = {1: ItemKind.TIMEOUT, 3: ItemKind.HOLD}.get(remainder, kind)
        counts.append((following - (1 if kind is neighbour else 2)) % COUNTS)
    return counts[::-1]


def press_of(count: int) -> int:
    """Number the press that an event belongs to: a full press spans four counts, 4k+1 to 4k+4."""
    return (count - 1) % COUNTS // _COUNTS_PER_PRESS


def presses_after(earlier: int, later: int) -> int:
    """Return by how many presses one event count is ahead of another; 0 if it is not, wrap included."""
    ahead = (press_of(later) - press_of(earlier)) % _PRESSES
    return ahead if ahead < _PRESSES // 2 else 0


def is_at_or_before(count: int, other: int) -> bool:
    """Tell whether an event count is not newer than another of the same boot, wrap included."""
    return (other - count) % COUNTS < COUNTS // 2


def seconds(ticks: int) -> float:
    """Turn ticks of the button's clock into seconds."""
    return ticks / TICKS_PER_S


def battery_mv(raw: int) -> int:
    """Turn a raw battery reading (10 bits of a 3.6 V range) into millivolts."""
    return (raw * 3600 + 512) // 1024


# A CR2032 under the button's load, (mV, %); linear in between. "Very rough, especially above 50."
# Source: section 9.3, from the vendor's Android library.
_DISCHARGE: Final = ((2100, 0), (2440, 6), (2740, 18), (2900, 42), (3000, 100))


def battery_percent(millivolt: float) -> int:
    """Estimate how full the cell is, 0 to 100."""
    above = bisect_right(_DISCHARGE, millivolt, key=lambda point: point[0])
    if above == 0:
        return 0
    if above == len(_DISCHARGE):
        return 100
    (low_mv, low), (high_mv, high) = _DISCHARGE[above - 1 : above + 1]
    return round(low + (high - low) * (millivolt - low_mv) / (high_mv - low_mv))
