"""What happens by itself: turns of channels, and the end; for any fate of the channels and any answer."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.alert.agenda import Agenda
from flicbridge.alert.alert import Delivery, DeliveryState, Purpose, delivery_id

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALERT = UUID(int=1)
MINUTE = timedelta(minutes=1)


def delivery(turn: int, recipient: str = "samu", *, occasion: int = 0, lasts: timedelta = MINUTE) -> Delivery:
    channel = f"{recipient}/{turn}"
    due_at = NOON + turn * lasts
    return Delivery(
        id=delivery_id(ALERT, Purpose.ALERT, occasion, 0, channel),
        alert=ALERT,
        purpose=Purpose.ALERT,
        occasion=occasion,
        recipient=recipient,
        channel=channel,
        made_at=NOON,
        due_at=due_at,
        expires_at=due_at + timedelta(hours=1),
        turn=turn,
        next_after=lasts,
    )


def agenda_of(turns: int, recipient: str = "samu") -> Agenda:
    agenda = Agenda()
    for turn in range(1, turns):
        agenda.keep(delivery(turn, recipient), 60.0 * turn)
    return agenda


def channels(deliveries: list[Delivery]) -> list[str]:
    return [each.channel for each in deliveries]


def test_a_channel_that_fails_for_good_hands_over_at_once() -> None:
    agenda = agenda_of(3)
    following = agenda.after(delivery(0), DeliveryState.FAILED)
    assert following is not None
    assert agenda.take(following, now_s=1.0).channel == "samu/1"
    assert agenda.next_s == 61.0  # the third waits for an answer to the second


def test_what_leaves_reserve_is_due_at_once_and_worth_sending_as_long_as_planned() -> None:
    agenda = agenda_of(2)
    taken = agenda.take(agenda.due(60.0)[0], now_s=60.0)
    assert taken.due_at == taken.made_at == NOON
    assert taken.expires_at - taken.due_at == timedelta(hours=1)
    assert agenda.next_s is None


@pytest.mark.parametrize("state", sorted(set(DeliveryState) - {DeliveryState.FAILED, DeliveryState.EXPIRED}))
def test_a_channel_that_has_not_failed_for_good_hands_nothing_over(state: DeliveryState) -> None:
    assert agenda_of(2).after(delivery(0), state) is None


def test_a_late_failure_of_a_channel_whose_successor_has_left_brings_nothing_forward() -> None:
    agenda = agenda_of(3)
    agenda.take(agenda.due(60.0)[0], now_s=60.0)
    assert agenda.after(delivery(0), DeliveryState.EXPIRED) is None
    assert channels(agenda.due(120.0)) == ["samu/2"]


def test_once_somebody_has_answered_only_a_failure_brings_the_next_channel() -> None:
    agenda = agenda_of(2)
    agenda.hold(agenda.due(60.0)[0])
    assert agenda.next_s is None
    assert agenda.due(1e9) == []
    following = agenda.after(delivery(0), DeliveryState.EXPIRED)
    assert following is not None
    assert following.channel == "samu/1"


def test_recipients_and_occasions_take_turns_by_themselves() -> None:
    agenda = agenda_of(2)
    agenda.keep(delivery(1, "hub"), 60.0)
    agenda.keep(delivery(1, occasion=1), 360.0)
    following = agenda.after(delivery(0), DeliveryState.FAILED)
    assert following is not None
    agenda.take(following, now_s=0.5)
    assert channels(agenda.due(60.0)) == ["hub/1"]
    assert [(each.channel, each.occasion) for each in agenda.due(360.0)] == [("hub/1", 0), ("samu/1", 1)]


def test_an_alert_ends_once_and_not_if_it_was_answered() -> None:
    agenda = Agenda()
    agenda.end(ALERT, 100.0)
    assert agenda.next_s == 100.0
    assert agenda.has_end(ALERT)
    assert agenda.take_ended(99.9) == []
    assert agenda.take_ended(100.0) == [ALERT]
    assert agenda.take_ended(1e9) == []
    assert agenda.next_s is None
    agenda.end(ALERT, 100.0)
    agenda.answered(ALERT)
    assert agenda.take_ended(1e9) == []


def test_what_is_over_lets_nothing_more_happen() -> None:
    agenda = agenda_of(3)
    agenda.end(ALERT, 100.0)
    agenda.forget(ALERT)
    assert agenda.next_s is None
    assert agenda.after(delivery(0), DeliveryState.FAILED) is None


@dataclass
class Run:
    """What left, when, played by hand: each channel fails after so many seconds, or never."""

    left: list[tuple[float, int]]


def play(turns: int, fails_after_s: list[float | None], answered_s: float | None) -> Run:
    agenda = agenda_of(turns)
    run = Run([(0.0, 0)])
    failures = {0: fails_after_s[0]}
    for now_s in range(2000):
        for turn, after_s in list(failures.items()):
            began_s = next(at_s for at_s, left in run.left if left == turn)
            if after_s is not None and began_s + after_s <= now_s:
                del failures[turn]
                following = agenda.after(delivery(turn), DeliveryState.FAILED)
                if following is not None:
                    taken = agenda.take(following, float(now_s))
                    run.left.append((float(now_s), taken.turn))
                    failures[taken.turn] = fails_after_s[taken.turn]
        for waiting in agenda.due(float(now_s)):
            if answered_s is not None and answered_s <= now_s:
                agenda.hold(waiting)
                continue
            taken = agenda.take(waiting, float(now_s))
            run.left.append((float(now_s), taken.turn))
            failures[taken.turn] = fails_after_s[taken.turn]
    return run


FATES = st.lists(st.one_of(st.none(), st.floats(0.0, 300.0)), min_size=5, max_size=5)


@given(st.integers(1, 5), FATES)
def test_in_turn_skips_no_channel_repeats_none_and_stops_only_when_all_were_used(
    turns: int, fails_after_s: list[float | None]
) -> None:
    run = play(turns, fails_after_s, answered_s=None)
    assert [turn for _, turn in run.left] == list(range(turns))
    waits_s = [later - sooner for (sooner, _), (later, _) in zip(run.left, run.left[1:], strict=False)]
    assert all(wait_s <= 60.0 for wait_s in waits_s)


@given(st.integers(2, 5), FATES, st.floats(0.0, 400.0))
def test_after_an_answer_a_channel_leaves_only_because_the_one_before_it_failed(
    turns: int, fails_after_s: list[float | None], answered_s: float
) -> None:
    run = play(turns, fails_after_s, answered_s)
    assert [turn for _, turn in run.left] == list(range(len(run.left)))
    for (began_s, before), (left_s, _) in zip(run.left, run.left[1:], strict=False):
        failed_after_s = fails_after_s[before]
        if left_s >= answered_s:
            assert failed_after_s is not None
            assert began_s + failed_after_s <= left_s
    _, last = run.left[-1]
    if fails_after_s[last] is not None:
        assert (
            last == turns - 1
        )  # whatever was answered: a message that failed goes out over the next channel
