"""What `flicbridge status` shows people of a button that sleeps between presses."""

from collections.abc import Callable
from functools import partial

import pytest

type ShowStatus = Callable[..., str]


@pytest.fixture
def show(status_when: ShowStatus) -> ShowStatus:
    """Show the status of a bridge when its button says these things."""
    return partial(status_when, "button:poche")


def test_a_sleeping_button_is_no_problem_and_says_when_it_was_last_heard(show: ShowStatus) -> None:
    out = show(link="asleep", last_heard="2026-11-22T09:30:00+00:00")
    assert "asleep until it is pressed, last heard 2026-11-22 10:30:00" in out
    assert "No problem is known." in out


def test_a_button_that_was_never_heard_does_not_say_when(show: ShowStatus) -> None:
    out = show(link="asleep")
    assert "asleep until it is pressed" in out
    assert "last heard" not in out


def test_a_button_that_is_awake_is_as_it_ever_was(show: ShowStatus) -> None:
    out = show(link="up", last_heard="2026-11-22T09:30:00+00:00")
    assert "connected" in out
    assert "last heard" not in out
