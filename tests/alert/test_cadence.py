"""When something recurs, on the clock of a practice."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.alert.cadence import ORDINALS, WEEKDAYS, Cadence

PARIS = ZoneInfo("Europe/Paris")
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=3650)).map(
    lambda t: datetime(2025, 1, 1, tzinfo=UTC) + t
)
ZONES = st.sampled_from(["Europe/Paris", "America/Cayenne", "Indian/Reunion", "Australia/Lord_Howe"]).map(
    ZoneInfo
)
TEXTS = st.builds(
    lambda day, hour, minute: f"{day} {hour:02}:{minute:02}".strip(),
    st.sampled_from(["", *WEEKDAYS, *(f"{ordinal} {day}" for ordinal in ORDINALS for day in WEEKDAYS)]),
    st.integers(0, 23),
    st.integers(0, 59),
)


def after(text: str, moment: str) -> str:
    """The next time after one in Paris, as the clock on the wall there shows it."""
    moment_at = datetime.fromisoformat(moment).replace(tzinfo=PARIS)
    return f"{Cadence.parse(text).after(moment_at, PARIS).astimezone(PARIS):%a %Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("text", "moment", "then"),
    [
        ("04:00", "2026-11-22 03:59", "Sun 2026-11-22 04:00"),
        ("04:00", "2026-11-22 04:00", "Mon 2026-11-23 04:00"),
        ("sun 18:00", "2026-11-22 12:00", "Sun 2026-11-22 18:00"),
        ("SUN 18:00", "2026-11-22 18:00", "Sun 2026-11-29 18:00"),
        ("1st tue 14:00", "2026-11-22 12:00", "Tue 2026-12-01 14:00"),
        ("4th thu 09:30", "2026-11-26 09:30", "Thu 2026-12-24 09:30"),
        ("last fri 09:00", "2026-11-22 12:00", "Fri 2026-11-27 09:00"),
        ("last mon 09:00", "2026-11-22 12:00", "Mon 2026-11-30 09:00"),
        # Summer time: on 2026-03-29 the clock skips from 02:00 to 03:00, on 2026-10-25 02:30 comes twice.
        ("02:30", "2026-03-28 12:00", "Sun 2026-03-29 03:30"),
        ("02:30", "2026-10-24 12:00", "Sun 2026-10-25 02:30"),
    ],
)
def test_it_recurs_when_the_clock_on_the_wall_says_so(text: str, moment: str, then: str) -> None:
    assert after(text, moment) == then


def test_an_hour_that_comes_twice_counts_once() -> None:
    cadence = Cadence.parse("02:30")
    first_at = cadence.after(datetime(2026, 10, 24, 12, tzinfo=UTC), PARIS)
    assert first_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert cadence.after(first_at, PARIS) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@given(TEXTS, MOMENTS, ZONES)
def test_the_next_time_is_ahead_and_never_further_than_the_longest(
    text: str, moment_at: datetime, zone: ZoneInfo
) -> None:
    cadence = Cadence.parse(text)
    then = cadence.after(moment_at, zone)
    assert moment_at < then <= moment_at + cadence.longest + timedelta(hours=2)


@given(TEXTS, MOMENTS, ZONES, st.timedeltas(timedelta(0), timedelta(days=40)))
def test_no_time_is_skipped(text: str, moment_at: datetime, zone: ZoneInfo, later: timedelta) -> None:
    cadence = Cadence.parse(text)
    then, much_later = cadence.after(moment_at, zone), cadence.after(moment_at + later, zone)
    assert then <= much_later
    if moment_at + later < then:
        assert much_later == then


@pytest.mark.parametrize(
    "text", ["", "4:00", "24:00", "04:60", "1st 14:00", "5th tue 14:00", "sunday 18:00", "04:00 sun", "7d"]
)
def test_what_says_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match='write it like "04:00", "sun 18:00" or "1st tue 14:00"'):
        Cadence.parse(text)


def test_it_is_read_as_it_is_written() -> None:
    assert Cadence.parse(" last fri 09:05 ") == Cadence(time(9, 5), weekday=4, ordinal=-1)
