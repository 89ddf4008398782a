"""Packets into frames and back. A frame is one characteristic value: a header byte and a (piece of a) packet.

Source: fact sheet section 4.
"""

from dataclasses import dataclass
from typing import Final

from flicbridge.press.flic2.wire.packet import MalformedPacketError

MAX_PACKET_BYTES: Final = 128
"""Opcode to MAC."""
MIN_MTU: Final = 23
MAX_MTU: Final = 140

_HEADER_BYTES: Final = 1
_ATT_HEADER_BYTES: Final = 3
_CONN_ID: Final = 0x1F
_NEWLY_ASSIGNED: Final = 0x20
_MORE: Final = 0x80


@dataclass(frozen=True, slots=True)
class Frame:
    """One characteristic value, taken apart.

    Attributes:
        conn_id: the logical connection, 1..31; 0 = not (yet) one.
        newly_assigned: the button gives this `conn_id` to the host whose request it answers.
        more: further fragments of the same packet follow.
        data: a packet or a fragment of one; never empty.
    """

    conn_id: int
    newly_assigned: bool
    more: bool
    data: bytes

    def encode(self) -> bytes:
        header = self.conn_id | self.newly_assigned * _NEWLY_ASSIGNED | self.more * _MORE
        return bytes([header]) + self.data


def parse_frame(value: bytes) -> Frame | None:
    """Take a characteristic value apart; None if it is too short to mean anything."""
    if len(value) <= _HEADER_BYTES:
        return None
    header = value[0]
    return Frame(
        conn_id=header & _CONN_ID,
        newly_assigned=bool(header & _NEWLY_ASSIGNED),
        more=bool(header & _MORE),
        data=value[_HEADER_BYTES:],
    )


def split(packet: bytes, conn_id: int, newly_assigned: bool, mtu: int) -> list[bytes]:
    """Cut one packet into the characteristic values that carry it.

    Args:
        packet: opcode to MAC.
        conn_id: repeated in every fragment, as receivers sort fragments by it.
        newly_assigned: likewise; only buttons set it.
        mtu: the ATT MTU; one value carries 3 bytes less.
    """
    room = mtu - _ATT_HEADER_BYTES - _HEADER_BYTES
    pieces = [packet[at : at + room] for at in range(0, len(packet), room)]
    last = len(pieces) - 1
    return [
        Frame(conn_id, newly_assigned, index < last, piece).encode() for index, piece in enumerate(pieces)
    ]


class Reassembler:
    """Puts fragments together again, each logical connection for itself.

    Which frames to feed is the caller's decision; what is not fed leaves no trace.
    """

    def __init__(self) -> None:
        self._collected: dict[tuple[int, bool], bytes] = {}
        self._oversized: set[tuple[int, bool]] = set()

    def add(self, frame: Frame) -> bytes | None:
        """Take one frame; return the packet it completes, if it does.

        Raises:
            MalformedPacketError: the packet grew beyond 128 bytes. Said once; its other fragments are
                swallowed, and the packet after it starts afresh.
        """
        stream = (frame.conn_id, frame.newly_assigned)
        if stream in self._oversized:
            if not frame.more:
                self._oversized.discard(stream)
            return None
        packet = self._collected.pop(stream, b"") + frame.data
        if len(packet) > MAX_PACKET_BYTES:
            if frame.more:
                self._oversized.add(stream)
            raise MalformedPacketError(f"packet of more than {MAX_PACKET_BYTES} bytes")
        if not frame.more:
            return packet
        self._collected[stream] = packet
        return None

    def is_unfinished(self, conn_id: int) -> bool:
        """Tell whether the beginning of a packet of this logical connection waits for its end."""
        return (conn_id, False) in self._collected
