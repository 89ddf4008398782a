"""What all packets have in common: an opcode, fields, and the rules for reading strangers' bytes.

Integers are little-endian, bit-fields fill from the lowest bit of the first byte, nothing is padded. A packet
longer than listed comes from newer firmware: the surplus is ignored. Source: fact sheet, introduction.
"""

from dataclasses import fields
from enum import IntEnum
from struct import Struct
from typing import Any, ClassVar, Final, Self

from flicbridge.errors import ButtonError

NAME_BYTES: Final = 23
"""The longest name a button keeps, in UTF-8."""


class MalformedPacketError(ButtonError):
    """Bytes from the air that are not what they claim to be. Nothing is half decoded."""


class ToButtonOp(IntEnum):
    """Opcodes of packets to the button. Source: fact sheet sections 5 and 12."""

    FULL_VERIFY_REQUEST_1 = 0
    FULL_VERIFY_REQUEST_2_WITH_TOKEN = 1
    FULL_VERIFY_REQUEST_2 = 2
    FULL_VERIFY_ABORT = 3
    TEST_IF_REALLY_UNPAIRED = 4
    QUICK_VERIFY = 5
    FORCE_BT_DISCONNECT = 6
    BLE_SECURITY_REQUEST = 7
    GET_FIRMWARE_VERSION = 8
    DISCONNECT_VERIFIED_LINK = 9
    SET_NAME = 10
    GET_NAME = 11
    SET_CONNECTION_PARAMETERS = 12
    START_API_TIMER = 13
    PING_RESPONSE = 14
    INIT_BUTTON_EVENTS = 15
    ACK_BUTTON_EVENTS = 16
    START_FIRMWARE_UPDATE = 17
    FIRMWARE_UPDATE_DATA = 18
    SET_AUTO_DISCONNECT_TIME = 19
    GET_BATTERY_LEVEL = 20
    SET_HID_STATUS = 21
    HID_NOTIFICATION = 22
    INIT_BUTTON_EVENTS_LIGHT = 23
    FACTORY_RESET = 24
    GET_CURRENT_TIME = 25
    GET_DEVICE_ID = 26
    SET_ADV_PARAMETERS = 27
    INIT_BUTTON_EVENTS_DUO_LIGHT = 35
    ACK_BUTTON_EVENTS_DUO = 36
    ENABLE_PUSH_TWIST = 37


class FromButtonOp(IntEnum):
    """Opcodes of packets from the button. Source: fact sheet sections 5 and 12."""

    FULL_VERIFY_RESPONSE_1 = 0
    FULL_VERIFY_RESPONSE_2 = 1
    NO_LOGICAL_CONNECTION_SLOTS = 2
    FULL_VERIFY_FAIL = 3
    TEST_IF_REALLY_UNPAIRED = 4
    GET_FIRMWARE_VERSION = 5
    QUICK_VERIFY_NEGATIVE = 6
    PAIRING_FINISHED = 7
    QUICK_VERIFY = 8
    DISCONNECTED_VERIFIED_LINK = 9
    INIT_BUTTON_EVENTS_WITH_BOOT_ID = 10
    INIT_BUTTON_EVENTS_WITHOUT_BOOT_ID = 11
    BUTTON_EVENT = 12
    API_TIMER = 13
    NAME_UPDATED = 14
    PING_REQUEST = 15
    GET_NAME = 16
    SET_NAME = 17
    START_FIRMWARE_UPDATE = 18
    FIRMWARE_UPDATE = 19
    GET_BATTERY_LEVEL = 20
    SERVICES_CHANGED_CONFIRMED = 21
    FACTORY_RESET = 22
    GET_CURRENT_TIME = 23
    GET_DEVICE_ID = 24
    SET_ADV_PARAMETERS = 25
    INIT_BUTTON_EVENTS_DUO_WITH_BOOT_ID = 30
    INIT_BUTTON_EVENTS_DUO_WITHOUT_BOOT_ID = 31
    BUTTON_EVENT_DUO = 32
    PUSH_TWIST_DATA = 33


class Packet:
    """One packet as a value. A subclass whose fields map one to one to `LAYOUT` needs nothing more.

    Attributes:
        OPCODE: the first byte.
        LAYOUT: the fields that follow it, as `struct` sees them.
    """

    __slots__ = ()

    OPCODE: ClassVar[int]
    LAYOUT: ClassVar[Struct] = Struct("<")

    def encode(self) -> bytes:
        """Return opcode and fields: no frame header, no MAC."""
        return bytes([self.OPCODE]) + self._body()

    @classmethod
    def decode(cls, packet: bytes) -> Self:
        """Read a packet whose frame header and MAC have been taken off.

        Raises:
            MalformedPacketError: another opcode, too short, or a field that cannot be.
        """
        if packet[:1] != bytes([cls.OPCODE]):
            raise MalformedPacketError(f"{cls.__name__}: opcode {packet[:1].hex() or 'missing'}")
        return cls._from_body(packet[1:])

    def _body(self) -> bytes:
        return self.LAYOUT.pack(*(getattr(self, each.name) for each in fields(self)))  # type: ignore[arg-type]

    @classmethod
    def _from_body(cls, body: bytes) -> Self:
        return cls(*cls._read(body))

    @classmethod
    def _read(cls, body: bytes) -> tuple[Any, ...]:
        if len(body) < cls.LAYOUT.size:
            raise MalformedPacketError(f"{cls.__name__}: {len(body)} of {cls.LAYOUT.size} bytes")
        return cls.LAYOUT.unpack_from(body)


def pack_bits(*flags: bool) -> int:
    """Return one byte's worth of flags, the first in bit 0."""
    return sum(flag << position for position, flag in enumerate(flags))


def bit(value: int, position: int) -> bool:
    """Tell whether that bit is set."""
    return bool(value >> position & 1)


def address_to_wire(address: str) -> bytes:
    """Reverse `80:E4:DA:70:00:01` into the 6 bytes a packet carries."""
    return bytes.fromhex(address.replace(":", ""))[::-1]


def address_from_wire(wire: bytes) -> str:
    """Read the 6 bytes of a packet as `80:E4:DA:70:00:01`."""
    return wire[::-1].hex(":").upper()


def encode_name(name: str) -> bytes:
    """Return a name as a button keeps it: UTF-8, cut after the last character that fits into 23 bytes."""
    return name.encode()[:NAME_BYTES].decode(errors="ignore").encode()


def decode_name(raw: bytes) -> str:
    """Read a name; what is not UTF-8 in it is no reason to distrust the rest."""
    return raw.rstrip(b"\0").decode(errors="replace")
