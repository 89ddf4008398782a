"""A device with the address of somebody's button and without its key."""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

from flicbridge.press.flic2.wire import MalformedPacketError, decode_to_button
from flicbridge.press.flic2.wire.framing import MIN_MTU, Reassembler, parse_frame, split
from flicbridge.press.flic2.wire.packet import Packet
from flicbridge.press.flic2.wire.verify import (
    FullVerifyRequest1,
    NoLogicalConnectionSlotsInd,
    QuickVerifyNegativeResponse,
    QuickVerifyRequest,
    QuickVerifyResponse,
    TestIfReallyUnpairedRequest,
    TestIfReallyUnpairedResponse,
)
from flicbridge.simulator.air import Air
from flicbridge.simulator.flic2 import Identity, Memory, SimulatedFlic2
from flicbridge.simulator.flic2.beacon import Advertisement
from flicbridge.simulator.flic2.body import Random
from flicbridge.simulator.flic2.handshake import show_certificate
from flicbridge.simulator.peripheral import Peripheral

type Lie = Callable[[bytes, Packet | None, Random], Iterable[bytes]]
"""What an impostor answers: given a packet of the host's, raw and read, and chance; returns frames."""

MAC_BYTES = 5


class Impostor(SimulatedFlic2):
    """Calls without a pause at an address that is not its own, and lies to whoever answers.

    Args:
        address: of the button it pretends to be.
        lie: what it says.
        every_s: how often it calls.
        hangs_up: it ends every link at once.
        now_s: monotonic.
        random: its chance.
    """

    def __init__(
        self,
        address: str,
        lie: Lie,
        *,
        every_s: float = 0.1,
        hangs_up: bool = False,
        now_s: float,
        random: Random,
    ) -> None:
        identity = replace(Identity.made_for("impostor"), address=address, private_key=random(32))
        super().__init__(Memory(identity, "impostor"), now_s=now_s, random=random)
        self.links = 0
        self._lie = lie
        self._every_s = every_s
        self._hangs_up = hangs_up
        self._random = random
        self._reassembler = Reassembler()

    def advertisement(self, now_s: float) -> Advertisement | None:
        return None if self.is_linked else Advertisement(is_public=False, interval_s=self._every_s)

    def link_up(self, now_s: float) -> None:
        super().link_up(now_s)
        self.links += 1
        self._reassembler = Reassembler()
        if self._hangs_up and self._link is not None:
            self._link.outlet.wants_hang_up = True

    def receive(self, frame: bytes, now_s: float) -> None:
        """Lie."""
        parsed = parse_frame(frame)
        packet = None if parsed is None else self._reassembler.add(parsed)
        if packet is not None:
            for answer in self._lie(packet, _read(packet), self._random):
                self.inject(answer)


def _read(packet: bytes) -> Packet | None:
    try:
        return decode_to_button(packet)
    except MalformedPacketError:
        return None  # signed, most likely


@asynccontextmanager
async def impersonate(air: Air, impostor: Impostor) -> AsyncGenerator[Peripheral]:
    """Put an impostor on the air for as long as the context lasts."""
    peripheral = Peripheral(air, "impostor", impostor)
    await peripheral.start()
    try:
        yield peripheral
    finally:
        peripheral.close()


# -- lies ----------------------------------------------------------------------------------------------------


def silence(_packet: bytes, _request: Packet | None, _random: Random) -> Iterable[bytes]:
    """Nothing at all."""
    return ()


def false_proof(_packet: bytes, request: Packet | None, random: Random) -> Iterable[bytes]:
    """Proof of the pairing with a MAC that was guessed."""
    if not isinstance(request, QuickVerifyRequest):
        return ()
    response = QuickVerifyResponse(random(8), request.tmp_id, False, False, False)
    return split(response.encode() + random(MAC_BYTES), 1, True, MIN_MTU)


def denial(_packet: bytes, request: Packet | None, _random: Random) -> Iterable[bytes]:
    """Never heard of this pairing; and no answer to what we are asked then."""
    if not isinstance(request, QuickVerifyRequest):
        return ()
    return split(QuickVerifyNegativeResponse(request.tmp_id).encode(), 0, False, MIN_MTU)


def no_slots(_packet: bytes, request: Packet | None, _random: Random) -> Iterable[bytes]:
    """Too many hosts already."""
    if not isinstance(request, QuickVerifyRequest):
        return ()
    return split(NoLogicalConnectionSlotsInd((request.tmp_id,)).encode(), 0, False, MIN_MTU)


def borrowed_certificate(owner: Identity) -> Lie:
    """Denies the pairing, shows the certificate of a genuine button, and makes up what only that one knows.

    Args:
        owner: whose certificate; only what is public of it is used.
    """

    def lie(packet: bytes, request: Packet | None, random: Random) -> Iterable[bytes]:
        match request:
            case FullVerifyRequest1(tmp_id):
                shown = show_certificate(owner, tmp_id, random(8), is_public=False, address=None)
                return split(shown.encode(), 1, True, MIN_MTU)
            case TestIfReallyUnpairedRequest():
                return split(TestIfReallyUnpairedResponse(random(16)).encode(), 1, False, MIN_MTU)
        return denial(packet, request, random)

    return lie
