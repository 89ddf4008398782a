"""What is odd about the clocks is seen, and said for as long as it matters."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flicbridge.clock import EARLIEST_AT, Reading, SystemClock, Uptime
from flicbridge.guard.board import Board
from flicbridge.guard.clockwatch import STEP_S, ClockWatch
from flicbridge.guard.status import House, report
from flicbridge.observation import Observation

NOW_AT = datetime(2026, 11, 22, 13, 2, tzinfo=UTC)


def reading(at: datetime, up_s: float) -> Reading:
    return Reading(at, Uptime("boot", up_s))


@given(st.lists(st.tuples(st.floats(0.1, 60), st.floats(-1e9, 1e9), st.floats(0, 1e5)), max_size=20))
def test_steps_and_sleep_are_told_apart_whatever_comes_together(
    looks: list[tuple[float, float, float]],
) -> None:
    watch = ClockWatch(None)
    at, up_s, now_s = NOW_AT, 0.0, 0.0
    watch.look(reading(at, up_s), now_s)
    for passed_s, step_s, slept_s in looks:
        at += timedelta(seconds=passed_s + slept_s + step_s)
        up_s, now_s = up_s + passed_s + slept_s, now_s + passed_s
        glance = watch.look(reading(at, up_s), now_s)
        assert glance.stepped_s == pytest.approx(seen(step_s), abs=0.01)
        assert glance.slept_s == pytest.approx(seen(slept_s), abs=0.01)


def seen(seconds: float) -> float:
    """What is worth telling; at the very edge either will do."""
    if abs(abs(seconds) - STEP_S) < 0.001:
        assume(False)
    return seconds if abs(seconds) >= STEP_S else 0.0


def test_a_clock_from_1970_is_wrong_until_somebody_sets_it() -> None:
    watch = ClockWatch(None)
    first = watch.look(reading(datetime(1970, 1, 1, tzinfo=UTC), 10.0), 0.0)
    assert "1970" in first.wrong
    assert watch.look(reading(NOW_AT, 15.0), 5.0).wrong == ""


def test_a_clock_behind_what_was_seen_before_is_wrong_and_what_was_seen_is_named() -> None:
    watch = ClockWatch(NOW_AT)
    wrong = watch.look(reading(NOW_AT - timedelta(hours=8), 10.0), 0.0).wrong
    assert wrong == "it says 2026-11-22T05:02+00:00, and 2026-11-22T13:02+00:00 is past"
    assert ClockWatch(NOW_AT).look(reading(NOW_AT - timedelta(seconds=20), 10.0), 0.0).wrong == ""


def test_whoever_sets_the_clock_back_is_believed() -> None:
    """It was ahead when an earlier run wrote down what it saw."""
    watch = ClockWatch(NOW_AT + timedelta(days=400))
    assert watch.look(reading(NOW_AT + timedelta(days=400), 10.0), 0.0).wrong == ""
    glance = watch.look(reading(NOW_AT, 15.0), 5.0)
    assert (round(glance.stepped_s), glance.wrong) == (-400 * 86_400 - 5, "")
    assert watch.look(reading(EARLIEST_AT - timedelta(days=1), 20.0), 10.0).wrong


def test_status_says_that_the_clock_is_wrong_and_for_a_day_that_it_was_set() -> None:
    class Wall(SystemClock):
        def now_at(self) -> datetime:
            return NOW_AT

    board = Board(Wall())
    house = House("tilleuls-1", "1.0", 7, NOW_AT, False, (), ())

    def problems(now_at: datetime) -> list[tuple[str, str]]:
        found = report(house, board, counts={}, open_alerts=[], now_at=now_at)["problems"]
        return [(each["problem"], each["detail"]) for each in found if each["part"] == "clock"]

    assert problems(NOW_AT) == []
    board.observe(Observation("clock", "state", "wrong"))
    board.observe(Observation("clock", "error", "it says 1970"))
    assert problems(NOW_AT) == [("clock_wrong", "it says 1970")]
    board.observe(Observation("clock", "state", "ok"))
    board.observe(Observation("clock", "stepped_s", -3600.4))
    assert problems(NOW_AT + timedelta(hours=23)) == [("clock_stepped", "-3600 s")]
    assert problems(NOW_AT + timedelta(hours=25)) == []
