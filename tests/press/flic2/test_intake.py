"""Presses as they arrive: where a session begins, what is new, what is missing, what is acknowledged."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flicbridge.press.event import Counter
from flicbridge.press.flic2.events import ItemKind
from flicbridge.press.flic2.intake import QUEUE_SILENCE_S
from flicbridge.press.flic2.reports import Item, PressGap, QueueDone, Ready, SessionEvent
from flicbridge.press.flic2.wire import presses, services

if TYPE_CHECKING:
    from tests.press.flic2.conftest import ScriptedButton

    Connect = Callable[..., ScriptedButton]

STEADY = settings(deadline=None)  # a busy machine is no failure

BOOT_ID = 0x11223344
OTHER_BOOT_ID = 0x55667788
SECOND = 32768


def at(count: int) -> Counter:
    return Counter(BOOT_ID, count)


def counts(said: list[SessionEvent]) -> list[int]:
    return [event.counter.event_count for event in said if isinstance(event, Item)]


def gaps(said: list[SessionEvent]) -> list[PressGap]:
    return [event for event in said if isinstance(event, PressGap)]


def acks(button: "ScriptedButton") -> list[int]:
    return [packet.event_count for packet in button.hears() if isinstance(packet, presses.AckButtonEventsInd)]


# Where a session begins


def test_the_host_resumes_where_it_stopped_and_wants_all_of_the_past(connect: "Connect") -> None:
    request = connect(at(17)).init_request
    assert (request.event_count, request.boot_id) == (17, BOOT_ID)
    assert request.limits == presses.QueueLimits(
        auto_disconnect_s=511, max_queued_packets=31, max_queued_age_s=0xFFFFF
    )


def test_a_host_that_knows_nothing_begins_at_zero(connect: "Connect") -> None:
    request = connect(None).init_request
    assert (request.event_count, request.boot_id) == (0, 0)


def test_a_session_with_nothing_queued_is_live_at_once(connect: "Connect") -> None:
    said = connect(at(4)).begins(4, clock_ticks=10 * SECOND)
    assert said == [
        Ready(BOOT_ID, 4, clock_s=10.0, restarted=False, queue_follows=False),
        QueueDone(10.0),
    ]


def test_while_a_queue_follows_the_own_count_stands(connect: "Connect") -> None:
    (ready,) = connect(at(4)).begins(44, queue=True)
    assert isinstance(ready, Ready)
    assert (ready.event_count, ready.queue_follows) == (4, True)


def test_another_boot_id_starts_the_count_anew(connect: "Connect") -> None:
    ready, _ = connect(at(300)).begins(0, boot_id=OTHER_BOOT_ID)
    assert ready == Ready(OTHER_BOOT_ID, 0, clock_s=1000.0, restarted=True, queue_follows=False)


def test_the_boot_id_decides_and_not_the_opcode(connect: "Connect") -> None:
    ready, _ = connect(at(300)).begins(300, boot_id=BOOT_ID)
    assert ready == Ready(BOOT_ID, 300, clock_s=1000.0, restarted=False, queue_follows=False)


def test_a_first_contact_takes_the_buttons_count_and_misses_nothing(connect: "Connect") -> None:
    ready, done = connect(None).begins(400, boot_id=BOOT_ID)
    assert ready == Ready(BOOT_ID, 400, clock_s=1000.0, restarted=False, queue_follows=False)
    assert isinstance(done, QueueDone)


def test_a_first_contact_with_a_queue_counts_nothing_as_processed(connect: "Connect") -> None:
    button = connect(None)
    (ready,) = button.begins(400, boot_id=BOOT_ID, queue=True)
    assert isinstance(ready, Ready)
    assert ready.event_count == 0
    assert button.reports(401, 1, queued="Q")[0] == Item(ItemKind.DOWN, 0.0, at(401), True, 1000.0, 1)


def test_a_stored_count_from_the_buttons_future_is_corrected(connect: "Connect") -> None:
    button = connect(at(4000))
    ready, _ = button.begins(40)
    assert ready == Ready(BOOT_ID, 40, clock_s=1000.0, restarted=False, queue_follows=False, rewound=True)
    assert counts(button.reports(43, 1, 10)) == [41, 43]
    assert acks(button) == []


def test_presses_that_are_missing_already_are_said_at_once(connect: "Connect") -> None:
    button = connect(at(4))
    assert gaps(button.begins(44)) == [PressGap(10, at(44))]
    assert gaps(button.reports(45, 1)) == []


def test_presses_that_a_restarted_button_did_not_keep_are_said(connect: "Connect") -> None:
    assert gaps(connect(at(300)).begins(8, boot_id=OTHER_BOOT_ID)) == [PressGap(2, Counter(OTHER_BOOT_ID, 8))]


# What is new


def test_a_live_press_is_an_item_without_age(button: "ScriptedButton") -> None:
    assert button.reports(5, 1, at_ticks=1001 * SECOND, now_s=1.5) == [
        Item(ItemKind.DOWN, 1001.0, at(5), was_queued=False, age_s=0.0, encoded=1)
    ]


def test_a_queued_press_has_its_age(connect: "Connect") -> None:
    button = connect(at(4))
    button.begins(4, queue=True, clock_ticks=1000 * SECOND, now_s=50.0)
    item, _ = button.reports(5, 1, queued="Q", at_ticks=910 * SECOND, now_s=52.5)
    assert item == Item(ItemKind.DOWN, 910.0, at(5), was_queued=True, age_s=92.5, encoded=1)


def test_an_age_is_never_negative(connect: "Connect") -> None:
    button = connect(at(4))
    button.begins(4, queue=True, clock_ticks=SECOND)
    item, _ = button.reports(5, 1, queued="Q", at_ticks=5 * SECOND)
    assert isinstance(item, Item)
    assert item.age_s == 0.0


def test_queued_items_up_to_the_stored_count_are_known(connect: "Connect") -> None:
    button = connect(at(7))
    button.begins(4, queue=True)
    assert counts(button.reports(9, 1, 8, 2, 1, queued="qqqQ")) == [8, 9]


def test_a_live_item_is_never_dropped_by_its_count(button: "ScriptedButton") -> None:
    assert counts(button.reports(3, 1, 10)) == [1, 3]


def test_after_a_restart_every_count_is_new(connect: "Connect") -> None:
    button = connect(at(300))
    button.begins(0, boot_id=OTHER_BOOT_ID, queue=True)
    assert counts(button.reports(4, 1, 8, 2, queued="qqQ")) == [1, 3, 4]


@pytest.mark.parametrize("resume", [None, Counter(OTHER_BOOT_ID, 12)])
def test_no_count_of_a_new_boot_is_taken_for_old(connect: "Connect", resume: Counter | None) -> None:
    button = connect(resume)
    button.begins(2**32 - 4, boot_id=BOOT_ID, queue=True)
    assert counts(button.reports(2**32 - 1, 1, 10, queued="qQ")) == [2**32 - 3, 2**32 - 1]


def test_sixteen_items_fit_into_one_notification(connect: "Connect") -> None:
    button = connect(at(2**32 - 12), mtu=23)
    button.begins(2**32 - 12, queue=True)
    said = button.reports(9, *(1, 8, 2) * 5, 1, queued="q" * 15 + "Q")
    expected = [(2**32 - 12 + 4 * press + step) % 2**32 for press in range(5) for step in (1, 3, 4)] + [9]
    assert counts(said) == expected


def test_counts_wrap_like_any_others(vectors: dict[str, object], connect: "Connect") -> None:
    case = vectors["counter_wrap"]
    assert isinstance(case, dict)
    button = connect(at(2**32 - 4))
    button.begins(2**32 - 4)
    said, acknowledged = [], []
    for step in case["notifications_in_order"]:
        said += button.reports(step["press_counter"], step["event_encoded"])
        button.session.acknowledge(at(step["press_counter"]), 0.0)
        acknowledged += acks(button)
    assert counts(said) == [step["press_counter"] for step in case["notifications_in_order"]]
    assert gaps(said) == []
    assert acknowledged == case["acknowledged_counts"]


# What is missing


def test_a_jump_of_the_count_is_reported_before_the_press(button: "ScriptedButton") -> None:
    button.reports(7, 1, 10)
    gap, item = button.reports(21, 1)
    assert gap == PressGap(3, at(20))
    assert isinstance(item, Item)


def test_an_unfinished_press_is_no_missing_press(button: "ScriptedButton") -> None:
    assert gaps(button.reports(5, 1)) == []
    assert gaps(button.reports(9, 1)) == []


def test_a_queue_that_lost_its_beginning_is_reported(connect: "Connect") -> None:
    button = connect(at(4))
    button.begins(4, queue=True)
    assert gaps(button.reports(27, 1, 10, queued="qQ")) == [PressGap(5, at(24))]


def test_what_comes_late_leaves_no_gap_behind(connect: "Connect") -> None:
    button = connect(at(4))
    button.begins(4, queue=True)
    assert gaps(button.reports(9, 1)) == [PressGap(1, at(8))]
    assert gaps(button.reports(7, 1, 10, queued="qQ")) == []
    assert gaps(button.reports(13, 1)) == []


# The end of the queue


def test_the_last_queued_item_ends_the_queue(connect: "Connect") -> None:
    button = connect(at(4))
    button.begins(4, queue=True)
    assert [type(event) for event in button.reports(7, 1, 10, queued="qQ")] == [Item, Item, QueueDone]


def test_a_live_item_ends_a_queue_that_has_no_last_item(connect: "Connect") -> None:
    button = connect(at(4))
    button.begins(4, queue=True)
    assert [type(event) for event in button.reports(7, 1, 10, queued="q.")] == [Item, QueueDone, Item]


def test_an_unfinished_queue_is_done_after_a_while_of_silence(connect: "Connect") -> None:
    button = connect(at(4))
    button.begins(4, queue=True)
    button.reports(5, 1, queued="q", at_ticks=900 * SECOND, now_s=3.0)
    assert button.session.pass_time(3.0 + QUEUE_SILENCE_S - 0.1) == []
    assert button.session.deadline_s == 3.0 + QUEUE_SILENCE_S
    # Only until the last press it told of: what came after may still be on its way.
    assert button.session.pass_time(3.0 + QUEUE_SILENCE_S) == [QueueDone(900.0)]


@pytest.mark.parametrize("queued", ["qQ", ".."])
def test_a_finished_queue_is_not_finished_again_by_silence(connect: "Connect", queued: str) -> None:
    button = connect(at(4))
    button.begins(4, queue=True)
    button.reports(7, 1, 10, queued=queued)
    button.says(services.SetAdvParametersResponse())
    assert button.session.deadline_s is None
    assert button.session.pass_time(100.0) == []


def test_a_queue_of_which_nothing_comes_is_given_its_time(connect: "Connect") -> None:
    button = connect(at(4))
    button.begins(4, queue=True, clock_ticks=77 * SECOND)
    assert button.session.pass_time(QUEUE_SILENCE_S - 0.1) == []
    assert button.session.pass_time(QUEUE_SILENCE_S) == [QueueDone(77.0)]


def test_what_comes_late_from_a_queue_is_heard_all_the_same(connect: "Connect") -> None:
    button = connect(at(4))
    button.begins(4, queue=True)
    button.session.pass_time(QUEUE_SILENCE_S)
    button.hears()
    said = button.reports(7, 1, 10, queued="qQ", now_s=6.0)
    assert [(event.counter.event_count, event.was_queued) for event in said if isinstance(event, Item)] == [
        (5, True),
        (7, True),
    ]
    assert not any(isinstance(event, QueueDone) for event in said)


def test_a_late_queue_is_heard_even_after_a_live_press(connect: "Connect") -> None:
    button = connect(at(4))
    button.begins(4, queue=True)
    button.reports(9, 1)
    assert counts(button.reports(7, 1, 10, queued="qQ")) == [5, 7]


# What is acknowledged


def test_nothing_is_acknowledged_before_it_is_committed(button: "ScriptedButton") -> None:
    button.reports(7, 1, 10)
    assert acks(button) == []
    button.session.acknowledge(at(5), 0.0)
    assert acks(button) == []
    button.session.acknowledge(at(7), 0.0)
    assert acks(button) == [7]


def test_a_press_that_is_not_over_is_not_acknowledged(button: "ScriptedButton") -> None:
    for count, code in ((5, 1), (6, 3)):
        button.reports(count, code)
        button.session.acknowledge(at(count), 0.0)
        assert acks(button) == []


def test_the_last_item_is_acknowledged_even_if_it_begins_a_press(button: "ScriptedButton") -> None:
    button.reports(9, 1, 8, 2, 1)
    button.session.acknowledge(at(8), 0.0)
    assert acks(button) == []
    button.session.acknowledge(at(9), 0.0)
    assert acks(button) == [9]


def test_one_acknowledgement_covers_all_before_it(button: "ScriptedButton") -> None:
    for count in (7, 11, 15):
        button.reports(count, 1, 10)
    button.session.acknowledge(at(12), 0.0)
    assert acks(button) == [11]
    button.session.acknowledge(at(15), 0.0)
    assert acks(button) == [15]


def test_an_acknowledgement_is_sent_once(button: "ScriptedButton") -> None:
    button.reports(7, 1, 10)
    button.session.acknowledge(at(7), 0.0)
    button.session.acknowledge(at(7), 0.0)
    assert acks(button) == [7]


def test_a_count_of_another_boot_acknowledges_nothing(button: "ScriptedButton") -> None:
    button.reports(7, 1, 10)
    button.session.acknowledge(Counter(OTHER_BOOT_ID, 7), 0.0)
    assert acks(button) == []


def test_a_count_of_another_boot_does_not_stand_in_the_way_of_this_one(connect: "Connect") -> None:
    button = connect(Counter(OTHER_BOOT_ID, 300))
    button.begins(0, boot_id=BOOT_ID)
    button.reports(3, 1, 10)
    button.session.acknowledge(Counter(OTHER_BOOT_ID, 300), 0.0)
    assert acks(button) == []
    button.session.acknowledge(at(3), 0.0)
    assert acks(button) == [3]


def test_what_was_committed_in_an_earlier_session_is_acknowledged_at_once(connect: "Connect") -> None:
    button = connect(at(8))
    button.begins(4, queue=True)
    assert counts(button.reports(8, 1, 8, 2, queued="qqQ")) == []
    assert acks(button) == [8]


NOTIFICATIONS = st.lists(
    st.lists(st.sampled_from(["click", "slow", "long"]), min_size=1, max_size=4), min_size=1, max_size=6
)
CODES = {"click": (1, 8, 2), "slow": (1, 10), "long": (1, 3, 14)}
STEPS = {"click": 4, "slow": 3, "long": 3}


@STEADY
@given(notifications=NOTIFICATIONS, commits=st.lists(st.integers(0, 100), max_size=6))
def test_nothing_uncommitted_is_ever_acknowledged(
    connect: "Connect", notifications: list[list[str]], commits: list[int]
) -> None:
    button = connect(at(0))
    button.begins(0)
    said: list[SessionEvent] = []
    press, committed = 0, 0
    for number, names in enumerate(notifications):
        codes = [code for name in names for code in CODES[name]]
        last = 4 * (press + len(names) - 1) + STEPS[names[-1]]
        press += len(names)
        said += button.reports(last, *codes)
        if number < len(commits):
            committed = max(committed, min(commits[number], last))
            button.session.acknowledge(at(committed), 0.0)
        assert all(ack <= committed for ack in acks(button))
    assert len(counts(said)) == sum(len(CODES[name]) for names in notifications for name in names)
    button.session.acknowledge(at(4 * press), 0.0)
    assert len(acks(button)) <= 1
