"""The bytes of the Flic 2 protocol: frames, and every packet of both directions as a value.

`decode_from_button` and `decode_to_button` read whatever arrives; a packet's `encode` writes it.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Final

from flicbridge.press.flic2.wire import duo, presses, services, verify
from flicbridge.press.flic2.wire.packet import FromButtonOp, MalformedPacketError, Packet, ToButtonOp

__all__ = [
    "FromButtonOp",
    "MalformedPacketError",
    "Packet",
    "ToButtonOp",
    "decode_from_button",
    "decode_to_button",
]


def _packets(direction: type[IntEnum]) -> Iterator[tuple[int, type[Packet]]]:
    """Every packet class of that direction; one that is written is known, nobody can forget to list it."""
    for module in (verify, presses, services, duo):
        for each in vars(module).values():
            is_packet = isinstance(each, type) and issubclass(each, Packet)
            if is_packet and isinstance(vars(each).get("OPCODE"), direction):
                yield each.OPCODE, each


_TO_BUTTON: Final = dict(_packets(ToButtonOp))
_FROM_BUTTON: Final = dict(_packets(FromButtonOp)) | {
    FromButtonOp.INIT_BUTTON_EVENTS_WITH_BOOT_ID: presses.InitButtonEventsResponse,
    FromButtonOp.INIT_BUTTON_EVENTS_DUO_WITH_BOOT_ID: duo.InitButtonEventsDuoResponse,
}


def decode_from_button(packet: bytes) -> Packet | None:
    """Read any packet a button sends; frame header and MAC must be off. None: an opcode we do not know.

    Raises:
        MalformedPacketError: empty, or not what its opcode promises.
    """
    return _decode(packet, _FROM_BUTTON)


def decode_to_button(packet: bytes) -> Packet | None:
    """Read any packet a host sends; frame header and MAC must be off. None: an opcode we do not know.

    Raises:
        MalformedPacketError: empty, or not what its opcode promises.
    """
    return _decode(packet, _TO_BUTTON)


def _decode(packet: bytes, known: dict[int, type[Packet]]) -> Packet | None:
    if not packet:
        raise MalformedPacketError("empty packet")
    found = known.get(packet[0])
    return None if found is None else found.decode(packet)
