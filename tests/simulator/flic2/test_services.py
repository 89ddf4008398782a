"""What else a simulated button does for its hosts: names, battery, timers, pings, and ending things."""

import pytest

from flicbridge.press.flic2.wire import Packet
from flicbridge.press.flic2.wire.presses import QueueLimits
from flicbridge.press.flic2.wire.services import (
    ApiTimerNotification,
    FactoryResetRequest,
    FactoryResetResponse,
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
    NameUpdatedNotification,
    PingRequest,
    PingResponse,
    SetAutoDisconnectTimeInd,
    SetConnectionParametersInd,
    SetNameRequest,
    SetNameResponse,
    StartApiTimerInd,
    StartFirmwareUpdateRequest,
    StartFirmwareUpdateResponse,
)
from flicbridge.press.flic2.wire.verify import DisconnectedVerifiedLinkInd, ForceBtDisconnectInd
from flicbridge.simulator.flic2.link import PING_PATIENCE_S
from flicbridge.simulator.flic2.plain_host import PlainHost

ENDED_BY_USER = DisconnectedVerifiedLinkInd(DisconnectedVerifiedLinkInd.BY_USER)

ANSWERS: list[tuple[Packet, Packet]] = [
    (GetBatteryLevelRequest(), GetBatteryLevelResponse(860)),
    (GetFirmwareVersionRequest(), GetFirmwareVersionResponse(10)),
    (GetNameRequest(), GetNameResponse(0, "Panic")),
    (GetCurrentTimeRequest(), GetCurrentTimeResponse((5 * 32768).to_bytes(7, "little"))),
    (StartFirmwareUpdateRequest(100, bytes(8), 60), StartFirmwareUpdateResponse(-2)),
]


def hear_at(host: PlainHost, now_s: float) -> list[Packet]:
    host.now_s = now_s
    host.button.pass_time(now_s)
    return host.hear()


@pytest.mark.parametrize(("request_", "answer"), ANSWERS, ids=lambda packet: type(packet).__name__)
def test_every_request_is_answered_in_order(listening: PlainHost, request_: Packet, answer: Packet) -> None:
    listening.now_s = 5.0
    listening.send(request_)
    listening.send(GetDeviceIdRequest())
    device_id = listening.button.memory.identity.uuid[:8]
    assert listening.hear() == [answer, GetDeviceIdResponse(device_id)]


def test_a_newer_name_wins_unless_forced(listening: PlainHost) -> None:
    assert listening.ask(SetNameRequest(2000, False, "Poche")) == SetNameResponse(2000, "Poche")
    assert listening.ask(SetNameRequest(1000, False, "Old")) == SetNameResponse(2000, "Poche")
    assert listening.ask(SetNameRequest(1000, True, "Tiroir")) == SetNameResponse(1000, "Tiroir")


def test_another_host_is_told_of_a_new_name(listening: PlainHost) -> None:
    listening.button.go_public(0.0)
    other = PlainHost(listening.button, tmp_id=b"twin")
    other.pair()
    assert isinstance(other.ask(SetNameRequest(1, False, "Poche")), SetNameResponse)
    assert listening.sort_out(other.overheard) == [NameUpdatedNotification("Poche")]


def test_a_ping_that_is_answered_keeps_the_connection(listening: PlainHost) -> None:
    listening.button.ping(1.0)
    assert listening.hear() == [PingRequest()]
    listening.send(PingResponse())
    assert hear_at(listening, 100.0) == []
    assert listening.button.deadline_s(100.0) is None


def test_a_ping_without_answer_ends_the_connection(listening: PlainHost) -> None:
    listening.button.ping(1.0)
    listening.hear()
    assert hear_at(listening, 0.9 + PING_PATIENCE_S) == []
    farewell = DisconnectedVerifiedLinkInd(DisconnectedVerifiedLinkInd.PING_TIMEOUT)
    assert hear_at(listening, 1.0 + PING_PATIENCE_S) == [farewell]
    assert not listening.button.wants_hang_up  # other hosts may share the link


def test_a_timer_sends_its_message_back_once(listening: PlainHost) -> None:
    listening.send(StartApiTimerInd(ticks=32768, message=42))
    assert listening.button.deadline_s(0.0) == 1.0
    assert hear_at(listening, 0.9) == []
    assert hear_at(listening, 1.0) == [ApiTimerNotification(42)]
    assert hear_at(listening, 10.0) == []


def test_a_timer_can_be_cleared(listening: PlainHost) -> None:
    listening.send(StartApiTimerInd(ticks=32768, message=42))
    listening.send(StartApiTimerInd(ticks=0, message=0))
    assert hear_at(listening, 10.0) == []


def test_a_button_asked_to_disconnect_after_silence_does_so(paired: PlainHost) -> None:
    paired.init(limits=QueueLimits(auto_disconnect_s=40))
    paired.button.press(10.0)
    paired.button.release(10.7)
    paired.hear()
    assert hear_at(paired, 50.0) == []
    assert hear_at(paired, 50.7) == [ENDED_BY_USER]
    assert paired.button.wants_hang_up
    paired.button.link_down(51.0)
    assert paired.button.advertisement(51.0) is None


def test_a_press_while_the_button_hangs_up_wakes_it(paired: PlainHost) -> None:
    paired.init(limits=QueueLimits(auto_disconnect_s=40))
    hear_at(paired, 40.0)
    paired.button.press(40.01)
    paired.button.link_down(40.02)
    assert paired.button.advertisement(40.02) is not None


@pytest.mark.parametrize("never", [0, 511])
def test_a_button_told_never_to_disconnect_stays(paired: PlainHost, never: int) -> None:
    paired.init(limits=QueueLimits(auto_disconnect_s=40))
    paired.send(SetAutoDisconnectTimeInd(never))
    assert hear_at(paired, 86_400.0) == []


def test_a_wish_for_connection_parameters_is_passed_on_once(listening: PlainHost) -> None:
    wish = SetConnectionParametersInd(80, 90, 17, 800)
    listening.send(wish)
    assert listening.button.take_wanted_parameters() == wish
    assert listening.button.take_wanted_parameters() is None


def test_a_button_told_to_drop_the_radio_link_wants_to(listening: PlainHost) -> None:
    listening.send(ForceBtDisconnectInd(restart_adv=True))
    assert listening.button.wants_hang_up


def test_a_factory_reset_forgets_everything_after_a_last_answer(listening: PlainHost) -> None:
    old_boot_id = listening.button.memory.boot_id
    assert listening.ask(FactoryResetRequest()) == FactoryResetResponse()
    assert listening.button.wants_hang_up
    listening.button.link_down(1.0)
    assert listening.button.memory.hosts == []
    assert listening.button.memory.boot_id != old_boot_id
    assert not listening.button.wants_hang_up
