"""What fingers bring about, and how it is numbered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.simulator.flic2.fingers import Encoded, Fingers, Motion
from flicbridge.simulator.flic2.memory import next_count

# (down, up) times -> what the button reports, by the regular values of the fact sheet (section 9.4).
GESTURES: dict[str, tuple[list[tuple[float, float]], list[tuple[int, float]]]] = {
    "a click": ([(0.0, 0.1)], [(1, 0.0), (8, 0.1), (2, 0.5)]),
    "a click that lasts almost half a second": ([(0.0, 0.49)], [(1, 0.0), (8, 0.49), (2, 0.5)]),
    "a press too long for half a double click": ([(0.0, 0.5)], [(1, 0.0), (10, 0.5)]),
    "a hold": ([(0.0, 1.7)], [(1, 0.0), (3, 1.0), (14, 1.7)]),
    "a double click": ([(0.0, 0.1), (0.4, 0.5)], [(1, 0.0), (8, 0.1), (5, 0.4), (11, 0.5)]),
    "a double click with a slow second half": (
        [(0.0, 0.1), (0.4, 1.1)],
        [(1, 0.0), (8, 0.1), (5, 0.4), (11, 1.1)],
    ),
    "a double click held": (
        [(0.0, 0.1), (0.3, 2.0)],
        [(1, 0.0), (8, 0.1), (5, 0.3), (7, 1.3), (15, 2.0)],
    ),
    "two clicks, the second too late": (
        [(0.0, 0.1), (0.5, 0.6)],
        [(1, 0.0), (8, 0.1), (2, 0.5), (1, 0.5), (8, 0.6), (2, 1.0)],
    ),
    "a triple click": (
        [(0.0, 0.1), (0.2, 0.3), (0.4, 0.5)],
        [(1, 0.0), (8, 0.1), (5, 0.2), (11, 0.3), (1, 0.4), (8, 0.5), (2, 0.9)],
    ),
    "a long press after a short one": (
        [(0.0, 0.6), (0.7, 0.8)],
        [(1, 0.0), (10, 0.6), (1, 0.7), (8, 0.8), (2, 1.2)],
    ),
}


def play(script: list[tuple[float, float]]) -> list[Motion]:
    fingers = Fingers()
    motions: list[Motion] = []
    for down_s, up_s in script:
        motions += until(fingers, down_s) + fingers.press(down_s)
        motions += until(fingers, up_s) + fingers.release(up_s)
    return motions + until(fingers, script[-1][1] + 10)


def until(fingers: Fingers, now_s: float) -> list[Motion]:
    motions: list[Motion] = []
    while fingers.deadline_s is not None and fingers.deadline_s <= now_s:
        motions += fingers.pass_time(fingers.deadline_s)
    return motions


@pytest.mark.parametrize("name", GESTURES)
def test_a_gesture_is_reported_as_a_genuine_button_does(name: str) -> None:
    script, expected = GESTURES[name]
    motions = play(script)
    assert [motion.encoded for motion in motions] == [encoded for encoded, _ in expected]
    assert [motion.at_s for motion in motions] == pytest.approx([at_s for _, at_s in expected])


def test_a_second_finger_on_a_button_that_is_down_changes_nothing() -> None:
    fingers = Fingers()
    assert fingers.press(0.0) != []
    assert fingers.press(0.1) == []
    assert fingers.release(0.2) != []
    assert fingers.release(0.3) == []


def test_counts_tell_the_kind_by_their_remainder_and_wrap_through_zero() -> None:
    count, counts = 2**32 - 4, []
    for encoded in (Encoded.DOWN, Encoded.UP_UNDECIDED, Encoded.TIMEOUT, Encoded.DOWN, Encoded.UP_SINGLE):
        count = next_count(count, encoded)
        counts.append(count)
    assert counts == [4294967293, 4294967295, 0, 1, 3]  # vectors: counter_wrap


DOWNS = (Encoded.DOWN, Encoded.SECOND_DOWN)
gaps = st.floats(0.0, 3.0, allow_nan=False)


@given(st.lists(st.tuples(gaps, gaps), min_size=1, max_size=8))
def test_any_fumbling_makes_one_down_and_one_up_per_press_in_order(
    presses: list[tuple[float, float]],
) -> None:
    script, now_s = [], 0.0
    for pause_s, held_s in presses:
        script.append((now_s + pause_s, now_s + pause_s + held_s))
        now_s = script[-1][1]
    motions = play(script)
    times_s = [motion.at_s for motion in motions]
    downs = [motion.at_s for motion in motions if motion.encoded in DOWNS]
    ups = [motion.at_s for motion in motions if motion.encoded & 8]
    assert times_s == sorted(times_s)
    assert downs == [down_s for down_s, _ in script]
    assert ups == [up_s for _, up_s in script]
    count, counts_of_downs = 0, []
    for motion in motions:
        count = next_count(count, motion.encoded)
        counts_of_downs += [count] if motion.encoded in DOWNS else []
    assert counts_of_downs == [4 * press + 1 for press in range(len(script))]
