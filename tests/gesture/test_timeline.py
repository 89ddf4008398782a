"""The button's clock against ours."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.gesture.timeline import DRIFT, EarliestArrival

seconds = st.floats(0, 2**32)


def test_before_anything_was_heard_nothing_can_be_said() -> None:
    timeline = EarliestArrival()
    assert timeline.wake_at_s(5.0, 0.3) == math.inf
    assert timeline.button_now_s(5.0, 0.3) == -math.inf


def test_the_fastest_packet_counts() -> None:
    timeline = EarliestArrival()
    timeline.note(10.0, 110.4)
    timeline.note(11.0, 111.1)
    timeline.note(12.0, 112.9)
    assert timeline.button_now_s(113.0, 0.0) == pytest.approx(12.9, abs=0.01)
    assert timeline.wake_at_s(13.0, 0.25) == pytest.approx(113.35, abs=0.01)


def test_an_event_that_the_button_had_kept_for_an_hour_does_not_make_us_wait_for_an_hour() -> None:
    timeline = EarliestArrival()
    timeline.note(3600.0, 100.0)  # the start of the session
    timeline.note(1.0, 100.1)  # its oldest queued event
    assert timeline.wake_at_s(1.5, 0.3) < 100.0


@given(at_s=seconds, ahead_s=st.floats(-(2**32), 2**32), wait_s=st.floats(0, 60), allowance_s=st.floats(0, 5))
def test_whoever_wakes_up_when_told_finds_the_deadline_passed(
    at_s: float, ahead_s: float, wait_s: float, allowance_s: float
) -> None:
    timeline = EarliestArrival()
    timeline.note(at_s, at_s + ahead_s)
    wake_at_s = timeline.wake_at_s(at_s + wait_s, allowance_s)
    assert timeline.button_now_s(wake_at_s, allowance_s) >= at_s + wait_s
    assert timeline.button_now_s(wake_at_s - 0.001, allowance_s) < at_s + wait_s


@given(
    rate=st.floats(-500e-6, 500e-6),
    delays=st.lists(st.floats(0, 2), min_size=1, max_size=20),
    pauses=st.lists(st.floats(2, 20_000), min_size=21, max_size=21),
)
def test_no_packet_within_the_allowance_is_ever_overtaken(
    rate: float, delays: list[float], pauses: list[float]
) -> None:
    timeline = EarliestArrival()
    now_s = 0.0
    for delay_s, pause_s in zip(delays, pauses, strict=False):
        now_s += pause_s
        timeline.note((now_s - delay_s) / (1 + rate), now_s)
        later_s = now_s + pauses[-1]
        arriving_at_s = (later_s - 2.0) / (1 + rate)  # what the slowest packet that arrives by then is about
        assert timeline.button_now_s(later_s, 2.0) <= arriving_at_s + 1e-6


def test_after_an_hour_of_silence_the_next_packet_still_counts_for_what_it_is_worth() -> None:
    timeline = EarliestArrival()
    timeline.note(0.0, 100.0)
    timeline.note(3600.0, 3700.0)
    assert timeline.button_now_s(3700.0, 0.0) == pytest.approx(3600.0)
    assert timeline.button_now_s(7300.0, 0.0) == pytest.approx(7200.0 - 3600 * DRIFT)
