"""How long a battery lasts is foretold from its days, and dips, gaps and new cells do not mislead."""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.guard.forecast import (
    FEWEST_DAYS,
    KEPT,
    LONGEST_WEEKS,
    LOW_PERCENT,
    SHORTEST,
    Day,
    History,
)
from flicbridge.guard.status import BATTERY_LOW_MV
from flicbridge.press.flic2.events import battery_percent

FIRST = date(2026, 3, 1)
CURVE = ((0, 2100), (6, 2440), (18, 2740), (42, 2900), (100, 3000))


def millivolt(percent: float) -> float:
    """The voltage of a cell so full, by the vendor's curve."""
    for (low, low_mv), (high, high_mv) in pairwise(CURVE):
        if percent <= high:
            return low_mv + (high_mv - low_mv) * (percent - low) / (high - low)
    return 3000.0


def falling(from_percent: float, per_day: float, days: int) -> list[float]:
    return [millivolt(max(0.0, from_percent - per_day * day)) for day in range(days)]


def told(readings: Iterable[float], *, first: date = FIRST, history: History | None = None) -> History:
    """A history of one reading a day."""
    found = history or History()
    for day, reading in enumerate(readings):
        found = found.after(first + timedelta(days=day), reading)
    return found


READINGS = st.lists(st.tuples(st.integers(0, 400), st.integers(1800, 3300)), max_size=60)


def test_what_is_called_low_is_low_everywhere() -> None:
    assert battery_percent(BATTERY_LOW_MV) == LOW_PERCENT


@given(st.floats(0.1, 1.0), st.integers(20, 60))
def test_an_even_fall_is_foretold(per_day: float, days: int) -> None:
    from_percent = min(99.0, LOW_PERCENT + per_day * (days + 30))
    truth = (from_percent - per_day * (days - 1) - LOW_PERCENT) / per_day / 7
    weeks = told(falling(from_percent, per_day, days)).weeks_left()
    assert weeks == pytest.approx(max(truth, 0), rel=0.2, abs=1.0)


@given(st.data())
def test_a_cold_spell_now_and_then_changes_little(data: st.DataObject) -> None:
    days = falling(80, 1.0, 40)
    clear = told(days).weeks_left()
    cold = data.draw(st.sets(st.integers(0, 39), max_size=8))
    dips = [reading - (110 if day in cold else 0) for day, reading in enumerate(days)]
    weeks = told(dips).weeks_left()
    assert clear is not None
    assert weeks == pytest.approx(clear, abs=1.5)


def test_of_a_day_the_best_reading_counts() -> None:
    history = History().after(FIRST, 2890).after(FIRST, 2950).after(FIRST, 2800)
    assert history.days == (Day(FIRST, 2950),)


@pytest.mark.parametrize("old_mv", [2500, 2740, 2840])
@pytest.mark.parametrize("dip_mv", [0, 40])
def test_a_new_cell_begins_a_new_history(old_mv: float, dip_mv: float) -> None:
    old = told([old_mv + 20, old_mv + 10, old_mv, old_mv - dip_mv, old_mv] * 6)
    fresh = told([3000.0], first=FIRST + timedelta(days=30), history=old)
    assert fresh.days == (Day(FIRST + timedelta(days=30), 3000),)
    assert fresh.weeks_left() is None


def test_coming_back_from_the_cold_is_no_new_cell() -> None:
    old = told([2900.0] * 20 + [2800.0] * 10)
    assert len(told([2900.0], first=FIRST + timedelta(days=30), history=old).days) == 31


def test_a_cell_that_does_not_fall_foretells_nothing() -> None:
    assert told([3010.0] * 60).weeks_left() is None
    assert told([2950.0] * 60).weeks_left() is None


def test_a_few_days_foretell_nothing() -> None:
    assert told(falling(60, 2.0, FEWEST_DAYS)).weeks_left() is None
    assert told(falling(60, 1.0, SHORTEST.days)).weeks_left() is None
    assert told(falling(60, 1.0, SHORTEST.days + 1)).weeks_left() is not None


def test_days_that_are_still_to_come_are_forgotten() -> None:
    ahead = told([2950.0] * 5, first=FIRST + timedelta(days=3650))
    assert ahead.after(FIRST, 2940).days == (Day(FIRST, 2940),)


@pytest.mark.parametrize(
    "text", ["", "nonsense", "2026-03-01", "2026-03-01:x", "2026-03-02:2900 2026-03-01:2900", "1:2:3"]
)
def test_what_is_no_history_is_an_empty_one(text: str) -> None:
    assert History.parse(text) == History()


@given(READINGS)
def test_whatever_was_read_it_stays_small_in_order_and_can_be_kept(readings: list[tuple[int, int]]) -> None:
    history = History()
    for day, reading in readings:
        history = history.after(FIRST + timedelta(days=day), reading)
        dates = [kept.date for kept in history.days]
        assert dates == sorted(set(dates))
        assert dates[-1] - dates[0] < KEPT
    assert History.parse(str(history)) == history
    assert len(str(history)) < 1600
    weeks = history.weeks_left()
    assert weeks is None or 0 <= weeks <= LONGEST_WEEKS
