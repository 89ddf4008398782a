"""The simulated Duo: two keys, each with a finger and a count of its own, told in one row."""

from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flicbridge.press.flic2.crypto import MAC_BYTES
from flicbridge.press.flic2.duo import DuoEvent, DuoStream, Swipe
from flicbridge.press.flic2.events import item_kind
from flicbridge.press.flic2.wire.presses import ButtonEventNotification, InitButtonEventsResponse
from flicbridge.press.flic2.wire.verify import FullVerifyResponse2
from flicbridge.simulator.flic2 import SimulatedFlic2
from flicbridge.simulator.flic2.beacon import advertising_data, scan_response
from flicbridge.simulator.flic2.duo import MOST_BITS, DuoTale
from flicbridge.simulator.flic2.fingers import Encoded
from flicbridge.simulator.flic2.memory import Event, Identity, Memory
from flicbridge.simulator.flic2.plain_host import PlainHost

STEADY = settings(deadline=None)  # a busy machine is no failure
BIG, SMALL = 0, 1


def new_memory() -> Memory:
    return Memory(Identity.made_for("poche", duo=True), "poche", queue_size=100)


@st.composite
def tales(draw: st.DrawFn) -> list[Event]:
    """Events of both keys, whatever they are, in the order of time."""
    memory = new_memory()
    memory.event_count, memory.small_count = draw(st.tuples(*[st.integers(0, 2**32 - 1)] * 2))
    gaps = st.one_of(st.integers(0, 300), st.integers(0, 2**20), st.integers(0, 2**40))
    steps = draw(st.lists(st.tuples(st.sampled_from(Encoded), st.booleans(), gaps), min_size=1, max_size=40))
    times = accumulate(gap for *_, gap in steps)
    ups = [Encoded.UP_UNDECIDED, Encoded.UP_SINGLE, Encoded.UP_DOUBLE, Encoded.UP_HELD]
    swipes = draw(st.lists(st.none() | st.sampled_from(Swipe), min_size=len(steps), max_size=len(steps)))
    return [
        memory.keep(encoded, at_ticks, int(is_small), swipe if encoded in ups else None)
        for (encoded, is_small, _), at_ticks, swipe in zip(steps, times, swipes, strict=True)
    ]


def as_heard(events: list[DuoEvent]) -> list[tuple[int, int, int, int, Swipe | None]]:
    return [(e.button, e.count, e.at_ticks, e.encoded, e.swipe) for e in events]


def as_told(events: list[Event]) -> list[tuple[int, int, int, int, Swipe | None]]:
    # A Duo does not say which press of a double click a "down" was.
    codes = {Encoded.SECOND_DOWN: Encoded.DOWN}
    return [(e.key, e.count, e.at_ticks, codes.get(e.encoded, e.encoded), e.swipe) for e in events]


@STEADY
@given(events=tales(), cut=st.integers(0, 40), counts=st.tuples(*[st.integers(0, 2**32 - 1)] * 2))
def test_whatever_the_fingers_do_the_stream_tells_it(
    events: list[Event], cut: int, counts: tuple[int, int]
) -> None:
    """Up to a cut the events were queued; what came before them nobody knows, hence any counts."""
    queued, live = events[:cut], events[cut:]
    counts = (_before(events, BIG, counts[BIG]), _before(events, SMALL, counts[SMALL]))
    tale = DuoTale(counts, is_queue_done=not queued)
    stream = DuoStream(counts, is_queue_done=not queued)
    heard: list[DuoEvent] = []
    packets = tale.tell(queued, are_queued=True, last=queued[-1]) if queued else []
    packets += [packet for event in live for packet in tale.tell([event], are_queued=False)]
    for packet in packets:
        assert len(packet.bits) * 8 < MOST_BITS + 8
        heard += stream.decode(packet.encode())
    assert as_heard(heard) == as_told(events)
    assert [event.was_queued for event in heard] == [True] * len(queued) + [False] * len(live)
    assert [event.was_queued_last for event in heard if event.was_queued][-1:] == [True] * bool(queued)
    assert all(event.adds_up for event in heard)


def _before(events: list[Event], key: int, otherwise: int) -> int:
    """A count that the first event of a key may have after it."""
    first = next((event.count for event in events if event.key == key), None)
    return otherwise if first is None else (first - 1 - otherwise % 1000) % 2**32


def test_a_queue_that_is_not_marked_ends_with_the_first_live_event() -> None:
    memory = new_memory()
    old, new = memory.keep(Encoded.DOWN, 10, BIG), memory.keep(Encoded.UP_SINGLE, 20, BIG)
    tale, stream = DuoTale((0, 0), is_queue_done=False), DuoStream((0, 0), is_queue_done=False)
    packets = tale.tell([old], are_queued=True) + tale.tell([new], are_queued=False)
    assert [e.was_queued for packet in packets for e in stream.decode(packet.encode())] == [True, False]
    assert stream.is_queue_done


@pytest.mark.parametrize("is_marked", [True, False])
@pytest.mark.parametrize("encoded", Encoded)
def test_whether_or_not_an_empty_queue_has_an_end_mark_the_first_event_is_understood(
    encoded: Encoded, is_marked: bool
) -> None:
    """The vendor's two libraries disagree on it. A release may be taken for one of another kind."""
    event = new_memory().keep(encoded, 123_456, SMALL)
    tale = DuoTale((0, 0), is_queue_done=not is_marked)
    (packet,) = tale.tell([event], are_queued=False)
    (heard,) = DuoStream((0, 0), is_queue_done=True).decode(packet.encode())
    assert (heard.button, heard.count, heard.at_ticks) == (event.key, event.count, event.at_ticks)
    assert item_kind(heard.encoded) is item_kind(event.encoded)
    assert not heard.was_queued


def test_the_name_decides_who_a_duo_is_and_it_is_not_the_flic_2_of_that_name() -> None:
    duo, flic2 = Identity.made_for("poche", duo=True), Identity.made_for("poche")
    assert duo == Identity.made_for("poche", duo=True)
    assert duo.is_duo
    assert not flic2.is_duo
    assert {duo.serial[0], flic2.serial[0]} == {"D", "B"}
    assert duo.address != flic2.address
    assert len(advertising_data(duo, is_public=True)) <= 31
    assert scan_response(duo, 10) != scan_response(flic2, 10)


def test_a_duo_does_not_forget_what_its_small_key_did() -> None:
    duo = SimulatedFlic2.new("poche", now_s=0.0, duo=True)
    duo.press(1.0, SMALL)
    duo.release(1.1, SMALL, Swipe.LEFT)
    again = SimulatedFlic2.from_json(duo.to_json(1.2), now_s=1.2)
    assert again.memory == duo.memory
    assert [(e.key, e.count, e.swipe) for e in again.memory.queue] == [(1, 1, None), (1, 3, Swipe.LEFT)]
    assert again.memory.counts == (0, 3)


def test_two_fingers_at_once_are_two_rows_of_presses() -> None:
    duo = SimulatedFlic2.new("poche", now_s=0.0, duo=True)
    duo.press(1.0, BIG)
    duo.press(1.1, SMALL)
    duo.release(1.2, SMALL)
    duo.pass_time(3.0)
    duo.release(3.5, BIG)
    assert [(e.key, e.count, e.encoded) for e in duo.memory.queue] == [
        (BIG, 1, Encoded.DOWN),
        (SMALL, 1, Encoded.DOWN),
        (SMALL, 3, Encoded.UP_UNDECIDED),
        (SMALL, 4, Encoded.TIMEOUT),
        (BIG, 2, Encoded.HOLD),
        (BIG, 3, Encoded.UP_HELD),
    ]


def test_to_a_host_that_does_not_know_duos_it_is_a_flic_2_with_its_big_key() -> None:
    duo = SimulatedFlic2.new("poche", now_s=0.0, duo=True)
    duo.go_public(0.0)
    host = PlainHost(duo)
    host.connect()
    introduction = host.pair()
    assert isinstance(introduction, FullVerifyResponse2)
    assert introduction.is_duo
    duo.press(1.0, SMALL)
    duo.release(2.0, SMALL)
    assert [type(packet) for packet in host.init()] == [InitButtonEventsResponse]
    duo.press(3.0, SMALL)
    duo.press(4.0, BIG)
    duo.release(4.1, SMALL)
    (heard,) = host.hear()
    assert isinstance(heard, ButtonEventNotification)
    assert (heard.press_counter, [item.encoded for item in heard.items]) == (1, [Encoded.DOWN])


def test_the_seal_leaves_room_for_the_largest_notification() -> None:
    opcode = 1
    assert opcode + MOST_BITS // 8 + MAC_BYTES == 128
