"""The test switches do what they say."""

import pytest

from flicbridge.press.flic2.wire import FromButtonOp, Packet
from flicbridge.press.flic2.wire.presses import ButtonEventNotification, InitButtonEventsResponse
from flicbridge.press.flic2.wire.services import (
    GetBatteryLevelRequest,
    GetBatteryLevelResponse,
    GetNameRequest,
)
from flicbridge.press.flic2.wire.verify import FullVerifyRequest1, NoLogicalConnectionSlotsInd
from flicbridge.simulator.flic2 import Flip, LoseLastFragment, LoseLink, Replay, SimulatedFlic2, Swallow
from flicbridge.simulator.flic2.plain_host import NotTheButtonError, PlainHost

BATTERY = FromButtonOp.GET_BATTERY_LEVEL


def queue_a_click(host: PlainHost) -> list[Packet]:
    host.button.link_down(host.now_s)
    host.button.press(host.now_s)
    host.button.release(host.now_s + 0.1)
    host.now_s += 5.0
    host.connect()
    host.reconnect()
    return host.init(0, host.button.memory.boot_id)


def test_a_silent_button_says_nothing_at_all(listening: PlainHost) -> None:
    listening.button.faults.is_silent = True
    listening.send(GetBatteryLevelRequest())
    listening.button.press(1.0)
    assert listening.hear() == []


def test_a_button_can_pretend_to_have_no_slots(host: PlainHost) -> None:
    host.button.faults.has_no_slots = True
    assert host.ask(FullVerifyRequest1(b"host")) == NoLogicalConnectionSlotsInd((b"host",))


@pytest.mark.parametrize("flip", [Flip(), Flip(at=1), Flip(at=0, bits=0x40)])
def test_a_flipped_bit_is_found_out_and_happens_once(listening: PlainHost, flip: Flip) -> None:
    listening.button.faults.once[BATTERY] = flip
    with pytest.raises(NotTheButtonError, match="MAC"):
        listening.ask(GetBatteryLevelRequest())
    assert listening.button.faults.once == {}


def test_a_replayed_packet_is_found_out(listening: PlainHost) -> None:
    listening.button.faults.once[BATTERY] = Replay()
    with pytest.raises(NotTheButtonError, match="MAC"):
        listening.ask(GetBatteryLevelRequest())


def test_a_swallowed_packet_leaves_a_gap_that_the_next_one_shows(listening: PlainHost) -> None:
    listening.button.faults.once[BATTERY] = Swallow()
    listening.send(GetBatteryLevelRequest())
    assert listening.hear() == []
    with pytest.raises(NotTheButtonError, match="MAC"):
        listening.ask(GetBatteryLevelRequest())


def test_a_lost_last_fragment_leaves_a_packet_unfinished(button: SimulatedFlic2) -> None:
    host = PlainHost(button, mtu=23)
    host.connect()
    button.faults.once[FromButtonOp.FULL_VERIFY_RESPONSE_1] = LoseLastFragment()
    host.send(FullVerifyRequest1(b"host"))
    assert host.hear() == []


def test_a_link_can_be_lost_between_a_notification_and_its_acknowledgement(listening: PlainHost) -> None:
    listening.button.faults.once[FromButtonOp.BUTTON_EVENT] = LoseLink()
    listening.button.press(1.0)
    assert len(listening.hear()) == 1
    assert listening.button.wants_hang_up


def test_a_queue_can_end_without_a_mark(listening: PlainHost) -> None:
    listening.button.faults.leaves_queue_open = True
    init, queue = queue_a_click(listening)
    assert isinstance(init, InitButtonEventsResponse)
    assert init.has_queued_events
    assert isinstance(queue, ButtonEventNotification)
    assert not any(item.was_queued_last for item in queue.items)


def test_a_queue_can_come_item_by_item(listening: PlainHost) -> None:
    listening.button.faults.items_per_notification = 1
    queue = queue_a_click(listening)[1:]
    assert [len(each.items) for each in queue if isinstance(each, ButtonEventNotification)] == [1, 1, 1]


def test_a_button_can_repeat_a_boot_id_that_the_host_knows(listening: PlainHost) -> None:
    listening.button.faults.repeats_boot_id = True
    init = queue_a_click(listening)[0]
    assert isinstance(init, InitButtonEventsResponse)
    assert init.boot_id == listening.button.memory.boot_id


@pytest.mark.parametrize("hides", [False, True])
def test_a_second_press_can_look_like_a_first_one(listening: PlainHost, hides: bool) -> None:
    listening.button.faults.hides_second_press = hides
    for at_s in (0.0, 0.3):
        listening.button.press(at_s)
        listening.button.release(at_s + 0.1)
    heard = listening.hear()
    codes = [
        item.encoded for each in heard if isinstance(each, ButtonEventNotification) for item in each.items
    ]
    assert codes == [1, 8, 1 if hides else 5, 11]


def test_surplus_bytes_are_signed_and_do_no_harm(listening: PlainHost) -> None:
    listening.button.faults.surplus_bytes = 3
    assert listening.ask(GetBatteryLevelRequest()) == GetBatteryLevelResponse(860)
    assert len(queue_a_click(listening)) == 2
    listening.send(GetNameRequest())
    (name,) = listening.button.take_frames()
    assert name[8:-5] == b"Panic"  # a name reaches to the end of its packet, so nothing can follow it


def test_a_clock_can_jump(listening: PlainHost) -> None:
    before = listening.button.ticks(1.0)
    listening.button.jump_clock(-0.5, 1.0)
    assert listening.button.ticks(1.0) == before - 16384
    assert listening.button.ticks(2.0) == before + 16384
