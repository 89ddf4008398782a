"""Waits grow, stay bounded, and honour what a provider asks for."""

from hypothesis import given
from hypothesis import strategies as st

from flicbridge.outbox.schedule import Schedule


def never() -> float:
    return 0.0


def test_the_second_try_comes_soon_and_the_last_ones_keep_coming() -> None:
    waits = [Schedule().wait_s(n, None, never) for n in range(1, 10)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


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
