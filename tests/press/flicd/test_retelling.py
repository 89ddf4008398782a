"""What flicd says of presses, as gestures: also of those that come in one go, with ages in whole seconds."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.gesture import GestureTable, Recogniser
from flicbridge.gesture.table import COMMON
from flicbridge.press import Counter, EventKind
from flicbridge.press.flicd.events import (
    Click,
    Clicked,
)
from flicbridge.press.flicd.retelling import LONGEST_AGE_S, Retelling
from flicbridge.simulator.flicd.button import FingerScript, records

ADDRESS = "80:E4:DA:71:B2:C3"
TABLE = GestureTable(dict(COMMON))


def retelling() -> Retelling:
    return Retelling("poche", ADDRESS, Counter(7, 100))


def live(script: FingerScript, *, late_s: float = 0.02) -> list[str]:
    """The gestures of presses that are told as they are made."""
    told, recogniser, gestures = retelling(), Recogniser(TABLE), []
    for record in records(script):
        clicked = Clicked(1, record.opcode, Click(record.click), was_queued=False, age_s=0)
        if event := told.retell(clicked, 1000 + record.at_s + late_s):
            gestures += recogniser.feed(event)
    return [gesture.name for gesture in gestures + recogniser.pass_time(math.inf)]


def kept(script: FingerScript, ago_s: float, *, verdicts: bool = True) -> list[str]:
    """The gestures of presses that the button had kept, told within milliseconds."""
    told, recogniser, gestures = retelling(), Recogniser(TABLE), []
    for n, record in enumerate(records(script)):
        if record.opcode != 4 and not verdicts:
            continue
        age_s = int(ago_s - record.at_s)
        clicked = Clicked(1, record.opcode, Click(record.click), was_queued=True, age_s=age_s)
        if event := told.retell(clicked, 1000 + n / 1000):
            gestures += recogniser.feed(event)
            assert event.age_s == age_s
    return [gesture.name for gesture in gestures + recogniser.pass_time(math.inf)]


PRESSES: list[tuple[FingerScript, list[str]]] = [
    ([(0, 0.1)], ["single"]),
    ([(0, 0.9)], ["single"]),
    ([(0, 1.1)], ["long"]),
    ([(0, 4.0)], ["long"]),
    ([(0, 0.1), (0.3, 0.4)], ["double"]),
    ([(0, 0.1), (0.7, 0.8)], ["single", "single"]),
    ([(0, 0.6), (0.8, 0.9)], ["single", "single"]),
    ([(0, 0.1), (0.3, 0.4), (1.5, 1.6)], ["double", "single"]),
    ([(0, 1.2), (3, 3.1)], ["long", "single"]),
    ([(0, 0.1), (2, 3.5), (6, 6.1), (6.3, 6.4)], ["single", "long", "double"]),
]


@pytest.mark.parametrize(("script", "gestures"), PRESSES)
def test_live_presses_are_what_the_fingers_made(script: FingerScript, gestures: list[str]) -> None:
    assert live(script) == gestures


@pytest.mark.parametrize(("script", "gestures"), PRESSES)
@pytest.mark.parametrize("ago_s", [10.0, 10.05, 10.35, 10.62, 10.95, 3600.5])
def test_kept_presses_are_what_the_fingers_made_wherever_a_second_ends(
    script: FingerScript, gestures: list[str], ago_s: float
) -> None:
    assert kept(script, ago_s) == gestures


@pytest.mark.parametrize(
    ("script", "gestures"),
    [
        ([(0, 3.5)], ["long"]),
        ([(0, 0.1), (0.3, 0.4)], ["double"]),
        ([(0, 0.1), (4, 4.1)], ["single", "single"]),
    ],
)
def test_ages_that_leave_no_doubt_count_without_flicds_word(
    script: FingerScript, gestures: list[str]
) -> None:
    assert kept(script, 10.62, verdicts=False) == gestures


def test_a_hold_is_known_one_second_after_the_press_though_nobody_let_go() -> None:
    told, recogniser = retelling(), Recogniser(TABLE)
    down = told.retell(Clicked(1, 4, Click.DOWN, was_queued=False, age_s=0), 1000.0)
    hold = told.retell(Clicked(1, 5, Click.HOLD, was_queued=False, age_s=0), 1000.98)
    assert down is not None
    assert hold is not None
    assert recogniser.feed(down) == []
    assert [gesture.name for gesture in recogniser.feed(hold)] == ["long"]


def test_a_press_that_woke_the_link_and_is_held_on_is_a_hold_when_flicd_says_so() -> None:
    told, recogniser = retelling(), Recogniser(TABLE)
    events = [
        told.retell(Clicked(1, 4, Click.DOWN, was_queued=True, age_s=0), 1000.0),  # 0.7 s after the press
        told.retell(Clicked(1, 5, Click.HOLD, was_queued=False, age_s=0), 1000.3),
    ]
    names = [gesture.name for event in events if event for gesture in recogniser.feed(event)]
    assert names == ["long"]


def test_a_single_that_comes_when_the_next_press_is_there_already_splits_nothing() -> None:
    told, recogniser, gestures = retelling(), Recogniser(TABLE), []
    for at_s, opcode, click in (
        (0.0, 4, Click.DOWN),
        (0.1, 4, Click.UP),
        (0.58, 4, Click.DOWN),
        (0.6, 6, Click.SINGLE),  # about the press before
        (0.65, 4, Click.UP),
        (0.9, 4, Click.DOWN),
        (1.0, 4, Click.UP),
    ):
        if event := told.retell(Clicked(1, opcode, click, was_queued=False, age_s=0), 1000 + at_s):
            gestures += recogniser.feed(event)
    gestures += recogniser.pass_time(math.inf)
    assert [gesture.name for gesture in gestures] == ["single", "double"]


def test_an_absurd_age_takes_nothing_from_the_press() -> None:
    event = retelling().retell(Clicked(1, 4, Click.DOWN, was_queued=True, age_s=2**32 - 1), 1000.0)
    assert event is not None
    assert (event.kind, event.age_s, event.was_queued) == (EventKind.DOWN, LONGEST_AGE_S, True)


def test_every_event_has_a_count_of_its_own_and_the_count_wraps() -> None:
    told = Retelling("poche", ADDRESS, Counter(7, 2**32 - 2))
    clicks = [Clicked(1, 4, click, was_queued=False, age_s=0) for click in (Click.DOWN, Click.UP) * 2]
    events = [told.retell(click, 1000.0 + n) for n, click in enumerate(clicks)]
    assert [event.counter for event in events if event] == [Counter(7, n) for n in (2**32 - 1, 0, 1, 2)]


@given(
    down_s=st.floats(1e3, 1e7),
    later_s=st.floats(0, 1),
    say=st.sampled_from([(5, Click.HOLD), (6, Click.SINGLE)]),
)
def test_flicds_word_decides_at_once_whatever_sums_are_rounded_to(
    down_s: float, later_s: float, say: tuple[int, Click]
) -> None:
    told, recogniser = retelling(), Recogniser(TABLE)
    said = [(4, Click.DOWN), say] if say[1] is Click.HOLD else [(4, Click.DOWN), (4, Click.UP), say]
    gestures = []
    for opcode, click in said:
        arrived_s = down_s + (later_s if (opcode, click) == say else 0.0)
        event = told.retell(Clicked(1, opcode, click, was_queued=True, age_s=9), arrived_s)
        assert event is not None
        gestures += recogniser.feed(event)
    assert [gesture.name for gesture in gestures] == ["long" if say[1] is Click.HOLD else "single"]


SAYINGS = [(4, Click.DOWN), (4, Click.UP), (5, Click.CLICK), (5, Click.HOLD), (6, Click.SINGLE)]
SAYINGS += [(6, Click.DOUBLE), (7, Click.SINGLE), (7, Click.DOUBLE), (7, Click.HOLD)]


@given(
    said=st.lists(
        st.tuples(st.sampled_from(SAYINGS), st.booleans(), st.integers(0, 2**32 - 1), st.floats(0, 3)),
        max_size=40,
    )
)
def test_no_story_of_flicds_can_turn_time_back_or_swallow_the_next_press(
    said: Sequence[tuple[tuple[int, Click], bool, int, float]],
) -> None:
    told, recogniser = retelling(), Recogniser(TABLE)
    now_s, at_s = 1000.0, 0.0
    for (opcode, click), was_queued, age_s, pause_s in said:
        now_s += pause_s
        event = told.retell(Clicked(1, opcode, click, was_queued, age_s), now_s)
        if event is not None:
            assert event.at_s >= max(at_s, event.arrived_s)
            at_s = event.at_s
            recogniser.feed(event)
    for click, after_s in ((Click.DOWN, 10.0), (Click.UP, 10.1)):
        event = told.retell(Clicked(1, 4, click, was_queued=False, age_s=0), now_s + after_s)
        assert event is not None
        assert event.kind in (EventKind.DOWN, EventKind.UP)
        gestures = recogniser.feed(event)
    gestures += recogniser.pass_time(math.inf)
    assert [gesture.name for gesture in gestures] == ["single"]
