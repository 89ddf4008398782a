"""What holds for every table, every finger and every radio."""

import math
from collections.abc import Callable, Iterable
from itertools import accumulate, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from flicbridge.gesture import (
    EarliestArrival,
    Gesture,
    GestureTable,
    Hold,
    Recogniser,
    Thresholds,
    finger_script,
)
from flicbridge.press.event import ButtonEvent, EventKind

type Edge = tuple[EventKind, float]
type Events = Callable[[Iterable[Edge]], list[ButtonEvent]]

DOWN, UP, STILL = EventKind.DOWN, EventKind.UP, EventKind.STILL
TICK_S = 1 / 64

ticks = st.one_of(st.integers(0, 8), st.integers(0, 64), st.integers(0, 400))
gaps = ticks.map(lambda n: n * TICK_S)
patterns = st.lists(st.sampled_from(Hold), min_size=1, max_size=4).map(tuple)
debounces = st.sampled_from([0.0, 2 * TICK_S])


@st.composite
def thresholds(draw: st.DrawFn, debounces: st.SearchStrategy[float]) -> Thresholds:
    return Thresholds(draw(st.integers(8, 128)) * TICK_S, draw(st.integers(4, 80)) * TICK_S, draw(debounces))


@st.composite
def tables(draw: st.DrawFn, debounces: st.SearchStrategy[float] = debounces) -> GestureTable:
    found = draw(st.lists(patterns, min_size=1, max_size=5, unique=True))
    table = GestureTable({" ".join(pattern): pattern for pattern in found}, draw(thresholds(debounces)))
    assert table.problems() == []
    return table


@st.composite
def scripts(draw: st.DrawFn, kinds: tuple[EventKind, ...] = (DOWN, DOWN, UP, UP, STILL)) -> list[Edge]:
    """Any edges at all, repeated and missing ones included, in the order of time."""
    steps = draw(st.lists(st.tuples(st.sampled_from(kinds), gaps), max_size=14))
    times = accumulate(gap for _, gap in steps)
    return [(kind, at_s) for (kind, _), at_s in zip(steps, times, strict=True)]


def play(table: GestureTable, heard: Iterable[ButtonEvent], until_s: float = 1e6) -> list[Gesture]:
    recogniser = Recogniser(table)
    gestures = [gesture for event in heard for gesture in recogniser.feed(event)]
    return gestures + recogniser.pass_time(until_s)


def said(gestures: Iterable[Gesture]) -> list[tuple[str, float]]:
    return [(gesture.name, gesture.first.at_s) for gesture in gestures]


@given(table=tables(), script=scripts(), data=st.data())
def test_late_and_bunched_packets_change_nothing(
    table: GestureTable, script: list[Edge], data: st.DataObject, events: Events
) -> None:
    heard = events(script)
    allowance_s = 2.0
    ahead_s, rate = data.draw(st.floats(-1e5, 1e5)), data.draw(st.floats(-500e-6, 500e-6))
    delays = data.draw(st.lists(st.floats(0, allowance_s), min_size=len(heard), max_size=len(heard)))
    sent = [ahead_s + event.at_s * (1 + rate) for event in heard]
    arrivals = list(accumulate((s + d for s, d in zip(sent, delays, strict=True)), max))
    looks = data.draw(st.lists(st.floats(ahead_s, ahead_s + 60), max_size=8))

    recogniser, timeline, gestures = Recogniser(table), EarliestArrival(), []
    happenings = sorted(
        [*zip(arrivals, heard, strict=True), *((look, None) for look in looks)], key=lambda h: h[0]
    )
    for now_s, event in [*happenings, (math.inf, None)]:
        while (deadline_s := recogniser.deadline_s) is not None:
            wake_at_s = timeline.wake_at_s(deadline_s, allowance_s)
            if wake_at_s >= now_s:
                break
            gestures += recogniser.pass_time(timeline.button_now_s(wake_at_s, allowance_s))
            assert recogniser.deadline_s != deadline_s, "woke up for nothing"
        if event is not None:
            timeline.note(event.at_s, now_s)
            gestures += recogniser.feed(event)
        elif now_s < math.inf:
            gestures += recogniser.pass_time(timeline.button_now_s(now_s, allowance_s))

    assert gestures == play(table, heard)


@st.composite
def presses(draw: st.DrawFn, debounce_s: float) -> list[tuple[float, float]]:
    """When a healthy finger goes down and up, with pauses that are no bounces."""
    at_s, found = 0.0, []
    for _ in range(draw(st.integers(1, 6))):
        down_s = at_s + debounce_s + draw(gaps)
        at_s = down_s + 4 * TICK_S + draw(gaps)
        found.append((down_s, at_s))
    return found


@given(table=tables(st.just(2 * TICK_S)), data=st.data())
def test_bounces_never_create_presses(table: GestureTable, data: st.DataObject, events: Events) -> None:
    debounce_s = table.thresholds.debounce_s
    clean: list[Edge] = []
    bouncing: list[Edge] = []
    for down_s, up_s in data.draw(presses(debounce_s)):
        chatter = data.draw(st.lists(st.floats(0.001, up_s - down_s - 0.001), max_size=4).map(sorted))
        pairs = [(a, min(b, a + 0.99 * debounce_s)) for a, b in pairwise([*chatter, up_s - down_s - 0.001])]
        clean += [(DOWN, down_s), (UP, up_s)]
        bouncing += [
            (DOWN, down_s),
            *(edge for a, b in pairs for edge in [(UP, down_s + a), (DOWN, down_s + b)]),
            (UP, up_s),
        ]
    assert said(play(table, events(bouncing))) == said(play(table, events(clean)))


@given(table=tables())
def test_every_configured_gesture_can_be_made(table: GestureTable, events: Events) -> None:
    for name in table.patterns:
        script = [
            edge for down_s, up_s in finger_script(table, name) for edge in [(DOWN, down_s), (UP, up_s)]
        ]
        assert said(play(table, events(script))) == [(name, 0.0)]


@given(table=tables(), history=scripts(), data=st.data())
def test_no_history_can_swallow_the_next_press(
    table: GestureTable, history: list[Edge], data: st.DataObject, events: Events
) -> None:
    name = data.draw(st.sampled_from(list(table.patterns)))
    script = [
        edge
        for down_s, up_s in finger_script(table, name)
        for edge in [(DOWN, 500 + down_s), (UP, 500 + up_s)]
    ]
    late = [gesture for gesture in play(table, events([*history, *script])) if gesture.first.at_s >= 500]
    assert said(late) == [(name, 500.0)]


@settings(max_examples=300)
@given(table=tables(), script=scripts(), data=st.data())
def test_after_a_cut_the_events_that_were_not_settled_say_the_same(
    table: GestureTable, script: list[Edge], data: st.DataObject, events: Events
) -> None:
    heard = events(script)
    whole = said(play(table, heard))
    cut = data.draw(st.integers(0, len(heard)))
    before = Recogniser(table)
    told = said(gesture for event in heard[:cut] for gesture in before.feed(event))
    if cut:
        last_s, next_s = (event.at_s for event in [*heard, *events([(STILL, 1e3)])][cut - 1 : cut + 1])
        told += said(before.pass_time(last_s + data.draw(st.floats(0, 0.9)) * (next_s - last_s) - TICK_S / 2))
    settled = 0 if before.settled is None else before.settled.event_count
    again = said(play(table, heard[settled:]))
    assert told == whole[: len(told)]
    assert again == whole[len(whole) - len(again) :], "something was added or changed"
    assert len(told) + len(again) >= len(whole), "something was lost"
    if not table.thresholds.debounce_s:
        assert len(told) + len(again) == len(whole), "something was said twice"


@given(table=tables(), script=scripts())
def test_whatever_is_open_has_a_deadline_that_decides_it(
    table: GestureTable, script: list[Edge], events: Events
) -> None:
    recogniser, heard = Recogniser(table), events(script)
    for event in heard:
        recogniser.feed(event)
    reached = [-math.inf]
    while (deadline_s := recogniser.deadline_s) is not None:
        assert deadline_s > reached[-1]
        reached.append(deadline_s)
        recogniser.pass_time(deadline_s)
    latest_s = heard[-1].at_s if heard else 0.0
    assert reached[-1] <= latest_s + table.thresholds.longest_s + table.thresholds.window_s
    if not table.thresholds.debounce_s and heard:
        assert recogniser.settled == heard[-1].counter


@given(
    table=tables(), kinds=st.lists(st.tuples(st.sampled_from(EventKind), st.integers(-50, 50)), max_size=14)
)
def test_a_clock_that_goes_backwards_counts_as_standing_still(
    table: GestureTable, kinds: list[tuple[EventKind, int]], events: Events
) -> None:
    broken = [(kind, n * TICK_S) for kind, n in kinds]
    repaired = zip((kind for kind, _ in kinds), accumulate((at_s for _, at_s in broken), max), strict=True)
    names = [[g.name for g in play(table, events(script))] for script in (broken, repaired)]
    assert names[0] == names[1]
