"""What works but is unwise is said, and does not keep the bridge from starting."""

from pathlib import Path

import pytest

from flicbridge.config import check, warnings

SERIAL = ('family = "flic2"', 'family = "flic2"\nserial = "BF12-A34567"')
TESTS = ("[doctor]", '[alerts]\ntest_notify = ["colleague"]\n[doctor]')


def advice(sound: Path, *changes: tuple[str, str]) -> list[tuple[str, str]]:
    text = sound.read_text(encoding="utf-8")
    for old, new in (SERIAL, TESTS, *changes):
        assert old in text
        text = text.replace(old, new, 1)
    return [(problem.where, problem.what) for problem in warnings(check(text, sound, None))]


def test_a_wise_file_gets_no_advice(sound: Path) -> None:
    assert advice(sound) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ('serial = "BF12-A34567"', 'serial = ""'),
            ("buttons[0].serial", '"poche" is not paired yet, so it is not heard'),
        ),
        (
            ('[alerts]\ntest_notify = ["colleague"]\n', ""),
            ("alerts.test_notify", "tests go to everybody in the first step: samu"),
        ),
        (
            ('long = "alert", double = "test"', 'long = "cancel", triple = "alert"'),
            (
                "buttons[0].gestures.long",
                'a tap that slips into a hold is taken for the hold, and here that is "cancel"',
            ),
        ),
        (
            ('family = "flic2"', 'family = "flic2"\nsmall_gestures = { long = "cancel", single = "alert" }'),
            (
                "buttons[0].small_gestures.long",
                'a tap that slips into a hold is taken for the hold, and here that is "cancel"',
            ),
        ),
        (
            ('family = "flic2"', 'family = "flic2"\nlink = "on_press"'),
            ("buttons[0].link", '"poche" sleeps, so nobody notices when it is gone or its battery is empty'),
        ),
        (
            ('family = "flic2"', 'family = "flic2"\nidle = "20s"'),
            ("buttons[0].idle", '"poche" stays connected, so idle means nothing to it'),
        ),
        (
            ("[doctor]", "[radio]\nsimulated = true\n[doctor]"),
            ("radio.simulated", "the radio is simulated, so no real button is heard"),
        ),
        (
            ("[doctor]", "[radio]\nbelieve_test_key = true\n[doctor]"),
            (
                "radio.believe_test_key",
                "anybody can make a button that passes for one of yours: the test key is public",
            ),
        ),
        (
            ("position = { latitude = 45.83362, longitude = 1.26105 }", ""),
            ("practice.position", "helpers get an address, but no point on the map"),
        ),
        (
            ('  { transport = "http", url = "https://alertes.example.fr/hook", secret = "hub-key" },\n', ""),
            (
                "plan[0].notify",
                "a single message carries the whole alert; if it is lost, nobody knows for now",
            ),
        ),
        (
            (
                "[[recipients]]",
                '[[buttons]]\nname = "b"\nfamily = "virtual"\ngestures = { long = "test" }\n[[recipients]]',
            ),
            ("buttons[1].gestures", '"b" raises no alert'),
        ),
    ],
)
def test_what_is_unwise_is_said(sound: Path, change: tuple[str, str], expected: tuple[str, str]) -> None:
    assert advice(sound, change) == [expected]


def test_steps_out_of_order_are_pointed_out(sound: Path) -> None:
    late = '[[plan]]\nafter = "90s"\nnotify = ["hub"]\n\n[[plan]]\nafter = "60s"'
    channel = '{ transport = "http", url = "https://hub.example.fr", secret = "hub-key" }'
    hub = f'[[recipients]]\nname = "hub"\nchannels = [{channel}]\n'
    found = advice(sound, ('[[plan]]\nafter = "60s"', late), ("[[recipients]]", hub + "[[recipients]]"))
    assert found == [("plan[2].after", "this step comes before the one above it")]


HUB = """\
[[recipients]]
name = "hub"
channels = [{ transport = "http", url = "https://hub.example.fr", secret = "hub-key" }]

[[recipients]]"""


def test_a_recipient_to_whom_nothing_is_ever_sent_is_pointed_out(sound: Path) -> None:
    found = advice(sound, ("[[recipients]]", HUB))
    assert found == [("recipients[0]", 'nobody ever tells "hub" anything')]


@pytest.mark.parametrize(
    "told",
    [
        '[alerts]\ntest_notify = ["hub"]',
        '[alerts]\ntest_notify = ["colleague"]\ntell_doctor = ["hub"]',
        '[alerts]\ntest_notify = ["colleague"]\nlate = { plan = "inform", notify = ["hub"] }',
        '[alerts]\ntest_notify = ["colleague"]\n[maintainer]\nnotify = ["hub"]',
        '[alerts]\ntest_notify = ["colleague"]\n[drills]\nown = { notify = ["hub"] }',
        '[alerts]\ntest_notify = ["colleague"]\n[drills]\nexercise = { notify = ["hub"] }',
    ],
)
def test_who_is_told_of_something_else_than_alerts_is_told(sound: Path, told: str) -> None:
    """Whoever followed the advice would send alerts to the doctor's own device."""
    assert advice(sound, ("[[recipients]]", HUB), ('[alerts]\ntest_notify = ["colleague"]', told)) == []
