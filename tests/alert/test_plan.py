"""The plan as a whole: who is owed what, for any steps, recipients and ages of a press."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from flicbridge.alert.alert import (
    Alert,
    AlertKind,
    AlertState,
    Delivery,
    Doctor,
    Practice,
    Purpose,
    press_id,
)
from flicbridge.alert.plan import OldPresses, Plan, Route, Step, overtaken
from flicbridge.clock import Uptime

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTES = [timedelta(minutes=minutes) for minutes in range(200)]


def alert(late: timedelta = timedelta(0), kind: AlertKind = AlertKind.EMERGENCY) -> Alert:
    return Alert(
        id=press_id("S", 1, 1),
        kind=kind,
        bridge="b",
        button="poche",
        gesture="long",
        pressed_at=NOON - late,
        received_at=NOON,
        was_queued=late > timedelta(0),
        doctor=Doctor("Dr", "+33612345678"),
        practice=Practice("P", "A"),
        position=None,
    )


def routes(recipient: str, channels: int, next_after: timedelta | None = None) -> tuple[Route, ...]:
    return tuple(
        Route(recipient, f"{recipient}/{index}", DAY, index if next_after else 0, next_after)
        for index in range(channels)
    )


SAMU, HUB, COLLEAGUE = routes("samu", 1), routes("hub", 1), routes("colleague", 2, MINUTES[1])


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    recipients = {
        name: routes(name, draw(st.integers(1, 3)), draw(st.sampled_from([None, *MINUTES[1:4]])))
        for name in ("samu", "hub", "colleague")
    }
    end = draw(st.sampled_from(MINUTES[30:]))
    steps = []
    for number in range(draw(st.integers(1, 3))):
        told = draw(st.lists(st.sampled_from(sorted(recipients)), min_size=1, max_size=3, unique=True))
        steps.append(
            Step(
                MINUTES[draw(st.integers(1, 29))] if number else timedelta(0),
                tuple(route for name in told for route in recipients[name]),
                draw(st.sampled_from([None, AlertState.ACKNOWLEDGED])) if number else None,
                draw(st.sampled_from([None, *MINUTES[1:30]])),
                draw(st.sampled_from([None, 1, 3])),
            )
        )
    return Plan(tuple(steps), (), end)


def due_s(delivery: Delivery) -> float:
    return (delivery.due_at - NOON).total_seconds()


@given(plans())
def test_every_channel_of_a_step_is_owed_its_message_exactly_once(plan: Plan) -> None:
    owed = plan.for_emergency(alert())
    told = Counter((each.step, each.channel) for each in owed if each.purpose is Purpose.ALERT)
    assert told == Counter((n, route.channel) for n, step in enumerate(plan.steps) for route in step.routes)
    assert len({each.id for each in owed}) == len(owed)


@given(plans())
def test_reminders_keep_their_distance_and_end_with_the_alert(plan: Plan) -> None:
    owed = [each for each in plan.for_emergency(alert()) if each.purpose is Purpose.REMINDER]
    for each in owed:
        step = plan.steps[each.step]
        assert step.repeat is not None
        begins = step.after + each.occasion * step.repeat
        assert begins < plan.give_up_after
        assert each.due_at - NOON == begins + each.turn * (each.next_after or timedelta(0))
        assert each.unless is AlertState.ACKNOWLEDGED
        assert step.times is None or each.occasion <= step.times
    for number, step in enumerate(plan.steps):
        if step.repeat is not None and step.times is None:
            last = max((each.occasion for each in owed if each.step == number), default=0)
            assert step.after + (last + 1) * step.repeat >= plan.give_up_after  # it does not stop early


@given(plans())
def test_nothing_of_an_alert_ever_waits_longer_than_the_longest_wait(plan: Plan) -> None:
    waits = [each.due_at - each.made_at for each in plan.for_emergency(alert())]
    assert max(waits) == plan.longest_wait


@given(plans(), st.integers(-4000, 40_000))
def test_whoever_was_told_gets_every_follow_up_once_and_over_every_channel(plan: Plan, at_s: int) -> None:
    at = NOON + timedelta(seconds=at_s)
    follow_ups = plan.for_those_told(alert(), Purpose.CANCELLED, 0, at)
    expected = {
        route.channel for n, s in enumerate(plan.steps) if not n or NOON + s.after <= at for route in s.routes
    }
    assert Counter(each.channel for each in follow_ups) == Counter(expected)
    assert all(each.at_once for each in follow_ups)


@given(plans(), st.integers(0, 4000), st.integers(-4000, 40_000), st.booleans())
def test_what_has_come_is_told_by_the_count_of_one_life_and_by_nothing_in_another(
    plan: Plan, since_s: int, clock_s: int, is_another: bool
) -> None:
    counted = replace(alert(), received_up=Uptime("one", 500.0))
    up = Uptime("two", 20.0) if is_another else Uptime("one", 500.0 + since_s)
    follow_ups = plan.for_those_told(counted, Purpose.CANCELLED, 0, NOON + timedelta(seconds=clock_s), up)
    expected = {
        route.channel
        for step in plan.steps
        for route in step.routes
        if is_another or step.after.total_seconds() <= since_s
    }
    assert Counter(each.channel for each in follow_ups) == Counter(expected)


@given(plans(), st.integers(0, 20_000))
def test_after_an_outage_each_channel_gets_one_message_of_each_step(plan: Plan, down_s: int) -> None:
    owed, now_at = plan.for_emergency(alert()), NOON + timedelta(seconds=down_s)
    pointless = overtaken(owed, now_at)
    due = [each for each in owed if each.due_at <= now_at]
    sent = [each for each in due if each.id not in pointless]
    assert Counter((e.step, e.channel) for e in sent) == Counter({(e.step, e.channel) for e in due})
    assert all(each.purpose is Purpose.ALERT for each in sent)  # it was never sent, and says more
    assert not pointless & {each.id for each in owed if each.due_at > now_at}


@given(plans(), st.integers(0, 20_000))
def test_after_an_outage_the_latest_reminder_stands_for_those_before_it(plan: Plan, down_s: int) -> None:
    """The alert itself had been sent before the bridge went down."""
    owed = [each for each in plan.for_emergency(alert()) if each.purpose is Purpose.REMINDER]
    now_at = NOON + timedelta(seconds=down_s)
    due = [each for each in owed if each.due_at <= now_at]
    sent = [each for each in due if each.id not in overtaken(owed, now_at)]
    newest = {(e.step, e.channel): e.occasion for e in sorted(due, key=lambda e: e.occasion)}
    assert {(e.step, e.channel): e.occasion for e in sent} == newest
    assert len(sent) == len(newest)


def test_the_first_channel_leaves_at_once_and_the_others_are_kept_in_reserve() -> None:
    plan = Plan((Step(timedelta(0), (*SAMU, *COLLEAGUE)),), ())
    owed = plan.for_emergency(alert())
    assert [(each.channel, each.turn, due_s(each), each.at_once) for each in owed] == [
        ("samu/0", 0, 0, True),
        ("colleague/0", 0, 0, True),
        ("colleague/1", 1, 60, False),
    ]


def test_of_an_old_press_only_some_are_told_and_only_once() -> None:
    steps = (
        Step(timedelta(0), (*SAMU, *HUB), repeat=MINUTES[5]),
        Step(MINUTES[1], COLLEAGUE, AlertState.ACKNOWLEDGED),
    )
    plan = Plan(steps, (), old_presses=OldPresses(MINUTES[10], HUB))
    old, young = alert(timedelta(minutes=10, seconds=1)), alert(timedelta(minutes=10))
    assert [(each.channel, each.purpose) for each in plan.for_emergency(old)] == [("hub/0", Purpose.ALERT)]
    assert {each.channel for each in plan.for_emergency(young)} >= {"samu/0", "hub/0", "colleague/0"}
    later = NOON + MINUTES[30]
    assert [e.channel for e in plan.for_those_told(old, Purpose.CANCELLED, 0, later)] == ["hub/0"]


def test_a_test_is_told_over_every_channel_once() -> None:
    plan = Plan((Step(timedelta(0), SAMU, repeat=MINUTES[5]),), COLLEAGUE)
    owed = plan.for_test(alert(kind=AlertKind.TEST))
    assert [(each.channel, each.purpose, due_s(each)) for each in owed] == [
        ("colleague/0", Purpose.ALERT, 0),
        ("colleague/1", Purpose.ALERT, 60),
    ]
