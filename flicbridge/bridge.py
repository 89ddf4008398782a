"""The composition root: the only file that builds things, in the order of the data path.

buttons -> paths -> ledger (desk, store) -> courier -> channels -> transports
"""

import asyncio
import os
import random
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

import structlog

from flicbridge import __version__
from flicbridge.alert.alert import AlertState
from flicbridge.alert.desk import Desk, Identity
from flicbridge.alert.plan import Plan, Route, Step
from flicbridge.channel import RehearsalCarrier, TransportCarrier, Words
from flicbridge.clock import Clock, SystemClock
from flicbridge.config.settings import ButtonSettings, Settings
from flicbridge.errors import InputError
from flicbridge.gesture.settings import gesture_table
from flicbridge.guard.board import Board
from flicbridge.guard.status import ButtonPart, ChannelPart, House
from flicbridge.house import Bridge, Parts
from flicbridge.listening import Roster
from flicbridge.observation import Observe
from flicbridge.outbox.carrier import Carrier
from flicbridge.outbox.courier import Courier
from flicbridge.outbox.database import copy_for_rehearsal
from flicbridge.outbox.ledger import Ledger
from flicbridge.outbox.schedule import Schedule
from flicbridge.outbox.store import ButtonRecord, Store
from flicbridge.path import ButtonPath, Fingers
from flicbridge.press.flic2 import record as pairing_record
from flicbridge.press.flic2.intake import QUEUE_SILENCE_S
from flicbridge.press.flic2.link import Flic2Link
from flicbridge.press.flicd.daemon import Flicd, reaching_flicd
from flicbridge.press.settings import Family, LinkMode
from flicbridge.press.source import ButtonSource
from flicbridge.press.virtual import VirtualButton
from flicbridge.room import RadioRoom, open_room
from flicbridge.transport.base import ChannelOptions, Context, Message
from flicbridge.transport.registry import build

log = structlog.get_logger()

DATABASE: Final = "flicbridge.db"

# Flic 2 links run at intervals of about 100 ms; three lost packets in a row are rare, and only thresholds
# other than the button's own are ever decided by a timer of ours.
RADIO_ALLOWANCE_S: Final = 0.35

# The session itself ends a queue that the button does not end; only where the link is lost as well, or this
# process was busy, nothing comes any more.
FLIC2_QUEUE_SILENCE_S: Final = QUEUE_SILENCE_S + 1.0


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
        InputError: the settings, a secret or the database cannot work, or another bridge runs here.
        StoreError: the database cannot be opened.
    """
    rehearse = (show or (lambda _message: None)) if dry_run else None
    async with open_bridge(
        settings, credentials, clock=SystemClock(), rehearse=rehearse, reread=reread
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
) -> AsyncGenerator[Bridge]:
    """Build a bridge: open what must be open, and connect the parts. Nothing moves before `Bridge.run`.

    Args:
        settings, credentials, reread: see `run`.
        clock: what time it is.
        rehearse: show messages instead of sending them, and keep nothing.
        room: a radio that is open already; otherwise one is opened if a button needs it.

    Raises:
        See `run`.
    """
    board = Board(clock)
    async with AsyncExitStack() as stack:
        path = stack.enter_context(_database(settings.bridge.state_dir, rehearsal=rehearse is not None))
        store = Store.open(path)
        stack.push_async_callback(store.close)
        board.remember(await store.observations())
        if room is None and _wants_radio(settings):
            opening = open_room(settings, clock=clock, observe=board.observe, is_ours=True)
            room = await stack.enter_async_context(opening)
        flicd = await stack.enter_async_context(
            reaching_flicd(settings.flicd, clock=clock, observe=board.observe)
        )
        carriers = await _open_channels(stack, settings, credentials, clock, rehearse)

        plan = _plan(settings)
        desk = _desk(settings, plan)
        desk.remember(await store.standings())
        ledger = Ledger(desk, store, lambda jobs: courier.hand_over(jobs), clock=clock, observe=board.observe)
        courier = Courier(carriers, ledger, clock=clock, observe=board.observe)
        workshop = _Workshop(
            settings,
            store,
            room,
            flicd,
            ledger,
            is_rehearsal=rehearse is not None,
            reread=reread,
            clock=clock,
            observe=board.observe,
        )
        first = await workshop.roster(settings)
        yield Bridge(
            Parts(
                house=_house(settings, first, clock, rehearsal=rehearse is not None),
                state_dir=settings.bridge.state_dir,
                listen=settings.api.address,
                keep=timedelta(days=settings.alerts.keep_days),
                longest_wait=plan.longest_wait + timedelta(seconds=Schedule().longest_asked_s),
                store=store,
                desk=desk,
                ledger=ledger,
                courier=courier,
                board=board,
                clock=clock,
                fingers=room.fingers if room else {},
                roster=first,
                reread=workshop.reread_roster,
            )
        )


@dataclass(frozen=True, slots=True)
class _Workshop:
    """Where buttons are built: at the start, and whenever the settings are read anew.

    Attributes:
        started_with: the settings of the start; what differs from them and is no button needs a new start.
    """

    started_with: Settings
    store: Store
    room: RadioRoom | None
    flicd: Flicd
    ledger: Ledger
    is_rehearsal: bool
    reread: Callable[[], Settings] | None
    clock: Clock
    observe: Observe

    async def roster(self, settings: Settings) -> Roster:
        """Build the buttons of these settings."""
        records = await self.store.buttons()
        sources = _sources(settings, records, self.room, self.flicd, self.clock, self.observe)
        is_deaf = self.room is None and _wants_radio(settings)
        return Roster(
            buttons=_button_parts(settings, sources),
            paths=_paths(settings, sources, self.ledger, self.clock, self.observe),
            made_of=_made_of(settings, records),
            restart_needed=self.is_rehearsal or is_deaf or _beside(settings) != _beside(self.started_with),
        )

    async def reread_roster(self) -> Roster:
        """Read the settings file anew, and build its buttons.

        Raises:
            InputError: it cannot work, or there is none.
        """
        if self.reread is None:
            raise InputError("this bridge was not started with a settings file")
        return await self.roster(await asyncio.to_thread(self.reread))


def _wants_radio(settings: Settings) -> bool:
    return any(button.family is Family.FLIC2 for button in settings.buttons)


@contextmanager
def _database(state_dir: Path, *, rehearsal: bool) -> Iterator[Path]:
    """The path of the database; a rehearsal works on a copy, so that its alerts are never sent for real."""
    path = state_dir / DATABASE
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot use the folder {state_dir}: {error.strerror}. Make it, or name another as state_dir."
        ) from error
    if not rehearsal:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="flicbridge-rehearsal-") as folder:
        copy = Path(folder) / DATABASE
        if path.exists():
            copy_for_rehearsal(path, copy)
        yield copy


async def _open_channels(
    stack: AsyncExitStack, settings: Settings, credentials: Secrets, clock: Clock, rehearse: Show | None
) -> dict[str, Carrier]:
    words = Words(settings.bridge.language, settings.bridge.timezone, settings.alerts.fresh)
    context = Context(secret=credentials.get, clock=clock, bridge=settings.bridge.id)
    carriers: dict[str, Carrier] = {}
    for _, channel, options in _channels(settings):
        if rehearse is not None:
            carriers[channel] = RehearsalCarrier(words, clock, rehearse)
        else:
            transport = await stack.enter_async_context(build(options, context))
            carriers[channel] = TransportCarrier(transport, words, clock)
    return carriers


def _channels(settings: Settings) -> Iterator[tuple[str, str, ChannelOptions]]:
    """Recipient, channel and options of every channel; a channel is called `recipient/index`."""
    for recipient in settings.recipients:
        for index, options in enumerate(recipient.channels):
            yield recipient.name, f"{recipient.name}/{index}", options


def _plan(settings: Settings) -> Plan:
    routes: dict[str, list[Route]] = {}
    for recipient, channel, options in _channels(settings):
        routes.setdefault(recipient, []).append(Route(recipient, channel, options.expires_after))

    def to(names: Iterable[str]) -> tuple[Route, ...]:
        return tuple(route for name in names for route in routes[name])

    steps = (
        Step(step.after, to(step.notify), AlertState(step.unless) if step.unless else None)
        for step in settings.plan
    )
    return Plan(tuple(steps), to(settings.test_recipients))


def _desk(settings: Settings, plan: Plan) -> Desk:
    identity = Identity(settings.bridge.id, settings.doctor.value(), settings.practice.value())
    return Desk(
        identity,
        plan,
        join_within=settings.alerts.join_within,
        renotify_every=settings.alerts.renotify_every,
    )


def _fingers(button: ButtonSettings, rhythms: Mapping[str, str]) -> Fingers:
    # Every family sees to bouncing contacts itself: a Flic in its firmware, a virtual button has none.
    big, small = (
        gesture_table(gestures, rhythms, button, contacts_bounce=False)
        for gestures in (button.gestures, button.small_gestures)
    )
    return Fingers(
        button=button.name,
        table=big,
        reactions=button.gestures,
        allowance_s=0.0 if button.family is Family.VIRTUAL else RADIO_ALLOWANCE_S,
        queue_silence_s=FLIC2_QUEUE_SILENCE_S if button.family is Family.FLIC2 else 0.0,
        small_table=small if button.small_gestures else None,
        small_reactions=button.small_gestures,
    )


def _sources(
    settings: Settings,
    records: Mapping[str, ButtonRecord],
    room: RadioRoom | None,
    flicd: Flicd,
    clock: Clock,
    observe: Observe,
) -> dict[str, ButtonSource]:
    """What each button is heard through; a button that is not paired has nothing."""
    sources: dict[str, ButtonSource] = {}
    for button in settings.buttons:
        if button.family is Family.VIRTUAL:
            boot_id = random.SystemRandom().randrange(1, 2**32)
            sources[button.name] = VirtualButton(button.name, boot_id, clock=clock)
            continue
        if button.family is Family.FLICD:
            sources[button.name] = flicd.button(button.name, button.address)
            continue
        record = records.get(button.serial)
        if room is None or record is None or record.pairing_json is None:
            log.warning("button_not_paired", button=button.name)
            continue
        pairing = pairing_record.from_json(record.pairing_json)
        if pairing.simulated and not button.simulated:
            raise InputError(
                f'button "{button.name}" was paired in a rehearsal, with the public test key. Pair it again, '
                "or write simulated = true for it if this is a rehearsal."
            )
        sources[button.name] = Flic2Link(
            button.name,
            pairing,
            record.resume,
            room.radio,
            root_key=room.root_key,
            clock=clock,
            observe=observe,
            rest_after_s=button.idle.total_seconds() if button.link is LinkMode.ON_PRESS else None,
        )
    return sources


def _paths(
    settings: Settings, sources: Mapping[str, ButtonSource], ledger: Ledger, clock: Clock, observe: Observe
) -> dict[str, ButtonPath]:
    position = settings.practice.place()
    return {
        button.name: ButtonPath(
            _fingers(button, settings.rhythms),
            sources[button.name],
            ledger,
            lambda: position,
            clock=clock,
            observe=observe,
        )
        for button in settings.buttons
        if button.name in sources
    }


def _made_of(settings: Settings, records: Mapping[str, ButtonRecord]) -> dict[str, object]:
    """Everything that a button's path depends on and that may change while the bridge runs."""
    return {
        button.name: (
            button,
            settings.rhythms,
            record.pairing_json if (record := records.get(button.serial)) else None,
        )
        for button in settings.buttons
    }


def _beside(settings: Settings) -> Settings:
    """The settings without what can be taken up while the bridge runs."""
    return settings.model_copy(update={"buttons": (), "rhythms": {}})


def _button_parts(settings: Settings, sources: Mapping[str, ButtonSource]) -> tuple[ButtonPart, ...]:
    return tuple(
        ButtonPart(
            name=button.name,
            family=button.family.value,
            serial=button.serial,
            over_radio=button.family is not Family.VIRTUAL,
            paired=button.name in sources,
            has_small_gestures=bool(button.small_gestures),
        )
        for button in settings.buttons
    )


def _house(settings: Settings, roster: Roster, clock: Clock, *, rehearsal: bool) -> House:
    return House(
        bridge=settings.bridge.id,
        version=__version__,
        pid=os.getpid(),
        started_at=clock.now_at(),
        rehearsal=rehearsal,
        believes_test_key=settings.radio.believe_test_key,
        buttons=roster.buttons,
        channels=tuple(
            ChannelPart(channel, recipient, options.transport)
            for recipient, channel, options in _channels(settings)
        ),
    )
