"""An hour of garbage at 50 frames a second: nothing is said, nothing is kept, and the next press is heard."""

import gc
import random
import sys
from typing import TYPE_CHECKING, Final

from flicbridge.press.event import Counter
from flicbridge.press.flic2 import crypto
from flicbridge.press.flic2.link import READY_TIMEOUT_S
from flicbridge.press.flic2.pairing import Pairing
from flicbridge.press.flic2.reports import Failed, FailReason, Item
from flicbridge.press.flic2.session import VERIFY_TIMEOUT_S, Reconnect, Session
from flicbridge.simulator.attack import foreign_garbage, garbage

if TYPE_CHECKING:
    from tests.press.flic2.conftest import ScriptedButton

FRAMES_PER_S: Final = 50
HOUR_S: Final = 3600
CONN_ID: Final = 3
DOWN: Final = 1
PAIRING: Final = Pairing(
    serial="BA00-A00001",
    address="80:E4:DA:70:00:01",
    address_type=0,
    material=bytes(range(20)),
    uuid="a0" * 16,
    name="Panic",
    is_duo=False,
    simulated=True,
)


def allocated_blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()


def test_an_hour_of_garbage_for_others_leaves_a_session_as_it_was(button: "ScriptedButton") -> None:
    chance = random.Random(7)
    session, blocks = button.session, []
    for second in range(HOUR_S):
        for _ in range(FRAMES_PER_S):
            assert session.receive(foreign_garbage(chance, own=CONN_ID), float(second)) == []
        assert session.take_frames() == []
        if second in (HOUR_S // 2, HOUR_S - 1):
            blocks.append(allocated_blocks())
    assert blocks[1] - blocks[0] < 500
    assert session.unexpected == FRAMES_PER_S * HOUR_S
    (item,) = button.reports(5, DOWN, now_s=float(HOUR_S))
    assert isinstance(item, Item)


def test_garbage_for_a_session_ends_it_at_once(button: "ScriptedButton") -> None:
    frame = bytes([CONN_ID]) + random.Random(7).randbytes(20)
    (failed,) = button.session.receive(frame, 0.0)
    assert isinstance(failed, Failed)
    assert failed.reason is FailReason.PACKET_SIGNATURE


def test_a_beginning_without_an_end_costs_the_session_and_not_the_press(button: "ScriptedButton") -> None:
    """What comes next would be taken for its end; so it does not verify, and is asked for again."""
    assert button.session.receive(bytes([CONN_ID | 0x80]) + bytes(10), 0.0) == []
    (failed,) = button.reports(5, DOWN)
    assert isinstance(failed, Failed)
    assert failed.reason is FailReason.PACKET_SIGNATURE


def test_garbage_before_any_proof_is_bounded_and_ends_nothing_early() -> None:
    """Somebody else's frames must not cost the button its time to answer; the time itself is short."""
    chance = random.Random(7)
    session = Session(
        Reconnect(PAIRING, Counter(1, 4)),
        address=PAIRING.address,
        address_type=0,
        root_key=crypto.VENDOR_ROOT_KEY,
        max_frame=137,
        now_s=0.0,
    )
    session.take_frames()
    blocks = []
    for number in range(FRAMES_PER_S * 600):
        assert session.receive(garbage(chance), 0.0) == []
        if number in (FRAMES_PER_S * 60, FRAMES_PER_S * 600 - 1):
            blocks.append(allocated_blocks())
    assert blocks[1] - blocks[0] < 500
    assert session.deadline_s == VERIFY_TIMEOUT_S
    assert READY_TIMEOUT_S < VERIFY_TIMEOUT_S
