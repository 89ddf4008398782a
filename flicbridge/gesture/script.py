"""How a finger makes a gesture: for rehearsals, drills and tests."""

from typing import Final

from flicbridge.gesture.table import GestureTable, Hold

BEYOND_S: Final = 0.25
"""How much longer than it must a long press is held."""


def finger_script(table: GestureTable, name: str) -> list[tuple[float, float]]:
    """Return when the finger goes down and up to make a gesture, in seconds from now, press by press.

    It keeps well away from all thresholds, and it makes the gesture if the table has no problem with it.

    Raises:
        KeyError: the table knows no such gesture.
    """
    thresholds = table.thresholds
    room_s = thresholds.window_s - thresholds.debounce_s
    pattern = table.patterns[name]
    tap_s = thresholds.long_s / 2 if len(pattern) == 1 else min(thresholds.long_s, room_s) / 2
    script = []
    down_s = 0.0
    for hold in pattern:
        up_s = down_s + (tap_s if hold is Hold.SHORT else thresholds.long_s + BEYOND_S)
        script.append((down_s, up_s))
        window_s = thresholds.window_s + (down_s if hold is Hold.SHORT else up_s)
        down_s = (up_s + thresholds.debounce_s + window_s) / 2
    return script
