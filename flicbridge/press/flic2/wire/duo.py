"""The packets only a Flic Duo understands, apart from its event stream: see `flic2.duo`.

Source: fact sheet section 12.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Self

from flicbridge.press.flic2.wire.packet import (
    FromButtonOp,
    MalformedPacketError,
    Packet,
    ToButtonOp,
    bit,
    pack_bits,
)
from flicbridge.press.flic2.wire.presses import (
    QueueLimits,
    decode_boot_id,
    decode_clock,
    encode_boot_id,
    encode_clock,
)


@dataclass(frozen=True, slots=True)
class InitButtonEventsDuoLightRequest(Packet):
    """As InitButtonEventsLightRequest, with a count for each button of a Duo."""

    OPCODE = ToButtonOp.INIT_BUTTON_EVENTS_DUO_LIGHT
    LAYOUT = Struct("<3I5s")

    event_counts: tuple[int, int]
    boot_id: int
    limits: QueueLimits

    def _body(self) -> bytes:
        return self.LAYOUT.pack(*self.event_counts, self.boot_id, self.limits.encode())

    @classmethod
    def _from_body(cls, body: bytes) -> Self:
        big, small, boot_id, limits = cls._read(body)
        return cls((big, small), boot_id, QueueLimits.decode(limits))


@dataclass(frozen=True, slots=True)
class InitButtonEventsDuoResponse(Packet):
    """As InitButtonEventsResponse, with a count for each button of a Duo."""

    OPCODE = FromButtonOp.INIT_BUTTON_EVENTS_DUO_WITHOUT_BOOT_ID
    LAYOUT = Struct("<6s2I")

    has_queued_events: bool
    clock_ticks: int
    event_counts: tuple[int, int]
    boot_id: int | None

    def encode(self) -> bytes:
        clock = encode_clock(self.has_queued_events, self.clock_ticks)
        return encode_boot_id(self.LAYOUT.pack(clock, *self.event_counts), self.OPCODE, self.boot_id)

    @classmethod
    def decode(cls, packet: bytes) -> Self:
        boot_id = decode_boot_id(packet, cls.OPCODE, cls.LAYOUT.size)
        clock, big, small = cls._read(packet[1:])
        return cls(*decode_clock(clock), (big, small), boot_id)


@dataclass(frozen=True, slots=True)
class ButtonEventDuoNotification(Packet):
    """What happened, as a stream of bits that only makes sense after the one before: see `flic2.duo`."""

    OPCODE = FromButtonOp.BUTTON_EVENT_DUO

    bits: bytes

    def _body(self) -> bytes:
        return self.bits

    @classmethod
    def _from_body(cls, body: bytes) -> Self:
        return cls(bytes(body))


@dataclass(frozen=True, slots=True)
class AckButtonEventsDuoInd(Packet):
    """As AckButtonEventsInd, with a count for each button of a Duo."""

    OPCODE = ToButtonOp.ACK_BUTTON_EVENTS_DUO
    LAYOUT = Struct("<2I")

    event_counts: tuple[int, int]

    def _body(self) -> bytes:
        return self.LAYOUT.pack(*self.event_counts)

    @classmethod
    def _from_body(cls, body: bytes) -> Self:
        big, small = cls._read(body)
        return cls((big, small))


@dataclass(frozen=True, slots=True)
class EnablePushTwistInd(Packet):
    """Which of the two buttons report being turned while pressed."""

    OPCODE = ToButtonOp.ENABLE_PUSH_TWIST

    big: bool
    small: bool

    def _body(self) -> bytes:
        return bytes([pack_bits(self.big, self.small)])

    @classmethod
    def _from_body(cls, body: bytes) -> Self:
        if not body:
            raise MalformedPacketError(f"{cls.__name__}: 0 bytes")
        return cls(bit(body[0], 0), bit(body[0], 1))


@dataclass(frozen=True, slots=True)
class PushTwistDataNotification(Packet):
    """A button being turned while pressed.

    Attributes:
        flags: bits 0-1 pressed, 2-3 first event, 4-5 pressed for 0.5 s or more; one bit per button.
        angle: difference; 65536 per turn according to the Android library, 49152 to the Python one.
    """

    OPCODE = FromButtonOp.PUSH_TWIST_DATA
    LAYOUT = Struct("<Bi")

    flags: int
    angle: int
