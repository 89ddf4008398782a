"""The packets that carry presses: where to resume, what happened, what may be forgotten.

Both directions, both ways. Source: fact sheet sections 9.1, 9.2, 9.4 and 9.5.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final, Self

from flicbridge.press.flic2.wire.packet import FromButtonOp, MalformedPacketError, Packet, ToButtonOp, bit

NEVER_DISCONNECT_S: Final = 511
UNLIMITED_PACKETS: Final = 31
UNLIMITED_AGE_S: Final = 0xFFFFF
TICKS_PER_S: Final = 32768

_TIMESTAMP_BITS: Final = 48
_CLOCK_BITS: Final = 47
_BOOT_ID_BYTES: Final = 4

WITHOUT_BOOT_ID: Final = FromButtonOp.INIT_BUTTON_EVENTS_WITHOUT_BOOT_ID


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """What a host tells the button about the link and the past; one 40-bit number on the air.

    Attributes:
        auto_disconnect_s: 9 bits; 511 = never.
        max_queued_packets: 5 bits; 0 = send nothing from the past, 31 = no limit.
        max_queued_age_s: 20 bits; 0xFFFFF = no limit.
        enable_hid: 1 bit.
    """

    auto_disconnect_s: int = NEVER_DISCONNECT_S
    max_queued_packets: int = UNLIMITED_PACKETS
    max_queued_age_s: int = UNLIMITED_AGE_S
    enable_hid: bool = False

    def encode(self) -> bytes:
        number = self.auto_disconnect_s & 0x1FF
        number |= (self.max_queued_packets & 0x1F) << 9
        number |= (self.max_queued_age_s & 0xFFFFF) << 14
        number |= self.enable_hid << 34
        return number.to_bytes(5, "little")

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        number = int.from_bytes(raw, "little")
        return cls(number & 0x1FF, number >> 9 & 0x1F, number >> 14 & 0xFFFFF, bit(number, 34))


@dataclass(frozen=True, slots=True)
class InitButtonEventsLightRequest(Packet):
    """The first signed packet of every session: where we are, and how much of the past we want.

    Attributes:
        event_count: the last event this host has processed.
        boot_id: the boot it belongs to; 0 = none yet.
        limits: of the link and the past.
    """

    OPCODE = ToButtonOp.INIT_BUTTON_EVENTS_LIGHT
    LAYOUT = Struct("<2I5s")

    event_count: int
    boot_id: int
    limits: QueueLimits

    def _body(self) -> bytes:
        return self.LAYOUT.pack(self.event_count, self.boot_id, self.limits.encode())

    @classmethod
    def _from_body(cls, body: bytes) -> Self:
        event_count, boot_id, limits = cls._read(body)
        return cls(event_count, boot_id, QueueLimits.decode(limits))


@dataclass(frozen=True, slots=True)
class InitButtonEventsResponse(Packet):
    """Where the button is. Opcode 11 stands for "same boot as you said", 10 carries the boot id.

    Attributes:
        has_queued_events: presses from before this session follow.
        clock_ticks: the button's clock now, in 1/32768 s since its boot; 47 bits.
        event_count: with a queue, that of the event before it; without, the button's last.
        boot_id: None if it is that of the request.
    """

    OPCODE = WITHOUT_BOOT_ID
    LAYOUT = Struct("<6sI")

    has_queued_events: bool
    clock_ticks: int
    event_count: int
    boot_id: int | None

    def encode(self) -> bytes:
        clock = encode_clock(self.has_queued_events, self.clock_ticks)
        return encode_boot_id(self.LAYOUT.pack(clock, self.event_count), WITHOUT_BOOT_ID, self.boot_id)

    @classmethod
    def decode(cls, packet: bytes) -> Self:
        boot_id = decode_boot_id(packet, WITHOUT_BOOT_ID, cls.LAYOUT.size)
        clock, event_count = cls._read(packet[1:])
        return cls(*decode_clock(clock), event_count, boot_id)


def encode_boot_id(body: bytes, without_boot_id: int, boot_id: int | None) -> bytes:
    """Complete an init response: the opcode below that for "same boot" announces a boot id at the end."""
    if boot_id is None:
        return bytes([without_boot_id]) + body
    return bytes([without_boot_id - 1]) + body + boot_id.to_bytes(_BOOT_ID_BYTES, "little")


def decode_boot_id(packet: bytes, without_boot_id: int, body_bytes: int) -> int | None:
    """Read what `encode_boot_id` wrote. Raises MalformedPacketError for other opcodes and missing bytes."""
    if packet[:1] == bytes([without_boot_id]):
        return None
    boot_id = packet[1 + body_bytes :][:_BOOT_ID_BYTES]
    if packet[:1] != bytes([without_boot_id - 1]) or len(boot_id) < _BOOT_ID_BYTES:
        raise MalformedPacketError(f"init response: {packet[:1].hex()} with {len(packet)} bytes")
    return int.from_bytes(boot_id, "little")


def encode_clock(has_queued_events: bool, clock_ticks: int) -> bytes:
    """Pack a flag and 47 bits of clock into the 6 bytes of an init response."""
    ticks = clock_ticks & (1 << _CLOCK_BITS) - 1
    return (has_queued_events | ticks << 1).to_bytes(6, "little")


def decode_clock(raw: bytes) -> tuple[bool, int]:
    """Return whether queued events follow, and the button's clock in ticks."""
    number = int.from_bytes(raw, "little")
    return bit(number, 0), number >> 1


@dataclass(frozen=True, slots=True)
class EventItem:
    """One line of a notification; see `events.decode_event` for what `encoded` means.

    Attributes:
        at_ticks: when, on the button's clock; 48 bits.
        encoded: what; 4 bits.
        was_queued: it happened before this session.
        was_queued_last: and it is the last such.
    """

    at_ticks: int
    encoded: int
    was_queued: bool
    was_queued_last: bool

    LENGTH = 7

    def encode(self) -> bytes:
        flags = self.encoded & 0xF | self.was_queued << 4 | self.was_queued_last << 5
        ticks = self.at_ticks & (1 << _TIMESTAMP_BITS) - 1
        return (ticks | flags << _TIMESTAMP_BITS).to_bytes(self.LENGTH, "little")

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        flags = raw[6]
        return cls(int.from_bytes(raw[:6], "little"), flags & 0xF, bit(flags, 4), bit(flags, 5))


@dataclass(frozen=True, slots=True)
class ButtonEventNotification(Packet):
    """What happened, oldest item first.

    Attributes:
        press_counter: the event count of the last item.
        items: 1 to 16 of them.
    """

    OPCODE = FromButtonOp.BUTTON_EVENT
    LAYOUT = Struct("<I")

    press_counter: int
    items: tuple[EventItem, ...]

    def _body(self) -> bytes:
        return self.LAYOUT.pack(self.press_counter) + b"".join(item.encode() for item in self.items)

    @classmethod
    def _from_body(cls, body: bytes) -> Self:
        (press_counter,) = cls._read(body)
        raw, length = body[cls.LAYOUT.size :], EventItem.LENGTH
        items = tuple(
            EventItem.decode(raw[at : at + length]) for at in range(0, len(raw) - length + 1, length)
        )
        if not items:
            raise MalformedPacketError(f"{cls.__name__}: no items")
        return cls(press_counter, items)


@dataclass(frozen=True, slots=True)
class AckButtonEventsInd(Packet):
    """Everything up to `event_count` is safe with us: the button may forget it."""

    OPCODE = ToButtonOp.ACK_BUTTON_EVENTS
    LAYOUT = Struct("<I")

    event_count: int
