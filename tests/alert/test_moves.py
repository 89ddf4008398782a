"""What people do about an alert, believed or doubted: decided without a clock, a disk or a network."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

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
    Way,
    press_id,
    reply_id,
)
from flicbridge.alert.caution import MOST_DOUBTED, Caution
from flicbridge.alert.desk import Change, Desk, Identity, Press, Reaction, Standing
from flicbridge.alert.moves import Said
from flicbridge.alert.plan import Plan, Route, Step
from flicbridge.alert.seal import Seal

NOW = datetime(2026, 3, 1, 14, 2, tzinfo=UTC)
DAY = timedelta(days=1)
SAMU, DOCTOR, COLLEAGUE = (Route(name, f"{name}/0", DAY) for name in ("samu", "doctor", "colleague"))
PLAN = Plan(
    (Step(timedelta(0), (SAMU, DOCTOR)), Step(timedelta(seconds=60), (COLLEAGUE,), AlertState.ACKNOWLEDGED)),
    (SAMU,),
)


def desk(*, asks_pin: bool = True) -> Desk:
    identity = Identity("b", Doctor("Dr", "+33612345678"), Practice("P", "A"))
    caution = Caution(Seal(b"k" * 32), (DOCTOR,), asks_pin=asks_pin)
    return Desk(
        identity, PLAN, join_within=timedelta(minutes=10), renotify_every=timedelta(0), caution=caution
    )


def press(number: int, reaction: Reaction, at: datetime = NOW) -> Press:
    return Press(
        press_id("s", 1, number), "button:poche", "poche", "long", reaction, at, at, was_queued=False
    )


def raised(at_desk: Desk, number: int = 1, reaction: Reaction = Reaction.ALERT) -> Standing:
    change = at_desk.decide(press(number, reaction), None)
    at_desk.apply(change)
    return change.standings[0]


def says(by: str = "somebody", way: Way = Way.CLI, *, proven: bool = False) -> Said:
    return Said(by, NOW + timedelta(seconds=5), way, is_proven=proven)


def do(
    at_desk: Desk,
    what: Happening,
    *,
    by: str = "somebody",
    way: Way = Way.CLI,
    proven: bool = False,
    reply: int | None = None,
) -> Change | None:
    alert = at_desk.known[0].alert.id
    press = None if reply is None else reply_id("phone", str(reply))
    said = replace(says(by, way, proven=proven), press=press)
    change = at_desk.move(alert, what, said)
    if change is not None:
        at_desk.apply(change)
    return change


def told(change: Change | None) -> dict[str, Purpose]:
    assert change is not None
    return {delivery.recipient: delivery.purpose for delivery in change.deliveries}


def test_a_believed_cancellation_tells_everybody_who_was_told_and_who_it_was() -> None:
    at_desk = desk()
    raised(at_desk)
    change = do(at_desk, Happening.CANCELLED, proven=True)
    assert told(change) == {"samu": Purpose.CANCELLED, "doctor": Purpose.CANCELLED}
    assert change is not None
    assert {(d.by, d.way) for d in change.deliveries} == {("somebody", Way.CLI)}
    assert change.standings[0].state is AlertState.CANCELLED


def test_a_doubted_cancellation_moves_nothing_but_what_the_room_sees() -> None:
    at_desk = desk()
    was = raised(at_desk)
    change = do(at_desk, Happening.CANCELLED)
    assert told(change) == {"samu": Purpose.DOUBTED, "doctor": Purpose.CANCELLED}
    assert change is not None
    assert change.standings[0].state is was.state
    assert [event.what for event in change.history] == [Happening.DOUBTED]
    stands = at_desk.known[0]
    assert (stands.state, stands.face, stands.doubted) == (was.state, AlertState.CANCELLED, 1)
    assert at_desk.open == []


def test_a_doubted_and_a_believed_cancellation_send_messages_of_the_same_names() -> None:
    names = []
    for proven in (True, False):
        at_desk = desk()
        raised(at_desk)
        change = do(at_desk, Happening.CANCELLED, proven=proven)
        assert change is not None
        names.append([(d.id, d.channel, d.made_at, d.due_at, d.expires_at) for d in change.deliveries])
    assert names[0] == names[1]


def test_what_is_still_owed_goes_on_except_to_the_doctors_own_devices() -> None:
    at_desk = desk()
    change = at_desk.decide(press(1, Reaction.ALERT), None)
    at_desk.apply(change)
    do(at_desk, Happening.CANCELLED)
    wanted = {delivery.recipient: at_desk.is_wanted(delivery) for delivery in change.deliveries}
    assert wanted == {"samu": True, "doctor": False, "colleague": True}
    assert not any(at_desk.is_seen_wanted(delivery) for delivery in change.deliveries)


def test_a_press_after_a_doubted_cancellation_is_an_alert_of_its_own_as_after_any_other() -> None:
    at_desk = desk()
    first = raised(at_desk)
    do(at_desk, Happening.CANCELLED)
    assert raised(at_desk, 2).alert.id != first.alert.id


def test_tests_and_bridges_without_a_pin_doubt_nobody() -> None:
    without = desk(asks_pin=False)
    raised(without)
    assert told(do(without, Happening.CANCELLED, proven=True))["samu"] is Purpose.CANCELLED
    drill = desk()
    assert raised(drill, reaction=Reaction.TEST).alert.kind is AlertKind.TEST
    assert told(do(drill, Happening.CANCELLED)) == {"samu": Purpose.CANCELLED}


def test_a_gesture_that_cancels_is_doubted_where_a_pin_is_asked_for() -> None:
    for asks_pin, purpose in ((True, Purpose.DOUBTED), (False, Purpose.CANCELLED)):
        at_desk = desk(asks_pin=asks_pin)
        raised(at_desk)
        change = at_desk.decide(press(2, Reaction.CANCEL, NOW + timedelta(seconds=5)), None)
        assert told(change)["samu"] is purpose


def test_no_pin_is_believed_any_more_after_too_many_wrong_ones() -> None:
    at_desk = desk()
    raised(at_desk)
    for _ in range(MOST_DOUBTED):
        do(at_desk, Happening.CANCELLED)
    do(at_desk, Happening.CANCELLED, proven=True)
    assert at_desk.known[0].state is AlertState.RAISED
    assert at_desk.known[0].doubted == MOST_DOUBTED + 1


def test_only_the_first_doubt_is_told() -> None:
    at_desk = desk()
    raised(at_desk)
    do(at_desk, Happening.CANCELLED)
    assert told(do(at_desk, Happening.CANCELLED)) == {}


def test_the_doctor_is_told_once_that_somebody_is_on_it() -> None:
    at_desk = desk()
    raised(at_desk)
    assert told(do(at_desk, Happening.ACKNOWLEDGED, way=Way.SMS)) == {"doctor": Purpose.ANSWERED}
    assert told(do(at_desk, Happening.CONFIRMED, way=Way.LINK)) == {}


def test_a_helper_is_believed_without_a_pin_and_the_room_learns_only_what_it_would() -> None:
    at_desk = desk()
    raised(at_desk)
    do(at_desk, Happening.CANCELLED)
    assert told(do(at_desk, Happening.ACKNOWLEDGED, way=Way.SMS)) == {}
    stands = at_desk.known[0]
    assert (stands.state, stands.face) == (AlertState.ACKNOWLEDGED, AlertState.CANCELLED)
    do(at_desk, Happening.CONFIRMED, way=Way.LINK)
    assert at_desk.known[0].face is AlertState.CONFIRMED  # of a believed one too


IN_THE_ROOM = [
    ("cli", Way.CLI),
    ("api", Way.API),
    ("button:poche", Way.BUTTON),
    ("recipient:doctor", Way.LINK),
    ("recipient:doctor", Way.SMS),
]
FROM_OUTSIDE = [("recipient:samu", Way.LINK), ("recipient:samu", Way.SMS), ("bridge", Way.NONE)]


@pytest.mark.parametrize("what", [Happening.CONFIRMED, Happening.FALSE_ALARM, Happening.CLOSED])
def test_where_a_pin_is_asked_for_only_helpers_clear_the_doubt(what: Happening) -> None:
    at_desk = desk()
    alert = raised(at_desk).alert.id
    for by, way in IN_THE_ROOM:
        assert not at_desk.may_move(alert, what, says(by, way, proven=True))
        assert do(at_desk, what, by=by, way=way, proven=True) is None
    for by, way in FROM_OUTSIDE:
        assert at_desk.may_move(alert, what, says(by, way))


def test_where_no_pin_is_asked_for_the_doctors_own_device_is_believed() -> None:
    for what in (Happening.ACKNOWLEDGED, Happening.CONFIRMED, Happening.FALSE_ALARM):
        at_desk = desk(asks_pin=False)
        alert = raised(at_desk).alert.id
        assert at_desk.may_move(alert, what, says("recipient:doctor", Way.LINK, proven=True))
        assert do(at_desk, what, by="recipient:doctor", way=Way.LINK, proven=True) is not None
        assert at_desk.known[0].state.value == what.value


def test_the_room_may_notice_what_would_have_happened_anyhow_and_not_what_else_a_helper_did() -> None:
    at_desk = desk()
    alert = raised(at_desk).alert.id
    device, helper = says("recipient:doctor", Way.SMS), says("recipient:samu", Way.SMS)
    assert not at_desk.is_secret(alert, Happening.ACKNOWLEDGED, helper)
    do(at_desk, Happening.ACKNOWLEDGED, by="recipient:doctor", way=Way.SMS)
    assert at_desk.known[0].face is AlertState.ACKNOWLEDGED
    assert not at_desk.is_secret(alert, Happening.ACKNOWLEDGED, device)
    assert at_desk.is_secret(alert, Happening.ACKNOWLEDGED, helper)
    assert not at_desk.is_secret(alert, Happening.CONFIRMED, helper)


def test_a_reply_that_moves_nothing_is_written_down_under_its_id_and_a_link_is_not() -> None:
    at_desk = desk(asks_pin=False)
    was = raised(at_desk)
    do(at_desk, Happening.CONFIRMED, by="recipient:samu", way=Way.SMS, reply=1)
    again = do(at_desk, Happening.CONFIRMED, by="recipient:colleague", way=Way.SMS, reply=2)
    assert again is not None
    assert (again.press, again.deliveries) == (reply_id("phone", "2"), ())
    assert [(event.what, event.press) for event in again.history] == [(Happening.HEARD, again.press)]
    assert [standing.state for standing in again.standings] == [AlertState.CONFIRMED]
    assert do(at_desk, Happening.CONFIRMED, by="recipient:samu", way=Way.LINK) is None
    assert at_desk.known[0].presses == was.presses


def test_what_the_doctors_own_device_may_not_say_is_not_kept_to_be_believed_later() -> None:
    at_desk = desk()
    raised(at_desk)
    change = do(at_desk, Happening.FALSE_ALARM, by="recipient:doctor", way=Way.SMS, reply=1)
    assert change is not None
    assert [event.what for event in change.history] == [Happening.HEARD]
    assert at_desk.known[0].state is AlertState.RAISED


def test_however_often_the_doctors_own_device_says_ok_the_pin_is_still_believed() -> None:
    at_desk = desk()
    raised(at_desk)
    for reply in range(MOST_DOUBTED + 1):
        do(at_desk, Happening.ACKNOWLEDGED, by="recipient:doctor", way=Way.SMS, reply=reply)
        do(at_desk, Happening.ACKNOWLEDGED, by="recipient:doctor", way=Way.LINK)
    do(at_desk, Happening.CANCELLED, proven=True)
    assert at_desk.known[0].state is AlertState.CANCELLED


def test_a_cancellation_after_a_doubted_answer_has_the_same_names_whatever_is_believed() -> None:
    names = []
    for proven in (True, False):
        at_desk = desk()
        raised(at_desk)
        do(at_desk, Happening.ACKNOWLEDGED)
        change = do(at_desk, Happening.CANCELLED, proven=proven)
        assert change is not None
        names.append([(d.id, d.occasion, d.channel) for d in change.deliveries])
    assert names[0] == names[1] != []


def test_whoever_was_told_reads_of_every_cancellation_that_follows_a_confirmation() -> None:
    at_desk = desk()
    raised(at_desk)
    keys, shown = [], []
    for proven in (True, False, True, True):
        change = do(at_desk, Happening.CANCELLED, proven=proven)
        assert told(change).keys() >= {"samu", "doctor"}
        assert change is not None
        keys += [delivery.id for delivery in change.deliveries]
        shown.append([at_desk.known[0].cancels, min(d.occasion for d in change.deliveries)])
        if proven:
            assert do(at_desk, Happening.CONFIRMED, by="recipient:samu", way=Way.LINK) is not None
    assert len(set(keys)) == len(keys)
    assert shown == [[1, 0], [2, 1], [2, -1], [3, 2]]


TURNS = st.one_of(
    st.tuples(st.just(Happening.CANCELLED), st.just("somebody"), st.booleans()),
    st.tuples(st.just(Happening.ACKNOWLEDGED), st.just("somebody"), st.booleans()),
    st.tuples(
        st.sampled_from([Happening.CONFIRMED, Happening.ACKNOWLEDGED, Happening.FALSE_ALARM]),
        st.just("recipient:samu"),
        st.just(True),
    ),
)


@given(st.lists(TURNS, max_size=8))
def test_every_message_has_a_name_of_its_own_and_the_room_reads_the_same_names_whatever_is_believed(
    turns: list[tuple[Happening, str, bool]],
) -> None:
    named: list[list[tuple[object, ...]]] = []
    for believing in (True, False):
        at_desk, keys, shown = desk(), [], list[tuple[object, ...]]()
        raised(at_desk)
        for what, by, proven in turns:
            way = Way.CLI if by == "somebody" else Way.LINK
            change = do(at_desk, what, by=by, way=way, proven=believing or proven)
            for delivery in change.deliveries if change is not None else ():
                keys.append(delivery.id)
                if delivery.occasion >= 0:
                    shown.append((delivery.id, delivery.occasion, delivery.channel, delivery.by))
        assert len(set(keys)) == len(keys)
        named.append(shown)
    assert named[0] == named[1]


STEPS = st.tuples(
    st.sampled_from(
        [
            Happening.ACKNOWLEDGED,
            Happening.CANCELLED,
            Happening.CONFIRMED,
            Happening.FALSE_ALARM,
            Happening.CLOSED,
        ]
    ),
    st.sampled_from(IN_THE_ROOM),
)


@given(st.lists(STEPS, max_size=6))
def test_nothing_that_is_done_in_the_room_without_the_pin_stops_an_alert(
    steps: list[tuple[Happening, tuple[str, Way]]],
) -> None:
    at_desk, believing = desk(), desk()
    raised(at_desk)
    raised(believing)
    for what, (by, way) in steps:
        alert, said = at_desk.known[0].alert.id, says(by, way)
        seen = at_desk.may_move(alert, what, said), believing.may_move(alert, what, said)
        do(at_desk, what, by=by, way=way)
        do(believing, what, by=by, way=way, proven=True)
        assert seen[0] == seen[1]
        assert at_desk.known[0].face is believing.known[0].state
    assert at_desk.known[0].state is AlertState.RAISED


def test_codes_differ_among_alerts_that_are_not_closed() -> None:
    at_desk = desk()
    codes = {raised(at_desk, number, Reaction.TEST).code for number in range(1, 200)}
    assert len(codes) == 199
    assert all(at_desk.by_code(code) for code in codes)
    first = at_desk.known[0]
    at_desk.apply(Change(standings=(replace(first, state=AlertState.CLOSED),)))
    assert at_desk.by_code(first.code) is None
