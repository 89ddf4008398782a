"""`flicbridge buttons signal`: walk the rooms with a button and find out where it is not heard."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from flicbridge.cli import measures
from flicbridge.cli.beside import let_go, warning
from flicbridge.cli.pairing import TAP, link_to, settling
from flicbridge.cli.pairings import opened_store
from flicbridge.cli.phrases import duration
from flicbridge.cli.shared import Translate, printable, table
from flicbridge.cli.stopping import until_stopped

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

    from flicbridge.clock import Clock
    from flicbridge.config import Settings
    from flicbridge.press.flic2.pairing import Pairing
    from flicbridge.press.sighting import Sighting
    from flicbridge.press.survey import Reception, Survey
    from flicbridge.room import Finger, RadioRoom
    from flicbridge.supervise import Start

FRAME_S: Final = 0.25
# A bar from hardly anything to as loud as it gets.
BAR_FROM_DBM: Final = -100
BAR_TO_DBM: Final = -40
BAR_WIDTH: Final = 20
STALE_S: Final = 3.0  # after so long the bar is empty
# A simulated button calls for 30 s after a press.
WAKE_EVERY_S: Final = 25.0
SETTLE_TAPS_S: Final = 2.0

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Walk:
    """What is asked for.

    Attributes:
        pairings: of the buttons to listen for, by name.
        seconds: how long; None until interrupted.
        screen: where people read.
        room: the only room; None if the rooms are told apart by what is typed meanwhile.
    """

    settings: "Settings"
    pairings: "Mapping[str, Pairing]"
    seconds: float | None
    screen: "Console"
    words: Translate
    room: str | None = None


async def walk(wish: Walk) -> "list[Reception]":
    """Listen until the time is over or somebody interrupts; return what was heard, room by room.

    Raises:
        ButtonUnreachableError: the radio does not work.
    """
    from flicbridge.api.client import ApiClient
    from flicbridge.clock import LoopClock
    from flicbridge.press.survey import Survey
    from flicbridge.room import open_room

    clock = LoopClock(asyncio.get_running_loop())
    bridge = ApiClient(wish.settings.bridge.state_dir)
    async with AsyncExitStack() as stack:
        paused = [
            name
            for name in wish.pairings
            if await stack.enter_async_context(let_go(bridge, name, clock=clock))
        ]
        _tell_what_to_do(wish, paused)
        room = await stack.enter_async_context(
            open_room(wish.settings, clock=clock, observe=lambda _observation: None)
        )
        began_s = clock.now_s()
        survey = Survey(list(wish.pairings), wish.room or _numbered(1, wish.words), began_s)
        await until_stopped(_listen(wish, room, survey, clock))
        found = _report(wish, room, survey, clock)
        # Beside a running bridge a press may be a doctor's call: it is left for the bridge.
        settles_all = wish.room is not None and not paused
        await _settle_taps(wish, room, clock, began_s, settles_all=settles_all)
        return found


def _report(wish: Walk, room: "RadioRoom", survey: "Survey", clock: "Clock") -> "list[Reception]":
    from flicbridge.errors import ButtonUnreachableError
    from flicbridge.press.flic2.refusals import SENTENCES

    found = survey.report(clock.now_s())
    if room.radio.error is not None and not any(each.advertisements for each in found):
        sentence = wish.words(SENTENCES["radio_off"]).format(detail=room.radio.error)
        raise ButtonUnreachableError(sentence)
    return found


async def _listen(wish: Walk, room: "RadioRoom", survey: "Survey", clock: "Clock") -> None:
    from flicbridge.supervise import alongside

    names = {pairing.address.upper(): name for name, pairing in wish.pairings.items()}

    def see(sighting: "Sighting") -> None:
        name = names.get(sighting.address)
        if name is not None and sighting.rssi_dbm is not None:
            survey.hear(name, sighting.rssi_dbm, sighting.seen_s)

    fingers = [room.fingers[name] for name in wish.pairings if name in room.fingers]
    with room.radio.watch_all(see):
        async with _shown(wish, survey, clock) as live:
            parts: dict[str, Start] = {"fingers": partial(_keep_awake, fingers, clock)}
            if wish.room is None:
                parts["rooms"] = partial(_mark_rooms, wish, survey, live, clock)
            async with alongside(**parts):
                await (_for_ever() if wish.seconds is None else clock.sleep(wish.seconds))


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _keep_awake(fingers: "list[Finger]", clock: "Clock") -> None:
    """Be the person with the simulated buttons."""
    while True:
        for finger in fingers:
            await finger(TAP)
        await clock.sleep(WAKE_EVERY_S)


async def _settle_taps(
    wish: Walk, room: "RadioRoom", clock: "Clock", began_s: float, *, settles_all: bool
) -> None:
    """The taps of a simulated walk are calls for help to nobody; nor are those that woke a real button during
    the setup. What a button has kept from before may be one.
    """
    from flicbridge.press.proof import prove

    async def nobody() -> None:
        return

    async with opened_store(wish.settings.bridge.state_dir) as store:
        records = await store.buttons()
        for name, pairing in wish.pairings.items():
            if name in room.fingers or settles_all:
                link = link_to(name, pairing, records[pairing.serial].resume, room, clock)
                settle = settling(store, clock)
                await prove(
                    link,
                    clock=clock,
                    invite=nobody,
                    settle=settle,
                    timeout_s=SETTLE_TAPS_S,
                    since_s=began_s,
                    kept=partial(_tell_of_call, wish, name),
                )


def _tell_of_call(wish: Walk, button: str, age_s: float) -> None:
    """Somebody pressed before the walk began: it must not go unnoticed, nor be taken for one of its taps."""
    _ = wish.words
    said = _(
        "! {button} was pressed {age} ago, before this walk: see at once who needs help. "
        "The bridge will take it for a call for help as soon as it runs."
    )
    wish.screen.print(said.format(button=button, age=duration(age_s, _)))


# ---- the rooms


async def _mark_rooms(wish: Walk, survey: "Survey", live: "Live | None", clock: "Clock") -> None:
    """Begin another room with every line that is typed; what it says is the room's name."""
    lines, number = _typed_lines(), 1
    while True:
        label = await lines.get()
        number += 1
        survey.enter(label or _numbered(number, wish.words), clock.now_s())
        if live is not None and not label:
            await _ask_for_name(survey, lines, live, wish.words)
        wish.screen.print(_heading(survey.room))


async def _ask_for_name(survey: "Survey", lines: "asyncio.Queue[str]", live: "Live", _: Translate) -> None:
    """Ask how the room is called. Meanwhile nothing is drawn over what is typed."""
    live.stop()
    live.console.print(_("Name of this room (Enter for {room}):").format(room=survey.room), end=" ")
    if label := await lines.get():
        survey.name_room(label)
    live.start()


def _typed_lines() -> "asyncio.Queue[str]":
    """The lines that are typed from now on.

    Reading a terminal cannot be interrupted, so a thread does it that nobody waits for; past Python's own
    buffer, whose lock it would hold when the program ends.
    """
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue()

    def read(descriptor: int) -> None:
        rest = b""
        with suppress(OSError, RuntimeError):  # the terminal is gone, or the loop
            while more := os.read(descriptor, 1024):
                *whole, rest = (rest + more).split(b"\n")
                for line in whole:
                    text = printable(line.decode(errors="replace").strip())
                    loop.call_soon_threadsafe(lines.put_nowait, text)

    with suppress(OSError, ValueError, AttributeError):  # there is no standard input
        threading.Thread(target=read, args=[sys.stdin.fileno()], name="rooms", daemon=True).start()
    return lines


def _numbered(number: int, _: Translate) -> str:
    return _("Room {number}").format(number=number)


# ---- what people read


def _tell_what_to_do(wish: Walk, paused: list[str]) -> None:
    _ = wish.words
    if paused:
        wish.screen.print(warning(paused, _))
    if wish.room is None:
        wish.screen.print(
            _("Walk through the rooms with the button. Enter: the next room. Ctrl-C: the end, and a summary.")
        )


@asynccontextmanager
async def _shown(wish: Walk, survey: "Survey", clock: "Clock") -> "AsyncGenerator[Live | None]":
    """Show what is heard for as long as the context lasts, if somebody is looking."""
    from rich.live import Live

    from flicbridge.supervise import alongside

    wish.screen.print(_heading(survey.room))
    if not wish.screen.is_terminal:
        yield None
        return
    with Live(console=wish.screen, auto_refresh=False, transient=True) as live:

        async def draw() -> None:
            while True:
                if live.is_started:
                    live.update(_frame(survey, list(wish.pairings), clock.now_s(), wish.words), refresh=True)
                await clock.sleep(FRAME_S)

        async with alongside(draw=draw):
            yield live


def _heading(room: str) -> str:
    return f"── {room} ──"


def _frame(survey: "Survey", buttons: list[str], now_s: float, _: Translate) -> "RenderableType":
    """One line per button: how loud it was last, and how long ago that was."""
    rows = table(_("Button"), "", _("Signal"), _("Heard"))
    for button in buttons:
        newest = survey.newest(button)
        if newest is None:
            rows.add_row(button, bar(None), _("not heard yet; press it once if it stays like this"), "")
            continue
        heard_s, rssi_dbm = newest
        ago_s = now_s - heard_s
        ago = _("{seconds} ago").format(seconds=measures.seconds(ago_s, _))
        rows.add_row(button, bar(rssi_dbm if ago_s < STALE_S else None), measures.signal(rssi_dbm, _), ago)
    return rows


def bar(rssi_dbm: float | None) -> str:
    """How loud, as a length."""
    share = 0.0 if rssi_dbm is None else (rssi_dbm - BAR_FROM_DBM) / (BAR_TO_DBM - BAR_FROM_DBM)
    filled = round(min(1.0, max(0.0, share)) * BAR_WIDTH)
    return "█" * filled + "·" * (BAR_WIDTH - filled)


def summary(found: "list[Reception]", _: Translate) -> "Iterator[RenderableType]":
    """What the walk has shown."""
    from flicbridge.press.survey import Verdict

    rows = table(
        _("Room"), _("Button"), _("Weakest"), _("Median"), _("Strongest"), _("Longest silence"), _("Verdict")
    )
    for each in found:
        rows.add_row(
            each.room,
            each.button,
            *(_dbm(value) for value in (each.min_dbm, each.median_dbm, each.max_dbm)),
            measures.seconds(each.longest_silence_s, _),
            verdict_word(each.verdict, _),
        )
    yield rows
    dead = list(dict.fromkeys(each.room for each in found if each.verdict is Verdict.DEAD))
    if dead:
        yield _("Dead zones: {rooms}. Move the computer or its Bluetooth dongle closer to them.").format(
            rooms=", ".join(dead)
        )
    unheard = {each.button for each in found} - {each.button for each in found if each.advertisements}
    for button in sorted(unheard):
        yield _("{button} was never heard. It may be asleep, or connected to another device.").format(
            button=button
        )


def _dbm(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} dBm"


def verdict_word(verdict: str, _: Translate) -> str:
    """What is to be thought of a room, in a word."""
    known = {"good": _("good"), "weak": _("weak"), "dead": _("dead zone"), "unknown": _("not known")}
    return known[verdict]


def as_json(each: "Reception") -> Json:
    """A reception for programs."""
    return {
        "room": each.room,
        "button": each.button,
        "took_s": round(each.took_s, 1),
        "advertisements": each.advertisements,
        "min_dbm": each.min_dbm,
        "median_dbm": each.median_dbm,
        "max_dbm": each.max_dbm,
        "longest_silence_s": round(each.longest_silence_s, 1),
        "verdict": each.verdict.value,
    }
