"""How presses reach hosts: live, out of the queue, again and again until they are acknowledged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.press.flic2.wire import Packet
from flicbridge.press.flic2.wire.presses import (
    TICKS_PER_S,
    AckButtonEventsInd,
    ButtonEventNotification,
    InitButtonEventsResponse,
    QueueLimits,
)
from flicbridge.simulator.flic2 import SimulatedFlic2
from flicbridge.simulator.flic2.plain_host import PlainHost


def click(host: PlainHost, at_s: float, held_s: float = 0.1) -> None:
    host.button.press(at_s)
    host.button.release(at_s + held_s)
    host.now_s = at_s + 2.0
    host.button.pass_time(host.now_s)


def reconnect(host: PlainHost, event_count: int, *, limits: QueueLimits | None = None) -> list[Packet]:
    host.button.link_down(host.now_s)
    host.connect()
    host.reconnect()
    return host.init(event_count, host.button.memory.boot_id, limits=limits)


def codes(packets: list[Packet]) -> list[int]:
    return [
        item.encoded for each in packets if isinstance(each, ButtonEventNotification) for item in each.items
    ]


def counts(packets: list[Packet]) -> list[int]:
    return [each.press_counter for each in packets if isinstance(each, ButtonEventNotification)]


def test_a_live_press_is_told_at_once_item_by_item(listening: PlainHost) -> None:
    listening.button.press(10.0)
    (down,) = listening.hear()
    assert isinstance(down, ButtonEventNotification)
    assert down.press_counter == 1
    (item,) = down.items
    assert (item.encoded, item.at_ticks, item.was_queued) == (1, 10 * TICKS_PER_S, False)
    listening.button.release(10.2)
    listening.button.pass_time(11.0)
    assert (codes(heard := listening.hear()), counts(heard)) == ([8, 2], [3, 4])


def test_a_hold_is_told_while_the_finger_is_down(listening: PlainHost) -> None:
    listening.button.press(0.0)
    listening.button.pass_time(1.0)
    assert codes(listening.hear()) == [1, 3]


def test_nothing_is_told_before_the_host_has_asked(paired: PlainHost) -> None:
    paired.button.press(0.0)
    assert paired.hear() == []


def test_a_first_contact_learns_the_boot_id_and_hears_nothing_from_before_it_was_paired(
    host: PlainHost,
) -> None:
    click(host, 0.0)
    host.pair()
    (response,) = host.init(limits=QueueLimits())
    assert response == InitButtonEventsResponse(
        has_queued_events=False,
        clock_ticks=2 * TICKS_PER_S,
        event_count=4,
        boot_id=host.button.memory.boot_id,
    )


def test_presses_without_a_link_are_queued_and_the_last_is_marked(listening: PlainHost) -> None:
    listening.button.link_down(0.0)
    click(listening, 5.0)
    click(listening, 10.0, held_s=1.5)
    listening.now_s = 70.0
    init, queue = reconnect(listening, 0)
    assert isinstance(init, InitButtonEventsResponse)
    assert (init.has_queued_events, init.event_count, init.boot_id) == (True, 0, None)
    assert isinstance(queue, ButtonEventNotification)
    assert [item.encoded for item in queue.items] == [1, 8, 2, 1, 3, 14]
    assert [item.was_queued for item in queue.items] == [True] * 6
    assert [item.was_queued_last for item in queue.items] == [False] * 5 + [True]
    assert (init.clock_ticks - queue.items[0].at_ticks) / TICKS_PER_S == 65.0


def test_of_a_press_that_spans_the_connecting_the_beginning_is_queued_and_the_end_is_live(
    listening: PlainHost,
) -> None:
    listening.button.link_down(0.0)
    listening.button.press(5.0)
    listening.now_s = 5.4
    assert codes(reconnect(listening, 0)) == [1]
    listening.button.release(6.3)
    live = listening.hear()
    assert codes(live) == [3, 14]
    assert not any(
        item.was_queued for each in live if isinstance(each, ButtonEventNotification) for item in each.items
    )


def test_what_was_not_acknowledged_comes_again(listening: PlainHost) -> None:
    click(listening, 0.0)
    assert codes(reconnect(listening, 0)) == [1, 8, 2]
    assert codes(reconnect(listening, 0)) == [1, 8, 2]


def test_what_was_acknowledged_does_not_even_to_a_host_that_forgot(listening: PlainHost) -> None:
    click(listening, 0.0)
    click(listening, 10.0)
    listening.send(AckButtonEventsInd(4))
    assert codes(reconnect(listening, 0)) == [1, 8, 2]
    listening.send(AckButtonEventsInd(8))
    assert codes(reconnect(listening, 0)) == []
    assert listening.button.memory.queue == []


def test_a_host_hears_only_what_came_after_the_event_it_processed_last(listening: PlainHost) -> None:
    click(listening, 0.0)
    assert codes(reconnect(listening, 1)) == [8, 2]
    assert codes(reconnect(listening, 4)) == []


def test_an_acknowledgement_from_the_future_is_ignored(listening: PlainHost) -> None:
    listening.send(AckButtonEventsInd(400))
    click(listening, 0.0)
    assert codes(reconnect(listening, 0)) == [1, 8, 2]


def test_each_pairing_acknowledges_for_itself(listening: PlainHost) -> None:
    listening.button.go_public(0.0)
    other = PlainHost(listening.button, tmp_id=b"twin")
    other.pair()
    listening.sort_out(other.overheard)
    click(listening, 0.0)
    listening.send(AckButtonEventsInd(4))
    assert codes(reconnect(listening, 0)) == []
    other.now_s = listening.now_s
    assert codes(reconnect(other, 0)) == [1, 8, 2]


def test_two_hosts_on_one_link_are_told_separately(listening: PlainHost) -> None:
    listening.button.go_public(0.0)
    other = PlainHost(listening.button, tmp_id=b"twin")
    other.pair()
    other.init()
    listening.button.press(1.0)
    assert codes(other.hear()) == [1]
    assert codes(listening.sort_out(other.overheard)) == [1]


def test_a_host_may_limit_the_age_and_the_number_of_presses_it_wants(listening: PlainHost) -> None:
    listening.button.link_down(0.0)
    for minute in range(4):
        click(listening, 60.0 * minute)
    listening.now_s = 200.0
    assert len(codes(reconnect(listening, 0, limits=QueueLimits(max_queued_age_s=100)))) == 6
    assert len(codes(reconnect(listening, 0, limits=QueueLimits(max_queued_packets=3)))) == 9
    (init,) = reconnect(listening, 0, limits=QueueLimits(max_queued_packets=0))
    assert isinstance(init, InitButtonEventsResponse)
    assert (init.has_queued_events, init.event_count) == (False, 16)


def test_of_too_many_presses_the_oldest_are_lost_and_the_counts_show_it(listening: PlainHost) -> None:
    listening.button.link_down(0.0)
    for number in range(7):
        click(listening, 10.0 * number)
    init, queue = reconnect(listening, 0)
    assert isinstance(init, InitButtonEventsResponse)
    assert isinstance(queue, ButtonEventNotification)
    assert (init.event_count, len(queue.items), queue.press_counter) == (0, 16, 28)
    assert listening.button.memory.queue[0].count == 8  # 1 to 7 are gone


def test_a_long_queue_takes_several_notifications_of_16_items(listening: PlainHost) -> None:
    listening.button.memory.queue_size = 100
    listening.button.link_down(0.0)
    for number in range(12):
        click(listening, 10.0 * number)
    queue = reconnect(listening, 0)[1:]
    sizes = [len(each.items) for each in queue if isinstance(each, ButtonEventNotification)]
    assert sizes == [16, 16, 4]
    assert codes(queue) == [1, 8, 2] * 12
    marks = [
        i.was_queued_last for each in queue if isinstance(each, ButtonEventNotification) for i in each.items
    ]
    assert marks == [False] * 35 + [True]


@pytest.mark.parametrize("mtu", [23, 50, 140])
def test_a_session_works_with_any_mtu(button: SimulatedFlic2, mtu: int) -> None:
    host = PlainHost(button, mtu=mtu)
    host.connect()
    host.pair()
    host.init()
    click(host, 0.0)
    assert codes(host.hear()) == [1, 8, 2]
    assert codes(reconnect(host, 0)) == [1, 8, 2]


def test_after_a_battery_change_everything_is_counted_anew(listening: PlainHost) -> None:
    click(listening, 0.0)
    click(listening, 3.0)
    listening.send(AckButtonEventsInd(8))
    old_boot_id = listening.button.memory.boot_id
    listening.button.link_down(listening.now_s)
    listening.button.change_battery(listening.now_s)
    click(listening, 103.0)
    listening.connect()
    listening.reconnect()
    init, queue = listening.init(300, old_boot_id)
    assert isinstance(init, InitButtonEventsResponse)
    assert init.boot_id == listening.button.memory.boot_id != old_boot_id
    assert (init.event_count, counts([queue])) == (0, [4])
    assert init.clock_ticks == 100 * TICKS_PER_S  # the cell came in at 5 s


def test_counts_wrap_through_zero(listening: PlainHost) -> None:
    listening.button.skip_to_count(2**32 - 4)
    click(listening, 0.0)
    click(listening, 10.0)
    assert counts(listening.hear()) == [4294967293, 4294967295, 0, 1, 3, 4]
    listening.send(AckButtonEventsInd(0))
    assert codes(reconnect(listening, 2**32 - 4)) == [1, 8, 2]


times = st.lists(st.floats(0.01, 3.0), min_size=1, max_size=10)


@given(pauses_s=times, held_s=times, lost=st.lists(st.booleans(), min_size=10, max_size=10))
def test_a_careful_host_hears_every_event_exactly_once_whatever_happens_to_the_link(
    pauses_s: list[float], held_s: list[float], lost: list[bool]
) -> None:
    button = SimulatedFlic2.new("Panic", now_s=0.0)
    button.memory.queue_size = 100
    button.go_public(0.0)
    host = PlainHost(button)
    host.connect()
    host.pair()
    heard = host.init()[1:]
    for pause_s, down_s, is_lost in zip(pauses_s, held_s, lost, strict=False):
        button.press(host.now_s + pause_s)
        host.now_s += pause_s
        heard += host.hear()
        if is_lost:
            heard += reconnect(host, counts(heard)[-1])[1:]
        host.now_s += down_s
        button.release(host.now_s)
        heard += host.hear()
    host.now_s += 10.0
    button.pass_time(host.now_s)
    heard += host.hear()
    items = [item for each in heard if isinstance(each, ButtonEventNotification) for item in each.items]
    assert [item.encoded for item in items] == [event.encoded for event in button.memory.queue]
    assert [item.at_ticks for item in items] == [event.at_ticks for event in button.memory.queue]
