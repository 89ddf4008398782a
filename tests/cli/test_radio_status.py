"""What `flicbridge status` shows people of a radio and of its repairs."""

from collections.abc import Callable
from functools import partial

import pytest

type ShowStatus = Callable[..., str]


@pytest.fixture
def show(status_when: ShowStatus) -> ShowStatus:
    """Show the status of a bridge when its radio says these things."""
    return partial(status_when, "radio")


def test_a_radio_that_is_well_says_when_it_heard_something(show: ShowStatus) -> None:
    out = show(state="scanning", last_heard="2026-11-22T11:59:30+00:00")
    assert "Bluetooth radio: listening, last heard something 2026-11-22 12:59:30" in out
    assert "No problem is known." in out
    assert "repair" not in out


def test_a_silent_radio_is_a_problem_since_the_last_sound_and_its_repairs_are_told(show: ShowStatus) -> None:
    out = show(
        state="silent",
        silent_since="2026-11-22T11:00:00+00:00",
        step="not_power_cycled",
        step_at="2026-11-22T11:02:00+00:00",
        power_cycle="refused",
    )
    assert "Bluetooth radio: hears nothing, neither a button nor any other device" in out
    assert "since 2026-11-22 12:00:00" in out
    told = "Last repair of the radio, 2026-11-22 12:02:00: adapter could not be switched off and on"
    assert f"{told} (not allowed for this user)" in out


def test_a_repair_that_helped_is_told_without_a_problem(show: ShowStatus) -> None:
    out = show(state="scanning", step="power_cycled", step_at="2026-11-22T11:02:00+00:00", power_cycle="done")
    assert "Last repair of the radio, 2026-11-22 12:02:00: adapter switched off and on" in out
    assert "No problem is known." in out


def test_a_bridge_without_a_radio_has_nothing_to_say_of_one(show: ShowStatus) -> None:
    assert "Bluetooth radio" not in show()
