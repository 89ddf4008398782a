"""Pairing with a button in public mode, and looking at what is on the air."""

import asyncio
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog

from flicbridge.clock import Clock
from flicbridge.errors import ButtonUnreachableError, PairingRefusedError
from flicbridge.press.event import Counter
from flicbridge.press.flic2.advert import (
    is_connected_elsewhere,
    is_flic,
    is_flic1,
    is_public,
    is_twist,
    is_twist_public,
)
from flicbridge.press.flic2.conversation import Question
from flicbridge.press.flic2.exchange import Exchange, address_type
from flicbridge.press.flic2.pairing import Pairing
from flicbridge.press.flic2.refusals import DISTANCE, FINAL, reason_of, refused
from flicbridge.press.flic2.reports import BatteryRead, Failed, Paired, Ready, SessionEvent
from flicbridge.press.flic2.session import Pair, Session
from flicbridge.press.radio import Radio
from flicbridge.press.sighting import Sighting, Sightings
from flicbridge.press.signal import Strength, strength
from flicbridge.supervise import alongside

log = structlog.get_logger()

# A button in public mode advertises every 100 ms or so: so long it takes to see whether there is another one.
LOOK_AROUND_S: Final = 0.5
AT_ONCE_S: Final = 2.0
RADIO_LOOK_S: Final = 2.0


class Progress(StrEnum):
    """How far a pairing has come."""

    LOOKING = "looking"
    CONNECTED_ELSEWHERE = "connected_elsewhere"
    """A button was seen that cannot be paired before another device lets go of it."""
    ALREADY_OURS = "already_ours"
    """A button was seen in pairing mode that is paired with this bridge; another one is waited for."""
    RADIO_OFF = "radio_off"
    """The radio does not work; a person may switch it on, or plug it in."""
    CONNECTING = "connecting"
    PROVING = "proving"
    PAIRED = "paired"


@dataclass(frozen=True, slots=True)
class PairedButton:
    """What came of a pairing; store it before anything else.

    Attributes:
        pairing: the shared secret, and who the button is.
        resume: where hearing it begins: after the press that paired it. None if the link broke right after
            the pairing; then that press may be heard.
        firmware: its version.
        battery_mv: as measured by the button.
        rssi_dbm: how loud its last advertisement was.
    """

    pairing: Pairing
    resume: Counter | None
    firmware: int
    battery_mv: int
    rssi_dbm: int | None = None


@dataclass(frozen=True, slots=True)
class SeenFlic:
    """A Flic on the air.

    Attributes:
        address: on macOS a UUID.
        rssi_dbm: how loud it is.
        is_public: it says that it can be paired now. BlueZ remembers that longer than it is true.
        is_connected_elsewhere: another device has it.
        is_known: it is one of ours.
        is_twist: it is a Flic Twist, which is no button and cannot be paired.
    """

    address: str
    rssi_dbm: int | None
    is_public: bool
    is_connected_elsewhere: bool
    is_known: bool
    is_twist: bool = False


async def scan(radio: Radio, seconds: float, *, clock: Clock, known: Collection[str] = ()) -> list[SeenFlic]:
    """Return the Flics on the air, loudest first.

    Args:
        radio: must be running.
        seconds: how long to look. A button that is not pressed may be silent.
        clock: what time it is.
        known: addresses that are ours, which count as Flics whatever they send.

    Raises:
        ButtonUnreachableError: the radio does not work.
    """
    ours = {address.upper() for address in known}
    found: dict[str, SeenFlic] = {}

    def see(sighting: Sighting) -> None:
        if is_flic(sighting) or is_twist(sighting) or sighting.address in ours:
            found[sighting.address] = SeenFlic(
                address=sighting.address,
                rssi_dbm=sighting.rssi_dbm,
                is_public=is_public(sighting),
                is_connected_elsewhere=is_connected_elsewhere(sighting),
                is_known=sighting.address in ours,
                is_twist=is_twist(sighting),
            )

    with radio.watch_all(see):
        await clock.sleep(seconds)
    if radio.error is not None and not found:
        raise ButtonUnreachableError(str(refused("radio_off", radio.error)))
    return sorted(found.values(), key=lambda flic: flic.rssi_dbm or 0, reverse=True)


async def pair(
    radio: Radio,
    *,
    root_key: bytes,
    clock: Clock,
    timeout_s: float,
    ours: Mapping[str, str] | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    random: Callable[[int], bytes] = os.urandom,
) -> PairedButton:
    """Pair with the one button that is in public mode.

    Args:
        radio: must be running.
        root_key: the Ed25519 public key that vouches for genuine buttons.
        clock: what time it is.
        timeout_s: how long to look and try, in all.
        ours: addresses of buttons that are not to be paired, and what they are called here.
        on_progress: told how far it has come.
        random: bytes nobody can guess.

    Raises:
        PairingRefusedError: nothing was stored here; the button may still have stored the pairing, which
            harms nobody. `reason` is a key of `refusals.SENTENCES`.
    """
    attempt = _Attempt(radio, root_key, clock, ours or {}, on_progress, random)
    on_progress(Progress.LOOKING)
    try:
        with radio.watch_all(attempt.see):
            async with asyncio.timeout(timeout_s), alongside(radio=attempt.watch_radio):
                await attempt.run()
    except TimeoutError:
        if attempt.paired is None:
            raise attempt.refusal() from None
    return attempt.result()


class _Attempt:
    """One call of `pair`: the only button in public mode, tried until it lets us in.

    Attributes:
        paired: what the button said when it accepted us.
    """

    def __init__(
        self,
        radio: Radio,
        root_key: bytes,
        clock: Clock,
        ours: Mapping[str, str],
        on_progress: Callable[[Progress], None],
        random: Callable[[int], bytes],
    ) -> None:
        self.paired: Paired | None = None
        self._resume: Counter | None = None
        self._radio = radio
        self._root_key = root_key
        self._clock = clock
        self._ours = {address.upper(): name for address, name in ours.items()}
        self._on_progress = on_progress
        self._random = random
        self._candidates = Sightings("", clock)
        self._public: dict[str, Sighting] = {}
        self._obstacle: PairingRefusedError | None = None
        self._seen: dict[str, str] = {}
        self._rssi_dbm: int | None = None

    def see(self, sighting: Sighting) -> None:
        """Take note of one advertisement, whosever it is."""
        if is_flic1(sighting):
            self._seen["flic1"] = ""
        if is_twist(sighting):
            self._seen["twist"] = ""
        if is_twist_public(sighting):  # somebody holds it; it is one to be told apart, and refused
            self._public[sighting.address] = sighting
            self._candidates.put(sighting)
        if not is_flic(sighting):
            return
        if is_connected_elsewhere(sighting):
            self._note("connected_elsewhere", "", Progress.CONNECTED_ELSEWHERE)
        elif not is_public(sighting):
            self._seen["not_public"] = ""
        elif sighting.address in self._ours:
            # Not a reason to stop: BlueZ may only remember that it was public once.
            self._note("already_ours", self._ours[sighting.address], Progress.ALREADY_OURS)
        else:
            self._public[sighting.address] = sighting
            self._candidates.put(sighting)

    def _note(self, what: str, detail: str, progress: Progress) -> None:
        if what not in self._seen:
            self._on_progress(progress)
        self._seen[what] = detail

    async def watch_radio(self) -> None:
        """Say it, once, when the radio does not work for longer than it takes to begin."""
        looks_off = 0
        while looks_off < 2:
            await self._clock.sleep(RADIO_LOOK_S)
            looks_off = 0 if self._radio.error is None else looks_off + 1
        self._on_progress(Progress.RADIO_OFF)

    async def run(self) -> None:
        """Try the button that is in public mode until it lets us in, or proves that it never will."""
        async for sighting in self._candidates:
            await self._clock.sleep(LOOK_AROUND_S)
            self._refuse_to_guess()
            if is_twist(sighting):
                raise refused("twist")
            await self._try(sighting)
            if self.paired is not None:
                return
            if self._obstacle is not None and self._obstacle.reason in FINAL:
                raise self._obstacle

    def result(self) -> PairedButton:
        assert self.paired is not None  # noqa: S101 - `run` returned
        paired = self.paired
        return PairedButton(paired.pairing, self._resume, paired.firmware, paired.battery_mv, self._rssi_dbm)

    def refusal(self) -> PairingRefusedError:
        """Say why the time ran out."""
        if self._obstacle is not None:
            return self._obstacle
        for reason in ("connected_elsewhere", "already_ours", "not_public", "twist"):
            if reason in self._seen:
                return refused(reason, self._seen[reason])
        if self._radio.error is not None:
            return refused("radio_off", self._radio.error)
        return refused("flic1" if "flic1" in self._seen else "no_button")

    def _refuse_to_guess(self) -> None:
        now_s = self._clock.now_s()
        at_once = [seen for seen in self._public.values() if now_s - seen.seen_s <= AT_ONCE_S]
        if len(at_once) > 1:
            raise refused("several_public", str(len(at_once)))

    async def _try(self, sighting: Sighting) -> None:
        def open_session(max_frame: int) -> Session:
            self._on_progress(Progress.PROVING)
            return Session(
                Pair(),
                address=sighting.address,
                address_type=address_type(sighting.device),
                root_key=self._root_key,
                max_frame=max_frame,
                now_s=self._clock.now_s(),
                random=self._random,
            )

        def take(event: SessionEvent) -> None:
            self._take(event)
            if isinstance(event, Ready) and exchange.session is not None:
                # Answers come in order: after this one the button also knows how to call us. What is pressed
                # meanwhile is not acknowledged, so it comes again to whoever follows the button.
                exchange.session.ask(Question.BATTERY)
            elif isinstance(event, BatteryRead):
                exchange.finish()

        self._on_progress(Progress.CONNECTING)
        self._rssi_dbm = sighting.rssi_dbm
        self._obstacle = self._obstacle or self._refused("timeout", "the time was up")
        exchange = Exchange(self._radio, self._clock, open_session, take)
        try:
            async with self._radio.connect(sighting.device, exchange.on_gone) as client:
                await exchange.run(client)
        except ButtonUnreachableError as error:
            log.info("pairing_link_lost", address=sighting.address, why=str(error))
            self._obstacle = self._refused("link_lost", str(error))

    def _take(self, event: SessionEvent) -> None:
        match event:
            case Paired():
                self.paired = event
                self._on_progress(Progress.PAIRED)
            case Ready():
                self._resume = event.counter
            case Failed():
                log.info("pairing_failed", reason=event.reason, subcode=event.subcode, detail=event.detail)
                self._obstacle = self._refused(reason_of(event.reason), event.detail)

    def _refused(self, reason: str, detail: str) -> PairingRefusedError:
        """The obstacle of that reason; a weak signal explains some of them."""
        rssi_dbm = self._rssi_dbm
        if reason in DISTANCE and rssi_dbm is not None and strength(rssi_dbm) is Strength.TOO_WEAK:
            return refused("out_of_range", str(rssi_dbm))
        return refused(reason, detail)
