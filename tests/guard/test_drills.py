"""When drills are due, and what real ones find out."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.alert.alert import DeliveryState
from flicbridge.alert.cadence import Cadence
from flicbridge.alert.drill import REAL, DrillKind, DrillResult
from flicbridge.guard.drills import EVENING, MORNING, ON_TIME, RETRY, Held, Timetable, Told, found_of

PARIS = ZoneInfo("Europe/Paris")
SINCE_AT = datetime(2026, 11, 1, 9, tzinfo=UTC)
SUNDAY_AT = datetime(2026, 11, 22, 17, tzinfo=UTC)  # 18:00 in Paris
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

CADENCES = st.sampled_from(
    ["04:00", "02:30", "18:00", "sun 18:00", "mon 03:00", "1st tue 14:00", "last fri 22:30"]
)
KINDS = st.sampled_from(list(DrillKind))


def timetable(kind: DrillKind = DrillKind.OWN, at: str = "sun 18:00") -> Timetable:
    return Timetable(kind, Cadence.parse(at), PARIS)


def passed(at: datetime) -> Held:
    return Held(at, DrillResult.OK)


def begins(table: Timetable, last: Held | None, now_at: datetime, *, is_calm: bool = True) -> bool:
    due_at = table.due_at(last, SINCE_AT, now_at)
    return table.may_begin(due_at, now_at, is_calm=is_calm)


# -- when ------------------------------------------------------------------------------------------------


def test_it_begins_at_its_time_and_not_again_before_the_next() -> None:
    table, week_ago = timetable(), passed(SUNDAY_AT - 7 * DAY)
    assert not begins(table, week_ago, SUNDAY_AT - MINUTE)
    assert begins(table, week_ago, SUNDAY_AT)
    for later in (MINUTE, DAY, 7 * DAY - MINUTE):
        assert not begins(table, passed(SUNDAY_AT), SUNDAY_AT + later)
    assert begins(table, passed(SUNDAY_AT), SUNDAY_AT + 7 * DAY)


def test_what_was_missed_is_made_up_by_day_only() -> None:
    """The bridge was off on Sunday evening; it comes back in the night."""
    table, last = timetable(), passed(SUNDAY_AT - 7 * DAY)
    local = {hour: SUNDAY_AT.replace(hour=0) + DAY + timedelta(hours=hour - 1) for hour in range(24)}
    assert {hour for hour, at in local.items() if begins(table, last, at)} == set(range(MORNING, EVENING))


def test_what_was_agreed_on_for_the_night_takes_place_at_night() -> None:
    table = timetable(DrillKind.EXERCISE, "mon 03:00")
    monday_at = datetime(2026, 11, 23, 2, tzinfo=UTC)
    last = passed(monday_at - 7 * DAY)
    assert begins(table, last, monday_at + ON_TIME)
    assert not begins(table, last, monday_at + ON_TIME + MINUTE)


@pytest.mark.parametrize("kind", DrillKind)
def test_nothing_begins_while_an_alert_is_open(kind: DrillKind) -> None:
    last = passed(SUNDAY_AT - 7 * DAY)
    assert begins(timetable(kind), last, SUNDAY_AT)
    assert not begins(timetable(kind), last, SUNDAY_AT, is_calm=False)


def test_a_self_test_that_was_never_held_is_due_and_a_message_to_people_waits_for_its_time() -> None:
    for kind in DrillKind:
        table = timetable(kind)
        due_at = table.due_at(None, SINCE_AT, SINCE_AT)
        assert due_at == (SINCE_AT if kind is DrillKind.SELF else table.cadence.after(SINCE_AT, PARIS))


def test_a_self_test_that_failed_is_tried_again_soon_and_a_message_to_people_is_not() -> None:
    for kind in DrillKind:
        failed = Held(SUNDAY_AT, DrillResult.FAILED)
        due_at = timetable(kind).due_at(failed, SINCE_AT, SUNDAY_AT + MINUTE)
        assert due_at == SUNDAY_AT + (RETRY if kind is DrillKind.SELF else 7 * DAY)


@pytest.mark.parametrize(
    ("at", "grace"), [("04:00", 12 * HOUR), ("sun 18:00", 2 * DAY), ("1st tue 14:00", 7 * DAY)]
)
def test_it_is_overdue_after_a_grace_that_fits_its_rhythm(at: str, grace: timedelta) -> None:
    assert timetable(at=at).overdue_at(SUNDAY_AT) == SUNDAY_AT + grace


def test_before_the_clock_is_set_nothing_begins() -> None:
    assert not begins(timetable(DrillKind.SELF), None, datetime(1970, 1, 1, 0, 5, tzinfo=UTC))


def test_a_clock_that_is_set_back_a_little_brings_no_second_drill() -> None:
    for back in (MINUTE, HOUR, DAY, 7 * DAY - 2 * MINUTE):
        now_at = SUNDAY_AT - back
        assert not begins(timetable(), passed(SUNDAY_AT + MINUTE), now_at)


def test_a_drill_that_a_wrong_clock_dated_years_ahead_does_not_silence_all_others() -> None:
    ahead = passed(SUNDAY_AT + 1000 * DAY)
    assert begins(timetable(), ahead, SUNDAY_AT)
    assert begins(timetable(DrillKind.SELF), ahead, SUNDAY_AT)


@given(KINDS, CADENCES, st.lists(st.tuples(st.booleans(), st.integers(1, 60)), min_size=1, max_size=40))
def test_whatever_the_bridge_was_through_no_drill_is_held_twice_within_its_period_nor_forgotten(
    kind: DrillKind, at: str, spells: list[tuple[bool, int]]
) -> None:
    """Spells of so many hours in which the bridge is on or off; it looks every ten minutes while on."""
    table, last, now_at = timetable(kind, at), None, SINCE_AT
    held: list[datetime] = []
    for is_on, hours in spells:
        for _ in range(hours * 6):
            now_at += 10 * MINUTE
            if is_on and begins(table, last, now_at):
                last = passed(now_at)
                held.append(now_at)
        # A whole day on is enough to make up what is owed, with any cadence.
        if is_on and hours > 24:
            owed_at = table.due_at(last, SINCE_AT, now_at)
            assert owed_at > now_at - DAY - HOUR
    for earlier, later in pairwise(held):
        assert table.cadence.after(earlier, PARIS) <= later
    for moment in held:
        if kind in REAL and not MORNING <= moment.astimezone(PARIS).hour < EVENING:
            assert moment - table.cadence.after(moment - ON_TIME - MINUTE, PARIS) <= ON_TIME


@given(
    KINDS,
    CADENCES,
    st.timedeltas(timedelta(0), 2000 * DAY).map(lambda passed: SINCE_AT + passed),
    st.timedeltas(-3000 * DAY, 5000 * DAY).map(lambda passed: SINCE_AT + passed),
)
def test_however_wrong_a_clock_was_the_next_one_is_never_further_off_than_two_periods(
    kind: DrillKind, at: str, now_at: datetime, last_at: datetime
) -> None:
    table = timetable(kind, at)
    due_at = table.due_at(passed(last_at), now_at - DAY, now_at)
    assert due_at <= now_at + 2 * table.cadence.longest + 2 * HOUR


# -- what a real one finds out ---------------------------------------------------------------------------


def told(state: DeliveryState, channel: str = "samu/0", *, follows: bool = False, error: str = "") -> Told:
    return Told(channel.partition("/")[0], channel, state, follows, error, 12.5)


QUEUED, SENT, DELIVERED = DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.DELIVERED
FAILED, RESERVE = DeliveryState.FAILED, DeliveryState.RESERVE


@pytest.mark.parametrize(
    ("messages", "now", "late"),
    [
        ([told(SENT)], DrillResult.OK, DrillResult.OK),
        ([told(DELIVERED, follows=True)], DrillResult.OK, DrillResult.OK),
        ([told(SENT, follows=True)], None, DrillResult.SENT),
        ([told(QUEUED, error="no carrier")], None, DrillResult.FAILED),
        ([told(FAILED, error="bad key")], DrillResult.FAILED, DrillResult.FAILED),
        ([told(FAILED), told(SENT, "samu/1")], DrillResult.PARTLY, DrillResult.PARTLY),
        ([told(QUEUED), told(SENT, "samu/1")], None, DrillResult.PARTLY),
        ([told(SENT), told(RESERVE, "samu/1")], DrillResult.OK, DrillResult.OK),
        ([told(SENT), told(FAILED, "hub/0")], DrillResult.FAILED, DrillResult.FAILED),
        ([told(SENT), told(QUEUED, "hub/0")], None, DrillResult.FAILED),
        ([], None, DrillResult.FAILED),
    ],
)
def test_everybody_has_to_be_reached(
    messages: list[Told], now: DrillResult | None, late: DrillResult
) -> None:
    found = found_of(messages, is_late=False)
    assert (None if found is None else found.result) == now
    at_the_end = found_of(messages, is_late=True)
    assert at_the_end is not None
    assert at_the_end.result == late


def test_what_failed_says_where_and_why() -> None:
    found = found_of([told(SENT), told(FAILED, "hub/0", error="HTTP 401")], is_late=False)
    assert found is not None
    assert found.detail == "hub/0: HTTP 401"
    assert found.took_ms == {"samu/0": 12.5, "hub/0": 12.5}


MESSAGES = st.lists(
    st.builds(
        told,
        st.sampled_from([*DeliveryState]),
        st.sampled_from(["samu/0", "samu/1", "hub/0"]),
        follows=st.booleans(),
    ),
    max_size=4,
    unique_by=lambda message: message.channel,
)


@given(MESSAGES)
def test_it_always_ends_and_never_passes_with_somebody_who_heard_nothing(messages: list[Told]) -> None:
    found = found_of(messages, is_late=True)
    assert found is not None
    accepted = {m.recipient for m in messages if m.state in (SENT, DELIVERED)}
    meant = {m.recipient for m in messages if m.state is not RESERVE}
    assert (found.result is DrillResult.FAILED) == (not meant or bool(meant - accepted))
