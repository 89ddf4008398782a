"""A practice, a plan and a desk to press at."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from flicbridge.alert.alert import AlertState, Doctor, Practice, press_id
from flicbridge.alert.desk import Desk, Identity, Press, Reaction
from flicbridge.alert.plan import Plan, Route, Step

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)

type PressAt = Callable[..., Press]


@pytest.fixture
def plan() -> Plan:
    samu, hub = Route("samu", "samu/0", DAY), Route("hub", "hub/0", DAY)
    colleague = Route("colleague", "colleague/0", DAY)
    return Plan(
        steps=(
            Step(timedelta(0), (samu, hub)),
            Step(timedelta(seconds=60), (colleague,), unless=AlertState.ACKNOWLEDGED),
        ),
        test_routes=(hub,),
    )


@pytest.fixture
def new_desk(plan: Plan) -> Callable[..., Desk]:
    def build(*, join_within_s: float = 600, renotify_every_s: float = 60) -> Desk:
        identity = Identity(
            "tilleuls-1",
            Doctor("Dr Anne Martin", "+33612345678"),
            Practice("Cabinet des Tilleuls", "12 rue des Tilleuls, 87000 Limoges"),
        )
        return Desk(
            identity,
            plan,
            join_within=timedelta(seconds=join_within_s),
            renotify_every=timedelta(seconds=renotify_every_s),
        )

    return build


@pytest.fixture
def press() -> PressAt:
    """Build a press: `press(at_s)` seconds after noon, received `late_s` seconds later."""
    numbers = count(1)

    def build(at_s: float, reaction: Reaction = Reaction.ALERT, *, late_s: float = 0.0) -> Press:
        pressed_at = NOON + timedelta(seconds=at_s)
        return Press(
            id=press_id("BF12-A34567", 1, next(numbers)),
            by="button:poche",
            button="poche",
            gesture="long",
            reaction=reaction,
            pressed_at=pressed_at,
            received_at=pressed_at + timedelta(seconds=late_s),
            was_queued=late_s > 0,
        )

    return build
