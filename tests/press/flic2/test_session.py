"""What a session does besides hearing presses: requests, pings, deadlines, ends."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from flicbridge.press.event import Counter
from flicbridge.press.flic2 import crypto
from flicbridge.press.flic2.conversation import ADVERTISING, CONNECTION, Question
from flicbridge.press.flic2.pairing import Pairing
from flicbridge.press.flic2.reports import (
    BatteryRead,
    Failed,
    FailReason,
    FirmwareRead,
    NameRead,
    QueueDone,
    SessionEvent,
)
from flicbridge.press.flic2.requests import RESPONSE_TIMEOUT_S
from flicbridge.press.flic2.session import Pair, Reconnect, Session
from flicbridge.press.flic2.wire import presses, services, verify
from flicbridge.press.flic2.wire.packet import Packet

if TYPE_CHECKING:
    from tests.press.flic2.conftest import ScriptedButton

    Connect = Callable[..., ScriptedButton]

BOOT_ID = 0x11223344
RESUME = Counter(BOOT_ID, 4)
BATTERY = services.GetBatteryLevelRequest()
NAME = services.GetNameRequest()
FIRMWARE = services.GetFirmwareVersionRequest()


def reason(said: list[SessionEvent]) -> FailReason:
    """Return why the session failed, its only word."""
    (failed,) = said
    assert isinstance(failed, Failed)
    return failed.reason


# Settings and questions


def test_nothing_is_asked_or_set_before_the_queue_is_through(connect: "Connect") -> None:
    button = connect(RESUME)
    button.session.ask(Question.BATTERY)
    button.begins(4, queue=True)
    button.reports(5, 1, queued="q")
    assert button.hears() == []
    button.reports(7, 10, queued="Q")
    assert button.hears() == [CONNECTION, ADVERTISING, BATTERY]


def test_the_button_is_told_to_call_by_itself_and_often() -> None:
    assert ADVERTISING.encode().hex() == "1b01000100" + "a000" + "6406" + "80510100"


def test_at_most_two_requests_are_outstanding(connect: "Connect") -> None:
    button = connect(RESUME)
    for question in (Question.BATTERY, Question.NAME, Question.FIRMWARE):
        button.session.ask(question)
    button.begins(4)
    assert button.hears() == [CONNECTION, ADVERTISING, BATTERY]
    button.says(services.SetAdvParametersResponse())
    assert button.hears() == [NAME]
    button.says(services.GetBatteryLevelResponse(819))
    assert button.hears() == [FIRMWARE]


def test_answers_are_events(button: "ScriptedButton") -> None:
    for question in Question:
        button.session.ask(question)
    assert button.says(services.SetAdvParametersResponse()) == []
    assert button.says(services.GetBatteryLevelResponse(853)) == [BatteryRead(2999)]
    assert button.says(services.GetFirmwareVersionResponse(12)) == [FirmwareRead(12)]
    assert button.says(services.GetNameResponse(0, "Poche")) == [NameRead("Poche")]
    assert button.says(services.NameUpdatedNotification("Tiroir")) == [NameRead("Tiroir")]


def test_a_question_asked_twice_before_its_answer_is_one_question(button: "ScriptedButton") -> None:
    button.session.ask(Question.BATTERY)
    button.session.ask(Question.BATTERY)
    assert button.hears() == [BATTERY]
    button.says(services.GetBatteryLevelResponse(853))
    button.session.ask(Question.BATTERY)
    assert button.hears() == [BATTERY]


def test_a_ping_is_answered_before_everything_else(button: "ScriptedButton") -> None:
    button.says(services.SetAdvParametersResponse())
    button.session.ask(Question.BATTERY)
    button.reports(7, 1, 10)
    button.session.acknowledge(Counter(BOOT_ID, 7), 0.0)
    button.says(services.PingRequest())
    assert button.hears() == [services.PingResponse(), presses.AckButtonEventsInd(7), BATTERY]


def test_a_ping_is_answered_even_before_the_queue(connect: "Connect") -> None:
    button = connect(RESUME)
    button.says(services.PingRequest())
    assert button.hears() == [services.PingResponse()]


# Deadlines


def test_a_missing_init_response_is_a_dead_link(connect: "Connect") -> None:
    button = connect(RESUME, now_s=100.0)
    assert button.session.deadline_s == 100.0 + RESPONSE_TIMEOUT_S
    assert button.session.pass_time(100.0 + RESPONSE_TIMEOUT_S - 0.1) == []
    assert reason(button.session.pass_time(100.0 + RESPONSE_TIMEOUT_S)) is FailReason.RESPONSE_TIMEOUT


def test_a_missing_response_is_a_dead_link(button: "ScriptedButton") -> None:
    assert button.session.deadline_s == RESPONSE_TIMEOUT_S  # the advertising parameters
    assert reason(button.session.pass_time(RESPONSE_TIMEOUT_S)) is FailReason.RESPONSE_TIMEOUT


def test_with_everything_answered_there_is_no_deadline(button: "ScriptedButton") -> None:
    button.says(services.SetAdvParametersResponse())
    assert button.session.deadline_s is None


def test_a_question_after_hours_of_quiet_has_its_whole_time(button: "ScriptedButton") -> None:
    button.says(services.SetAdvParametersResponse(), now_s=7.0)
    button.session.ask(Question.BATTERY)
    assert button.hears() == [BATTERY]
    # The question did not say what time it is, so the session wants to be told at once.
    assert button.session.deadline_s == 7.0
    assert button.session.pass_time(10800.0) == []
    assert button.session.deadline_s == 10800.0 + RESPONSE_TIMEOUT_S
    button.session.ask(Question.NAME)
    assert button.hears() == [NAME]
    assert button.session.deadline_s == 10800.0
    assert reason(button.session.pass_time(10800.0 + RESPONSE_TIMEOUT_S)) is FailReason.RESPONSE_TIMEOUT


def test_old_firmware_may_keep_silent_on_what_it_does_not_know(button: "ScriptedButton") -> None:
    button.session.ask(Question.BATTERY)
    button.hears()
    assert button.says(services.GetBatteryLevelResponse(853), now_s=1.0) == [BatteryRead(2999)]
    assert button.session.deadline_s is None


def test_a_packet_that_never_ends_is_a_dead_link(button: "ScriptedButton") -> None:
    button.says(services.SetAdvParametersResponse())
    assert button.session.receive(b"\x83\x0c\x05\x00", 50.0) == []
    assert button.session.deadline_s == 50.0 + RESPONSE_TIMEOUT_S
    assert button.session.receive(b"\x83\x00", 53.0) == []
    assert reason(button.session.pass_time(50.0 + RESPONSE_TIMEOUT_S)) is FailReason.RESPONSE_TIMEOUT


# Ends


@pytest.mark.parametrize("code", range(5))
def test_a_button_that_hangs_up_ends_the_session(button: "ScriptedButton", code: int) -> None:
    (failed,) = button.says(verify.DisconnectedVerifiedLinkInd(code))
    assert isinstance(failed, Failed)
    assert (failed.reason, failed.subcode) == (FailReason.DISCONNECTED, code)


@pytest.mark.parametrize(
    "packet", [b"x", b"\x0c", bytes(5), verify.DisconnectedVerifiedLinkInd(0).encode() + bytes(5)]
)
def test_an_unsigned_packet_ends_the_session(button: "ScriptedButton", packet: bytes) -> None:
    assert reason(button.transmit(packet)) is FailReason.PACKET_SIGNATURE


@pytest.mark.parametrize(
    "packet",
    [
        b"\x0c",
        b"\x0c\x05\x00\x00\x00",
        b"\x14\x01",
        b"\x0a\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00",
        b"\x10abc",
    ],
)
def test_an_authentic_packet_that_makes_no_sense_ends_the_session(
    button: "ScriptedButton", packet: bytes
) -> None:
    assert reason(button.transmit(button.voice.seal(packet))) is FailReason.MALFORMED


def test_a_packet_too_long_to_be_verified_ends_the_session(button: "ScriptedButton") -> None:
    assert reason(button.transmit(bytes(129))) is FailReason.MALFORMED


def test_events_before_the_init_response_end_the_session(connect: "Connect") -> None:
    assert reason(connect(RESUME).reports(5, 1)) is FailReason.MALFORMED


def test_after_its_last_word_a_session_is_silent(button: "ScriptedButton") -> None:
    authentic = button.voice.seal(services.PingRequest().encode())
    button.session.ask(Question.BATTERY)
    assert button.transmit(b"forged") != []
    assert button.transmit(authentic) == []
    assert button.session.pass_time(1e9) == []
    button.session.acknowledge(RESUME, 0.0)
    button.session.ask(Question.NAME)
    button.session.close(0.0)
    assert button.session.take_frames() == []
    assert button.session.deadline_s is None


def test_closing_says_good_bye_after_what_is_committed(button: "ScriptedButton") -> None:
    button.reports(7, 1, 10)
    button.session.ask(Question.BATTERY)
    button.session.acknowledge(Counter(BOOT_ID, 7), 0.0)
    button.session.close(0.0)
    assert button.hears() == [presses.AckButtonEventsInd(7), verify.DisconnectVerifiedLinkInd()]
    assert button.reports(9, 1) == []


# What is none of our business


@pytest.mark.parametrize(
    "packet",
    [
        services.ServicesChangedConfirmedInd(),
        services.ApiTimerNotification(1),
        services.SetNameResponse(0, "x"),
        presses.InitButtonEventsResponse(False, 0, 99, None),
        verify.QuickVerifyNegativeResponse(b"\x01\x02\x03\x04"),
    ],
)
def test_an_authentic_packet_that_nobody_expects_is_counted(button: "ScriptedButton", packet: Packet) -> None:
    assert button.says(packet) == []
    assert button.session.unexpected == 1
    assert button.reports(5, 1) != []


def test_an_unknown_opcode_is_counted(button: "ScriptedButton") -> None:
    assert button.transmit(button.voice.seal(b"\xc8from newer firmware")) == []
    assert button.session.unexpected == 1
    assert button.reports(5, 1) != []


@pytest.mark.parametrize(
    "frame",
    [b"\x04\x0cforeign", b"\x00\x06\x01\x02\x03\x04", b"\x24\x08other host", b"\x23\x08again", b"\x84\x0c"],
)
def test_frames_of_other_hosts_leave_no_trace(button: "ScriptedButton", frame: bytes) -> None:
    assert button.session.receive(frame, 0.0) == []
    assert [type(event) for event in button.reports(5, 1)] != [Failed]


def test_frames_of_other_hosts_may_come_between_our_fragments(button: "ScriptedButton") -> None:
    sealed = button.voice.seal(
        presses.ButtonEventNotification(5, (presses.EventItem(0, 1, False, False),)).encode()
    )
    assert button.session.receive(b"\x83" + sealed[:6], 0.0) == []
    assert button.session.receive(b"\x04theirs", 0.0) == []
    assert button.session.receive(b"\x80" + sealed[:6], 0.0) == []
    assert len(button.session.receive(b"\x03" + sealed[6:], 0.0)) == 1


# How it is built


def test_a_pairing_keeps_its_secret_out_of_logs() -> None:
    pairing = Pairing("BA00-A00001", "80:E4:DA:70:00:01", 0, bytes(range(20)), "", "", False, False)
    assert (pairing.identifier, pairing.key) == (bytes(range(4)), bytes(range(4, 20)))
    assert "material" not in repr(pairing)
    assert "material" not in repr(Reconnect(pairing, None))


def test_a_pairing_with_half_a_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="20 bytes"):
        Pairing("BA00-A00001", "80:E4:DA:70:00:01", 0, bytes(19), "", "", False, False)


@pytest.mark.parametrize(("max_frame", "root_key"), [(19, crypto.VENDOR_ROOT_KEY), (20, b"short")])
def test_what_cannot_be_is_refused_at_once(max_frame: int, root_key: bytes) -> None:
    with pytest.raises(ValueError, match="bytes"):
        Session(Pair(), address="", address_type=None, root_key=root_key, max_frame=max_frame, now_s=0.0)


def test_closing_before_anything_was_set_only_says_good_bye(connect: "Connect") -> None:
    button = connect(RESUME)
    button.begins(4)
    button.session.ask(Question.BATTERY)
    button.session.close(0.0)
    assert button.hears() == [verify.DisconnectVerifiedLinkInd()]


def test_an_answer_that_was_asked_for_is_not_unexpected(button: "ScriptedButton") -> None:
    button.says(services.SetAdvParametersResponse())
    assert button.session.unexpected == 0


def test_the_queue_is_announced_done_only_once(button: "ScriptedButton") -> None:
    said = button.reports(7, 1, 10, queued="qQ") + button.reports(11, 1, 10)
    assert not any(isinstance(event, QueueDone) for event in said)
