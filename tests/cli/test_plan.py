"""`flicbridge plan explain`: what the settings come to, in the installer's words and for programs."""

from pathlib import Path
from typing import Any, Protocol

import pytest

from flicbridge.outbox.circuit import OPENS_AFTER


class Said(Protocol):
    code: int
    out: str
    err: str
    json: Any


class Command(Protocol):
    def __call__(self, *arguments: object) -> Said: ...


MORE = """
[[recipients]]
name = "colleague"
order = "in_turn"
next_after = "30s"
channels = [
  { transport = "http", url = "http://127.0.0.1:9/first", secret = "hub-key" },
  { transport = "http", url = "http://127.0.0.1:9/second", secret = "hub-key", expires_after = "1h" },
]

[[plan]]
after = "0s"
notify = ["hub"]
repeat = "5m"

[[plan]]
after = "60s"
unless = "acknowledged"
notify = ["colleague"]
"""

PLAIN = '[[plan]]\nafter = "0s"\nnotify = ["hub"]\n'
ALERTS = 'join_within = "0s"\n'
INFORM = 'give_up_after = "21m"\nlate = { after = "15m", plan = "inform", notify = ["colleague"] }\n'


@pytest.fixture
def elaborate(settings: Path) -> Path:
    """A plan with a bit of everything."""
    text = settings.read_text(encoding="utf-8")
    assert PLAIN in text
    assert ALERTS in text
    text = text.replace(PLAIN, MORE).replace(ALERTS, ALERTS + INFORM)
    settings.write_text(text, encoding="utf-8")
    return settings


def told(messages: list[dict[str, Any]]) -> list[tuple[float, str, str, int]]:
    return [(m["after_s"], m["channel"], m["message"], m["number"]) for m in messages]


def test_the_timeline_is_what_the_bridge_will_do(flicbridge: Command, elaborate: Path) -> None:
    facts = flicbridge("plan", "explain", "--config", elaborate, "--json").json
    assert told(facts["if_nobody_answers"]) == [
        (0, "hub/0", "alert", 0),
        (60, "colleague/0", "alert", 0),
        (90, "colleague/1", "alert", 0),
        *((300 * number, "hub/0", "reminder", number) for number in range(1, 5)),
    ]
    assert [m["even_if_acknowledged"] for m in facts["if_nobody_answers"]] == [True] + 6 * [False]
    assert facts["given_up_after_s"] == 21 * 60
    assert facts["channels"]["colleague/1"] == {"transport": "http", "expires_after_s": 3600}


def test_each_channel_that_fails_is_followed_to_whoever_is_told_instead(
    flicbridge: Command, elaborate: Path
) -> None:
    facts = flicbridge("plan", "explain", "--config", elaborate, "--json").json
    failures = {failure["channel"]: failure for failure in facts["if_a_channel_fails"]}
    assert told(failures["colleague/0"]["instead"]) == [(60, "colleague/1", "alert", 0)]  # at once, not at 90
    assert told(failures["colleague/1"]["instead"]) == [(60, "colleague/0", "alert", 0)]
    assert failures["hub/0"]["instead"] == []
    assert told(failures["hub/0"]["first_others"]) == [(60, "colleague/0", "alert", 0)]


def test_retries_cancellations_tests_and_old_presses_are_told_too(
    flicbridge: Command, elaborate: Path
) -> None:
    facts = flicbridge("plan", "explain", "--config", elaborate, "--json").json
    tries_s = facts["if_it_cannot_be_reached"]["tries_s"]
    assert tries_s[0] == 1.0
    assert tries_s == sorted(tries_s)
    assert facts["if_it_cannot_be_reached"]["then"][-1]["every_s"] == 60.0
    assert facts["if_cancelled"] == [
        {"from_s": 0, "recipients": ["hub"]},
        {"from_s": 60, "recipients": ["hub", "colleague"]},
    ]
    assert told(facts["tests"]) == [(0, "hub/0", "alert", 0)]
    assert (facts["late"]["fresh_s"], facts["late"]["old_s"], facts["late"]["plan"]) == (60, 900, "inform")
    assert told(facts["late"]["old"]) == [(0, "colleague/0", "alert", 0), (30, "colleague/1", "alert", 0)]


def test_people_read_it_as_one_page(flicbridge: Command, elaborate: Path) -> None:
    said = flicbridge("plan", "explain", "--config", elaborate)
    assert (said.code, said.err) == (0, "")
    page = " ".join(said.out.split())
    for sentence in (
        "5 min hub hub/0 (http) reminder, every 5 min until 20 min (4 times) not sent",
        "hub/0 (http) hub is NOT told; first of the others, 1 min: colleague",
        "colleague/0 (http) colleague is told over: colleague/1 (http) (1 min) 1 d",
        "colleague/1 (http) colleague is told over: colleague/0 (http) (1 min) 1 h",
        f"Where channels are used in turn, {OPENS_AFTER} failures in a row bring the next one.",
        "If it is cancelled 1 min or later, these are told: hub, colleague",
        "A press that took longer than 1 min to arrive is called late.",
        "One that took longer than 15 min is called old, and told once and without escalation to: colleague",
        "A test is told to: hub",
    ):
        assert sentence in page


def test_times_are_told_to_the_second(flicbridge: Command, settings: Path) -> None:
    """Somebody plans with them: 60 s and 90 s are not the same minute."""
    text = settings.read_text(encoding="utf-8")
    plan = MORE.replace('after = "60s"', 'after = "90s"\nrepeat = "90s"\ntimes = 2')
    alerts = 'fresh = "1m15s"\ngive_up_after = "1h1m30s"\n'
    text = text.replace(PLAIN, plan).replace(ALERTS, ALERTS + alerts).replace('"1h"', '"1h250ms"')
    settings.write_text(text, encoding="utf-8")
    page = " ".join(flicbridge("plan", "explain", "--config", settings).out.split())
    for sentence in (
        "1 min 30 s colleague colleague/0 (http) alert",
        "3 min colleague colleague/0 (http) reminder, every 1 min 30 s until 4 min 30 s (2 times)",
        "1 h 1 min 30 s given up",
        "colleague is told over: colleague/0 (http) (1 min 30 s) 1 h 250 ms",
        "If it is cancelled 1 min 30 s or later, these are told: hub, colleague",
        "A press that took longer than 1 min 15 s to arrive is called late.",
        "21, 32 s, from 32 s on every 15 s; from 18 min 47 s on every 1 min,",
    ):
        assert sentence in page


def test_a_plan_with_a_single_way_out_says_so(flicbridge: Command, settings: Path) -> None:
    page = " ".join(flicbridge("plan", "explain", "--config", settings).out.split())
    assert "hub/0 (http) NOBODY is told" in page
    assert "Where channels are used in turn" not in page
