"""An alert's life only goes forward."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from flicbridge.alert import life
from flicbridge.alert.alert import AlertState, Delivery, Happening, Purpose

RANK = {
    AlertState.RAISED: 0,
    AlertState.NOTIFIED: 1,
    AlertState.UNANSWERED: 2,
    AlertState.ACKNOWLEDGED: 3,
    AlertState.CONFIRMED: 4,
    AlertState.FALSE_ALARM: 4,
    AlertState.CANCELLED: 4,
    AlertState.CLOSED: 5,
}
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HAPPENINGS = st.lists(st.sampled_from(Happening), max_size=12)


@given(HAPPENINGS)
def test_no_history_leads_back_to_waiting(history: list[Happening]) -> None:
    ranks = [RANK[life.state_of(history[:n])] for n in range(len(history) + 1)]
    assert ranks == sorted(ranks)


@given(HAPPENINGS)
def test_closed_is_the_end(history: list[Happening]) -> None:
    assert life.state_of([Happening.CLOSED, *history]) is AlertState.CLOSED


@given(HAPPENINGS)
def test_cancelling_is_possible_until_closed(history: list[Happening]) -> None:
    state = life.state_of(history)
    expected = AlertState.CLOSED if state is AlertState.CLOSED else AlertState.CANCELLED
    assert life.after(state, Happening.CANCELLED) is expected


def test_a_forced_cancellation_can_still_be_confirmed() -> None:
    assert life.after(AlertState.CANCELLED, Happening.CONFIRMED) is AlertState.CONFIRMED


def test_a_message_that_arrives_after_the_cancellation_changes_nothing() -> None:
    assert life.after(AlertState.CANCELLED, Happening.NOTIFIED) is AlertState.CANCELLED


def test_the_usual_life() -> None:
    assert life.state_of([Happening.RAISED, Happening.NOTIFIED]) is AlertState.NOTIFIED
    assert (
        life.state_of([Happening.RAISED, Happening.NOTIFIED, Happening.ACKNOWLEDGED])
        is AlertState.ACKNOWLEDGED
    )


def test_only_what_nobody_has_answered_is_given_up_and_a_late_answer_is_still_taken() -> None:
    waiting = {state for state in AlertState if life.after(state, Happening.UNANSWERED) is not state}
    assert waiting == life.WAITING
    assert life.after(AlertState.UNANSWERED, Happening.ACKNOWLEDGED) is AlertState.ACKNOWLEDGED
    assert life.after(AlertState.UNANSWERED, Happening.NOTIFIED) is AlertState.UNANSWERED


def test_open_states_are_those_in_which_help_is_still_wanted() -> None:
    assert {AlertState.CANCELLED, AlertState.FALSE_ALARM, AlertState.CLOSED}.isdisjoint(life.OPEN)
    assert AlertState.CANCELLED in life.ANSWERED


def test_every_state_is_waited_in_or_answered_or_given_up() -> None:
    assert life.WAITING.isdisjoint(life.ANSWERED)
    assert set(AlertState) - life.WAITING - life.ANSWERED == {AlertState.UNANSWERED}


def delivery(unless: AlertState | None) -> Delivery:
    return Delivery(UUID(int=1), UUID(int=2), Purpose.ALERT, 0, "samu", "samu/0", NOON, NOON, NOON, unless)


def test_which_messages_an_alert_still_wants_in_each_state() -> None:
    step_0, later, doubt = map(delivery, (None, AlertState.ACKNOWLEDGED, AlertState.NOTIFIED))
    wanted = {
        state: [life.wants(state, message) for message in (step_0, later, doubt)] for state in AlertState
    }
    assert wanted == {
        AlertState.RAISED: [True, True, True],
        AlertState.NOTIFIED: [True, True, False],
        AlertState.UNANSWERED: [True, True, False],  # told late is better than not at all
        AlertState.ACKNOWLEDGED: [True, False, False],
        AlertState.CONFIRMED: [True, False, False],
        AlertState.FALSE_ALARM: [False, False, False],
        AlertState.CANCELLED: [False, False, False],
        AlertState.CLOSED: [False, False, False],
    }
