"""Packets and frames, both ways."""

from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flicbridge.press.flic2 import wire
from flicbridge.press.flic2.wire import duo, framing, presses, services, verify
from flicbridge.press.flic2.wire.packet import (
    FromButtonOp,
    MalformedPacketError,
    Packet,
    ToButtonOp,
    address_from_wire,
    address_to_wire,
    encode_name,
)

STEADY = settings(deadline=None)  # a busy machine is no failure

U16 = st.integers(0, 2**16 - 1)
U32 = st.integers(0, 2**32 - 1)
COUNTS = st.tuples(U32, U32)
BYTE = st.integers(0, 255)
CLOCK = st.integers(0, 2**47 - 1)
ADDRESSES = st.binary(min_size=6, max_size=6).map(address_from_wire)
# What a button hands back unchanged: no NUL (it fills up with them), and short enough.
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
SERIALS = st.text("ABCDEFGHIJ0123456789-", min_size=1, max_size=11)
LIMITS = st.builds(
    presses.QueueLimits, st.integers(0, 511), st.integers(0, 31), st.integers(0, 0xFFFFF), st.booleans()
)
ITEMS = st.builds(
    presses.EventItem, st.integers(0, 2**48 - 1), st.integers(0, 15), st.booleans(), st.booleans()
)


def raw(length: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=length, max_size=length)


SPECIAL: dict[type[Packet], st.SearchStrategy[Packet]] = {
    verify.FullVerifyRequest1: st.builds(verify.FullVerifyRequest1, raw(4)),
    verify.FullVerifyResponse1: st.builds(
        verify.FullVerifyResponse1, raw(4), raw(64), ADDRESSES, BYTE, raw(32), raw(8)
    ),
    verify.FullVerifyRequest2: st.builds(verify.FullVerifyRequest2, raw(32), raw(8), BYTE, raw(16)),
    verify.FullVerifyRequest2WithToken: st.builds(
        verify.FullVerifyRequest2WithToken, raw(32), raw(8), BYTE, raw(16), raw(16)
    ),
    verify.FullVerifyResponse2: st.builds(
        verify.FullVerifyResponse2, uuid=raw(16), name=NAMES, firmware=U32, battery_raw=U16, serial=SERIALS
    ),
    verify.FullVerifyFailResponse: st.builds(verify.FullVerifyFailResponse, BYTE),
    verify.NoLogicalConnectionSlotsInd: st.builds(
        verify.NoLogicalConnectionSlotsInd, st.lists(raw(4), min_size=1, max_size=8).map(tuple)
    ),
    verify.QuickVerifyRequest: st.builds(verify.QuickVerifyRequest, raw(7), BYTE, raw(4), raw(4)),
    verify.QuickVerifyResponse: st.builds(verify.QuickVerifyResponse, raw(8), raw(4)),
    verify.QuickVerifyNegativeResponse: st.builds(verify.QuickVerifyNegativeResponse, raw(4)),
    verify.TestIfReallyUnpairedRequest: st.builds(
        verify.TestIfReallyUnpairedRequest, raw(32), raw(8), raw(4), raw(16)
    ),
    verify.TestIfReallyUnpairedResponse: st.builds(verify.TestIfReallyUnpairedResponse, raw(16)),
    verify.PairingFinishedInd: st.builds(verify.PairingFinishedInd, BYTE, BYTE),
    verify.DisconnectedVerifiedLinkInd: st.builds(verify.DisconnectedVerifiedLinkInd, BYTE),
    presses.InitButtonEventsLightRequest: st.builds(presses.InitButtonEventsLightRequest, U32, U32, LIMITS),
    presses.InitButtonEventsResponse: st.builds(
        presses.InitButtonEventsResponse, st.booleans(), CLOCK, U32, st.none() | U32
    ),
    presses.ButtonEventNotification: st.builds(
        presses.ButtonEventNotification, U32, st.lists(ITEMS, min_size=1, max_size=16).map(tuple)
    ),
    presses.AckButtonEventsInd: st.builds(presses.AckButtonEventsInd, U32),
    services.GetBatteryLevelResponse: st.builds(services.GetBatteryLevelResponse, U16),
    services.GetFirmwareVersionResponse: st.builds(services.GetFirmwareVersionResponse, U32),
    services.SetNameRequest: st.builds(services.SetNameRequest, CLOCK, st.booleans(), NAMES),
    services.GetNameResponse: st.builds(services.GetNameResponse, CLOCK, NAMES),
    services.SetNameResponse: st.builds(services.SetNameResponse, CLOCK, NAMES),
    services.NameUpdatedNotification: st.builds(services.NameUpdatedNotification, NAMES),
    services.SetConnectionParametersInd: st.builds(services.SetConnectionParametersInd, U16, U16, U16, U16),
    services.SetAdvParametersRequest: st.builds(
        services.SetAdvParametersRequest, first_interval=U16, second_interval=U16, timeout_s=U32
    ),
    services.SetAutoDisconnectTimeInd: st.builds(services.SetAutoDisconnectTimeInd, st.integers(0, 511)),
    services.StartApiTimerInd: st.builds(services.StartApiTimerInd, U32, U32),
    services.ApiTimerNotification: st.builds(services.ApiTimerNotification, U32),
    services.GetCurrentTimeResponse: st.builds(services.GetCurrentTimeResponse, raw(7)),
    services.GetDeviceIdResponse: st.builds(services.GetDeviceIdResponse, raw(8)),
    services.SetHidStatusRequest: st.builds(services.SetHidStatusRequest, BYTE),
    services.HidNotification: st.builds(services.HidNotification, U16, U16, U16),
    services.StartFirmwareUpdateRequest: st.builds(services.StartFirmwareUpdateRequest, U16, raw(8), U16),
    services.StartFirmwareUpdateResponse: st.builds(
        services.StartFirmwareUpdateResponse, st.integers(-(2**31), 2**31 - 1)
    ),
    services.FirmwareUpdateDataInd: st.builds(services.FirmwareUpdateDataInd, st.binary(max_size=120)),
    services.FirmwareUpdateNotification: st.builds(
        services.FirmwareUpdateNotification, st.integers(-(2**31), 2**31 - 1)
    ),
    duo.InitButtonEventsDuoLightRequest: st.builds(duo.InitButtonEventsDuoLightRequest, COUNTS, U32, LIMITS),
    duo.InitButtonEventsDuoResponse: st.builds(
        duo.InitButtonEventsDuoResponse, st.booleans(), CLOCK, COUNTS, st.none() | U32
    ),
    duo.AckButtonEventsDuoInd: st.builds(duo.AckButtonEventsDuoInd, COUNTS),
    duo.ButtonEventDuoNotification: st.builds(duo.ButtonEventDuoNotification, st.binary(max_size=122)),
    duo.PushTwistDataNotification: st.builds(
        duo.PushTwistDataNotification, BYTE, st.integers(-(2**31), 2**31 - 1)
    ),
}
TO_BUTTON: list[type[Packet]] = sorted(set(wire._TO_BUTTON.values()), key=lambda kind: kind.__name__)
FROM_BUTTON: list[type[Packet]] = sorted(set(wire._FROM_BUTTON.values()), key=lambda kind: kind.__name__)


def packets(kinds: list[type[Packet]]) -> st.SearchStrategy[Packet]:
    return st.one_of([SPECIAL.get(kind, st.builds(kind)) for kind in kinds])


@STEADY
@given(packet=packets(TO_BUTTON))
def test_every_packet_to_the_button_survives_the_air(packet: Packet) -> None:
    assert wire.decode_to_button(packet.encode()) == packet


@STEADY
@given(packet=packets(FROM_BUTTON))
def test_every_packet_from_the_button_survives_the_air(packet: Packet) -> None:
    assert wire.decode_from_button(packet.encode()) == packet


NAMED_TO_THE_END = (
    *(services.SetNameRequest, services.GetNameResponse, services.SetNameResponse),
    *(services.NameUpdatedNotification, services.FirmwareUpdateDataInd, duo.ButtonEventDuoNotification),
)


@STEADY
@given(packet=packets([kind for kind in FROM_BUTTON + TO_BUTTON if kind not in NAMED_TO_THE_END]))
def test_a_packet_of_newer_firmware_may_be_longer(packet: Packet) -> None:
    if not isinstance(packet, presses.ButtonEventNotification | verify.NoLogicalConnectionSlotsInd):
        assert type(packet).decode(packet.encode() + b"\x00\x01\x02") == packet


@STEADY
@given(packet=packets(FROM_BUTTON), cut=st.integers(1, 60))
def test_a_packet_cut_short_is_another_packet_or_malformed(packet: Packet, cut: int) -> None:
    shortened = packet.encode()[:-cut]
    with suppress(MalformedPacketError):
        assert wire.decode_from_button(shortened) != packet


@STEADY
@given(junk=st.binary(max_size=140))
def test_junk_is_a_packet_or_unknown_or_malformed(junk: bytes) -> None:
    for decode in (wire.decode_from_button, wire.decode_to_button):
        try:
            decoded = decode(junk)
        except MalformedPacketError:
            continue
        assert decoded is None or decoded.encode()[0] == junk[0]


@pytest.mark.parametrize("kind", TO_BUTTON + FROM_BUTTON)
def test_no_packet_takes_another_opcode(kind: type[Packet]) -> None:
    for junk in (b"", b"\xff" + bytes(130)):
        with pytest.raises(MalformedPacketError):
            kind.decode(junk)


def test_all_described_opcodes_are_known() -> None:
    undescribed = {ToButtonOp.BLE_SECURITY_REQUEST, ToButtonOp.INIT_BUTTON_EVENTS}
    assert set(wire._TO_BUTTON) == set(ToButtonOp) - undescribed
    assert set(wire._FROM_BUTTON) == set(FromButtonOp)


def test_requests_for_events(vectors: dict[str, Any]) -> None:
    for case in vectors["encode_init_button_events_light"]:
        limits = presses.QueueLimits(
            case["auto_disconnect_time"], case["max_queued_packets"], case["max_queued_packets_age"]
        )
        request = presses.InitButtonEventsLightRequest(case["event_count"], case["boot_id"], limits)
        assert request.encode().hex() == case["packet"]


def test_answers_about_events(vectors: dict[str, Any]) -> None:
    for case in vectors["encode_init_response"]:
        response = presses.InitButtonEventsResponse(
            bool(case["has_queued_events"]), case["timestamp_ticks"], case["event_count"], case["boot_id"]
        )
        assert response.encode().hex() == case["packet"]


def test_requests_for_a_name(vectors: dict[str, Any]) -> None:
    for case in vectors["encode_set_name"]:
        request = services.SetNameRequest(case["timestamp_utc_ms"], bool(case["force"]), case["name"])
        assert request.encode().hex() == case["packet"]


def test_every_recorded_packet_encodes_to_what_was_recorded(vectors: dict[str, Any]) -> None:
    checked = 0
    for name, transcript in vectors["transcripts"].items():
        for steps in (part for key, part in transcript.items() if key.endswith("steps")):
            reassemblers = {
                direction: framing.Reassembler() for direction in ("host_to_button", "button_to_host")
            }
            for step in (step for step in steps if "frame" in step):
                frame = framing.parse_frame(bytes.fromhex(step["frame"]))
                assert frame is not None
                packet = reassemblers[step["dir"]].add(frame)
                if packet is None:
                    continue
                body = packet[:-5] if "mac_counter" in step else packet
                to_button = step["dir"] == "host_to_button"
                decoded = (wire.decode_to_button if to_button else wire.decode_from_button)(body)
                assert decoded is not None
                surplus = name == "quick_verify_duo_flag" and step["opcode"] == 23
                assert decoded.encode() == (body[:-3] if surplus else body)
                checked += 1
    assert checked == 224


def test_an_address_travels_reversed() -> None:
    assert address_to_wire("80:E4:DA:70:00:01").hex() == "010070dae480"


def test_a_name_is_cut_between_characters() -> None:
    assert encode_name("é" * 12) == "é".encode() * 11
    assert encode_name("a" * 30) == b"a" * 23


def test_a_name_length_beyond_the_field_is_taken_as_the_whole_field() -> None:
    packet = bytearray(
        verify.FullVerifyResponse2(True, False, False, bytes(16), "x" * 23, 1, 2, "BA00-A00001").encode()
    )
    packet[18] = 200
    assert verify.FullVerifyResponse2.decode(bytes(packet)).name == "x" * 23


def test_a_name_that_is_not_utf8_does_not_hide_the_rest() -> None:
    assert services.GetNameResponse.decode(b"\x10" + bytes(6) + b"\xffPanic").name == "\ufffdPanic"


@pytest.mark.parametrize("serial", [bytes(11), b"BA00 A00001", b"BA00\nA00001", b"\xff" * 11])
def test_a_serial_that_nobody_can_read_is_malformed(serial: bytes) -> None:
    packet = verify.FullVerifyResponse2(True, False, False, bytes(16), "", 1, 2, "BA00-A00001").encode()
    with pytest.raises(MalformedPacketError):
        verify.FullVerifyResponse2.decode(packet[:48] + serial)


def test_fragments_at_the_smallest_mtu(vectors: dict[str, Any]) -> None:
    for case in vectors["framing_mtu23"]:
        header = case["first_header_without_fragment_bit"]
        frames = framing.split(bytes.fromhex(case["packet"]), header & 31, bool(header & 32), 23)
        assert [frame.hex() for frame in frames] == case["frames"]


@STEADY
@given(
    packet=st.binary(min_size=1, max_size=128),
    mtu=st.integers(23, 140),
    conn_id=st.integers(0, 31),
    is_new=st.booleans(),
)
def test_any_packet_crosses_any_mtu(packet: bytes, mtu: int, conn_id: int, is_new: bool) -> None:
    reassembler = framing.Reassembler()
    values = framing.split(packet, conn_id, is_new, mtu)
    assert all(2 <= len(value) <= mtu - 3 for value in values)
    frames = [framing.parse_frame(value) for value in values]
    assert all(frame and (frame.conn_id, frame.newly_assigned) == (conn_id, is_new) for frame in frames)
    assert [reassembler.add(frame) for frame in frames if frame] == [None] * (len(values) - 1) + [packet]


@STEADY
@given(packet=st.binary(min_size=1, max_size=128), cuts=st.sets(st.integers(1, 127)))
def test_any_fragmentation_reassembles(packet: bytes, cuts: set[int]) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut < len(packet)), len(packet)]
    pieces = [packet[start:end] for start, end in pairwise(edges)]
    reassembler = framing.Reassembler()
    *first, last = pieces
    assert [reassembler.add(framing.Frame(1, False, True, piece)) for piece in first] == [None] * len(first)
    assert reassembler.is_unfinished(1) == bool(first)
    assert reassembler.add(framing.Frame(1, False, False, last)) == packet


def test_fragments_of_different_connections_do_not_mix() -> None:
    reassembler = framing.Reassembler()
    reassembler.add(framing.Frame(1, False, True, b"ours, "))
    reassembler.add(framing.Frame(2, False, True, b"theirs, "))
    reassembler.add(framing.Frame(1, True, True, b"nobody's, "))
    assert reassembler.add(framing.Frame(2, False, False, b"done")) == b"theirs, done"
    assert reassembler.add(framing.Frame(1, False, False, b"done")) == b"ours, done"


def test_a_packet_of_more_than_128_bytes_is_swallowed_to_its_end() -> None:
    reassembler = framing.Reassembler()
    assert reassembler.add(framing.Frame(1, False, True, bytes(128))) is None
    with pytest.raises(MalformedPacketError):
        reassembler.add(framing.Frame(1, False, True, b"x"))
    assert reassembler.add(framing.Frame(1, False, True, b"more")) is None
    assert reassembler.add(framing.Frame(1, False, False, b"end")) is None
    assert reassembler.add(framing.Frame(1, False, False, b"next")) == b"next"


@pytest.mark.parametrize("value", [b"", b"\x01", b"\x81"])
def test_a_frame_without_content_means_nothing(value: bytes) -> None:
    assert framing.parse_frame(value) is None


def test_an_unknown_header_bit_is_ignored() -> None:
    assert framing.parse_frame(b"\x43x") == framing.Frame(3, False, False, b"x")
