"""Two keys, one link, one acknowledgement: whatever breaks, each gesture of either key is told, and once.

Everything from the finger to the mark on the disk is real, but for the radio, the disk and the clock. What
dies with the process, and what does not, is said by the test.
"""

import math
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from flicbridge.gesture import Gesture, GestureTable, Hands
from flicbridge.gesture.table import COMMON
from flicbridge.press import ButtonEvent, Counter
from flicbridge.press.flic2.hearing import Hearing
from flicbridge.press.flic2.pairing import Pairing
from flicbridge.press.flic2.reports import Failed, PressGap, SessionEvent
from flicbridge.press.flic2.session import Reconnect, Session
from flicbridge.press.source import LinkUp
from flicbridge.simulator.flic2 import Identity, Memory, SimulatedFlic2
from flicbridge.simulator.flic2.memory import Host
from flicbridge.simulator.keys import TEST_ROOT_PUBLIC

BIG, SMALL = 0, 1
BOOT_ID = 77
DUO = Identity.made_for("poche", duo=True)
PAIRING = Pairing(DUO.serial, DUO.address, 0, bytes(range(20)), DUO.uuid.hex(), "poche", True, True)
TABLES = {
    BIG: GestureTable({name: COMMON[name] for name in ("single", "double", "long")}),
    SMALL: GestureTable({name: COMMON[name] for name in ("single", "double")}),
}

type Told = dict[tuple[int, int], str]
"""Gestures by key and count of their first event."""


@dataclass
class Bridge:
    """A Duo and the bridge that follows it.

    Attributes:
        button: the Duo; it forgets only what is acknowledged.
        told, mark: what is on the disk.
        writes_marks: False while the power fails between a press's commit and the next mark's.
        session, hands: what dies with the process.
    """

    button: SimulatedFlic2 = field(init=False)
    now_s: float = 0.0
    told: Told = field(default_factory=dict)
    mark: Counter = field(default=Counter(BOOT_ID, 0, 0))
    writes_marks: bool = True
    session: Session | None = None
    hands: Hands = field(default_factory=lambda: Hands(TABLES))

    def __post_init__(self) -> None:
        hosts = [Host(PAIRING.material, acknowledged=0)]
        memory = Memory(DUO, "poche", boot_id=BOOT_ID, hosts=hosts, queue_size=1000)
        self.button = SimulatedFlic2(memory, now_s=0.0)

    def crash(self) -> None:
        """Lose the process, and with it the link."""
        self.lose_link()
        self.hands = Hands(TABLES)

    def lose_link(self) -> None:
        self.session = None
        self.button.link_down(self.now_s)

    def link(self) -> None:
        self.lose_link()
        self.button.link_up(self.now_s)
        self.button.set_mtu(140)
        self.hearing = Hearing("poche", DUO.serial)
        self.session = Session(
            Reconnect(PAIRING, self.mark),
            address=DUO.address,
            address_type=0,
            root_key=TEST_ROOT_PUBLIC,
            max_frame=137,
            now_s=self.now_s,
        )
        self.talk()

    def touch(self, key: int) -> None:
        """Put a finger on a key, or lift it."""
        if self.button._body.fingers[key].is_down:
            self.button.release(self.now_s, key)
        else:
            self.button.press(self.now_s, key)
        self.talk()

    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.button.pass_time(self.now_s)
        self.talk()
        if self.session is not None:
            self.note(self.hands.pass_time(self.now_s - 0.001))
            self.settle()
            self.talk()

    def talk(self) -> None:
        """Carry frames until nobody has anything to say."""
        while (session := self.session) is not None:
            sent, answers = session.take_frames(), self.button.take_frames()
            for frame in sent:
                self.button.receive(frame, self.now_s)
            for frame in answers:
                for event in session.receive(frame, self.now_s):
                    self.hear(event)
                self.settle()
            if not (sent or answers):
                return

    def hear(self, event: SessionEvent) -> None:
        assert not isinstance(event, Failed | PressGap), event
        match self.hearing.translate(event, self.now_s):
            case LinkUp():
                self.hands.reset()
            case ButtonEvent() as heard:
                self.note(self.hands.feed(heard))

    def note(self, gestures: list[Gesture]) -> None:
        """As the store does: a press that is known already stays what it was."""
        for gesture in gestures:
            known = self.told.setdefault((gesture.key, gesture.first.own_count), gesture.name)
            assert known == gesture.name, "a press became another one"

    def settle(self) -> None:
        settled = self.hands.settled
        if settled is None or not self.writes_marks or self.session is None:
            return
        assert self.mark.at_or_before(settled), "a mark went back"
        self.mark = settled
        self.session.acknowledge(settled, self.now_s)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("touch"), st.sampled_from((BIG, SMALL))),
        st.tuples(st.just("touch"), st.sampled_from((BIG, SMALL))),
        st.tuples(st.just("wait"), st.sampled_from((0.05, 0.1, 0.2, 0.3, 0.6, 1.1, 7.0))),
        st.tuples(st.just("wait"), st.sampled_from((0.05, 0.1, 0.2))),
        st.tuples(st.sampled_from(("crash", "lose", "link", "pause marks", "resume marks")), st.just(0)),
    ),
    max_size=40,
)


def play(script: list[tuple[str, float]], *, is_disturbed: bool) -> Bridge:
    bridge = Bridge()
    bridge.link()
    for what, number in script:
        match what:
            case "touch":
                bridge.touch(int(number))
            case "wait":
                bridge.wait(number)
            case "crash" if is_disturbed:
                bridge.crash()
            case "lose" if is_disturbed:
                bridge.lose_link()
            case "link" if is_disturbed:
                bridge.link()
            case "pause marks" | "resume marks" if is_disturbed:
                bridge.writes_marks = what == "resume marks"
    for key, fingers in bridge.button._body.fingers.items():
        if fingers.is_down:
            bridge.touch(key)
    bridge.wait(5.0)
    bridge.writes_marks = True
    if is_disturbed:
        bridge.link()
    bridge.wait(5.0)
    return bridge


@settings(deadline=None, max_examples=300)
@given(script=steps)
def test_no_loss_of_link_power_or_mark_changes_what_the_fingers_said(
    script: list[tuple[str, float]],
) -> None:
    quiet, disturbed = (play(script, is_disturbed=is_disturbed) for is_disturbed in (False, True))
    assert disturbed.told == quiet.told
    assert disturbed.mark.counts == disturbed.button.memory.counts
    assert disturbed.button.memory.queue == [], "the button was not told that all is safe"
    assert disturbed.hands.pass_time(math.inf) == []
