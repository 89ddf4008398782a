"""How long a cancellation takes does not tell whether it was believed: both do the same work."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from flicbridge.alert.alert import AlertState, Doctor, Happening, Practice, Way, press_id
from flicbridge.alert.caution import MOST_DOUBTED, Caution
from flicbridge.alert.desk import Desk, Identity, Press, Reaction
from flicbridge.alert.plan import Plan, Route, Step
from flicbridge.clock import LoopClock
from flicbridge.outbox.ledger import Ledger
from flicbridge.outbox.store import Store

DAY = timedelta(days=1)
DOCTOR = Route("doctor", "doctor/0", DAY)
PLAN = Plan(
    (
        Step(timedelta(0), (Route("samu", "samu/0", DAY), Route("samu", "samu/1", DAY, turn=1), DOCTOR)),
        Step(timedelta(seconds=60), (Route("colleague", "colleague/0", DAY),), AlertState.ACKNOWLEDGED),
    ),
    (),
)
VALUES = re.compile(r"'[^']*'|\b\d+(\.\d+)?(e[+-]?\d+)?\b|NULL")


@dataclass
class Office:
    """A ledger on a real store, of which every statement is heard."""

    ledger: Ledger
    store: Store
    clock: LoopClock
    presses: int = 0

    async def press(self) -> UUID:
        self.presses += 1
        now_at = self.clock.now_at()
        press = Press(
            press_id("BF12-A34567", 7, self.presses), "button:poche", "poche", "long", Reaction.ALERT,
            now_at, now_at, was_queued=False,
        )  # fmt: skip
        taken = await self.ledger.take(press, None, None)
        await self.ledger.move(press.id, Happening.NOTIFIED, by="recipient:samu")
        assert taken.alert is not None
        return taken.alert

    async def statements(self, work: Callable[[], Awaitable[object]]) -> list[str]:
        """Every statement that some work needs, without its values."""
        heard: list[str] = []

        def listen(db: object) -> None:
            db.set_trace_callback(lambda sql: heard.append(" ".join(VALUES.sub("?", sql).split())))  # type: ignore[attr-defined]

        await self.store._writer.run(listen)
        await work()
        await self.store._writer.run(lambda db: db.set_trace_callback(None))
        return heard


@pytest.fixture
async def office(store: Store) -> Office:
    clock = LoopClock(asyncio.get_running_loop())
    desk = Desk(
        Identity("tilleuls-1", Doctor("Dr Anne Martin", "+33612345678"), Practice("Cabinet", "Limoges")),
        PLAN,
        join_within=timedelta(0),
        renotify_every=timedelta(minutes=1),
        caution=Caution(doctor_routes=(DOCTOR,), asks_pin=True),
    )
    ledger = Ledger(desk, store, lambda _: None, clock=clock, observe=lambda _: None)
    return Office(ledger, store, clock)


@pytest.mark.parametrize("what", [Happening.CANCELLED, Happening.ACKNOWLEDGED])
async def test_the_right_and_the_wrong_pin_need_the_same_statements(office: Office, what: Happening) -> None:
    needed = []
    for is_proven in (True, False):
        alert = await office.press()

        async def move(alert: UUID = alert, is_proven: bool = is_proven) -> None:
            assert await office.ledger.move(alert, what, by="cli", way=Way.CLI, is_proven=is_proven)

        needed.append(await office.statements(move))
    assert needed[0] == needed[1]
    assert [sql for sql in needed[0] if sql == "COMMIT"] == ["COMMIT"]
    assert any(sql.startswith("UPDATE delivery") for sql in needed[0])


async def test_every_further_attempt_takes_one_commit_whatever_was_believed(office: Office) -> None:
    for is_proven in (True, False):
        alert = await office.press()
        await office.ledger.move(alert, Happening.CANCELLED, by="cli", way=Way.CLI, is_proven=is_proven)
        for _ in range(MOST_DOUBTED + 1):
            for what in (Happening.CANCELLED, Happening.ACKNOWLEDGED):

                async def move(alert: UUID = alert, what: Happening = what) -> None:
                    assert not await office.ledger.move(alert, what, by="cli", way=Way.CLI, is_proven=False)

                assert (await office.statements(move)).count("COMMIT") == 1
