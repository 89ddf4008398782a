"""The life of an alert: which happening moves it where. A table, folded over its history.

    raised -> notified -> acknowledged -> confirmed | false_alarm -> closed
       |---------'-------------'-------------> cancelled -----------^
       '---------'-> unanswered

An alert never goes back to waiting: a message that arrives after the cancellation is written down, and the
alert stays cancelled. But who clears the doubt has the last word: a cancellation may have been forced, so
even a cancelled alert can be confirmed. An alert that nobody answers is given up after a while: nothing new
is sent for it, but what was under way is tried on, and a late answer is still taken.
"""

from collections.abc import Iterable
from typing import Final

from flicbridge.alert.alert import AlertState, Delivery, Happening

_MOVES: Final = {
    Happening.RAISED: (AlertState.RAISED, frozenset[AlertState]()),
    Happening.NOTIFIED: (AlertState.NOTIFIED, frozenset({AlertState.RAISED})),
    Happening.ACKNOWLEDGED: (
        AlertState.ACKNOWLEDGED,
        frozenset({AlertState.RAISED, AlertState.NOTIFIED, AlertState.UNANSWERED}),
    ),
    Happening.CONFIRMED: (
        AlertState.CONFIRMED,
        frozenset(AlertState) - {AlertState.CLOSED},
    ),
    Happening.FALSE_ALARM: (AlertState.FALSE_ALARM, frozenset(AlertState) - {AlertState.CLOSED}),
    Happening.CANCELLED: (AlertState.CANCELLED, frozenset(AlertState) - {AlertState.CLOSED}),
    Happening.UNANSWERED: (AlertState.UNANSWERED, frozenset({AlertState.RAISED, AlertState.NOTIFIED})),
    Happening.CLOSED: (AlertState.CLOSED, frozenset(AlertState)),
}

OPEN: Final = frozenset(
    {AlertState.RAISED, AlertState.NOTIFIED, AlertState.ACKNOWLEDGED, AlertState.CONFIRMED}
)
"""States in which another press belongs to the same call for help."""

MEANT: Final = OPEN | {AlertState.UNANSWERED}
"""States in which the doctor's own cancelling or acknowledging still means this alert."""

WAITING: Final = frozenset({AlertState.RAISED, AlertState.NOTIFIED})
"""States in which the plan goes on by itself, step by step."""

ENDED: Final = frozenset({AlertState.CANCELLED, AlertState.FALSE_ALARM, AlertState.CLOSED})
"""States in which people have settled it: whoever has not been told yet is not alarmed any more."""

ANSWERED: Final = ENDED | {AlertState.ACKNOWLEDGED, AlertState.CONFIRMED}
"""States in which a step that waits for `unless = "acknowledged"` is no longer wanted."""

OVER: Final = ENDED | {AlertState.UNANSWERED}
"""States in which nothing that was kept in reserve leaves any more."""


def after(state: AlertState, what: Happening) -> AlertState:
    """Return the state that `what` leads to from `state`: the same one if it moves nothing."""
    target, sources = _MOVES.get(what, (state, frozenset[AlertState]()))
    return target if state in sources else state


def wants(state: AlertState, delivery: Delivery) -> bool:
    """Tell whether an alert in this state still wants one of its messages sent.

    That nobody answered is no reason to be silent: what was due by then goes on being tried, for somebody
    who is told late may still help. There is nothing else: every step and reminder is due before the end, and
    what is in reserve stays there (`OVER`). An alert that the bridge closed for its age counts as it stood
    before: see `Desk.apply`.
    """
    if state in ENDED:
        return False
    if delivery.unless is AlertState.NOTIFIED:
        return state is AlertState.RAISED
    return delivery.unless is None or state not in ANSWERED


def state_of(history: Iterable[Happening]) -> AlertState:
    """Fold a history, oldest first, into the state it leads to."""
    state = AlertState.RAISED
    for what in history:
        state = after(state, what)
    return state
