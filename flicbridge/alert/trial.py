"""When a test has its result, and what a doctor is told of it: that it got through, or not. Pure.

Nothing in the room says anything. Only the doctor's own devices get one message, and so only where the
settings name them: who was reached first, when, and how long after the press; or, after a minute in which
nobody was, just that.
"""

from collections.abc import Container, Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from flicbridge.alert.alert import Alert, AlertState, Delivery, DeliveryState, Purpose
from flicbridge.alert.drill import is_drill
from flicbridge.alert.plan import Route, follow_up
from flicbridge.alert.standing import Standing

PATIENCE: Final = timedelta(seconds=60)
"""If nobody was reached by then, the doctor is told so."""

MISSED: Final = 0
SENT: Final = 1
DELIVERED: Final = 2
"""Occasions of the message: nobody was reached in time; a provider took it; it reached a handset."""


def unless_through(alert: Alert, routes: Iterable[Route]) -> tuple[Delivery, ...]:
    """Messages that leave after a while unless the test has got through by then."""
    return tuple(
        follow_up(
            alert,
            Purpose.TESTED,
            MISSED,
            route,
            alert.received_at,
            after=PATIENCE,
            unless=AlertState.NOTIFIED,
        )
        for route in routes
    )


def got_through(
    alert: Alert, routes: Iterable[Route], recipient: str, state: DeliveryState, at: datetime
) -> tuple[Delivery, ...]:
    """Messages that say who was reached first, and when."""
    occasion, by = DELIVERED if state is DeliveryState.DELIVERED else SENT, f"recipient:{recipient}"
    return tuple(follow_up(alert, Purpose.TESTED, occasion, route, at, by=by) for route in routes)


def has_result(trial: Standing, held: Container[UUID], now_at: datetime) -> bool:
    """Tell whether nothing more is to be learnt from a test: then it is history, and no open business.

    Args:
        trial: a test by a doctor's gesture, or a drill.
        held: the drills that wait for their result.
        now_at: now, UTC.
    """
    if is_drill(trial.alert.button):
        return trial.alert.id not in held
    return trial.state is not AlertState.RAISED or now_at - trial.alert.received_at > PATIENCE
