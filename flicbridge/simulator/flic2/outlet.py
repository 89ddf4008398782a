"""The way out of a simulated Flic 2: packets are signed, cut into frames, and exposed to mishaps."""

from typing import Final

from flicbridge.press.flic2.crypto import Seal
from flicbridge.press.flic2.wire import FromButtonOp
from flicbridge.press.flic2.wire.framing import MIN_MTU, split
from flicbridge.press.flic2.wire.packet import Packet
from flicbridge.simulator.flic2.faults import (
    Faults,
    Flip,
    LoseLastFragment,
    LoseLink,
    Mishap,
    Replay,
    Swallow,
)

# Their last field reaches to the end of the packet, so surplus bytes would become part of it.
OPEN_ENDED: Final = (
    FromButtonOp.GET_NAME,
    FromButtonOp.SET_NAME,
    FromButtonOp.NAME_UPDATED,
    FromButtonOp.NO_LOGICAL_CONNECTION_SLOTS,
    FromButtonOp.BUTTON_EVENT_DUO,
)


class Outlet:
    """What a button wants to send over one radio link.

    Attributes:
        mtu: of the link; changes when it is negotiated.
        wants_hang_up: the link is to be dropped after the frames have been sent.
    """

    def __init__(self, faults: Faults) -> None:
        self.mtu = MIN_MTU
        self.wants_hang_up = False
        self._faults = faults
        self._frames: list[bytes] = []

    def take_frames(self) -> list[bytes]:
        """Return what to send now, in order."""
        frames, self._frames = self._frames, []
        return frames

    def inject(self, frame: bytes) -> None:
        """Send a frame that is none of ours."""
        self._frames.append(frame)

    def send(
        self, packet: Packet, *, conn_id: int = 0, newly_assigned: bool = False, seal: Seal | None = None
    ) -> None:
        """Send one packet, signed if there is a seal."""
        encoded = packet.encode()
        opcode = FromButtonOp(encoded[0])
        if opcode not in OPEN_ENDED:
            encoded += bytes(self._faults.surplus_bytes)
        whole = seal.seal(encoded) if seal else encoded
        mishap = self._faults.once.pop(opcode, None)
        if isinstance(mishap, Flip):
            whole = _flipped(whole, mishap)
        frames = split(whole, conn_id, newly_assigned, self.mtu)
        if not self._faults.is_silent:
            self._frames += _struck(frames, mishap)
        self.wants_hang_up |= isinstance(mishap, LoseLink)


def _flipped(packet: bytes, flip: Flip) -> bytes:
    changed = bytearray(packet)
    changed[flip.at] ^= flip.bits
    return bytes(changed)


def _struck(frames: list[bytes], mishap: Mishap | None) -> list[bytes]:
    match mishap:
        case Replay():
            return [*frames, *frames]
        case LoseLastFragment():
            return frames[:-1]
        case Swallow():
            return []
        case _:
            return frames
