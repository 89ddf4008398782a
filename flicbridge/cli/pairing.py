"""One pairing, from the hold to the proof: at the radio, in the database, in the settings file."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flicbridge.cli import measures
from flicbridge.cli.beside import let_go, outcome, take_up, warning
from flicbridge.cli.pairings import opened_store
from flicbridge.cli.shared import Translate, console
from flicbridge.errors import PairingRefusedError

if TYPE_CHECKING:
    from rich.console import Console

    from flicbridge.clock import Clock
    from flicbridge.config import Settings
    from flicbridge.outbox.store import Store
    from flicbridge.press.event import Counter
    from flicbridge.press.flic2.link import Flic2Link
    from flicbridge.press.flic2.pair import PairedButton, Progress
    from flicbridge.press.flic2.pairing import Pairing
    from flicbridge.press.proof import Settle
    from flicbridge.room import Finger, RadioRoom

PROOF_TIMEOUT_S: Final = 30.0
# A simulated button that was never paired is held by the room itself. One that was is held by us, later.
HELD_BY_ROOM_S: Final = 9.0
HOLD: Final = [(0.0, 7.5)]
TAP: Final = [(0.0, 0.15)]

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for.

    Attributes:
        button: what the button is to be called.
        before: the serial number that this name had, if it was paired.
        others: what is paired already under other names.
        file: the settings file to write into; None to print only.
        timeout_s: how long to wait for the button.
        with_proof: have it pressed.
        screen: where people read.
        in_setup: part of the guided first run, where no bridge is expected to run yet.
    """

    settings: "Settings"
    button: str
    before: str
    others: "Mapping[str, Pairing]"
    file: Path | None
    timeout_s: float
    with_proof: bool
    screen: "Console"
    words: Translate
    in_setup: bool = False


@dataclass(slots=True)
class Done:
    """What came of it.

    Attributes:
        lines: of the settings file.
        heard_after_s: how old the press of the proof was when it was heard; None without one.
        taken_up: what a running bridge made of it; None if there is none.
    """

    paired: "PairedButton"
    lines: list[str]
    heard_after_s: float | None = None
    taken_up: Json | None = None


async def carry_out(wish: Wish) -> Done:
    """Pair, keep the pairing before anything else happens, write the settings, prove it.

    Raises:
        PairingRefusedError: it did not work; the sentence is in the language of the settings.
        ConfigError: the settings file could not be written; the pairing is kept.
        InputError, StoreError: the database cannot be used.
    """
    import asyncio

    from flicbridge.api.client import ApiClient
    from flicbridge.clock import LoopClock
    from flicbridge.room import open_room

    clock = LoopClock(asyncio.get_running_loop())
    bridge = ApiClient(wish.settings.bridge.state_dir)
    # Opened first: a button that believes itself paired, with a bridge that has forgotten it, helps nobody.
    async with (
        opened_store(wish.settings.bridge.state_dir) as store,
        let_go(bridge, wish.button, clock=clock) as was_heard,
        open_room(_room_settings(wish), clock=clock, observe=lambda _observation: None) as room,
    ):
        if was_heard:
            console(to_stderr=True).print(warning([wish.button], wish.words))
        paired = await _paired(wish, room, clock)
        await _keep(wish, store, paired, clock)
        done = Done(paired, _settings_lines(wish, paired))
        _tell(wish, done)
        try:
            if wish.with_proof:
                done.heard_after_s = await _prove(wish, room, store, paired, clock)
        finally:
            # Before it takes the button up again: with the old pairing it would hear that press as an alert.
            done.taken_up = await take_up(bridge)
        if done.taken_up is not None or not wish.in_setup:
            wish.screen.print(outcome(done.taken_up, wish.button, wish.words))
        return done


def _room_settings(wish: Wish) -> "Settings":
    """In a simulated room only the button that is meant: all of them would be held at the same time."""
    from flicbridge.alert.desk import Reaction
    from flicbridge.config import ButtonSettings
    from flicbridge.press.settings import Family

    if not wish.settings.radio.simulated:
        return wish.settings
    gestures = {"long": Reaction.ALERT}
    new = ButtonSettings(name=wish.button, family=Family.FLIC2, simulated=True, gestures=gestures)
    return wish.settings.model_copy(update={"buttons": (new,)})


async def _paired(wish: Wish, room: "RadioRoom", clock: "Clock") -> "PairedButton":
    """Pair with whatever is held.

    Raises:
        PairingRefusedError: it did not work; the sentence is in the language of the settings.
    """
    from flicbridge.press.flic2 import pair
    from flicbridge.press.flic2.refusals import SENTENCES, refused
    from flicbridge.supervise import alongside

    seen: list[Progress] = []

    def go_on(progress: "Progress") -> None:
        seen.append(progress)
        _guide(wish, progress)

    hold = partial(_hold_simulated, room.fingers.get(wish.button), seen, clock)
    try:
        async with alongside(hold=hold):
            paired = await pair.pair(
                room.radio,
                root_key=room.root_key,
                clock=clock,
                timeout_s=wish.timeout_s,
                ours={kept.address: name for name, kept in wish.others.items()},
                on_progress=go_on,
            )
        for name, kept in wish.others.items():
            if kept.serial == paired.pairing.serial:  # where the platform hides addresses
                raise refused("already_ours", name)
    except PairingRefusedError as error:
        sentence = wish.words(SENTENCES[error.reason]).format(detail=error.detail)
        raise PairingRefusedError(error.reason, sentence, error.detail) from error
    return paired


async def _hold_simulated(finger: "Finger | None", seen: "list[Progress]", clock: "Clock") -> None:
    """Be the person at a simulated button that was paired before."""
    from flicbridge.press.flic2.pair import Progress

    await clock.sleep(HELD_BY_ROOM_S)
    if finger is not None and Progress.CONNECTING not in seen:
        await finger(HOLD)


async def _keep(wish: Wish, store: "Store", paired: "PairedButton", clock: "Clock") -> None:
    from flicbridge.observation import Observation
    from flicbridge.press.flic2 import record
    from flicbridge.press.flic2.events import battery_percent

    serial, part = paired.pairing.serial, f"button:{wish.button}"
    # With its counters, or the press that paired the button would be taken for a call for help.
    await store.put_pairing(serial, record.to_json(paired.pairing), paired.resume)
    if wish.before and wish.before != serial:
        await store.forget_pairing(wish.before)
        await store.forget_subject(part)
    facts = {
        "battery_mv": paired.battery_mv,
        "battery_percent": battery_percent(paired.battery_mv),
        "firmware": paired.firmware,
        "rssi_dbm": paired.rssi_dbm,
        "last_heard": clock.now_at().isoformat(timespec="seconds"),
    }
    await store.put_observations(
        (Observation(part, fact, value), clock.now_at()) for fact, value in facts.items()
    )


def _settings_lines(wish: Wish, paired: "PairedButton") -> list[str]:
    """The lines about the button in the settings file, written there unless they shall only be printed."""
    from flicbridge.config.write import button_lines, write_serial

    serial, simulated = paired.pairing.serial, paired.pairing.simulated
    if wish.file is not None:
        return write_serial(wish.file, wish.button, serial, simulated=simulated)
    is_there = any(known.name == wish.button for known in wish.settings.buttons)
    return [f'serial = "{serial}"'] if is_there else button_lines(wish.button, serial, simulated=simulated)


async def _prove(
    wish: Wish, room: "RadioRoom", store: "Store", paired: "PairedButton", clock: "Clock"
) -> float | None:
    """Have the button pressed over its new pairing; that press becomes no alert."""
    from flicbridge.press.proof import prove

    after_s = await prove(
        link_to(wish.button, paired.pairing, paired.resume, room, clock),
        clock=clock,
        invite=_invitation(wish, room.fingers.get(wish.button)),
        settle=settling(store, clock),
        timeout_s=PROOF_TIMEOUT_S,
    )
    _tell_proof(wish, after_s)
    return after_s


def link_to(
    button: str, pairing: "Pairing", resume: "Counter | None", room: "RadioRoom", clock: "Clock"
) -> "Flic2Link":
    """A link to a button, as the bridge has it, that nobody watches."""
    from flicbridge.press.flic2.link import Flic2Link

    return Flic2Link(
        button,
        pairing,
        resume,
        room.radio,
        root_key=room.root_key,
        clock=clock,
        observe=lambda _observation: None,
    )


def settling(store: "Store", clock: "Clock") -> "Settle":
    """Writes down how far a button is settled, so that nothing up to there is ever taken for a call."""
    from flicbridge.alert.desk import Change, Mark

    async def settle(serial: str, counter: "Counter") -> None:
        await store.commit(Change(mark=Mark(serial, counter)), clock.now_at())

    return settle


def _invitation(wish: Wish, finger: "Finger | None") -> Callable[[], Awaitable[None]]:
    _ = wish.words

    async def invite() -> None:
        wish.screen.print(_("Press the button now, once and shortly."))
        if finger is not None:
            await finger(TAP)

    return invite


# ---- what people read


def _guide(wish: Wish, progress: "Progress") -> None:
    """Tell the person at the button what to do."""
    from flicbridge.press.flic2.pair import Progress

    _ = wish.words
    words = {
        Progress.LOOKING: _(
            "Hold the button for about 7 seconds, close to this computer, until it flashes quickly."
        ),
        Progress.CONNECTED_ELSEWHERE: _(
            "The button is connected to another device: disconnect it there, or switch Bluetooth off there."
        ),
        Progress.ALREADY_OURS: _(
            "A button in pairing mode belongs to this bridge already; hold the one that is meant."
        ),
        Progress.RADIO_OFF: _(
            "The Bluetooth radio does not work: switch it on, or plug it in. We go on waiting."
        ),
        Progress.CONNECTING: _("A button was found; connecting."),
        Progress.PROVING: _("The button proves that it is genuine."),
        Progress.PAIRED: _("The button accepted."),
    }
    console(to_stderr=True).print(words[progress])


def _tell(wish: Wish, done: Done) -> None:
    _, paired = wish.words, done.paired
    about = _("Paired: {product} {serial}, firmware {firmware}, battery {battery}, signal {signal}.")
    wish.screen.print(
        about.format(
            product="Flic Duo" if paired.pairing.is_duo else "Flic 2",
            serial=paired.pairing.serial,
            firmware=paired.firmware,
            battery=measures.battery(paired.battery_mv, _),
            signal=measures.signal(paired.rssi_dbm, _),
        )
    )
    if paired.pairing.is_duo:
        wish.screen.print(
            _("Its small button does what small_gestures in the settings say; without, nothing.")
        )
    wish.screen.print(_("Add to the settings:") if wish.file is None else _("Written into the settings:"))
    lines_to = wish.screen if wish.file is not None else console()
    for line in done.lines:
        lines_to.print(line)


def _tell_proof(wish: Wish, after_s: float | None) -> None:
    _ = wish.words
    if after_s is not None:
        heard = _(
            "Heard after {seconds}. This press raises no alert, the next one does what the settings say."
        )
        wish.screen.print(heard.format(seconds=measures.seconds(after_s, _)))
        return
    silence = _(
        "No press was heard within {seconds} s. The pairing is kept, but do not rely on this button before"
        " `flicbridge status` shows it connected."
    )
    wish.screen.print(silence.format(seconds=round(PROOF_TIMEOUT_S)))
