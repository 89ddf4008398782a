"""The composition root: the only file that builds things, in the order of the data path.

buttons -> paths -> ledger (desk, store) -> courier -> channels -> transports
"""

import math
import os
import random
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from flicbridge import __version__
from flicbridge.alert.desk import Desk
from flicbridge.alert.plan import Plan
from flicbridge.answering import Answering
from flicbridge.canary import Canary
from flicbridge.channel import RehearsalCarrier, TransportCarrier, Words
from flicbridge.clock import Clock, SystemClock
from flicbridge.config.plan import channels_of, desk_of, plan_of
from flicbridge.config.settings import Settings
from flicbridge.drills import Drills
from flicbridge.errors import StoreError
from flicbridge.guard.board import Board
from flicbridge.guard.drills import Timetable
from flicbridge.guard.status import ChannelPart, House
from flicbridge.guard.tally import Tally
from flicbridge.guard.timekeeper import keep_time
from flicbridge.heartbeat import Heartbeat
from flicbridge.house import Bridge, Guards, Parts
from flicbridge.listening import Roster
from flicbridge.maintainer import Maintainer
from flicbridge.memory import Memory, present_in
from flicbridge.network import watch_network
from flicbridge.observation import Observe
from flicbridge.outbox.button import ButtonRecord
from flicbridge.outbox.carrier import Carrier
from flicbridge.outbox.courier import Courier
from flicbridge.outbox.database import copy_for_rehearsal
from flicbridge.outbox.ledger import Ledger
from flicbridge.outbox.schedule import Schedule
from flicbridge.outbox.store import Store
from flicbridge.replies import Replies, receiving
from flicbridge.room import RadioRoom, open_room
from flicbridge.rounds import Rounds
from flicbridge.selftest import self_test
from flicbridge.servicemanager import ServiceManager
from flicbridge.supervise import Start
from flicbridge.transport.base import Context, Message
from flicbridge.transport.notice import House as SpeakingHouse
from flicbridge.transport.registry import build
from flicbridge.watchdog import Watchdog
from flicbridge.workshop import Workshop, wants_flicd, wants_radio

if TYPE_CHECKING:
    from flicbridge.press.flicd.daemon import Flicd

log = structlog.get_logger()

DATABASE: Final = "flicbridge.db"


class Secrets(Protocol):
    """Finds secrets by name."""

    def get(self, name: str) -> str:
        """Return the secret. Raises ConfigError if there is none."""
        ...


type Show = Callable[[Message], None]


async def run(
    settings: Settings,
    credentials: Secrets,
    *,
    dry_run: bool = False,
    show: Show | None = None,
    reread: Callable[[], Settings] | None = None,
) -> None:
    """Run the bridge until cancelled.

    Args:
        settings: what the installer said.
        credentials: where secrets are found.
        dry_run: real buttons, but nothing is sent: every message is given to `show` instead.
        show: for the dry run.
        reread: reads the settings anew, for `flicbridge pair` beside a running bridge; may block.

    Raises:
        InputError: the settings or a secret cannot work, or another bridge runs here.
    """
    rehearse = (show or (lambda _message: None)) if dry_run else None
    async with open_bridge(
        settings,
        credentials,
        clock=SystemClock(),
        rehearse=rehearse,
        reread=reread,
        watches_network=True,
        manager=ServiceManager.of(os.environ),
    ) as bridge:
        await bridge.run()


@asynccontextmanager
async def open_bridge(
    settings: Settings,
    credentials: Secrets,
    *,
    clock: Clock,
    rehearse: Show | None = None,
    room: RadioRoom | None = None,
    reread: Callable[[], Settings] | None = None,
    watches_network: bool = False,
    manager: ServiceManager | None = None,
    tests_since_s: float = math.inf,
) -> AsyncGenerator[Bridge]:
    """Build a bridge: open what must be open, and connect the parts. Nothing moves before `Bridge.run`.

    Args:
        settings, credentials, reread: see `run`, and there what is raised.
        clock: what time it is.
        rehearse: show messages instead of sending them, and keep nothing.
        room: a radio that is open already; otherwise one is opened if a button needs it.
        watches_network: try again at once when this machine's network comes back; not for simulated ones.
        manager: the service manager to vouch to; a bridge without one holds no drills either.
        tests_since_s: for trying buttons out; as in `path.Fingers`.
    """
    tally = Tally()
    board, is_rehearsal = Board(clock, tally.observe), rehearse is not None
    async with AsyncExitStack() as stack:
        store = stack.enter_context(_database(settings.bridge.state_dir, rehearsal=is_rehearsal))
        stack.push_async_callback(_closed, store)
        room, flicd = await _open_ears(stack, settings, room, clock, board.observe)
        answering = Answering.of(settings, credentials, clock)
        carriers = await _open_channels(stack, settings, credentials, clock, rehearse, answering)
        desk = desk_of(settings, plan_of(settings), answering.caution)
        ledger = Ledger(desk, store, lambda jobs: courier.hand_over(jobs), clock=clock, observe=board.observe)
        courier = Courier(carriers, ledger, clock=clock, observe=board.observe)
        working = _Working(settings, credentials, carriers, store, ledger, desk, board, clock)
        replies = working.replies(asks_pin=answering.caution.asks_pin)
        watches = _watches(courier, ledger, carriers, board, clock, watches_network=watches_network)
        workshop = Workshop(
            settings, store, room, flicd, ledger, is_rehearsal, reread, clock, board.observe, tests_since_s
        )
        memory = await working.memory(replies, is_rehearsal=is_rehearsal)
        first = workshop.roster(settings, await _pairings(store))
        parts = Parts(
            house=_house(settings, first, desk.plan, clock, rehearsal=is_rehearsal),
            state_dir=settings.bridge.state_dir,
            listen=settings.api.address,
            metrics_token=_metrics_token(settings, credentials),
            keep=timedelta(days=settings.alerts.keep_days),
            longest_wait=desk.plan.longest_wait + timedelta(seconds=Schedule().longest_asked_s),
            store=store,
            desk=desk,
            ledger=ledger,
            courier=courier,
            board=board,
            clock=clock,
            fingers=room.fingers if room else {},
            roster=first,
            reread=workshop.reread_roster,
            watches={**watches, "replies": replies.run} if replies.channels else watches,
            guards=working.guards(manager, is_rehearsal=is_rehearsal),
            answering=answering,
            memory=memory,
            tally=tally,
        )
        yield Bridge(parts)


async def _open_ears(
    stack: AsyncExitStack, settings: Settings, room: RadioRoom | None, clock: Clock, observe: Observe
) -> "tuple[RadioRoom | None, Flicd | None]":
    """What buttons are heard through: a radio, if one is needed and none is open, and the vendor's daemon.

    What neither of them needs is not even imported.
    """
    if room is None and wants_radio(settings):
        opening = open_room(settings, clock=clock, observe=observe, is_ours=True)
        room = await stack.enter_async_context(opening)
    if not wants_flicd(settings):
        return room, None
    from flicbridge.press.flicd.daemon import reaching_flicd

    reaching = reaching_flicd(settings.flicd, clock=clock, observe=observe)
    return room, await stack.enter_async_context(reaching)


def _metrics_token(settings: Settings, credentials: Secrets) -> str | None:
    return credentials.get(settings.api.metrics_token) if settings.api.metrics_token else None


@dataclass(frozen=True, slots=True)
class _Working:
    """What works, for those who answer for it and keep an eye on it."""

    settings: Settings
    credentials: Secrets
    carriers: Mapping[str, Carrier]
    store: Store
    ledger: Ledger
    desk: Desk
    board: Board
    clock: Clock

    def replies(self, *, asks_pin: bool) -> Replies:
        """Who hears what people answer by message."""
        found = receiving(self.settings, self.carriers)
        observe = self.board.observe
        return Replies(found, self.desk, self.ledger, asks_pin=asks_pin, clock=self.clock, observe=observe)

    async def memory(self, replies: Replies, *, is_rehearsal: bool) -> Memory:
        """Who keeps what is observed, once what earlier runs left is on the board."""
        present = present_in(self.settings, replies, is_rehearsal=is_rehearsal)
        memory = Memory(self.store, self.board, self.clock, present)
        await memory.begin()
        return memory

    def guards(self, manager: ServiceManager | None, *, is_rehearsal: bool) -> Guards:
        """Who keeps an eye on it. Without a manager nobody vouches for it, tries it out or asks around."""
        return Guards(
            maintainer=self._maintainer(),
            heartbeat=None if is_rehearsal else self._heartbeat(),
            watchdog=None if manager is None else self._watchdog(manager),
            drills=None if manager is None or is_rehearsal else self._drills(),
            rounds=None if manager is None else self._rounds(),
        )

    def _maintainer(self) -> Maintainer | None:
        """Who tells the maintainer, and the doctor; None if there is neither, or in a rehearsal."""
        settings = self.settings
        maintainer, doctor = (
            self._ways_to(settings.maintainer.notify),
            self._ways_to(settings.alerts.tell_doctor),
        )
        spoken = SpeakingHouse(settings.bridge.id, settings.bridge.language, settings.bridge.timezone)
        return (
            Maintainer(spoken, maintainer, self.board, self.clock, doctor) if maintainer or doctor else None
        )

    def _ways_to(self, names: tuple[str, ...]) -> dict[str, TransportCarrier]:
        return {
            channel: carrier
            for recipient, channel, _ in channels_of(self.settings)
            if recipient in names and isinstance(carrier := self.carriers[channel], TransportCarrier)
        }

    def _heartbeat(self) -> Heartbeat | None:
        """Who tells somebody outside that all is well; None if nobody listens."""
        name, every = self.settings.maintainer.heartbeat, self.settings.maintainer.heartbeat_every
        if name is None:
            return None
        return Heartbeat(self.credentials.get(name), every.total_seconds(), self.clock, self.board.observe)

    def _watchdog(self, manager: ServiceManager) -> Watchdog:
        canary = Canary(self.ledger, random.SystemRandom().randrange(1, 2**32), clock=self.clock)
        return Watchdog(canary, manager, self.board, self.clock)

    def _drills(self) -> Drills:
        settings = self.settings
        cadences = settings.drills.cadences()
        return Drills(
            timetables={kind: Timetable(kind, at, settings.bridge.zone) for kind, at in cadences.items()},
            follows=frozenset(channel for channel, carrier in self.carriers.items() if carrier.follows),
            place=settings.practice.place(),
            try_self=lambda: self_test(settings, open_bridge, clock=self.clock),
            store=self.store,
            ledger=self.ledger,
            desk=self.desk,
            board=self.board,
            clock=self.clock,
        )

    def _rounds(self) -> Rounds:
        """Who asks those that say nothing by themselves."""
        asked = {name: c.transport for name, c in self.carriers.items() if isinstance(c, TransportCarrier)}
        return Rounds(self.settings.bridge.state_dir, asked, self.board, self.clock)


def _watches(
    courier: Courier,
    ledger: Ledger,
    carriers: Mapping[str, Carrier],
    board: Board,
    clock: Clock,
    *,
    watches_network: bool,
) -> dict[str, Start]:
    """What tells the courier that there is new hope."""

    async def was_set() -> None:
        courier.hurry()  # certificates and signatures that a wrong clock spoilt
        await ledger.redate()

    def redial() -> None:
        for carrier in carriers.values():
            if isinstance(carrier, TransportCarrier):
                carrier.redial()

    def has_slept(seconds: float) -> None:
        courier.pass_time(seconds)
        ledger.turns.pass_time(seconds)
        redial()
        courier.hurry()

    watches: dict[str, Start] = {
        "clock": lambda: keep_time(clock, board, was_set=was_set, has_slept=has_slept)
    }
    if watches_network:
        watches["network"] = lambda: watch_network(courier.hurry, redial)
    return watches


@contextmanager
def _database(state_dir: Path, *, rehearsal: bool) -> Iterator[Store]:
    """The store; a rehearsal works on a copy, so that its alerts are never sent for real.

    In earnest nothing about the disk keeps the bridge from starting: then alerts go out from memory.
    """
    path = state_dir / DATABASE
    with suppress(OSError):  # the store says what is wrong, as long as it is wrong
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not rehearsal:
        yield Store.open_lasting(path)
        return
    with tempfile.TemporaryDirectory(prefix="flicbridge-rehearsal-") as folder:
        copy = Path(folder) / DATABASE
        if path.exists():
            copy_for_rehearsal(path, copy)
        yield Store.open(copy)


async def _pairings(store: Store) -> Mapping[str, ButtonRecord]:
    """The buttons that are paired, as far as the disk lets us know."""
    try:
        return await store.buttons()
    except StoreError as error:
        log.error("pairings_unreadable", error=str(error))
        return {}


async def _closed(store: Store) -> None:
    """Close the store; a disk that refuses even that is no reason to end with an error."""
    try:
        with suppress(StoreError):
            await store.copy_pairings()
        await store.close()
    except StoreError as error:
        log.error("store_refused", error=str(error))


async def _open_channels(
    stack: AsyncExitStack,
    settings: Settings,
    credentials: Secrets,
    clock: Clock,
    rehearse: Show | None,
    answering: Answering,
) -> dict[str, Carrier]:
    alerts = settings.alerts
    language, timezone = settings.bridge.language, settings.bridge.timezone
    unasked = answering.caution.unasked
    words = Words(language, timezone, alerts.fresh, alerts.old, answering.link, unasked)
    context = Context(secret=credentials.get, clock=clock, bridge=settings.bridge.id)
    carriers: dict[str, Carrier] = {}
    for _, channel, options in channels_of(settings):
        if rehearse is not None:
            carriers[channel] = RehearsalCarrier(words, clock, rehearse)
        else:
            transport = await stack.enter_async_context(build(options, context))
            carriers[channel] = TransportCarrier(transport, words, clock)
    return carriers


def _house(settings: Settings, roster: Roster, plan: Plan, clock: Clock, *, rehearsal: bool) -> House:
    first = {route.channel for step in plan.steps if not step.after for route in step.routes}
    return House(
        bridge=settings.bridge.id,
        version=__version__,
        pid=os.getpid(),
        started_at=clock.now_at(),
        rehearsal=rehearsal,
        believes_test_key=settings.radio.believe_test_key,
        buttons=roster.buttons,
        channels=tuple(
            ChannelPart(channel, recipient, options.transport, is_first=channel in first)
            for recipient, channel, options in channels_of(settings)
        ),
    )
