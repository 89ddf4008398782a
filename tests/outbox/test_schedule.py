"""Waits grow, stay bounded, and honour what a provider asks for."""

from hypothesis import given
from hypothesis import strategies as st

from flicbridge.outbox.schedule import Schedule


def never() -> float:
    return 0.0


def test_the_second_try_comes_soon_and_the_last_ones_keep_coming() -> None:
    waits = [Schedule().wait_s(n, None, never) for n in range(1, 84)]
    assert [round(wait, 1) for wait in waits[:6]] == [1.0, 1.5, 2.2, 3.4, 5.1, 7.6]
    assert waits[80:] == [60, 60, 60]


def test_for_the_first_quarter_of_an_hour_no_wait_is_longer_than_a_quarter_of_a_minute() -> None:
    waits = [Schedule().wait_s(n, None, never) for n in range(1, 81)]
    assert max(waits) == 15
    assert sum(waits) * (1 - Schedule().jitter) > 15 * 60


@given(st.integers(1, 40), st.lists(st.floats(0, 0.999999), min_size=40, max_size=40))
def test_the_next_try_is_near_however_long_the_outage_lasted(tries: int, chances: list[float]) -> None:
    schedule = Schedule()
    drawn = iter(chances)
    waits = [schedule.wait_s(n, None, lambda: next(drawn)) for n in range(1, tries + 1)]
    lasted_s = sum(waits[:-1])
    assert waits[-1] <= 1 + 0.5 * lasted_s / (1 - schedule.jitter) or waits[-1] <= schedule.longest_s / 4


@given(st.integers(1, 10**9), st.none() | st.floats(0, 1e12), st.floats(0, 0.999999))
def test_no_wait_is_longer_than_promised_nor_shorter_than_asked(
    failures: int, asked_s: float | None, chance: float
) -> None:
    schedule = Schedule()
    wait_s = schedule.wait_s(failures, asked_s, lambda: chance)
    assert 0 < wait_s <= max(schedule.longest_s, schedule.longest_asked_s)
    if asked_s is not None:
        assert wait_s >= min(asked_s, schedule.longest_asked_s)


@given(st.integers(1, 40), st.floats(0, 0.999999))
def test_jitter_only_shortens_by_its_share(failures: int, chance: float) -> None:
    schedule = Schedule(jitter=0.2)
    plain_s = schedule.wait_s(failures, None, never)
    assert 0.8 * plain_s <= schedule.wait_s(failures, None, lambda: chance) <= plain_s
