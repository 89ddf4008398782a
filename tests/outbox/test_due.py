"""When a delivery is due is never a question of what somebody set the wall clock to."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flicbridge.alert.desk import Change
from flicbridge.clock import Reading, Uptime, is_credible
from flicbridge.outbox.due import due_after_restart, due_of_new
from flicbridge.outbox.job import LAST_CHANCE, Job

type MakeChange = Callable[..., Change]

NOW_AT = datetime(2026, 11, 22, 13, 2, tzinfo=UTC)
LONGEST_WAIT = timedelta(minutes=15)
LIFE_S = 86_400.0

keep_fixture = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
steps = st.floats(-1.7e9, 1e9)
delays = st.floats(0, 600)


def job_of(make_change: MakeChange, made_at: datetime, after_s: float, up_s: float = 1000.0) -> Job:
    """A delivery of a press that was made at a count of 1000 in the life `boot`."""
    change = make_change(5, made_at, after_s=after_s, expires_s=LIFE_S)
    alert = replace(change.standings[0].alert, received_up=Uptime("boot", up_s))
    return Job(change.deliveries[0], alert)


@keep_fixture
@given(after_s=delays)
def test_what_is_new_is_due_by_the_plan_alone(make_change: MakeChange, after_s: float) -> None:
    due = due_of_new(make_change(5, NOW_AT, after_s=after_s, expires_s=LIFE_S).deliveries[0])
    assert abs(due.wait_s - after_s) < 0.001
    assert abs(due.lives_s - after_s - LIFE_S) < 0.001


@keep_fixture
@given(after_s=delays, passed_s=st.floats(0, 2000), step_s=steps)
def test_a_restart_of_the_bridge_counts_on_whatever_the_clock_was_set_to(
    make_change: MakeChange, after_s: float, passed_s: float, step_s: float
) -> None:
    job = job_of(make_change, NOW_AT, after_s)
    now = Reading(NOW_AT + timedelta(seconds=passed_s + step_s), Uptime("boot", 1000.0 + passed_s))
    due = due_after_restart(job, now, LONGEST_WAIT)
    assert abs(due.wait_s - max(0.0, after_s - passed_s)) < 2.1
    assert abs(due.lives_s - (after_s + LIFE_S - passed_s)) < 2.1


@keep_fixture
@given(after_s=delays, step_s=steps)
def test_after_a_restart_of_the_machine_nothing_is_held_back_nor_given_up_without_a_last_chance(
    make_change: MakeChange, after_s: float, step_s: float
) -> None:
    job = job_of(make_change, NOW_AT, after_s)
    now = Reading(NOW_AT + timedelta(seconds=step_s), Uptime("another", 5.0))
    due = due_after_restart(job, now, LONGEST_WAIT)
    assert 0 <= due.wait_s <= after_s + 0.001  # a step is not further off than on the day it was made
    assert LAST_CHANCE.total_seconds() <= due.lives_s <= after_s + LIFE_S + 0.001


@keep_fixture
@given(made_s=st.floats(0, 1e9))
def test_what_was_made_before_anybody_set_the_clock_is_as_good_as_new(
    make_change: MakeChange, made_s: float
) -> None:
    made_at = datetime.fromtimestamp(made_s, UTC)
    assert not is_credible(made_at)
    job = job_of(make_change, made_at, 0.0)
    due = due_after_restart(job, Reading(NOW_AT, Uptime("another", 5.0)), LONGEST_WAIT)
    assert abs(due.lives_s - LIFE_S) < 0.001


@keep_fixture
@given(made_s=st.floats(0, 4e9), after_s=delays)
def test_whether_it_leaves_at_once_is_for_the_plan_to_say(
    make_change: MakeChange, made_s: float, after_s: float
) -> None:
    [delivery] = make_change(5, datetime.fromtimestamp(made_s, UTC), after_s=after_s).deliveries
    assert delivery.at_once is (delivery.due_at == delivery.made_at)


def test_what_was_under_way_when_the_bridge_died_is_due_at_once(make_change: MakeChange) -> None:
    job = replace(job_of(make_change, NOW_AT, 60.0), leased=True)
    now = Reading(NOW_AT, Uptime("boot", 1000.0))
    assert due_after_restart(job, now, LONGEST_WAIT).wait_s == 0
