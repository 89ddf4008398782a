"""flicd's packets: by the documentation's layouts, cut anywhere, and nothing malformed believed."""

import struct
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flicbridge.press.flicd import wire
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
from flicbridge.press.flicd.wire import (
    Inbox,
    decode,
)

ADDRESS = "08:09:0A:0B:0C:0D"
RAW = bytes.fromhex("0d0c0b0a0908")
"""The documentation's own example of an address on the wire."""


def framed(packet: bytes) -> bytes:
    return len(packet).to_bytes(2, "little") + packet


def button_info(serial: bytes = b"AB12-C34567", length: int | None = None, uuid: bytes = b"\7" * 16) -> bytes:
    size = len(serial) if length is None else length
    return struct.pack(
        "<B6s16sB16sB16sBI", 14, RAW, uuid, 5, b"black", size, serial.ljust(16, b"\0"), 1, 0x01020304
    )


# -- commands


@pytest.mark.parametrize(
    ("command", "written"),
    [
        (wire.get_info(), "0100 00"),
        (
            wire.create_channel(0x04030201, ADDRESS, Latency.LOW, 511),
            "0e00 03 01020304 0d0c0b0a0908 01 ff01",
        ),
        (wire.remove_channel(1), "0500 04 01000000"),
        (wire.ping(0xFFFFFFFF), "0500 07 ffffffff"),
        (wire.get_button_info(ADDRESS), "0700 08 0d0c0b0a0908"),
        (wire.create_battery_listener(2, ADDRESS), "0b00 0c 02000000 0d0c0b0a0908"),
    ],
)
def test_a_command_is_written_as_documented(command: bytes, written: str) -> None:
    assert command == bytes.fromhex(written)


def test_an_address_is_written_backwards_and_read_back() -> None:
    assert wire.address_bytes("08:09:0a:0b:0c:0d") == RAW
    assert wire.address_text(RAW) == ADDRESS


# -- events

EVENTS = {
    "01 01000000 00 02": ChannelAnswer(1, accepted=True, status=Status.READY),
    "01 01000000 01 00": ChannelAnswer(1, accepted=False, status=Status.DISCONNECTED),
    "02 01000000 00 02": StatusChanged(1, Status.DISCONNECTED, DisconnectReason.TIMED_OUT),
    "02 01000000 02 ee": StatusChanged(1, Status.READY, None),  # the reason is documented to be invalid
    "03 01000000 0b": ChannelRemoved(1, RemovedReason.DELETED_FROM_BUTTON),
    "04 01000000 00 00 00000000": Clicked(1, 4, Click.DOWN, was_queued=False, age_s=0),
    "04 01000000 01 01 100e0000": Clicked(1, 4, Click.UP, was_queued=True, age_s=3600),
    "05 01000000 05 00 00000000": Clicked(1, 5, Click.HOLD, was_queued=False, age_s=0),
    "06 01000000 03 00 00000000": Clicked(1, 6, Click.SINGLE, was_queued=False, age_s=0),
    "07 01000000 04 00 00000000": Clicked(1, 7, Click.DOUBLE, was_queued=False, age_s=0),
    "08 0d0c0b0a0908": NewlyVerified(ADDRESS),
    "09 02 000000000000 00 20 ffff 01 00 0000": Info(Controller.ATTACHED, is_full=False, verified=()),
    "09 00 000000000000 01 20 0a00 01 01 0100 0d0c0b0a0908": Info(
        Controller.DETACHED, is_full=True, verified=(ADDRESS,)
    ),
    "0a 05": SpaceChanged(is_full=True),
    "0b 05": SpaceChanged(is_full=False),
    "0c 01": ControllerChanged(Controller.RESETTING),
    "0d 2a000000": Pong(42),
    button_info().hex(): ButtonInfo(ADDRESS, b"\7" * 16, "AB12-C34567", 1, 0x01020304),
    "13 0d0c0b0a0908 01": Deleted(ADDRESS),
    "14 02000000 57 00e40b5402000000": Battery(2, 87),
    "14 02000000 ff 0000000000000000": Battery(2, None),
    "00 00000000": Other(0),  # we never scan
    "63 0102": Other(0x63),  # not invented yet
}


@pytest.mark.parametrize("packet", EVENTS)
def test_an_event_is_read_as_documented(packet: str) -> None:
    assert decode(bytes.fromhex(packet)) == EVENTS[packet]


@pytest.mark.parametrize("packet", EVENTS)
def test_bytes_after_the_last_known_field_are_passed_over_as_the_documentation_asks(packet: str) -> None:
    assert decode(bytes.fromhex(packet) + b"\xfe\xfe") == EVENTS[packet]


@pytest.mark.parametrize("packet", [packet for packet in EVENTS if packet[:2] not in ("00", "63")])
def test_an_event_that_ends_too_early_is_malformed_wherever_it_ends(packet: str) -> None:
    whole = bytes.fromhex(packet)
    assert all(isinstance(decode(whole[:size]), Malformed) for size in range(1, len(whole)))


@pytest.mark.parametrize(
    "packet",
    [
        "01 01000000 02 00",  # no such error
        "01 01000000 00 03",  # no such status
        "02 01000000 03 00",
        "04 01000000 02 00 00000000",  # a click is no edge
        "04 01000000 06 00 00000000",  # no such click
        "04 01000000 00 02 00000000",  # neither true nor false
        "05 01000000 00 00 00000000",  # an edge is no verdict
        "06 01000000 05 00 00000000",
        "07 01000000 02 00 00000000",
        "09 03 000000000000 00 20 ffff 01 00 0000",  # no such state
        "09 02 000000000000 02 20 ffff 01 00 0000",
        "09 02 000000000000 00 20 ffff 01 00 0200 0d0c0b0a0908",  # two buttons announced, one there
        "0c 03",
        "13 0d0c0b0a0908 07",
        "14 02000000 65 0000000000000000",  # 101 %
        "14 02000000 fe 0000000000000000",  # -2 %
        button_info(length=17).hex(),
        button_info(serial=b"\xff\xfe").hex(),
        button_info(serial=b"a\x1b[31m").hex(),
        "",
    ],
)
def test_a_value_without_a_meaning_is_malformed(packet: str) -> None:
    assert isinstance(decode(bytes.fromhex(packet)), Malformed)


@pytest.mark.parametrize(("packet", "reason"), [("03 01000000 63", None), ("02 01000000 00 63", None)])
def test_a_reason_that_was_invented_after_us_does_not_end_the_connection(packet: str, reason: None) -> None:
    event = decode(bytes.fromhex(packet))
    assert isinstance(event, ChannelRemoved | StatusChanged)
    assert event.reason is reason


def test_a_button_that_is_not_paired_has_an_empty_identity() -> None:
    info = decode(struct.pack("<B6s54xI", 14, RAW, 0) + b"\0")
    assert isinstance(info, ButtonInfo)
    assert (info.is_verified, info.serial) == (False, "")


# -- the stream

STREAM = b"".join(framed(bytes.fromhex(packet)) for packet in EVENTS)


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_a_stream_means_the_same_wherever_it_is_cut(cuts: list[int]) -> None:
    inbox, read = Inbox(), []
    edges = [0, *sorted(cuts), len(STREAM)]
    for begin, end in pairwise(edges):
        read += inbox.feed(STREAM[begin:end])
    assert read == list(EVENTS.values())


def test_a_stream_means_the_same_byte_by_byte() -> None:
    inbox = Inbox()
    assert [event for byte in STREAM for event in inbox.feed(bytes([byte]))] == list(EVENTS.values())


@pytest.mark.parametrize("spoilt", [b"\0\0", b"HTTP/1.1 400 Bad Request\r\n", b"SSH-2.0-x\r\n", b"\x01\x10"])
def test_nothing_is_believed_after_what_no_flicd_says(spoilt: bytes) -> None:
    inbox = Inbox()
    *before, last = inbox.feed(framed(b"\x0d\1\0\0\0") + spoilt + STREAM)
    assert before == [Pong(1)]
    assert isinstance(last, Malformed)
    assert inbox.feed(STREAM) == []


@given(data=st.binary(max_size=300))
@example(data=framed(b"\x09" + b"\xff" * 40))
@example(data=framed(b"\x04" * 11) * 3)
def test_no_bytes_can_raise_an_error_and_an_event_is_never_half_read(data: bytes) -> None:
    whole, bytewise = Inbox(), Inbox()
    events = whole.feed(data)
    assert events == [event for byte in data for event in bytewise.feed(bytes([byte]))]
    assert not any(isinstance(event, Malformed) for event in events[:-1])


@given(packet=st.binary(min_size=1, max_size=80))
def test_a_press_is_only_read_from_a_packet_that_says_nothing_else(packet: bytes) -> None:
    event = decode(packet)
    if isinstance(event, Clicked):
        fields = struct.pack("<IBBI", event.conn_id, event.click, event.was_queued, event.age_s)
        assert packet[:11] == bytes([event.opcode]) + fields
