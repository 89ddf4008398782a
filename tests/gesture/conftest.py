"""Shared by the tests of stage 2: tables and events from a few words, and a finger that plays them."""

from collections.abc import Callable, Iterable

import pytest

from flicbridge.gesture import Gesture, GestureTable, Recogniser, Thresholds
from flicbridge.gesture.settings import find_pattern
from flicbridge.press.event import ButtonEvent, Counter, EventKind


def _events(script: Iterable[tuple[EventKind, float]]) -> list[ButtonEvent]:
    return [
        ButtonEvent("poche", "BF12-A34567", kind, at_s, Counter(7, n), False, 0.0, 1000.0 + at_s)
        for n, (kind, at_s) in enumerate(script, start=1)
    ]


def _table(names: str, thresholds: Thresholds | None = None) -> GestureTable:
    listed = [name.strip() for name in names.split(",")]
    return GestureTable({name: find_pattern(name, {}) for name in listed}, thresholds or Thresholds())


def _play(recogniser: Recogniser, script: str) -> list[Gesture]:
    gestures = []
    for n, word in enumerate(script.split(), start=1):
        what, _, at = word.partition("@")
        at_s = float(at)
        if what == "wait":
            gestures += recogniser.pass_time(at_s)
            continue
        kind, counter = EventKind(what), Counter(7, n)
        event = ButtonEvent("poche", "BF12-A34567", kind, at_s, counter, False, 0.0, 1000.0 + at_s)
        gestures += recogniser.feed(event)
    return gestures


@pytest.fixture(scope="session")
def events() -> Callable[[Iterable[tuple[EventKind, float]]], list[ButtonEvent]]:
    """Makes events of one button, counted from 1, out of kinds and times."""
    return _events


@pytest.fixture(scope="session")
def table() -> Callable[..., GestureTable]:
    """Makes a table out of `"single, double, short long"` and thresholds, by default those of a Flic."""
    return _table


@pytest.fixture(scope="session")
def play() -> Callable[[Recogniser, str], list[Gesture]]:
    """Plays `"down@0 up@0.1 still@0.5 wait@2"`; the n-th word has the event count n."""
    return _play
