"""What a wrong wall clock dated is put right by the machine's own count of its life."""

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from flicbridge.clock import EARLIEST_AT, SLIGHT, LoopClock, Reading, SystemClock, Uptime, is_credible

NOW_AT = datetime(2026, 11, 22, 13, 2, tzinfo=UTC)

seconds = st.floats(-1e8, 1e8)


@given(st.floats(0, 1e7), seconds)
def test_whatever_the_clock_was_set_by_a_date_is_put_right_by_just_that(
    passed_s: float, step_s: float
) -> None:
    then = Uptime("boot", 100.0)
    now = Reading(NOW_AT + timedelta(seconds=passed_s + step_s), Uptime("boot", 100.0 + passed_s))
    right_at = NOW_AT + now.error_of(NOW_AT, then)
    assert abs(now.at - right_at - timedelta(seconds=passed_s)) <= SLIGHT
    assert now.error_of(right_at, then) == timedelta(0)  # and once is enough


@given(seconds, seconds)
def test_counts_of_two_lives_of_the_machine_say_nothing_of_each_other(one_s: float, other_s: float) -> None:
    now = Reading(NOW_AT, Uptime("this", one_s))
    assert now.up.since_s(Uptime("another", other_s)) is None
    assert now.up.since_s(None) is None
    assert now.error_of(EARLIEST_AT, Uptime("another", other_s)) == timedelta(0)


def test_a_time_before_there_were_bridges_is_not_believed() -> None:
    assert not is_credible(datetime(1970, 1, 1, 0, 3, tzinfo=UTC))
    assert is_credible(NOW_AT)


def test_two_clocks_of_one_machine_agree_on_its_life() -> None:
    one, other = SystemClock().reading(), SystemClock().reading()
    since_s = other.up.since_s(one.up)
    if one.up.boot == other.up.boot:  # where the machine has no name for its life, each process makes one up
        assert since_s is not None
        assert since_s < 60
    assert abs((other.at - one.at).total_seconds()) < 60


async def test_a_clock_that_is_set_moves_and_a_machine_that_sleeps_counts_on() -> None:
    clock = LoopClock(asyncio.get_running_loop(), wall_at=NOW_AT)
    before, before_s = clock.reading(), clock.now_s()
    clock.step(3600)
    clock.suspend(60)
    after = clock.reading()
    assert round((after.at - before.at).total_seconds()) == 3660
    assert round(after.up.since_s(before.up) or 0) == 60
    assert round(clock.now_s() - before_s) == 0
    clock.restart()
    assert clock.reading().up.since_s(before.up) is None
