"""A session with a Duo, against the simulated one, without any radio: two keys, two counts, one row."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flicbridge.press.event import Counter
from flicbridge.press.flic2.events import ItemKind, press_of
from flicbridge.press.flic2.pairing import Pairing
from flicbridge.press.flic2.reports import (
    Failed,
    FailReason,
    Item,
    Paired,
    PressGap,
    QueueDone,
    Ready,
    SessionEvent,
)
from flicbridge.press.flic2.session import Pair, Reconnect, Session
from flicbridge.press.flic2.wire import FromButtonOp
from flicbridge.simulator.flic2 import Flip, Identity, LoseLink, Memory, Replay, SimulatedFlic2
from flicbridge.simulator.flic2.memory import Host
from flicbridge.simulator.keys import TEST_ROOT_PUBLIC

STEADY = settings(deadline=None, max_examples=60)  # a busy machine is no failure
BIG, SMALL = 0, 1
BOOT_ID = 77
DUO = Identity.made_for("poche", duo=True)
PAIRING = Pairing(DUO.serial, DUO.address, 0, bytes(range(20)), DUO.uuid.hex(), "poche", True, True)


@dataclass
class Desk:
    """A Duo that is paired, and a host that links with it again and again.

    Attributes:
        button: the Duo.
        now_s: the time, for both.
        session: of the present link.
        said: by the present session.
    """

    button: SimulatedFlic2 = field(init=False)
    now_s: float = 0.0
    said: list[SessionEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        memory = Memory(DUO, "poche", boot_id=BOOT_ID, hosts=[Host(PAIRING.material, acknowledged=0)])
        self.button = SimulatedFlic2(memory, now_s=0.0)

    def link(self, resume: Counter | None, *, wish: Pair | None = None, mtu: int = 140) -> list[SessionEvent]:
        """Make a link and a session; return what it says at once."""
        self.drop()
        self.button.link_up(self.now_s)
        self.button.set_mtu(mtu)
        self.said = []
        self.session = Session(
            wish or Reconnect(PAIRING, resume),
            address=DUO.address,
            address_type=0,
            root_key=TEST_ROOT_PUBLIC,
            max_frame=mtu - 3,
            now_s=self.now_s,
        )
        return self.talk()

    def drop(self) -> None:
        """Lose the link."""
        self.button.link_down(self.now_s)

    def talk(self) -> list[SessionEvent]:
        """Carry frames until nobody has anything to say; return what the session says."""
        heard: list[SessionEvent] = []
        while frames := [*((True, f) for f in self._from_host()), *((False, f) for f in self._from_button())]:
            for is_from_host, frame in frames:
                if is_from_host:
                    self.button.receive(frame, self.now_s)
                else:
                    heard += self.session.receive(frame, self.now_s)
        self.said += heard
        return heard

    def _from_host(self) -> list[bytes]:
        return self.session.take_frames() if self.button.is_linked else []

    def _from_button(self) -> list[bytes]:
        frames = self.button.take_frames()
        if self.button.wants_hang_up:
            self.drop()
        return frames

    def press(self, key: int, held_s: float = 0.1, *, pause_s: float = 0.0) -> list[SessionEvent]:
        """Press one key; return what the session says of it."""
        self.now_s += pause_s
        self.button.press(self.now_s, key)
        self.now_s += held_s
        self.button.release(self.now_s, key)
        return self.talk() if self.button.is_linked else []

    def wait(self, seconds: float) -> list[SessionEvent]:
        self.now_s += seconds
        self.button.pass_time(self.now_s)
        return self.talk() if self.button.is_linked else []

    def commit(self, counter: Counter) -> None:
        self.session.acknowledge(counter, self.now_s)
        self.talk()

    @property
    def queue(self) -> list[tuple[int, int]]:
        """What the button still holds: key and count."""
        return [(event.key, event.count) for event in self.button.memory.queue]


def items(said: Iterable[SessionEvent]) -> list[Item]:
    return [event for event in said if isinstance(event, Item)]


def told(said: Iterable[SessionEvent]) -> list[tuple[int, ItemKind, tuple[int, int]]]:
    return [(item.key, item.kind, item.counter.counts) for item in items(said)]


def ready(said: Iterable[SessionEvent]) -> Ready:
    (found,) = (event for event in said if isinstance(event, Ready))
    return found


DOWN, UP, TIMEOUT = ItemKind.DOWN, ItemKind.UP, ItemKind.TIMEOUT


@pytest.fixture
def desk() -> Desk:
    """A paired Duo, out of contact."""
    return Desk()


@pytest.fixture
def live(desk: Desk) -> Desk:
    """The same, linked, with nothing queued and nothing pressed yet."""
    desk.link(Counter(BOOT_ID, 0, 0))
    return desk


def test_a_duo_pairs_as_one_and_begins_after_the_presses_of_both_keys(desk: Desk) -> None:
    desk.press(SMALL)
    desk.press(BIG, 8.0)
    desk.press(SMALL)
    desk.button.go_public(desk.now_s)
    paired, begun, done = desk.link(None, wish=Pair())[:3]
    assert isinstance(paired, Paired)
    assert paired.pairing.is_duo
    assert isinstance(begun, Ready)
    assert (begun.keys, begun.counter, begun.queue_follows) == (2, Counter(BOOT_ID, 3, 7), False)
    assert isinstance(done, QueueDone)
    assert items(desk.said) == []


@pytest.mark.parametrize("mtu", [23, 50, 140])
def test_each_key_is_heard_and_its_place_is_the_counts_of_both(desk: Desk, mtu: int) -> None:
    desk.link(Counter(BOOT_ID, 0, 0), mtu=mtu)
    assert told(desk.press(SMALL)) == [(SMALL, DOWN, (0, 1)), (SMALL, UP, (0, 3))]
    assert told(desk.press(BIG, pause_s=0.1)) == [(BIG, DOWN, (1, 3)), (BIG, UP, (3, 3))]
    assert told(desk.wait(1)) == [(SMALL, TIMEOUT, (3, 4)), (BIG, TIMEOUT, (4, 4))]
    assert not any(item.was_queued for item in items(desk.said))


def test_presses_of_both_keys_wait_in_the_button_and_come_in_their_order(desk: Desk) -> None:
    desk.press(BIG)
    desk.press(SMALL, pause_s=60)
    desk.wait(600)
    said = desk.link(Counter(BOOT_ID, 0, 0))
    assert told(said) == [
        *((BIG, DOWN, (1, 0)), (BIG, UP, (3, 0)), (BIG, TIMEOUT, (4, 0))),
        *((SMALL, DOWN, (4, 1)), (SMALL, UP, (4, 3)), (SMALL, TIMEOUT, (4, 4))),
    ]
    assert all(item.was_queued for item in items(said))
    assert [round(item.age_s) for item in items(said) if item.kind is DOWN] == [660, 600]
    assert isinstance(said[-1], QueueDone)


def test_an_acknowledgement_goes_as_far_as_both_keys_are_committed(live: Desk) -> None:
    live.press(BIG)
    live.press(SMALL, pause_s=0.1)
    live.wait(1)
    live.commit(Counter(BOOT_ID, 3, 0))  # within the press of the big key: nothing was complete there
    assert (BIG, 1) in live.queue
    live.commit(Counter(BOOT_ID, 4, 3))  # the big key's press is complete, the small one's is not
    assert live.queue == [(SMALL, 4)]
    live.commit(Counter(BOOT_ID, 4, 4))
    assert live.queue == []


def test_what_was_not_committed_comes_again_with_the_same_names(live: Desk) -> None:
    live.press(SMALL)
    live.press(BIG, pause_s=1)
    live.wait(1)
    live.commit(Counter(BOOT_ID, 0, 4))
    again = live.link(Counter(BOOT_ID, 0, 4))
    assert told(again) == [(BIG, DOWN, (1, 4)), (BIG, UP, (3, 4)), (BIG, TIMEOUT, (4, 4))]


def test_what_is_known_already_is_not_said_again_though_the_button_repeats_it(desk: Desk) -> None:
    desk.press(SMALL)
    desk.press(BIG, pause_s=1)
    desk.wait(1)
    desk.link(Counter(BOOT_ID, 4, 3))  # we know more than we have acknowledged
    assert told(desk.said) == [(SMALL, TIMEOUT, (4, 4))]


def test_after_a_restart_both_counts_begin_anew(live: Desk) -> None:
    live.press(SMALL)
    live.button.change_battery(live.now_s)
    boot_id = live.button.memory.boot_id
    live.press(SMALL, pause_s=5)
    said = live.link(Counter(BOOT_ID, 40, 3))
    assert ready(said).restarted
    assert ready(said).counter == Counter(boot_id, 0, 0)
    assert [item.counter for item in items(said)] == [Counter(boot_id, 0, 1), Counter(boot_id, 0, 3)]


def test_presses_that_the_button_dropped_are_missed_whichever_key_it_was(desk: Desk) -> None:
    desk.button.memory.event_count, desk.button.memory.small_count = 8, 12
    said = desk.link(Counter(BOOT_ID, 0, 0))
    assert [event for event in said if isinstance(event, PressGap)] == [PressGap(5, Counter(BOOT_ID, 8, 12))]
    desk.button.memory.small_count += 4
    said = desk.press(SMALL)
    assert [event for event in said if isinstance(event, PressGap)] == [PressGap(1, Counter(BOOT_ID, 0, 16))]


def test_a_count_that_cannot_be_is_taken_back_for_its_key_alone(desk: Desk) -> None:
    desk.button.memory.event_count, desk.button.memory.small_count = 8, 12
    said = desk.link(Counter(BOOT_ID, 8, 400))
    assert ready(said).rewound
    assert ready(said).counter == Counter(BOOT_ID, 8, 12)
    assert not any(isinstance(event, PressGap) for event in said)


@pytest.mark.parametrize("mishap", [Flip(), Flip(at=3), Replay()])
def test_nothing_is_believed_without_its_mac(live: Desk, mishap: Flip | Replay) -> None:
    live.button.faults.once[FromButtonOp.BUTTON_EVENT_DUO] = mishap
    said = live.press(SMALL)
    assert isinstance(said[-1], Failed)
    assert said[-1].reason is FailReason.PACKET_SIGNATURE
    assert len(items(said)) == isinstance(mishap, Replay)  # the first of the two was genuine
    live.session.acknowledge(Counter(BOOT_ID, 0, 4), live.now_s)
    assert live.session.take_frames() == []


def test_a_notification_cut_short_ends_the_session(live: Desk) -> None:
    voice = live.button._link._signed()[0].outbox  # type: ignore[union-attr]  # as only the button can
    assert voice is not None
    live.button.inject(bytes([1]) + voice.seal(bytes.fromhex("20ffffffffff")))
    (failed,) = live.talk()
    assert isinstance(failed, Failed)
    assert failed.reason is FailReason.MALFORMED


def test_a_link_lost_within_a_press_hears_the_rest_of_it(live: Desk) -> None:
    live.button.faults.once[FromButtonOp.BUTTON_EVENT_DUO] = LoseLink()
    live.button.press(live.now_s, SMALL)
    live.talk()
    live.press(BIG, pause_s=0.2)
    live.button.release(live.now_s, SMALL)
    said = live.link(Counter(BOOT_ID, 0, 0))
    assert [item.key for item in items(said)] == [SMALL, BIG, BIG, SMALL]


def test_without_both_keys_in_step_nothing_is_taken_for_committed() -> None:
    """Places from different rows cannot be compared, and what cannot be compared is not safe."""
    assert not Counter(7, 4, 0).at_or_before(Counter(7, 3, 9))
    assert not Counter(7, 3, 9).at_or_before(Counter(7, 4, 0))
    assert Counter(7, 2**32 - 1, 2).at_or_before(Counter(7, 3, 2))


steps = st.lists(
    st.one_of(
        st.tuples(st.just("press"), st.sampled_from((BIG, SMALL)), st.floats(0.05, 2.0), st.floats(0.0, 1.0)),
        st.tuples(st.just("drop"), st.just(0), st.just(0.0), st.just(0.0)),
        st.tuples(st.just("link"), st.just(0), st.just(0.0), st.just(0.0)),
        st.tuples(st.just("commit"), st.integers(1, 12), st.just(0.0), st.just(0.0)),
    ),
    max_size=24,
)


@STEADY
@given(script=steps)
def test_every_press_of_either_key_is_heard_whatever_becomes_of_the_link(
    script: list[tuple[str, int, float, float]],
) -> None:
    """Committed is only what was heard, from the beginning; all else comes again, and nothing else does."""
    desk = Desk()
    desk.button.memory.queue_size = 1000
    resume = Counter(BOOT_ID, 0, 0)
    heard: dict[tuple[int, int], ItemKind] = {}
    pressed = {BIG: 0, SMALL: 0}

    def note(said: list[SessionEvent]) -> None:
        assert not any(isinstance(event, Failed | PressGap) for event in said)
        for item in items(said):
            count = item.counter.counts[item.key]
            assert heard.setdefault((item.key, count), item.kind) is item.kind
            assert not item.counter.at_or_before(resume)

    for what, number, held_s, pause_s in script:
        match what:
            case "press":
                note(desk.press(number, held_s, pause_s=pause_s))
                pressed[number] += 1
            case "drop":
                desk.drop()
            case "link":
                note(desk.link(resume))
            case "commit" if desk.button.is_linked and items(desk.said):
                place = [item.counter for item in items(desk.said)][:number][-1:] or [resume]
                resume = resume if place[0].at_or_before(resume) else place[0]
                desk.commit(resume)
    note(desk.link(resume))
    note(desk.wait(2))
    downs = {(key, press_of(count)) for (key, count), kind in heard.items() if kind is DOWN}
    assert downs == {(key, press) for key, presses in pressed.items() for press in range(presses)}
