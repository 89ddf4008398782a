"""The packets of flicd's client protocol: commands to bytes, bytes to events.

A packet is a 16-bit length (its own two bytes not counted), an opcode and fixed fields, all little-endian.
A packet that is too short, or holds a value that has no meaning, is `Malformed`: nothing of it is believed,
nor of what follows. Passed over are bytes after the last known field, as the documentation asks, and kinds of
events that we do not know: several were added over the years. So were reasons why something ended; they are
only shown, so an unknown one is no reason to end the connection.

Source: ProtocolDocumentation.md of the vendor's repository fliclib-linux-hci, as of 2023.
"""

import re
import struct
from collections.abc import Callable, Mapping
from typing import Final

from flicbridge.press.flicd.events import (
    Battery,
    ButtonInfo,
    ChannelAnswer,
    ChannelRemoved,
    Click,
    Clicked,
    Controller,
    ControllerChanged,
    Deleted,
    DisconnectReason,
    Event,
    Info,
    Latency,
    Malformed,
    NewlyVerified,
    Other,
    Pong,
    RemovedReason,
    SpaceChanged,
    Status,
    StatusChanged,
)

# The longest event lists all buttons that the daemon knows: room for more than 600 of them. Whoever announces
# more is no flicd: the first two letters of an HTTP or SSH server mean more than 20 000 bytes.
LONGEST_PACKET: Final = 4096
LENGTH_BYTES: Final = 2
NEVER_DISCONNECT: Final = 511
"""The value of `auto_disconnect_time` for a button that stays connected."""


# ---- addresses


def address_bytes(address: str) -> bytes:
    """Write `80:E4:DA:71:B2:C3` as on the wire, last byte first."""
    return bytes.fromhex(address.replace(":", ""))[::-1]


def address_text(raw: bytes) -> str:
    """Write an address as people do, in capitals."""
    return raw[::-1].hex(":").upper()


# ---- commands


def _command(layout: str, opcode: int, *fields: int | bytes) -> bytes:
    body = struct.pack(f"<B{layout}", opcode, *fields)
    return struct.pack("<H", len(body)) + body


def get_info() -> bytes:
    """Ask how the daemon is doing."""
    return _command("", 0)


def create_channel(conn_id: int, address: str, latency: Latency, auto_disconnect_s: int) -> bytes:
    """Ask for the events of a button. `conn_id` is ours to choose."""
    return _command("I6sBH", 3, conn_id, address_bytes(address), latency, auto_disconnect_s)


def remove_channel(conn_id: int) -> bytes:
    """Ask for no more events of a button."""
    return _command("I", 4, conn_id)


def ping(ping_id: int) -> bytes:
    """Ask for a sign of life."""
    return _command("I", 7, ping_id)


def get_button_info(address: str) -> bytes:
    """Ask who a button is."""
    return _command("6s", 8, address_bytes(address))


def create_battery_listener(listener_id: int, address: str) -> bytes:
    """Ask to be told how full a button's battery is, now and whenever it changes."""
    return _command("I6s", 12, listener_id, address_bytes(address))


# ---- decoding

UP_OR_DOWN: Final = 4
CLICK_OR_HOLD: Final = 5
SINGLE_OR_DOUBLE: Final = 6
SINGLE_OR_DOUBLE_OR_HOLD: Final = 7

_CLICKS: Final[Mapping[int, frozenset[Click]]] = {
    UP_OR_DOWN: frozenset({Click.DOWN, Click.UP}),
    CLICK_OR_HOLD: frozenset({Click.CLICK, Click.HOLD}),
    SINGLE_OR_DOUBLE: frozenset({Click.SINGLE, Click.DOUBLE}),
    SINGLE_OR_DOUBLE_OR_HOLD: frozenset({Click.SINGLE, Click.DOUBLE, Click.HOLD}),
}

_ADDRESS_BYTES: Final = 6
_TEXT_BYTES: Final = 16
_BATTERY_UNKNOWN: Final = -1


def decode(packet: bytes) -> Event | Malformed:
    """Read one packet, opcode first. Never raises."""
    if not packet:
        return Malformed("a packet without an opcode")
    opcode = packet[0]
    if opcode not in _READERS:
        return Other(opcode)
    layout, read = _READERS[opcode]
    if len(packet) - 1 < layout.size:
        return Malformed(f"event {opcode} with {len(packet) - 1} bytes instead of {layout.size}")
    try:
        return read(packet, layout.unpack_from(packet, 1))
    except ValueError as error:
        return Malformed(f"event {opcode}: {error}")


def _channel_answer(_packet: bytes, fields: tuple[int, ...]) -> Event:
    conn_id, error, status = fields
    return ChannelAnswer(conn_id, not _flag(error), Status(status))


def _status_changed(_packet: bytes, fields: tuple[int, ...]) -> Event:
    conn_id, status, reason = fields
    has_ended = status == Status.DISCONNECTED and reason in list(DisconnectReason)
    return StatusChanged(conn_id, Status(status), DisconnectReason(reason) if has_ended else None)


def _channel_removed(_packet: bytes, fields: tuple[int, ...]) -> Event:
    conn_id, reason = fields
    return ChannelRemoved(conn_id, RemovedReason(reason) if reason in list(RemovedReason) else None)


def _clicked(packet: bytes, fields: tuple[int, ...]) -> Event:
    conn_id, number, was_queued, age_s = fields
    click = Click(number)
    if click not in _CLICKS[packet[0]]:
        raise ValueError(f"{click!r} does not belong here")
    return Clicked(conn_id, packet[0], click, _flag(was_queued), age_s)


def _newly_verified(_packet: bytes, fields: tuple[bytes]) -> Event:
    return NewlyVerified(address_text(fields[0]))


def _info(packet: bytes, fields: tuple[int, bytes, int, int, int, int, int, int]) -> Event:
    controller, _own, own_type, _pending, _most, _now_pending, is_full, count = fields
    _flag(own_type)
    begin = 1 + _READERS[packet[0]][0].size
    end = begin + count * _ADDRESS_BYTES
    if len(packet) < end:
        raise ValueError(f"{count} buttons announced, {(len(packet) - begin) // _ADDRESS_BYTES} there")
    found = (packet[at : at + _ADDRESS_BYTES] for at in range(begin, end, _ADDRESS_BYTES))
    return Info(Controller(controller), _flag(is_full), tuple(map(address_text, found)))


def _no_space(_packet: bytes, _fields: tuple[int]) -> Event:
    return SpaceChanged(is_full=True)


def _got_space(_packet: bytes, _fields: tuple[int]) -> Event:
    return SpaceChanged(is_full=False)


def _controller_changed(_packet: bytes, fields: tuple[int]) -> Event:
    return ControllerChanged(Controller(fields[0]))


def _pong(_packet: bytes, fields: tuple[int]) -> Event:
    return Pong(fields[0])


def _button_info(_packet: bytes, fields: tuple[bytes, bytes, int, bytes, int, bytes, int, int]) -> Event:
    address, uuid, _color_length, _color, serial_length, serial, model, firmware = fields
    return ButtonInfo(address_text(address), uuid, _text(serial, serial_length), model, firmware)


def _deleted(_packet: bytes, fields: tuple[bytes, int]) -> Event:
    _flag(fields[1])
    return Deleted(address_text(fields[0]))


def _battery(_packet: bytes, fields: tuple[int, int, int]) -> Event:
    listener_id, percent, _changed_at = fields
    if not _BATTERY_UNKNOWN <= percent <= 100:
        raise ValueError(f"a battery with {percent} %")
    return Battery(listener_id, None if percent == _BATTERY_UNKNOWN else percent)


def _flag(value: int) -> bool:
    if value not in (0, 1):
        raise ValueError(f"{value} is neither true nor false")
    return bool(value)


def _text(field: bytes, length: int) -> str:
    if length > _TEXT_BYTES:
        raise ValueError(f"a text of {length} bytes in {_TEXT_BYTES}")
    text = field[:length].decode("utf-8")  # a UnicodeDecodeError is a ValueError
    if not re.fullmatch(r"[\w-]*", text, re.ASCII):
        raise ValueError("a name with characters that no name has")
    return text


_READERS: Final[Mapping[int, tuple[struct.Struct, Callable[..., Event]]]] = {
    1: (struct.Struct("<IBB"), _channel_answer),
    2: (struct.Struct("<IBB"), _status_changed),
    3: (struct.Struct("<IB"), _channel_removed),
    **dict.fromkeys(_CLICKS, (struct.Struct("<IBBI"), _clicked)),
    8: (struct.Struct("<6s"), _newly_verified),
    9: (struct.Struct("<B6sBBhBBH"), _info),
    10: (struct.Struct("<B"), _no_space),
    11: (struct.Struct("<B"), _got_space),
    12: (struct.Struct("<B"), _controller_changed),
    13: (struct.Struct("<I"), _pong),
    14: (struct.Struct("<6s16sB16sB16sBI"), _button_info),
    19: (struct.Struct("<6sB"), _deleted),
    20: (struct.Struct("<Ibq"), _battery),
}


class Inbox:
    """Cuts a stream of bytes into packets and reads them. Holds at most one unfinished packet."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._is_spoilt = False

    def feed(self, data: bytes) -> list[Event | Malformed]:
        """Take in bytes, cut anywhere; return the events they complete. Nothing comes after a `Malformed`."""
        if self._is_spoilt:
            return []
        self._bytes += data
        events: list[Event | Malformed] = []
        at = 0
        while (packet := self._packet(at)) is not None:
            events.append(packet if isinstance(packet, Malformed) else decode(packet))
            if isinstance(packet, Malformed) or isinstance(events[-1], Malformed):
                self._is_spoilt = True
                self._bytes.clear()
                return events
            at += LENGTH_BYTES + len(packet)
        del self._bytes[:at]
        return events

    def _packet(self, at: int) -> bytes | Malformed | None:
        """The packet that begins there; None if it is not all here yet."""
        begin = at + LENGTH_BYTES
        if len(self._bytes) < begin:
            return None
        length = int.from_bytes(self._bytes[at:begin], "little")
        if length > LONGEST_PACKET:
            return Malformed(f"a packet of {length} bytes")
        if len(self._bytes) < begin + length:
            return None
        return bytes(self._bytes[begin : begin + length])
