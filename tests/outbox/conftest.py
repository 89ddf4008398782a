"""What a press writes down, and a real store on a real file."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from flicbridge.alert.alert import (
    Alert,
    AlertEvent,
    AlertKind,
    AlertState,
    Delivery,
    Doctor,
    Happening,
    Practice,
    Purpose,
    delivery_id,
    press_id,
)
from flicbridge.alert.desk import Change, Mark, Standing
from flicbridge.outbox.store import Store
from flicbridge.place.position import Position
from flicbridge.press.event import Counter

type MakeChange = Callable[..., Change]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store.open(tmp_path / "flicbridge.db")
    yield opened
    await opened.close()


@pytest.fixture
def make_change() -> MakeChange:
    """Build what a press writes down: `make_change(count, now_at, channels)`."""

    def build(
        count: int,
        now_at: datetime,
        channels: tuple[str, ...] = ("samu/0",),
        *,
        after_s: float = 0.0,
        expires_s: float = 86_400.0,
    ) -> Change:
        alert = Alert(
            id=press_id("BF12-A34567", 7, count),
            kind=AlertKind.EMERGENCY,
            bridge="tilleuls-1",
            button="poche",
            gesture="long",
            pressed_at=now_at,
            received_at=now_at,
            was_queued=False,
            doctor=Doctor("Dr Anne Martin", "+33612345678"),
            practice=Practice("Cabinet des Tilleuls", "12 rue des Tilleuls", "Cabinet 2", "code 4321"),
            position=Position(45.83362, 1.26105, 12.0, label="Cabinet 2"),
        )
        due_at = now_at + timedelta(seconds=after_s)
        return Change(
            press=alert.id,
            standings=(Standing(alert, AlertState.RAISED, 1, now_at, now_at),),
            history=(AlertEvent(alert.id, Happening.RAISED, now_at, "button:poche", alert.id),),
            deliveries=tuple(
                Delivery(
                    id=delivery_id(alert.id, Purpose.ALERT, 0, 0, channel),
                    alert=alert.id,
                    purpose=Purpose.ALERT,
                    occasion=0,
                    recipient=channel.split("/")[0],
                    channel=channel,
                    made_at=now_at,
                    due_at=due_at,
                    expires_at=due_at + timedelta(seconds=expires_s),
                )
                for channel in channels
            ),
            mark=Mark("BF12-A34567", Counter(7, count)),
        )

    return build
