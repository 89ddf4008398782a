"""By whose clock messages are signed, without a receiver."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.clock import Reading, Uptime
from flicbridge.transport.skew import FORGOTTEN_S, MOST_TRIED, Skew

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
IN_1970 = datetime(1970, 1, 1, 0, 3, tzinfo=UTC)
AHEAD = timedelta(days=3650)


def reading(passed_s: float, began_at: datetime = NOON) -> Reading:
    return Reading(began_at + timedelta(seconds=passed_s), Uptime("boot", 100 + passed_s))


def signed_at(skew: Skew, now: Reading) -> datetime:
    return datetime.fromtimestamp(skew.stamp(now).at_s, UTC)


def test_our_own_clock_is_right_until_somebody_says_otherwise() -> None:
    assert signed_at(Skew(), reading(5)) == NOON + timedelta(seconds=5)


def test_a_refusal_by_a_receiver_with_our_time_is_no_matter_of_clocks() -> None:
    skew, now = Skew(), reading(0)
    assert skew.excuse(skew.stamp(now), NOON + timedelta(seconds=119), now) is None
    assert skew.excuse(skew.stamp(now), None, now) is None


def test_the_receivers_clock_runs_on_by_our_count() -> None:
    skew = Skew()
    assert "next time with theirs" in str(skew.excuse(skew.stamp(reading(0)), NOON + AHEAD, reading(0)))
    assert signed_at(skew, reading(60)) == NOON + AHEAD + timedelta(seconds=60)


@pytest.mark.parametrize("date", [None, NOON + AHEAD])
def test_their_clock_is_dropped_once_a_message_signed_by_it_is_refused(date: datetime | None) -> None:
    skew, now = Skew(), reading(0)
    skew.excuse(skew.stamp(now), NOON + AHEAD, now)
    assert "next time with ours" in str(skew.excuse(skew.stamp(now), date, now))
    assert signed_at(skew, now) == NOON


def test_a_proxy_with_a_wrong_clock_does_not_hide_the_receivers_right_one() -> None:
    skew, now = Skew(), reading(0, IN_1970)
    skew.excuse(skew.stamp(now), NOON + AHEAD, now)
    skew.excuse(skew.stamp(now), NOON, now)
    assert signed_at(skew, now) == NOON


def test_what_was_signed_before_their_clock_was_known_is_signed_anew() -> None:
    """Many messages may be under way at once, and all of them are turned away."""
    skew, now = Skew(), reading(0, IN_1970)
    stamps = [skew.stamp(now) for _ in range(5)]
    assert all(skew.excuse(stamp, NOON, now) is not None for stamp in stamps)
    assert signed_at(skew, now) == NOON
    assert skew.excuse(skew.stamp(now), NOON, now) is not None  # theirs is refused as well: back to ours
    assert signed_at(skew, now) == IN_1970


def test_a_clock_that_was_good_is_believed_again_after_one_refusal() -> None:
    skew, now = Skew(), reading(0, IN_1970)
    skew.excuse(skew.stamp(now), NOON, now)
    skew.accepted()
    skew.excuse(skew.stamp(now), None, now)  # such as a firewall on a bad day
    skew.excuse(skew.stamp(now), NOON, now)
    assert signed_at(skew, now) == NOON


def test_a_refusal_without_a_date_is_no_last_word_while_nobody_has_set_our_clock() -> None:
    skew, now = Skew(), reading(0, IN_1970)
    assert skew.excuse(skew.stamp(now), None, now) == "our clock is not set"


def tries(skew: Skew, dates: list[datetime | None], every_s: float, from_s: float = 0.0) -> int:
    """How often a message is tried that is always refused, each time with the next of some dates."""
    for number in range(1, 50):
        now = reading(from_s + number * every_s)
        if skew.excuse(skew.stamp(now), dates[number % len(dates)], now) is None:
            return number
    return 50


DATES = st.lists(
    st.none() | st.integers(-10_000, 10_000).map(lambda hours: NOON + timedelta(hours=hours)), min_size=1
)


@given(dates=DATES, every_s=st.floats(0.1, 60))
def test_whatever_clocks_a_receiver_shows_a_wrong_key_is_found_out(
    dates: list[datetime | None], every_s: float
) -> None:
    assert tries(Skew(), dates, every_s) <= 2 * MOST_TRIED + 1


def test_later_every_clock_has_another_chance() -> None:
    skew = Skew()
    assert [tries(skew, [NOON + AHEAD], 1.0, from_s) for from_s in (0.0, 60.0, FORGOTTEN_S * 2)] == [3, 1, 3]
