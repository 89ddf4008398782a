"""What is counted of what the parts say: it only grows, whatever happens to the part."""

import pytest

from flicbridge.clock import SystemClock
from flicbridge.guard.board import Board
from flicbridge.guard.tally import BOUNDS_S, Spread, Tally
from flicbridge.observation import Observation, Value
from flicbridge.press.facts import Facts
from flicbridge.press.incidents import Incident


def told(*said: tuple[str, str, Value]) -> Tally:
    tally = Tally()
    for subject, fact, value in said:
        tally.observe(Observation(subject, fact, value))
    return tally


def test_a_press_counts_each_time_though_it_says_the_same() -> None:
    counted = told(*[("button:poche", "last_gesture", "single")] * 3).counted()
    assert counted.number("button:poche", "last_gesture") == 3
    assert counted.number("button:accueil", "last_gesture") == 0


def test_outcomes_are_counted_each_for_itself() -> None:
    counted = told(
        ("channel:samu/0", "last_outcome", "temporary"),
        ("channel:samu/0", "last_outcome", "temporary"),
        ("channel:samu/0", "last_outcome", "sent"),
    ).counted()
    assert counted.number("channel:samu/0", "last_outcome", "temporary") == 2
    assert counted.number("channel:samu/0", "last_outcome", "sent") == 1
    assert counted.number("channel:samu/0", "last_outcome", "permanent") == 0


def test_a_part_that_is_built_anew_does_not_take_back_what_was_counted() -> None:
    tally = Tally()
    for links in (3, 2):  # the settings are read anew in between
        facts = Facts("button:poche", tally.observe)
        for _ in range(links):
            facts.count("connections")
    assert tally.counted().number("button:poche", "connections") == 5


def test_a_part_that_counts_several_at_once_is_believed() -> None:
    tally = Tally()
    facts = Facts("radio", tally.observe)
    facts.count(Incident.FLOOD, 0)
    facts.count(Incident.FLOOD, 40)
    facts.count(Incident.FLOOD, 2)
    assert tally.counted().number("radio", "advertisement_flood") == 42


def test_what_an_earlier_run_saw_is_not_counted_again() -> None:
    clock, tally = SystemClock(), Tally()
    board = Board(clock, tally.observe)
    board.remember([(Observation("button:poche", "connections", 7), clock.now_at())])
    assert tally.counted().number("button:poche", "connections") == 0
    board.observe(Observation("button:poche", "connections", 1))
    assert tally.counted().number("button:poche", "connections") == 1


def test_states_texts_and_levels_are_not_counted() -> None:
    tally = told(
        ("button:poche", "battery_mv", 2900),
        ("button:poche", "connected", True),
        ("channel:samu/0", "last_error", "HTTP 503"),
        ("radio", "last_heard", "2026-03-01T14:02:05+00:00"),
    )
    assert tally.counted().numbers == {}


def test_a_notice_counts_when_it_is_told_and_when_it_is_over() -> None:
    counted = told(
        ("notice", "store/store_sick", "2026-03-01T14:02:05+00:00"),
        ("notice", "store/store_sick/over", False),
        ("notice", "store/store_sick/over", True),
    ).counted()
    assert counted.number("notice", "store_sick", "fault") == 1
    assert counted.number("notice", "store_sick", "over") == 1


@pytest.mark.parametrize(
    ("length_s", "place"),
    [(0.0, 0), (BOUNDS_S[0], 0), (BOUNDS_S[0] + 1e-6, 1), (60.0, 12), (1e9, len(BOUNDS_S))],
)
def test_a_length_falls_under_the_first_bound_that_it_does_not_exceed(length_s: float, place: int) -> None:
    spread = told(("channel:samu/0", "last_latency_s", length_s)).counted().spreads["channel:samu/0"]
    assert [index for index, number in enumerate(spread.numbers) if number] == [place]
    assert spread.sum_s == length_s


def test_spreads_are_joined_bound_by_bound() -> None:
    joined, other = Spread(), Spread()
    joined.add(0.02)
    other.add(0.02)
    other.add(7200.0)
    joined.join(other)
    assert (sum(joined.numbers), max(joined.numbers)) == (3, 2)
    assert joined.sum_s == pytest.approx(7200.04)


def test_a_copy_does_not_change_any_more() -> None:
    tally = told(("channel:samu/0", "last_latency_s", 0.1), ("radio", "power_cycles", 1))
    before = tally.counted()
    tally.observe(Observation("channel:samu/0", "last_latency_s", 0.1))
    tally.observe(Observation("radio", "power_cycles", 2))
    assert sum(before.spreads["channel:samu/0"].numbers) == 1
    assert before.number("radio", "power_cycles") == 1
