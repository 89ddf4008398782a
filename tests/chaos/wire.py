"""What stands in for the air between a button and a bridge in another process: a socket of whole packets.

The frames on it are those of a real link, sealed and all; only what Bluetooth does below them is missing. A
killed bridge ends its side as a dead computer ends a link, and what it wrote before is still read.
"""

import json
import socket
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

LARGEST: Final = 4096


class Word(StrEnum):
    """The first letter of every packet."""

    ADVERTISEMENT = "A"
    """To the bridge: `Advert` as JSON."""
    CONNECT = "C"
    """To the button: connect. To the bridge: connected."""
    REFUSED = "R"
    """To the bridge: the button is not there."""
    FRAME = "F"
    """Either way: one GATT write, or one notification."""
    GONE = "G"
    """Either way: the link has ended."""
    BURNT = "B"
    """To the keeper of the bridge: it kills itself now, at this place."""


@dataclass(frozen=True, slots=True)
class Advert:
    """What a scanner sees of the button."""

    address: str
    name: str
    company: int
    about: str
    """Manufacturer specific data, hexadecimal."""

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Advert":
        return cls(**json.loads(data))


def pair() -> tuple[socket.socket, socket.socket]:
    """The button's end and the bridge's."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    return ours, theirs


def say(end: socket.socket, word: Word, data: bytes = b"") -> bool:
    """Send one packet; returns False if nobody is there any more to hear it."""
    try:
        end.send(word.encode() + data)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def heard(end: socket.socket) -> tuple[Word, bytes] | None:
    """The next packet, or None at the end of the wire.

    Raises:
        BlockingIOError: there is none yet.
    """
    try:
        packet = end.recv(LARGEST)
    except ConnectionResetError:
        # The other side died with something unread. The kernel says so once, before what it had sent.
        packet = end.recv(LARGEST)
    return (Word(chr(packet[0])), packet[1:]) if packet else None
