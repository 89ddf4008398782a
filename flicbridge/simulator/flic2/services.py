"""What a simulated Flic 2 answers in an established connection. Source: fact sheet sections 9.3 and 9.6."""

from flicbridge.press.flic2.wire.packet import Packet
from flicbridge.press.flic2.wire.services import (
    GetBatteryLevelRequest,
    GetBatteryLevelResponse,
    GetCurrentTimeRequest,
    GetCurrentTimeResponse,
    GetDeviceIdRequest,
    GetDeviceIdResponse,
    GetFirmwareVersionRequest,
    GetFirmwareVersionResponse,
    GetNameRequest,
    GetNameResponse,
    SetAdvParametersRequest,
    SetAdvParametersResponse,
    SetNameRequest,
    SetNameResponse,
    StartFirmwareUpdateRequest,
    StartFirmwareUpdateResponse,
)
from flicbridge.simulator.flic2.body import Body
from flicbridge.simulator.flic2.memory import AdvertisingSettings, Host, Memory

INTERVAL_UNIT_S = 0.000625
UPDATE_BUSY = -2
_CURRENT_TIME_BYTES = 7
_DEVICE_ID_BYTES = 8


def answer(body: Body, host: Host, request: Packet, now_s: float) -> Packet | None:
    """Do what a request asks for and return the response; None if it is not one of these."""
    memory = body.memory
    match request:
        case GetBatteryLevelRequest():
            return GetBatteryLevelResponse(memory.battery_raw)
        case GetFirmwareVersionRequest():
            return GetFirmwareVersionResponse(memory.firmware)
        case GetNameRequest():
            return GetNameResponse(memory.name_utc_ms, memory.name)
        case SetNameRequest():
            _rename(memory, request)
            return SetNameResponse(memory.name_utc_ms, memory.name)
        case SetAdvParametersRequest():
            _note_wishes(memory, host, request)
            return SetAdvParametersResponse()
        case GetCurrentTimeRequest():  # of what is not known; we give the clock
            return GetCurrentTimeResponse(body.ticks(now_s).to_bytes(_CURRENT_TIME_BYTES, "little"))
        case GetDeviceIdRequest():
            return GetDeviceIdResponse(memory.identity.uuid[:_DEVICE_ID_BYTES])
        case StartFirmwareUpdateRequest():
            return StartFirmwareUpdateResponse(UPDATE_BUSY)
        case _:
            return None


def _rename(memory: Memory, request: SetNameRequest) -> None:
    """Take a name, unless a newer one is known; then the response tells it."""
    if request.force or request.utc_ms > memory.name_utc_ms:
        memory.name, memory.name_utc_ms = request.name, request.utc_ms


def _note_wishes(memory: Memory, host: Host, request: SetAdvParametersRequest) -> None:
    if request.remove_other_pairings:
        for other in memory.hosts:
            other.advertising = None
    host.advertising = AdvertisingSettings(
        is_active=request.is_active and request.with_short_range,
        first_interval_s=request.first_interval * INTERVAL_UNIT_S,
        second_interval_s=request.second_interval * INTERVAL_UNIT_S,
        timeout_s=request.timeout_s,
    )
