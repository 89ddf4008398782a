"""Everything else: battery, name, firmware, how the link behaves, how the button advertises, pings.

Both directions, both ways. Source: fact sheet sections 9.3 and 9.6. Not here, because nobody has described
their layout and no known host sends them: InitButtonEventsRequest (15) and BleSecurityRequestInd (7).
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final, Self

from flicbridge.press.flic2.wire.packet import (
    FromButtonOp,
    MalformedPacketError,
    Packet,
    ToButtonOp,
    bit,
    decode_name,
    encode_name,
)

_STAMP_BYTES: Final = 6
_FORCE_BIT: Final = 47


@dataclass(frozen=True, slots=True)
class PingRequest(Packet):
    """To be answered at once, or the button ends the session."""

    OPCODE = FromButtonOp.PING_REQUEST


@dataclass(frozen=True, slots=True)
class PingResponse(Packet):
    OPCODE = ToButtonOp.PING_RESPONSE


@dataclass(frozen=True, slots=True)
class GetBatteryLevelRequest(Packet):
    OPCODE = ToButtonOp.GET_BATTERY_LEVEL


@dataclass(frozen=True, slots=True)
class GetBatteryLevelResponse(Packet):
    """`raw`: see `events.battery_mv`."""

    OPCODE = FromButtonOp.GET_BATTERY_LEVEL
    LAYOUT = Struct("<H")

    raw: int


@dataclass(frozen=True, slots=True)
class GetFirmwareVersionRequest(Packet):
    OPCODE = ToButtonOp.GET_FIRMWARE_VERSION


@dataclass(frozen=True, slots=True)
class GetFirmwareVersionResponse(Packet):
    OPCODE = FromButtonOp.GET_FIRMWARE_VERSION
    LAYOUT = Struct("<I")

    version: int


@dataclass(frozen=True, slots=True)
class GetNameRequest(Packet):
    OPCODE = ToButtonOp.GET_NAME


@dataclass(frozen=True, slots=True)
class SetNameRequest(Packet):
    """Renames the button.

    Attributes:
        utc_ms: when the name was chosen, milliseconds since 1970; 47 bits.
        force: replace even a name that was chosen later.
        name: cut to 23 bytes of UTF-8.
    """

    OPCODE = ToButtonOp.SET_NAME

    utc_ms: int
    force: bool
    name: str

    def _body(self) -> bytes:
        return (self.utc_ms | self.force << _FORCE_BIT).to_bytes(_STAMP_BYTES, "little") + encode_name(
            self.name
        )

    @classmethod
    def _from_body(cls, body: bytes) -> Self:
        stamp, name = _stamp_and_name(cls.__name__, body)
        return cls(stamp & (1 << _FORCE_BIT) - 1, bit(stamp, _FORCE_BIT), name)


def _stamp_and_name(packet: str, body: bytes) -> tuple[int, str]:
    if len(body) < _STAMP_BYTES:
        raise MalformedPacketError(f"{packet}: {len(body)} bytes")
    return int.from_bytes(body[:_STAMP_BYTES], "little"), decode_name(body[_STAMP_BYTES:])


@dataclass(frozen=True, slots=True)
class _StampedName(Packet):
    """The button's name and when it was chosen, milliseconds since 1970; 48 bits."""

    utc_ms: int
    name: str

    def _body(self) -> bytes:
        return self.utc_ms.to_bytes(_STAMP_BYTES, "little") + encode_name(self.name)

    @classmethod
    def _from_body(cls, body: bytes) -> Self:
        return cls(*_stamp_and_name(cls.__name__, body))


class GetNameResponse(_StampedName):
    __slots__ = ()
    OPCODE = FromButtonOp.GET_NAME


class SetNameResponse(_StampedName):
    """The name that holds now: the one asked for, or a newer one."""

    __slots__ = ()
    OPCODE = FromButtonOp.SET_NAME


@dataclass(frozen=True, slots=True)
class NameUpdatedNotification(Packet):
    """Another host renamed the button."""

    OPCODE = FromButtonOp.NAME_UPDATED

    name: str

    def _body(self) -> bytes:
        return encode_name(self.name)

    @classmethod
    def _from_body(cls, body: bytes) -> Self:
        return cls(decode_name(body))


@dataclass(frozen=True, slots=True)
class SetConnectionParametersInd(Packet):
    """What the button asks its central for: intervals in 1.25 ms, latency in events, timeout in 10 ms."""

    OPCODE = ToButtonOp.SET_CONNECTION_PARAMETERS
    LAYOUT = Struct("<4H")

    interval_min: int
    interval_max: int
    latency: int
    supervision_timeout: int


@dataclass(frozen=True, slots=True)
class SetAdvParametersRequest(Packet):
    """How the button makes itself heard after a lost link. Firmware 6 and later.

    Attributes:
        is_active: advertise at once and by itself; else only after a press.
        remove_other_pairings: drop what other hosts have set.
        with_short_range: on the ordinary radio.
        with_long_range: on the coded one.
        first_interval: in 0.625 ms, for the first seconds.
        second_interval: in 0.625 ms, after them.
        timeout_s: give up after that long.
    """

    OPCODE = ToButtonOp.SET_ADV_PARAMETERS
    LAYOUT = Struct("<4?2HI")

    is_active: bool
    remove_other_pairings: bool
    with_short_range: bool
    with_long_range: bool
    first_interval: int
    second_interval: int
    timeout_s: int


@dataclass(frozen=True, slots=True)
class SetAdvParametersResponse(Packet):
    OPCODE = FromButtonOp.SET_ADV_PARAMETERS


@dataclass(frozen=True, slots=True)
class SetAutoDisconnectTimeInd(Packet):
    """Silence, in seconds, after which the button drops the link; 9 bits, 511 = never."""

    OPCODE = ToButtonOp.SET_AUTO_DISCONNECT_TIME
    LAYOUT = Struct("<H")

    seconds: int


@dataclass(frozen=True, slots=True)
class StartApiTimerInd(Packet):
    """`ticks` of 1/32768 s until the button sends `message` back; 0 clears the timer."""

    OPCODE = ToButtonOp.START_API_TIMER
    LAYOUT = Struct("<2I")

    ticks: int
    message: int


@dataclass(frozen=True, slots=True)
class ApiTimerNotification(Packet):
    OPCODE = FromButtonOp.API_TIMER
    LAYOUT = Struct("<I")

    message: int


@dataclass(frozen=True, slots=True)
class GetCurrentTimeRequest(Packet):
    OPCODE = ToButtonOp.GET_CURRENT_TIME


@dataclass(frozen=True, slots=True)
class GetCurrentTimeResponse(Packet):
    """`raw_time`: 7 bytes."""

    OPCODE = FromButtonOp.GET_CURRENT_TIME
    LAYOUT = Struct("<7s")

    raw_time: bytes


@dataclass(frozen=True, slots=True)
class GetDeviceIdRequest(Packet):
    OPCODE = ToButtonOp.GET_DEVICE_ID


@dataclass(frozen=True, slots=True)
class GetDeviceIdResponse(Packet):
    OPCODE = FromButtonOp.GET_DEVICE_ID
    LAYOUT = Struct("<8s")

    device_id: bytes


@dataclass(frozen=True, slots=True)
class FactoryResetRequest(Packet):
    OPCODE = ToButtonOp.FACTORY_RESET


@dataclass(frozen=True, slots=True)
class FactoryResetResponse(Packet):
    OPCODE = FromButtonOp.FACTORY_RESET


@dataclass(frozen=True, slots=True)
class SetHidStatusRequest(Packet):
    OPCODE = ToButtonOp.SET_HID_STATUS
    LAYOUT = Struct("<B")

    status: int


@dataclass(frozen=True, slots=True)
class HidNotification(Packet):
    OPCODE = ToButtonOp.HID_NOTIFICATION
    LAYOUT = Struct("<3H")

    page: int
    usage: int
    duration: int


@dataclass(frozen=True, slots=True)
class ServicesChangedConfirmedInd(Packet):
    OPCODE = FromButtonOp.SERVICES_CHANGED_CONFIRMED


@dataclass(frozen=True, slots=True)
class StartFirmwareUpdateRequest(Packet):
    """`words`: length in 32-bit words without the `iv`; `status_interval` in words."""

    OPCODE = ToButtonOp.START_FIRMWARE_UPDATE
    LAYOUT = Struct("<H8sH")

    words: int
    iv: bytes
    status_interval: int


@dataclass(frozen=True, slots=True)
class StartFirmwareUpdateResponse(Packet):
    """`start`: word to resume at, or -1 invalid parameters, -2 busy, -3 reboot pending."""

    OPCODE = FromButtonOp.START_FIRMWARE_UPDATE
    LAYOUT = Struct("<i")

    start: int


@dataclass(frozen=True, slots=True)
class FirmwareUpdateDataInd(Packet):
    """Up to 30 words of a firmware image."""

    OPCODE = ToButtonOp.FIRMWARE_UPDATE_DATA

    data: bytes

    def _body(self) -> bytes:
        return self.data

    @classmethod
    def _from_body(cls, body: bytes) -> Self:
        return cls(body)


@dataclass(frozen=True, slots=True)
class FirmwareUpdateNotification(Packet):
    """`position`: words received; the whole length = done, 0 = the image's signature is wrong."""

    OPCODE = FromButtonOp.FIRMWARE_UPDATE
    LAYOUT = Struct("<i")

    position: int
