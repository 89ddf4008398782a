"""Raising, joining, cancelling, acknowledging: the rules, without a disk."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.alert.alert import (
    AlertKind,
    AlertState,
    Doctor,
    Happening,
    Practice,
    Purpose,
    delivery_id,
    press_id,
)
from flicbridge.alert.desk import BRIDGE, MOST_CLOSED, Change, Desk, Identity, Press, Reaction
from flicbridge.alert.moves import Said
from flicbridge.alert.plan import OldPresses, Plan, Route, Step
from flicbridge.clock import Uptime
from flicbridge.place.position import Position

PLACE = Position(45.83362, 1.26105)

type NewDesk = Callable[..., Desk]
type PressAt = Callable[..., Press]


def take(desk: Desk, press: Press) -> Change:
    change = desk.decide(press, PLACE)
    desk.apply(change)
    return change


@pytest.mark.parametrize("what", [Happening.CLOSED, Happening.FALSE_ALARM, Happening.CANCELLED])
def test_nothing_that_waits_is_wanted_once_people_have_settled_the_alert(
    new_desk: NewDesk, press: PressAt, what: Happening
) -> None:
    desk = new_desk()
    raised = take(desk, press(0))
    alert, later = raised.standings[0].alert, raised.deliveries[-1]
    assert desk.is_wanted(later)
    settled = desk.move(alert.id, what, Said("cli", alert.received_at))
    assert settled is not None
    desk.apply(settled)
    assert not any(desk.is_wanted(delivery) for delivery in raised.deliveries)
    assert all(desk.is_wanted(delivery) for delivery in settled.deliveries)  # that it was cancelled


def test_what_was_due_before_an_alert_was_given_up_is_still_wanted(new_desk: NewDesk, press: PressAt) -> None:
    desk = new_desk()
    raised = take(desk, press(0))
    alert = raised.standings[0].alert
    given_up = desk.move(alert.id, Happening.UNANSWERED, Said(BRIDGE, alert.received_at))
    assert given_up is not None
    desk.apply(given_up)
    assert all(desk.is_wanted(delivery) for delivery in raised.deliveries)
    answered = desk.move(alert.id, Happening.ACKNOWLEDGED, Said("recipient:samu", alert.received_at))
    assert answered is not None
    desk.apply(answered)
    assert [desk.is_wanted(delivery) for delivery in raised.deliveries] == [True, True, False]


@pytest.mark.parametrize("answered", [False, True])
def test_an_alert_that_is_closed_for_its_age_swallows_nothing_that_nobody_answered(
    new_desk: NewDesk, press: PressAt, answered: bool
) -> None:
    desk = new_desk()
    raised = take(desk, press(0))
    alert, later = raised.standings[0].alert, raised.deliveries[-1]
    moves = [(Happening.ACKNOWLEDGED, "recipient:samu")] if answered else []
    for what, by in [*moves, (Happening.CLOSED, BRIDGE)]:
        change = desk.move(alert.id, what, Said(by, alert.received_at))
        assert change is not None
        desk.apply(change)
    assert desk.standing(alert.id) is None
    assert desk.is_wanted(later) is not answered
    assert all(desk.is_wanted(delivery) for delivery in raised.deliveries[:-1])


def test_of_alerts_that_are_closed_only_the_newest_are_remembered(new_desk: NewDesk, press: PressAt) -> None:
    desk = new_desk(join_within_s=0)
    later = []
    for at_s in range(MOST_CLOSED + 1):
        raised = take(desk, press(at_s))
        alert = raised.standings[0].alert
        later.append(raised.deliveries[-1])
        closed = desk.move(alert.id, Happening.CLOSED, Said("cli", alert.received_at))
        assert closed is not None
        desk.apply(closed)
    assert [desk.is_wanted(delivery) for delivery in later] == [True, *[False] * MOST_CLOSED]


def test_a_press_raises_one_alert_with_every_delivery_of_the_plan(new_desk: NewDesk, press: PressAt) -> None:
    first = press(0)
    change = take(new_desk(), first)
    assert change.press == first.id == change.standings[0].alert.id
    assert [h.what for h in change.history] == [Happening.RAISED]
    assert [(d.channel, (d.due_at - first.received_at).total_seconds()) for d in change.deliveries] == [
        ("samu/0", 0),
        ("hub/0", 0),
        ("colleague/0", 60),
    ]
    assert [d.unless for d in change.deliveries] == [None, None, AlertState.ACKNOWLEDGED]


def test_nothing_is_believed_before_it_is_applied(new_desk: NewDesk, press: PressAt) -> None:
    desk = new_desk()
    first = press(0)
    assert desk.decide(first, PLACE) == desk.decide(first, PLACE)
    assert not desk.open


def test_a_second_press_joins_the_open_alert(new_desk: NewDesk, press: PressAt) -> None:
    desk = new_desk()
    take(desk, press(0))
    change = take(desk, press(90))
    assert [h.what for h in change.history] == [Happening.PRESSED_AGAIN]
    assert change.standings[0].presses == 2
    assert {(d.purpose, d.occasion) for d in change.deliveries} == {(Purpose.AGAIN, 1)}
    assert len(desk.open) == 1


def test_recipients_are_told_again_at_most_every_interval(new_desk: NewDesk, press: PressAt) -> None:
    desk = new_desk(renotify_every_s=60)
    take(desk, press(0))
    told = [bool(take(desk, press(at_s)).deliveries) for at_s in (10, 59, 61, 80, 130)]
    assert told == [False, False, True, False, True]


def test_mashing_the_button_keeps_the_alert_open_and_then_it_ends(new_desk: NewDesk, press: PressAt) -> None:
    desk = new_desk(join_within_s=600)
    ids = {take(desk, press(at_s)).standings[0].alert.id for at_s in (0, 500, 1000, 1500)}
    assert len(ids) == 1
    assert take(desk, press(2200)).history[0].what is Happening.RAISED


def test_join_within_zero_makes_every_press_an_alert_of_its_own(new_desk: NewDesk, press: PressAt) -> None:
    desk = new_desk(join_within_s=0)
    changes = [take(desk, press(0)), take(desk, press(0)), take(desk, press(1))]
    assert [c.history[0].what for c in changes] == [Happening.RAISED] * 3


def test_a_late_press_does_not_hide_inside_a_fresh_alert(new_desk: NewDesk, press: PressAt) -> None:
    desk = new_desk()
    take(desk, press(7200))
    late = take(desk, press(0, late_s=7210))
    assert late.history[0].what is Happening.RAISED
    assert late.standings[0].alert.was_queued
    assert late.standings[0].alert.received_at - late.standings[0].alert.pressed_at == timedelta(seconds=7210)


def test_a_test_is_an_alert_of_its_own_for_those_who_take_tests(new_desk: NewDesk, press: PressAt) -> None:
    desk = new_desk()
    take(desk, press(0))
    change = take(desk, press(5, Reaction.TEST))
    assert change.standings[0].alert.kind is AlertKind.TEST
    assert [d.channel for d in change.deliveries] == ["hub/0"]
    assert (
        take(desk, press(6)).history[0].what is Happening.PRESSED_AGAIN
    )  # joins the emergency, not the test


def test_cancelling_tells_those_who_were_told_and_withdraws_the_rest(
    new_desk: NewDesk, press: PressAt
) -> None:
    desk = new_desk()
    raised = take(desk, press(0))
    change = take(desk, press(20, Reaction.CANCEL))
    assert change.standings[0].state is AlertState.CANCELLED
    assert change.standings[0].state is AlertState.CANCELLED
    assert [(d.channel, d.purpose) for d in change.deliveries] == [
        ("samu/0", Purpose.CANCELLED),
        ("hub/0", Purpose.CANCELLED),
    ]
    assert not desk.is_wanted(raised.deliveries[2])
    assert all(desk.is_wanted(d) for d in change.deliveries)
    assert take(desk, press(30)).history[0].what is Happening.RAISED  # the next press calls for help anew


def test_a_late_cancellation_says_nothing_about_a_newer_alert(new_desk: NewDesk, press: PressAt) -> None:
    desk = new_desk()
    take(desk, press(600))
    change = take(desk, press(0, Reaction.CANCEL, late_s=700))
    assert not change.history
    assert [s.state for s in desk.open] == [AlertState.RAISED]


def test_cancelling_nothing_changes_nothing(new_desk: NewDesk, press: PressAt) -> None:
    change = take(new_desk(), press(0, Reaction.CANCEL))
    assert (change.history, change.deliveries, change.standings) == ((), (), ())


def test_an_acknowledged_alert_needs_no_later_step(new_desk: NewDesk, press: PressAt) -> None:
    desk = new_desk()
    raised = take(desk, press(0))
    take(desk, press(20, Reaction.ACKNOWLEDGE))
    assert [desk.is_wanted(d) for d in raised.deliveries] == [True, True, False]


def test_a_person_can_move_an_alert_once(new_desk: NewDesk, press: PressAt) -> None:
    desk = new_desk()
    raised = take(desk, press(0))
    alert, at = raised.standings[0].alert.id, raised.history[0].at
    change = desk.move(alert, Happening.CANCELLED, Said("api", at))
    assert change is not None
    desk.apply(change)
    assert desk.move(alert, Happening.CANCELLED, Said("api", at)) is None
    assert desk.move(UUID(int=7), Happening.CANCELLED, Said("api", at)) is None


def test_after_a_restart_a_press_still_joins(new_desk: NewDesk, press: PressAt) -> None:
    before, after = new_desk(), new_desk()
    after.remember(take(before, press(0)).standings)
    assert take(after, press(30)).history[0].what is Happening.PRESSED_AGAIN


def test_a_clock_set_back_neither_silences_nor_splits(new_desk: NewDesk, press: PressAt) -> None:
    desk = new_desk()
    take(desk, press(0))
    change = take(desk, press(-120))
    assert change.history[0].what is Happening.PRESSED_AGAIN
    assert [d.channel for d in change.deliveries] == ["samu/0", "hub/0"]


def counted(press: Press, boot: str, up_s: float = 600.0) -> Press:
    """The same press, received so many seconds into a life of the machine."""
    return replace(press, received_up=Uptime(boot, up_s))


def test_a_press_in_another_life_of_the_machine_joins_nothing_however_near_its_date(
    new_desk: NewDesk, press: PressAt
) -> None:
    desk = new_desk()
    before = take(desk, counted(press(0), "one")).standings[0].alert.id
    new = take(desk, counted(press(1), "two", 20))
    assert [h.what for h in new.history] == [Happening.RAISED]
    assert {d.purpose for d in new.deliveries} == {Purpose.ALERT}
    again = take(desk, counted(press(2), "two", 21))
    assert [(h.what, h.alert) for h in again.history] == [
        (Happening.PRESSED_AGAIN, new.standings[0].alert.id)
    ]
    assert before != new.standings[0].alert.id


def test_a_press_in_the_same_life_joins_and_an_alert_without_a_count_is_of_another(
    new_desk: NewDesk, press: PressAt
) -> None:
    desk = new_desk()
    take(desk, press(0))  # written down by an older version
    raised = take(desk, counted(press(1), "one", 20))
    assert raised.history[0].what is Happening.RAISED
    assert take(desk, counted(press(9), "one", 28)).history[0].what is Happening.PRESSED_AGAIN


@pytest.mark.parametrize(
    ("reaction", "state"),
    [(Reaction.CANCEL, AlertState.CANCELLED), (Reaction.ACKNOWLEDGE, AlertState.ACKNOWLEDGED)],
)
@pytest.mark.parametrize("clock_s", [-1.7e9, -600, 600])
def test_a_gesture_means_the_alert_of_an_earlier_life_whatever_the_clock_says(
    new_desk: NewDesk, press: PressAt, reaction: Reaction, state: AlertState, clock_s: float
) -> None:
    desk = new_desk()
    take(desk, counted(press(0), "one"))
    change = take(desk, counted(press(clock_s, reaction), "two", 20))
    assert [standing.state for standing in change.standings] == [state]


@pytest.mark.parametrize(("kept_s", "is_meant"), [(30, True), (900, False)])
def test_what_a_button_had_kept_since_before_the_machine_started_goes_by_its_date(
    new_desk: NewDesk, press: PressAt, kept_s: float, is_meant: bool
) -> None:
    """It may be older than the alert, about which it then says nothing."""
    desk = new_desk()
    take(desk, counted(press(0), "one"))
    late = press(-20, Reaction.CANCEL, late_s=kept_s)
    assert bool(take(desk, counted(late, "two", 60)).history) is is_meant


def test_after_a_restart_of_the_machine_everybody_who_may_have_been_told_is_told_of_the_end(
    new_desk: NewDesk, press: PressAt
) -> None:
    desk = new_desk()
    alert = take(desk, counted(press(0), "one", 600)).standings[0].alert
    for up, told in (
        (Uptime("one", 659), ["samu/0", "hub/0"]),
        (Uptime("one", 660), ["samu/0", "hub/0", "colleague/0"]),
        (Uptime("two", 20), ["samu/0", "hub/0", "colleague/0"]),
    ):
        back_at = alert.received_at - timedelta(minutes=10)
        change = desk.move(alert.id, Happening.CANCELLED, Said("api", back_at, up=up))
        assert change is not None
        assert [delivery.channel for delivery in change.deliveries] == told


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.sampled_from(Reaction)), max_size=12),
    st.integers(0, 900),
    st.integers(0, 300),
)
def test_no_press_for_help_is_ever_swallowed(
    script: list[tuple[int, Reaction]], join_s: int, renotify_s: int
) -> None:
    desk, make = _desk(join_s, renotify_s)
    for number, (at_s, reaction) in enumerate(script):
        press = make(number, at_s, reaction)
        change = take(desk, press)
        if reaction is Reaction.ALERT:
            assert [h.press for h in change.history] == [press.id]
            assert change.history[0].alert in {s.alert.id for s in desk.open}


def _desk(join_s: int, renotify_s: int) -> tuple[Desk, Callable[[int, int, Reaction], Press]]:
    noon, day = datetime(2026, 11, 22, 12, tzinfo=UTC), timedelta(days=1)
    plan = Plan((Step(timedelta(0), (Route("samu", "samu/0", day),)),), ())
    desk = Desk(
        Identity("b", Doctor("Dr", "+33612345678"), Practice("P", "A")),
        plan,
        join_within=timedelta(seconds=join_s),
        renotify_every=timedelta(seconds=renotify_s),
    )

    def make(number: int, at_s: int, reaction: Reaction) -> Press:
        at = noon + timedelta(seconds=at_s)
        return Press(press_id("S", 1, number), "button:b", "b", "single", reaction, at, at, was_queued=False)

    return desk, make


def test_ids_are_the_same_on_every_bridge_and_differ_for_every_press() -> None:
    one = press_id("BF12-A34567", 7, 41)
    assert one == press_id("BF12-A34567", 7, 41)
    assert (
        len({one, press_id("BF12-A34567", 7, 45), press_id("BF12-A34567", 8, 41), press_id("X", 7, 41)}) == 4
    )
    assert delivery_id(one, Purpose.ALERT, 0, 0, "samu/0") != delivery_id(one, Purpose.AGAIN, 0, 0, "samu/0")


def test_the_keys_of_a_duo_count_alike_and_are_told_apart_and_no_other_id_has_changed_for_it() -> None:
    assert press_id("BF12-A34567", 7, 41) == UUID("4fd37ddf-8940-55c7-975c-03bfe2da42a9")
    assert press_id("BF12-A34567", 7, 41, key=0) == press_id("BF12-A34567", 7, 41)
    assert press_id("BF12-A34567", 7, 41, key=1) != press_id("BF12-A34567", 7, 41)


def test_an_alert_remembers_which_key_raised_it(new_desk: NewDesk, press: PressAt) -> None:
    change = new_desk().decide(replace(press(0), key=1), PLACE)
    assert [standing.alert.key for standing in change.standings] == [1]


def test_a_later_step_may_remind_a_recipient_of_an_earlier_one(press: PressAt) -> None:
    samu = Route("samu", "samu/0", timedelta(days=1))
    plan = Plan((Step(timedelta(0), (samu,)), Step(timedelta(seconds=60), (samu,))), ())
    desk = Desk(
        Identity("b", Doctor("Dr", "+33612345678"), Practice("P", "A")),
        plan,
        join_within=timedelta(minutes=10),
        renotify_every=timedelta(minutes=1),
    )
    change = take(desk, press(0))
    assert len({delivery.id for delivery in change.deliveries}) == 2
    cancelled = take(desk, press(90, Reaction.CANCEL))
    assert [delivery.channel for delivery in cancelled.deliveries] == ["samu/0"]


def test_a_press_after_an_alert_was_given_up_is_a_new_call_and_a_cancellation_still_means_the_old_one(
    new_desk: NewDesk, press: PressAt
) -> None:
    desk = new_desk()
    given_up = take(desk, press(0)).standings[0]
    desk.apply(Change(standings=(replace(given_up, state=AlertState.UNANSWERED),)))
    again = take(desk, press(300))
    assert again.history[0].what is Happening.RAISED
    cancelled = take(desk, press(400, Reaction.CANCEL))
    assert {standing.alert.id for standing in cancelled.standings} == {
        given_up.alert.id,
        again.standings[0].alert.id,
    }


@given(st.integers(0, 2400), st.integers(0, 2400), st.integers(0, 1200))
def test_a_fresh_press_never_hides_in_the_alert_of_an_old_one(
    first_s: int, second_s: int, apart_s: int
) -> None:
    routes = (Route("samu", "samu/0", timedelta(days=1)),)
    plan = Plan((Step(timedelta(0), routes),), (), old_presses=OldPresses(timedelta(minutes=10), routes))
    identity = Identity("b", Doctor("Dr", "+33612345678"), Practice("P", "A"))
    hour, noon = timedelta(hours=1), datetime(2026, 11, 22, 12, tzinfo=UTC)
    desk = Desk(identity, plan, join_within=hour, renotify_every=timedelta(0))

    def arrive(number: int, waited_s: int, received_at: datetime) -> Change:
        pressed_at = received_at - timedelta(seconds=waited_s)
        reaction = Reaction.ALERT
        made = Press(
            press_id("S", 1, number),
            "button:b",
            "b",
            "single",
            reaction,
            pressed_at,
            received_at,
            waited_s > 0,
        )
        return take(desk, made)

    arrive(1, first_s, noon)
    second = arrive(2, second_s, noon + timedelta(seconds=apart_s))
    if second_s <= 600 < first_s:
        assert second.history[0].what is Happening.RAISED
    elif abs(apart_s - second_s + first_s) < 3600:
        assert second.history[0].what is Happening.PRESSED_AGAIN
