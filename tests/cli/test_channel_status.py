"""What a person reads about a channel that does not work."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from flicbridge.cli.status import _channel_state
from flicbridge.texts import translator

PARIS = ZoneInfo("Europe/Paris")
FAILING = {
    "state": "failing",
    "circuit": "open",
    "failing_since": "2026-11-22T09:00:00.000+00:00",
    "failures_in_a_row": 7.0,
    "next_try_at": "2026-11-22T09:01:30.000+00:00",
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ["fails, still trying", "since", "10:00", "7×", "next try", "10:01"]),
        ({"circuit": "half_open", "next_try_at": None}, ["since", "7×", "trying now"]),
        ({"next_try_at": None}, ["since", "7×"]),
    ],
)
def test_since_when_it_fails_how_often_and_what_comes_next(changes: dict[str, Any], said: list[str]) -> None:
    told = _channel_state(FAILING | changes, PARIS, translator("en").gettext)
    at = -1
    for words in said:
        assert (at := told.find(words, at + 1)) >= 0, (words, told)


@pytest.mark.parametrize("channel", [{"state": "ok", "circuit": "closed"}, {"state": "ok"}])
def test_of_one_that_works_nothing_more_is_said(channel: dict[str, Any]) -> None:
    assert _channel_state(channel, PARIS, translator("en").gettext) == "works"
