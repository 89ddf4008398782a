"""Pairing with a button in public mode, and looking at what is on the air."""

import asyncio
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog

from flicbridge.clock import Clock
from flicbridge.errors import ButtonUnreachableError, PairingRefusedError
from flicbridge.press.event import Counter
from flicbridge.press.flic2.conversation import Question
from flicbridge.press.flic2.exchange import SERVICE_UUID, Exchange, address_type
from flicbridge.press.flic2.pairing import Pairing
from flicbridge.press.flic2.reports import BatteryRead, Failed, FailReason, Paired, Ready, SessionEvent
from flicbridge.press.flic2.session import Pair, Session
from flicbridge.press.radio import Radio
from flicbridge.press.sighting import Sighting, Sightings

log = structlog.get_logger()

COMPANY: Final = 0x030F
_FLAGS_AT: Final = 4
_CONNECTED_ELSEWHERE: Final = 0x02

MESSAGES: Final = {
    "radio_off": "the Bluetooth radio does not work: {detail}",
    "no_button": "no Flic was seen in pairing mode: hold the button for about 7 seconds, until it flashes "
    "quickly, close to this computer",
    "not_public": "a Flic was seen, but it is not in pairing mode: hold the button for about 7 seconds, "
    "until it flashes quickly",
    "connected_elsewhere": "the button is connected to another device: disconnect it there, or switch "
    "Bluetooth off there",
    "not_genuine": "what answered is no genuine Flic, or not the one at this address ({detail}): do not "
    "use it",
    "no_slots": "the button serves as many devices as it can: disconnect it from one of them",
    "refused": "the button refuses to be paired ({detail})",
    "partner_only": "the button belongs to a partner of Flic and obeys only that partner's app",
    "duo_unsupported": "the button speaks a protocol that this version does not know ({detail})",
    "link_lost": "the link to the button broke while pairing ({detail}): bring it closer and try again",
    "timeout": "the button did not answer in time ({detail}): bring it closer and try again",
}
"""One clear sentence per reason."""

REASONS: Final = {
    FailReason.NOT_GENUINE: "not_genuine",
    FailReason.PACKET_SIGNATURE: "not_genuine",
    FailReason.QUICK_VERIFY_SIGNATURE: "not_genuine",
    FailReason.CREDENTIALS_REFUSED: "partner_only",
    FailReason.REFUSED: "refused",
    FailReason.DUO_UNSUPPORTED: "duo_unsupported",
    FailReason.NO_SLOTS: "no_slots",
    FailReason.NOT_PUBLIC: "not_public",
    FailReason.VERIFY_TIMEOUT: "timeout",
    FailReason.RESPONSE_TIMEOUT: "timeout",
}
FINAL: Final = {"not_genuine", "partner_only", "duo_unsupported", "no_slots"}
"""Trying again within the same minute would not help."""


class Progress(StrEnum):
    """How far a pairing has come."""

    LOOKING = "looking"
    CONNECTED_ELSEWHERE = "connected_elsewhere"
    """A button was seen that cannot be paired before another device lets go of it."""
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
    """

    pairing: Pairing
    resume: Counter | None
    firmware: int
    battery_mv: int


@dataclass(frozen=True, slots=True)
class SeenFlic:
    """A Flic on the air.

    Attributes:
        address: on macOS a UUID.
        rssi_dbm: how loud it is.
        is_public: it says that it can be paired now. BlueZ remembers that longer than it is true.
        is_connected_elsewhere: another device has it.
        is_known: it is one of ours.
    """

    address: str
    rssi_dbm: int | None
    is_public: bool
    is_connected_elsewhere: bool
    is_known: bool


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
        if is_flic(sighting) or sighting.address in ours:
            found[sighting.address] = SeenFlic(
                address=sighting.address,
                rssi_dbm=sighting.rssi_dbm,
                is_public=is_public(sighting),
                is_connected_elsewhere=is_connected_elsewhere(sighting),
                is_known=sighting.address in ours,
            )

    with radio.watch_all(see):
        await clock.sleep(seconds)
    if radio.error is not None and not found:
        raise ButtonUnreachableError(MESSAGES["radio_off"].format(detail=radio.error))
    return sorted(found.values(), key=lambda flic: flic.rssi_dbm or 0, reverse=True)


def is_public(sighting: Sighting) -> bool:
    return SERVICE_UUID in sighting.service_uuids


def is_flic(sighting: Sighting) -> bool:
    return is_public(sighting) or COMPANY in sighting.manufacturer_data


def is_connected_elsewhere(sighting: Sighting) -> bool:
    """Source: fact sheet section 2, manufacturer specific data."""
    about = sighting.manufacturer_data.get(COMPANY, b"")
    return len(about) > _FLAGS_AT and bool(about[_FLAGS_AT] & _CONNECTED_ELSEWHERE)


async def pair(
    radio: Radio,
    *,
    root_key: bytes,
    clock: Clock,
    timeout_s: float,
    on_progress: Callable[[Progress], None] = lambda _: None,
    random: Callable[[int], bytes] = os.urandom,
) -> PairedButton:
    """Pair with the first button that lets us.

    Args:
        radio: must be running.
        root_key: the Ed25519 public key that vouches for genuine buttons.
        clock: what time it is.
        timeout_s: how long to look and try, in all.
        on_progress: told how far it has come.
        random: bytes nobody can guess.

    Raises:
        PairingRefusedError: nothing was stored here; the button may still have stored the pairing, which
            harms nobody. `reason` is a key of `MESSAGES`.
    """
    attempt = _Attempt(radio, root_key, clock, on_progress, random)
    on_progress(Progress.LOOKING)
    try:
        with radio.watch_all(attempt.see):
            async with asyncio.timeout(timeout_s):
                await attempt.run()
    except TimeoutError:
        if attempt.paired is None:
            raise attempt.refusal() from None
    return attempt.result()


class _Attempt:
    """One call of `pair`: any number of buttons, tried until one lets us in.

    Attributes:
        paired: what the button said when it accepted us.
    """

    def __init__(
        self,
        radio: Radio,
        root_key: bytes,
        clock: Clock,
        on_progress: Callable[[Progress], None],
        random: Callable[[int], bytes],
    ) -> None:
        self.paired: Paired | None = None
        self._resume: Counter | None = None
        self._radio = radio
        self._root_key = root_key
        self._clock = clock
        self._on_progress = on_progress
        self._random = random
        self._candidates = Sightings("", clock)
        self._obstacle: PairingRefusedError | None = None
        self._is_private_seen = False
        self._is_elsewhere_seen = False

    def see(self, sighting: Sighting) -> None:
        """Take note of one advertisement, whosever it is."""
        if not is_flic(sighting):
            return
        if is_connected_elsewhere(sighting):
            if not self._is_elsewhere_seen:
                self._on_progress(Progress.CONNECTED_ELSEWHERE)
            self._is_elsewhere_seen = True
        elif is_public(sighting):
            self._candidates.put(sighting)
        else:
            self._is_private_seen = True

    async def run(self) -> None:
        """Try whatever is seen in public mode until one lets us in, or proves that it never will."""
        async for sighting in self._candidates:
            await self._try(sighting)
            if self.paired is not None:
                return
            if self._obstacle is not None and self._obstacle.reason in FINAL:
                raise self._obstacle

    def result(self) -> PairedButton:
        assert self.paired is not None  # noqa: S101 - `run` returned
        paired = self.paired
        return PairedButton(paired.pairing, self._resume, paired.firmware, paired.battery_mv)

    def refusal(self) -> PairingRefusedError:
        """Say why the time ran out."""
        if self._obstacle is not None:
            return self._obstacle
        if self._is_elsewhere_seen:
            return refused("connected_elsewhere")
        if self._is_private_seen:
            return refused("not_public")
        if self._radio.error is not None:
            return refused("radio_off", self._radio.error)
        return refused("no_button")

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
        self._obstacle = self._obstacle or refused("timeout", "the time was up")
        exchange = Exchange(self._radio, self._clock, open_session, take)
        try:
            async with self._radio.connect(sighting.device, exchange.on_gone) as client:
                await exchange.run(client)
        except ButtonUnreachableError as error:
            log.info("pairing_link_lost", address=sighting.address, why=str(error))
            self._obstacle = refused("link_lost", str(error))

    def _take(self, event: SessionEvent) -> None:
        match event:
            case Paired():
                self.paired = event
                self._on_progress(Progress.PAIRED)
            case Ready():
                self._resume = Counter(event.boot_id, event.event_count)
            case Failed():
                log.info("pairing_failed", reason=event.reason, subcode=event.subcode, detail=event.detail)
                self._obstacle = refused(REASONS.get(event.reason, "link_lost"), event.detail)


def refused(reason: str, detail: str = "") -> PairingRefusedError:
    """Make the error of that reason, with its sentence."""
    return PairingRefusedError(reason, MESSAGES[reason].format(detail=detail))
