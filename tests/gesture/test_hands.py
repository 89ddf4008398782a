"""A button with two keys: each is read for itself, and what is settled holds for both."""

from collections.abc import Iterable
from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from flicbridge.gesture import Gesture, GestureTable, Hands, Hold, Recogniser, Thresholds
from flicbridge.gesture.table import COMMON
from flicbridge.press.event import ButtonEvent, Counter, EventKind

DOWN, UP, STILL = EventKind.DOWN, EventKind.UP, EventKind.STILL
TICK_S = 1 / 64
BIG, SMALL = 0, 1

type Edge = tuple[int, EventKind, float]
"""Key, what, when."""


def events(script: Iterable[Edge]) -> list[ButtonEvent]:
    """The events of a Duo: each key counts its own, and a place in the row is both counts."""
    counts, made = [0, 0], []
    for key, kind, at_s in script:
        counts[key] += 1
        place = Counter(7, *counts)
        made.append(ButtonEvent("poche", "DS12-A34567", kind, at_s, place, False, 0.0, 1e3 + at_s, key))
    return made


def script(text: str) -> list[ButtonEvent]:
    """Read `"B@0 b@0.1 S@0.3 s@0.4"`: big or small key, capital down, small letter up, when."""
    words = (word.partition("@") for word in text.split())
    kinds = {"B": (BIG, DOWN), "b": (BIG, UP), "S": (SMALL, DOWN), "s": (SMALL, UP)}
    return events((*kinds[letter], float(at)) for letter, _, at in words)


def hands(big: str = "single double", small: str = "single double") -> Hands:
    return Hands({key: table(names) for key, names in ((BIG, big), (SMALL, small)) if names})


def table(names: str) -> GestureTable:
    return GestureTable({name: COMMON[name] for name in names.split()})


def feed(reader: Hands, heard: Iterable[ButtonEvent]) -> list[Gesture]:
    return [gesture for event in heard for gesture in reader.feed(event)]


def said(gestures: Iterable[Gesture]) -> list[tuple[int, str, float]]:
    return [(gesture.key, gesture.name, gesture.first.at_s) for gesture in gestures]


def test_the_keys_do_not_disturb_each_other() -> None:
    reader = hands()
    told = feed(reader, script("B@0 S@0.1 s@0.2 b@0.25 B@0.3 b@0.4 S@0.5 s@0.6"))
    assert said(told) == [(BIG, "double", 0.0), (SMALL, "double", 0.1)]


def test_what_happens_to_one_key_tells_that_nothing_happened_to_the_other() -> None:
    told = feed(hands(), script("B@0 b@0.1 S@0.7"))
    assert said(told) == [(BIG, "single", 0.0)]


def test_two_keys_touched_in_the_same_instant_are_read_by_the_same_clock() -> None:
    """The button's own word that half a second is over decides for both: no timer has to."""
    reader = hands()
    heard = script("B@0 S@0 b@0.1 s@0.1")
    silence = ButtonEvent("poche", "DS12-A34567", STILL, 0.5, Counter(7, 3, 2), False, 0.0, 1e3, BIG)
    assert said(feed(reader, [*heard, silence])) == [(BIG, "single", 0.0)]
    silence = ButtonEvent("poche", "DS12-A34567", STILL, 0.5, Counter(7, 3, 3), False, 0.0, 1e3, SMALL)
    assert said(feed(reader, [silence])) == [(SMALL, "single", 0.0)]
    assert reader.deadline_s is None


def test_a_key_without_gestures_means_nothing_and_holds_nothing_up() -> None:
    reader = hands(small="")
    assert feed(reader, script("S@0 s@0.1 S@0.2 s@0.3")) == []
    assert reader.settled == Counter(7, 0, 4)


def test_nothing_is_settled_in_the_middle_of_a_gesture_of_the_other_key() -> None:
    reader = hands()
    heard = script("S@0 s@0.1 B@1 b@1.1 S@1.2 B@1.3 b@1.4 s@1.5")
    assert said(feed(reader, heard)) == [(SMALL, "single", 0.0), (BIG, "double", 1.0)]
    # The small key is settled up to its press at 1.2, but the double press of the big one began before that.
    assert reader.settled == heard[1].counter
    assert said(feed(hands(), heard[2:])) == [(BIG, "double", 1.0)]
    assert said(reader.pass_time(1.7)) == [(SMALL, "single", 1.2)]
    assert reader.settled == heard[-1].counter


def test_a_rest_between_two_events_counts_even_if_only_the_second_one_tells() -> None:
    reader = hands()
    heard = script("B@0 b@0.1 S@0.7")
    feed(reader, heard)
    assert reader.settled == heard[1].counter


def test_what_was_settled_is_forgotten_with_the_session() -> None:
    reader = hands()
    feed(reader, script("B@0 b@0.1 S@0.7"))
    reader.reset()
    assert reader.settled is None
    assert reader.deadline_s is None
    assert feed(reader, script("B@5")) == []


gaps = st.one_of(st.integers(0, 8), st.integers(0, 64), st.integers(0, 200)).map(lambda n: n * TICK_S)
patterns = st.lists(st.sampled_from(Hold), min_size=1, max_size=4).map(tuple)


@st.composite
def tables(draw: st.DrawFn) -> GestureTable:
    found = draw(st.lists(patterns, min_size=1, max_size=4, unique=True))
    thresholds = Thresholds(draw(st.integers(8, 96)) * TICK_S, draw(st.integers(4, 64)) * TICK_S)
    return GestureTable({" ".join(pattern): pattern for pattern in found}, thresholds)


@st.composite
def rows(draw: st.DrawFn) -> list[ButtonEvent]:
    """Any edges of both keys, repeated and missing ones included, in the order of time."""
    kinds = st.sampled_from((DOWN, DOWN, UP, UP, STILL))
    steps = draw(st.lists(st.tuples(st.sampled_from((BIG, SMALL)), kinds, gaps), max_size=16))
    times = accumulate(gap for *_, gap in steps)
    return events((key, kind, at_s) for (key, kind, _), at_s in zip(steps, times, strict=True))


@st.composite
def fingers(draw: st.DrawFn) -> list[ButtonEvent]:
    """What two healthy fingers do, one on each key, often at the same time."""
    edges: list[Edge] = []
    for key in (BIG, SMALL):
        at_s = draw(st.integers(0, 100)) * TICK_S
        for pause, hold in draw(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 12)), max_size=4)):
            edges += [(key, DOWN, at_s + pause * TICK_S), (key, UP, at_s + (pause + hold) * TICK_S)]
            at_s += (pause + hold) * TICK_S
    return events(sorted(edges, key=lambda edge: edge[2]))


usual = st.sampled_from(["single double", "single double long", "double long", "single triple"]).map(table)
both = st.fixed_dictionaries({BIG: usual | tables(), SMALL: usual | tables()})


@given(tables=both, heard=fingers() | rows())
def test_each_key_says_what_it_would_say_alone(
    tables: dict[int, GestureTable], heard: list[ButtonEvent]
) -> None:
    together = Hands(tables)
    told = feed(together, heard) + together.pass_time(1e6)
    for key, own in tables.items():
        alone = Recogniser(own)
        expected = [g for event in heard if event.key == key for g in alone.feed(event)]
        expected += alone.pass_time(1e6)
        assert said(g for g in told if g.key == key) == said(expected)
    assert together.settled == (heard[-1].counter if heard else None)


@settings(max_examples=400)
@given(tables=both, heard=fingers() | rows(), cuts=st.lists(st.tuples(st.integers(0, 16), gaps), max_size=4))
def test_however_often_power_fails_the_presses_that_were_not_settled_say_the_same(
    tables: dict[int, GestureTable], heard: list[ButtonEvent], cuts: list[tuple[int, float]]
) -> None:
    """Each session hears what follows the last mark, as far as a cut; what was told is told for good."""
    undisturbed = Hands(tables)
    whole = said(feed(undisturbed, heard) + undisturbed.pass_time(1e6))
    told: set[tuple[int, str, float]] = set()
    mark: Counter | None = None
    for upto, wait_s in [*sorted(cuts), (len(heard), 1e6)]:
        reader = Hands(tables)
        session = [event for event in heard[:upto] if mark is None or not event.counter.at_or_before(mark)]
        told |= set(said(feed(reader, session)))
        if session:
            next_s = heard[upto].at_s if upto < len(heard) else 1e7
            told |= set(said(reader.pass_time(min(session[-1].at_s + wait_s, next_s - TICK_S / 2))))
        settled = reader.settled
        assert settled is None or mark is None or mark.at_or_before(settled), "a mark went back"
        mark = settled or mark
    assert told == set(whole)


@given(own=tables(), heard=rows())
def test_a_button_with_one_key_is_read_and_settled_as_by_its_recogniser(
    own: GestureTable, heard: list[ButtonEvent]
) -> None:
    alone, reader = Recogniser(own), Hands({BIG: own})
    for event in (each for each in heard if each.key == BIG):
        assert reader.feed(event) == alone.feed(event)
        assert (reader.settled, reader.deadline_s) == (alone.settled, alone.deadline_s)
