"""The event stream of a Duo."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flicbridge.press.flic2.duo import DuoEvent, DuoEventType, DuoStream, Swipe
from flicbridge.press.flic2.events import completes_click
from flicbridge.press.flic2.wire.packet import MalformedPacketError

STEADY = settings(deadline=None)  # a busy machine is no failure

GESTURES = (Swipe.UNRECOGNISED, Swipe.LEFT, Swipe.RIGHT, Swipe.UP, Swipe.DOWN)


def stream_of(state: dict[str, Any]) -> DuoStream:
    big, small = state["event_count"]
    return DuoStream(
        (big, small), last_ticks=state["last_timestamp"], is_queue_done=state["end_of_queue_seen"]
    )


def as_vector(event: DuoEvent) -> dict[str, Any]:
    found: dict[str, Any] = {
        "button": event.button,
        "count": event.count,
        "timestamp": event.at_ticks,
        "type": event.type,
        "was_queued": event.was_queued,
        "was_queued_last": event.was_queued_last,
        "accel": list(event.acceleration),
    }
    if event.swipe is not None:
        found["gesture"] = GESTURES.index(event.swipe)
    if event.type is DuoEventType.HOLD:
        found["next_up_double"] = event.flag
    if event.type is DuoEventType.UP_DOUBLE_CLICK_HELD:
        found["was_also_hold"] = event.flag
    return found


def test_notifications(vectors: dict[str, Any]) -> None:
    for case in vectors["duo_event_notification"]["cases"]:
        stream = stream_of(case["state_before"])
        events = stream.decode(bytes.fromhex(case["packet_without_mac"]))
        assert [as_vector(event) for event in events] == case["events"], case["name"]
        assert any(completes_click(event.encoded) for event in events) == case["ack_required"]
        assert list(stream.event_counts) == case["state_after"]["event_count"]
        assert stream.last_ticks == case["state_after"]["last_timestamp"]
        assert stream.is_queue_done == case["state_after"]["end_of_queue_seen"]


def test_types_have_the_codes_of_a_flic_2() -> None:
    def code(kind: DuoEventType, flag: bool = False) -> int:
        return DuoEvent(0, 1, 0, kind, flag, False, False, None, (0, 0, 0)).encoded

    assert [code(kind) for kind in DuoEventType] == [8, 10, 14, 11, 11, 1, 2, 3]
    assert code(DuoEventType.UP_DOUBLE_CLICK_HELD, flag=True) == 15
    assert code(DuoEventType.HOLD, flag=True) == 7


@STEADY
@given(body=st.binary(max_size=123), is_queue_done=st.booleans())
def test_junk_is_decoded_or_malformed(body: bytes, is_queue_done: bool) -> None:
    stream = DuoStream((2**32 - 1, 0), is_queue_done=is_queue_done)
    try:
        events = stream.decode(b"\x20" + body)
    except MalformedPacketError:
        return
    assert len(events) <= len(body) * 8 // 34
    assert all(0 <= event.count < 2**32 for event in events)


def test_another_opcode_is_malformed() -> None:
    with pytest.raises(MalformedPacketError):
        DuoStream((0, 0), is_queue_done=True).decode(b"\x0c" + bytes(20))
