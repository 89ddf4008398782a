"""A small real bridge for the API to speak for: desk, ledger, courier and a database in a folder."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from flicbridge.alert.alert import DeliveryState, Doctor, Happening, Practice, Way, press_id
from flicbridge.alert.desk import Desk, Identity, Mark, Press, Reaction, Standing
from flicbridge.alert.drill import Drill, DrillKind, DrillResult, Found
from flicbridge.alert.pin import Pin
from flicbridge.alert.plan import Plan, Route, Step
from flicbridge.api.server import serving
from flicbridge.clock import Clock, LoopClock
from flicbridge.errors import InputError
from flicbridge.guard.board import Board
from flicbridge.guard.status import House, drills, report
from flicbridge.guard.tally import Counted, Tally
from flicbridge.observation import Observation
from flicbridge.outbox.carrier import Handed
from flicbridge.outbox.courier import Courier
from flicbridge.outbox.job import Job
from flicbridge.outbox.ledger import Ledger, Taken
from flicbridge.outbox.store import Store
from flicbridge.place.position import Position
from flicbridge.press.event import Counter

ROUTE = Route("samu", "samu/0", timedelta(hours=1))
REACTIONS = {"single": Reaction.ALERT, "double": Reaction.TEST, "triple": Reaction.CANCEL}


@dataclass
class Wire:
    """A channel that takes everything."""

    timeout_s: float = 1.0
    follows: bool = False
    used: asyncio.Event = field(default_factory=asyncio.Event)

    async def carry(self, job: Job) -> Handed:
        self.used.set()
        return Handed(DeliveryState.SENT, provider_id="sms-1")

    async def follow(self, job: Job) -> Handed:
        raise AssertionError("nobody asked for that")


class SmallBridge:
    """Everything behind the API that a bridge has, except buttons: a press is what the API says."""

    def __init__(self, store: Store, wire: Wire, clock: Clock) -> None:
        identity = Identity(
            "tilleuls-1",
            Doctor("Dr Anne Martin", "+33612345678"),
            Practice("Cabinet des Tilleuls", "12 rue des Tilleuls, 87000 Limoges", "Cabinet 2"),
        )
        plan = Plan((Step(timedelta(0), (ROUTE,)),), (ROUTE,))
        self.desk = Desk(
            identity, plan, join_within=timedelta(minutes=10), renotify_every=timedelta(seconds=60)
        )
        self.tally = Tally()
        self.board = Board(clock, self.tally.observe)
        self.store = store
        self.clock = clock
        self.started_at = clock.now_at()
        self.ledger = Ledger(self.desk, store, self._carry, clock=clock, observe=self.board.observe)
        self.courier = Courier({"samu/0": wire}, self.ledger, clock=clock, observe=self.board.observe)
        self.pin: Pin | None = None
        self._counts = itertools.count(1)

    def _carry(self, jobs: Iterable[Job]) -> None:
        assert self.courier.hand_over(jobs) == []

    async def status(self) -> Mapping[str, Any]:
        return report(
            House("tilleuls-1", "0.1.0", 1, self.started_at, rehearsal=False, buttons=(), channels=()),
            self.board,
            counts=await self.store.counts(),
            open_alerts=[standing.alert.id for standing in self.desk.open],
            now_at=self.clock.now_at(),
        )

    def counted(self) -> Counted:
        return self.tally.counted()

    async def press(self, button: str, gesture: str) -> Taken:
        if button != "poche" or gesture not in REACTIONS:
            raise InputError(f"there is no button {button!r} with a gesture {gesture!r}")
        counter, now_at = Counter(7, next(self._counts)), self.clock.now_at()
        press = Press(
            id=press_id("virtual:poche", counter.boot_id, counter.event_count),
            by="button:poche",
            button=button,
            gesture=gesture,
            reaction=REACTIONS[gesture],
            pressed_at=now_at - timedelta(seconds=2.5),
            received_at=now_at,
            was_queued=True,
        )
        return await self.ledger.take(
            press, Mark("virtual:poche", counter), Position(45.83362, 1.26105, 12.0, label="Cabinet 2")
        )

    async def reload(self) -> Mapping[str, Any]:
        return {"listening": ["poche"], "stopped": [], "restart_needed": False}

    async def pause(self, button: str, seconds: float) -> None:
        if button != "poche":
            raise InputError(f'button "{button}" has no link that could be let go of')
        self.board.observe(Observation("button:poche", "paused", seconds > 0))

    async def drill(self, kind: DrillKind, by: str) -> Drill:
        if kind is not DrillKind.SELF:
            raise InputError(f"the settings have no [drills.{kind.value}]")
        found = Found(DrillResult.OK, "", {"samu/0": 3.5})
        now_at = self.clock.now_at()
        drill = Drill(UUID(int=next(self._counts)), kind, by, now_at, now_at, found)
        await self.store.drills.put(drill)
        return drill

    async def list_drills(self, limit: int) -> Sequence[Drill]:
        return await self.store.drills.newest(limit)

    def due_drills(self) -> Sequence[Mapping[str, Any]]:
        return drills(self.board)

    async def list_alerts(self, limit: int) -> Sequence[Standing]:
        return await self.store.list_alerts(limit)

    async def find_alert(self, prefix: str) -> UUID | None:
        return await self.store.find_alert(prefix)

    async def show_alert(self, alert: UUID) -> Mapping[str, Any] | None:
        return await self.store.show_alert(alert)

    async def move_alert(
        self, alert: UUID, what: Happening, by: str, way: Way = Way.API, pin: str | None = None
    ) -> bool:
        proven = self.pin is None or self.pin.is_right(pin)
        return await self.ledger.move(alert, what, by=by, way=way, is_proven=proven)

    @property
    def asks_pin(self) -> bool:
        return self.pin is not None

    def is_pin(self, pin: str) -> bool:
        return self.pin is not None and self.pin.is_right(pin)

    def standing(self, alert: UUID) -> Standing | None:
        return self.desk.standing(alert)


@pytest.fixture
def wire() -> Wire:
    """The way out to the SAMU."""
    return Wire()


@pytest.fixture
async def bridge(tmp_path: Path, wire: Wire) -> AsyncIterator[SmallBridge]:
    """A bridge that runs, with its database in `tmp_path`."""
    store = Store.open(tmp_path / "flicbridge.db")
    bridge = SmallBridge(store, wire, LoopClock(asyncio.get_running_loop()))
    async with asyncio.TaskGroup() as group:
        courier = group.create_task(bridge.courier.run(), name="courier")
        yield bridge
        courier.cancel()
    await store.close()


@dataclass
class Door:
    """One way into the API, for requests as a stranger would write them."""

    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, **kwargs: Any) -> tuple[int, Any]:
        """Ask; returns the status and what the JSON in the answer says."""
        async with self.session.request(method, path, **kwargs) as response:
            assert response.content_type == "application/json"
            return response.status, await response.json()


@pytest.fixture
async def unix(bridge: SmallBridge, tmp_path: Path) -> AsyncIterator[Door]:
    """The bridge's Unix socket."""
    async with serving(bridge, tmp_path, None, observe=bridge.board.observe) as endpoint:
        assert endpoint.unix is not None
        connector = aiohttp.UnixConnector(endpoint.unix)
        async with aiohttp.ClientSession("http://bridge", connector=connector) as session:
            yield Door(session)


@pytest.fixture
async def tcp(bridge: SmallBridge, tmp_path: Path, free_port: int) -> AsyncIterator[Door]:
    """The bridge's address on the loopback, without a token."""
    async with AsyncExitStack() as stack:
        endpoint = await stack.enter_async_context(
            serving(bridge, tmp_path, ("127.0.0.1", free_port), observe=bridge.board.observe)
        )
        session = await stack.enter_async_context(aiohttp.ClientSession(f"http://{endpoint.tcp}"))
        yield Door(session)


@pytest.fixture
def free_port(unused_tcp_port: int) -> int:
    """A port of the loopback that nobody listens on."""
    return unused_tcp_port
