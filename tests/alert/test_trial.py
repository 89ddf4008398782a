"""What the desk makes of a doctor's own test, and of a drill."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from flicbridge.alert.alert import AlertState, DeliveryState, Doctor, Happening, Practice, Purpose
from flicbridge.alert.caution import Caution
from flicbridge.alert.desk import Change, Desk, Identity, Press, Reaction
from flicbridge.alert.plan import Plan, Route, Step
from flicbridge.alert.trial import DELIVERED, MISSED, PATIENCE, SENT

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SAMU, DOCTOR, TECHNICIAN = (
    Route(name, f"{name}/0", timedelta(hours=1)) for name in ("samu", "doctor", "technician")
)
PLAN = Plan((Step(timedelta(0), (SAMU,)),), (SAMU,), drill_routes={"drill:own": (TECHNICIAN,)})
PRESS = Press(
    id=UUID(int=1),
    by="button:poche",
    button="poche",
    gesture="double",
    reaction=Reaction.TEST,
    pressed_at=NOON,
    received_at=NOON,
    was_queued=False,
)
DRILL = replace(PRESS, by="drill:own", button="drill:own")


@pytest.fixture
def desk() -> Desk:
    return Desk(
        Identity("tilleuls-1", Doctor("Dr Anne Martin", "+33612345678"), Practice("Cabinet", "Limoges")),
        PLAN,
        join_within=timedelta(minutes=10),
        renotify_every=timedelta(seconds=60),
        caution=Caution(doctor_routes=(DOCTOR,)),
    )


def raised(desk: Desk, press: Press = PRESS) -> Change:
    change = desk.decide(press, None)
    desk.apply(change)
    return change


def test_a_test_owes_its_messages_and_one_for_the_case_that_none_arrives(desk: Desk) -> None:
    message, doubt = raised(desk).deliveries
    assert (message.channel, message.purpose, message.due_at) == ("samu/0", Purpose.ALERT, NOON)
    assert (doubt.channel, doubt.purpose, doubt.occasion) == ("doctor/0", Purpose.TESTED, MISSED)
    assert doubt.due_at == NOON + PATIENCE
    assert not doubt.at_once


def test_a_test_is_open_business_until_somebody_is_reached_or_a_minute_is_over(desk: Desk) -> None:
    test = raised(desk).standings[0]
    assert desk.trials((), NOON + PATIENCE) == [test]
    assert desk.trials((), NOON + PATIENCE + timedelta(seconds=1)) == []
    desk.apply(Change(standings=(test.after(Happening.NOTIFIED),)))
    assert desk.trials((), NOON) == []


def test_a_drill_is_open_business_for_as_long_as_its_result_is_waited_for(desk: Desk) -> None:
    drill = raised(desk, DRILL).standings[0]
    notified = drill.after(Happening.NOTIFIED)
    desk.apply(Change(standings=(notified,)))
    assert desk.trials({drill.alert.id}, NOON + timedelta(minutes=9)) == [notified]
    assert desk.trials((), NOON) == []
    assert desk.standing(drill.alert.id) == notified, "whoever answers it later is still heard"


def test_neither_calls_for_help(desk: Desk) -> None:
    raised(desk)
    raised(desk, replace(DRILL, id=UUID(int=2)))
    emergency = raised(desk, replace(PRESS, id=UUID(int=3), reaction=Reaction.ALERT)).standings[0]
    assert desk.open == [emergency]


def test_that_one_is_wanted_only_until_somebody_is_reached(desk: Desk) -> None:
    change = raised(desk)
    doubt = change.deliveries[1]
    assert desk.is_wanted(doubt)
    (standing,) = change.standings
    for state in set(AlertState) - {AlertState.RAISED, AlertState.CLOSED}:
        desk.apply(Change(standings=(replace(standing, state=state),)))
        assert not desk.is_wanted(doubt)


@pytest.mark.parametrize(
    ("state", "occasion"), [(DeliveryState.SENT, SENT), (DeliveryState.DELIVERED, DELIVERED)]
)
def test_the_doctor_is_told_who_was_reached_and_how_sure_that_is(
    desk: Desk, state: DeliveryState, occasion: int
) -> None:
    change = raised(desk)
    at = NOON + timedelta(seconds=0.8)
    (told,) = desk.confirm_test(change.standings[0], change.deliveries[0], state, at).deliveries
    assert (told.channel, told.purpose, told.occasion) == ("doctor/0", Purpose.TESTED, occasion)
    assert (told.by, told.made_at) == ("recipient:samu", at)
    assert told.at_once


def test_an_emergency_is_not_confirmed_as_a_test_is(desk: Desk) -> None:
    change = raised(desk, replace(PRESS, reaction=Reaction.ALERT))
    assert [delivery.channel for delivery in change.deliveries] == ["samu/0"]
    confirmed = desk.confirm_test(change.standings[0], change.deliveries[0], DeliveryState.SENT, NOON)
    assert confirmed == Change()


def test_a_drill_tells_those_who_agreed_to_it_and_nobody_else(desk: Desk) -> None:
    change = raised(desk, DRILL)
    assert [delivery.channel for delivery in change.deliveries] == ["technician/0"]
    confirmed = desk.confirm_test(change.standings[0], change.deliveries[0], DeliveryState.SENT, NOON)
    assert confirmed == Change()


def test_a_drill_that_the_settings_no_longer_know_tells_nobody(desk: Desk) -> None:
    """Its recipients of then are not known any more; those of other tests never heard of it."""
    unknown = raised(desk, replace(DRILL, by="drill:exercise", button="drill:exercise"))
    assert unknown.deliveries == ()
    alert = unknown.standings[0].alert
    assert PLAN.for_those_told(alert, Purpose.CANCELLED, 0, NOON) == ()
