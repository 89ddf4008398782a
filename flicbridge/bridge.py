"""The composition root: the only file that builds things, in the order of the data path.

buttons -> paths -> ledger (desk, store) -> courier -> channels -> transports
"""

import asyncio
import os
import random
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

import structlog

from flicbridge import __version__
from flicbridge.answering import Answering
from flicbridge.channel import RehearsalCarrier, TransportCarrier, Words
from flicbridge.clock import Clock, SystemClock
from flicbridge.config.plan import channels_of, desk_of, plan_of
from flicbridge.config.settings import ButtonSettings, Settings
from flicbridge.errors import InputError, StoreError
from flicbridge.gesture.settings import gesture_table
from flicbridge.guard.board import Board
from flicbridge.guard.status import ButtonPart, ChannelPart, House
from flicbridge.guard.timekeeper import keep_time
from flicbridge.house import Bridge, Parts
from flicbridge.listening import Roster
from flicbridge.maintainer import Maintainer
from flicbridge.network import watch_network, watch_sleep
from flicbridge.observation import Observe
from flicbridge.outbox.button import ButtonRecord
from flicbridge.outbox.carrier import Carrier
from flicbridge.outbox.courier import Courier
from flicbridge.outbox.database import copy_for_rehearsal
from flicbridge.outbox.ledger import Ledger
from flicbridge.outbox.schedule import Schedule
from flicbridge.outbox.store import Store
from flicbridge.path import ButtonPath, Fingers
from flicbridge.press.flic2 import record as pairing_record
from flicbridge.press.flic2.intake import QUEUE_SILENCE_S
from flicbridge.press.flic2.link import Flic2Link
from flicbridge.press.flicd.daemon import Flicd, reaching_flicd
from flicbridge.press.settings import Family, LinkMode
from flicbridge.press.source import ButtonSource
from flicbridge.press.virtual import VirtualButton
from flicbridge.replies import Replies, receiving
from flicbridge.room import RadioRoom, open_room
from flicbridge.supervise import Start
from flicbridge.transport.base import Context, Message
from flicbridge.transport.notice import House as SpeakingHouse
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
        InputError: the settings or a secret cannot work, or another bridge runs here.
    """
    rehearse = (show or (lambda _message: None)) if dry_run else None
    async with open_bridge(
        settings, credentials, clock=SystemClock(), rehearse=rehearse, reread=reread, watches_network=True
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
) -> AsyncGenerator[Bridge]:
    """Build a bridge: open what must be open, and connect the parts. Nothing moves before `Bridge.run`.

    Args:
        settings, credentials, reread: see `run`.
        clock: what time it is.
        rehearse: show messages instead of sending them, and keep nothing.
        room: a radio that is open already; otherwise one is opened if a button needs it.
        watches_network: try again at once when this machine's network comes back; not for simulated ones.

    Raises:
        See `run`.
    """
    board = Board(clock)
    async with AsyncExitStack() as stack:
        store = stack.enter_context(_database(settings.bridge.state_dir, rehearsal=rehearse is not None))
        stack.push_async_callback(_closed, store)
        records = await _remembered(store, board)
        if room is None and any(button.family is Family.FLIC2 for button in settings.buttons):
            opening = open_room(settings, clock=clock, observe=board.observe, is_ours=True)
            room = await stack.enter_async_context(opening)
        flicd = await stack.enter_async_context(
            reaching_flicd(settings.flicd, clock=clock, observe=board.observe)
        )
        answering = Answering.of(settings, credentials, clock)
        carriers = await _open_channels(stack, settings, credentials, clock, rehearse, answering)

        plan = plan_of(settings)
        desk = desk_of(settings, plan, answering.caution)
        ledger = Ledger(desk, store, lambda jobs: courier.hand_over(jobs), clock=clock, observe=board.observe)
        courier = Courier(carriers, ledger, clock=clock, observe=board.observe)

        async def roster(present: Settings, records: Mapping[str, ButtonRecord]) -> Roster:
            sources = _sources(present, records, room, flicd, clock, board.observe)
            is_deaf = room is None and any(button.family is Family.FLIC2 for button in present.buttons)
            return Roster(
                buttons=_button_parts(present, sources),
                paths=_paths(present, sources, ledger, clock, board.observe),
                made_of=_made_of(present, records),
                restart_needed=rehearse is not None or is_deaf or _beside(present) != _beside(settings),
            )

        async def reread_roster() -> Roster:
            if reread is None:
                raise InputError("this bridge was not started with a settings file")
            return await roster(await asyncio.to_thread(reread), await store.buttons())

        replies = Replies(receiving(settings, carriers), desk, ledger, clock=clock, observe=board.observe)
        watches = _watches(courier, ledger, board, clock, watches_network=watches_network)
        first = await roster(settings, records)
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
                reread=reread_roster,
                watches={**watches, "replies": replies.run} if replies.channels else watches,
                maintainer=_maintainer(settings, carriers, board, clock),
                answering=answering,
            )
        )


def _maintainer(
    settings: Settings, carriers: Mapping[str, Carrier], board: Board, clock: Clock
) -> Maintainer | None:
    """Who tells the maintainer; None if there is none, or in a rehearsal."""
    channels = {
        channel: carrier
        for recipient, channel, _ in channels_of(settings)
        if recipient in settings.maintainer.notify
        and isinstance(carrier := carriers[channel], TransportCarrier)
    }
    spoken = SpeakingHouse(settings.bridge.id, settings.bridge.language, settings.bridge.timezone)
    return Maintainer(spoken, channels, board, clock) if channels else None


def _watches(
    courier: Courier, ledger: Ledger, board: Board, clock: Clock, *, watches_network: bool
) -> dict[str, Start]:
    """What tells the courier that there is new hope."""

    async def was_set() -> None:
        courier.hurry()  # certificates and signatures that a wrong clock spoilt
        await ledger.redate()

    def has_slept(seconds: float) -> None:
        courier.pass_time(seconds)
        ledger.turns.pass_time(seconds)

    watches: dict[str, Start] = {"sleep": lambda: watch_sleep(clock, courier.hurry)}
    watches["clock"] = lambda: keep_time(clock, board, was_set=was_set, has_slept=has_slept)
    if watches_network:
        watches["network"] = lambda: watch_network(clock, courier.hurry)
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


async def _remembered(store: Store, board: Board) -> Mapping[str, ButtonRecord]:
    """The buttons that are paired; puts on the board what was observed before. As far as the disk lets us."""
    try:
        board.remember(await store.observations())
    except StoreError as error:
        log.error("store_refused", error=str(error))
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
    words = Words(language, timezone, alerts.fresh, alerts.old, answering.link)
    context = Context(secret=credentials.get, clock=clock, bridge=settings.bridge.id)
    carriers: dict[str, Carrier] = {}
    for _, channel, options in channels_of(settings):
        if rehearse is not None:
            carriers[channel] = RehearsalCarrier(words, clock, rehearse)
        else:
            transport = await stack.enter_async_context(build(options, context))
            carriers[channel] = TransportCarrier(transport, words, clock)
    return carriers


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
            for recipient, channel, options in channels_of(settings)
        ),
    )
