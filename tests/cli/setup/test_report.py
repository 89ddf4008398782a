"""What is open after the setup, and the report that says so. Pure."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flicbridge.alert.desk import Reaction
from flicbridge.cli.setup import paper
from flicbridge.cli.setup.evidence import (
    ButtonFact,
    ChannelFact,
    Evidence,
    PressFact,
    RadioFact,
    ReachedFact,
    RoomFact,
    fingerprint,
)
from flicbridge.cli.setup.findings import Channels, open_points
from flicbridge.cli.setup.report import compose
from flicbridge.config import Settings

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CHANNELS: Channels = {"hub/0": {"transport": "email", "host": "a", "from": "a@b.fr", "to": "a@b.fr"}}
EVIL = "<script>alert('x')</script>"


def settings(doctor: str = "Dr Anne Martin") -> Settings:
    raw = {
        "bridge": {"id": "tilleuls-1", "language": "en"},
        "doctor": {"name": doctor, "phone": "+33612345678"},
        "practice": {"name": "Tilleuls", "address": "Limoges", "access": "code 4321"},
        "buttons": [
            {"name": "poche", "family": "flic2", "serial": "BF12-A34567", "gestures": {"long": "alert"}},
            {"name": "accueil", "family": "virtual", "gestures": {"single": "alert"}},
        ],
        "recipients": [{"name": "hub", "channels": [CHANNELS["hub/0"]]}],
        "plan": [{"after": "0s", "notify": ["hub"]}],
    }
    return Settings.read(raw, Path())


def proven(**changes: Any) -> Evidence:
    """Everything was proven, but for the changes."""
    whole = Evidence(
        radio=RadioFact(at=NOON, works=True),
        buttons={
            "poche": ButtonFact(
                at=NOON, serial="BF12-A34567", product="Flic 2", firmware=10, battery_mv=2980, rssi_dbm=-63,
                heard_after_s=0.023,
            )
        },
        channels={"hub/0": channel()},
        presses={"poche": pressed()},
        rooms=(room("Cabinet 2", "good"),),
    )  # fmt: skip
    return whole.model_copy(update=changes)


def pressed(**changes: Any) -> PressFact:
    reached = (ReachedFact(channel="hub/0", state="sent", after_s=1.2),)
    facts = {
        "at": NOON,
        "serial": "BF12-A34567",
        "gesture": "long",
        "reaction": "alert",
        "known_after_s": 1.0,
    }
    return PressFact.model_validate({**facts, "reached": reached, **changes})


def channel(**changes: Any) -> ChannelFact:
    facts = {"at": NOON, "of": fingerprint(CHANNELS["hub/0"]), "outcome": "sent", "took_s": 0.2, "seen": True}
    return ChannelFact.model_validate({**facts, **changes})


def room(name: str, verdict: str) -> RoomFact:
    return RoomFact(
        at=NOON, room=name, button="poche", median_dbm=-63, longest_silence_s=0.4, verdict=verdict
    )


def points(evidence: Evidence, channels: Channels = CHANNELS, of: Settings | None = None) -> list[str]:
    return list(open_points((of or settings()).buttons, channels, evidence, str))


def page(
    evidence: Evidence, found: list[str], of: Settings | None = None, installer: str = "Luc Moreau"
) -> str:
    of = of or settings()
    return compose(of, CHANNELS, evidence, found, installer=installer, at=NOON, words=str)


def test_when_everything_was_proven_nothing_is_open() -> None:
    assert points(proven()) == []
    text = page(proven(), [])
    assert "Everything was proven." in text
    assert "reservations" not in text


@pytest.mark.parametrize(
    ("changes", "point"),
    [
        ({"radio": None}, "The Bluetooth radio did not work, or was not tried."),
        ({"radio": RadioFact(at=NOON, works=False)}, "The Bluetooth radio did not work, or was not tried."),
        ({"presses": {}}, "The button poche was not tried to the end: no press, no alert."),
        ({"channels": {}}, "hub/0 was not tried: NOT PROVEN."),
        ({"channels": {"hub/0": channel(outcome="skipped")}}, "hub/0 was not tried: NOT PROVEN."),
        ({"channels": {"hub/0": channel(of="another")}}, "hub/0 was not tried: NOT PROVEN."),
        ({"channels": {"hub/0": channel(outcome="failed", detail="401")}}, "hub/0 failed: 401"),
        ({"channels": {"hub/0": channel(seen=False)}}, "hub/0: nobody saw the test message arrive."),
        ({"rooms": ()}, "Nobody walked through the rooms: dead zones are not known."),
        (
            {"rooms": (room("Cabinet 2", "good"), room("WC", "dead"), room("Cave", "weak"))},
            "Rooms where the button is heard badly or not at all: WC, Cave.",
        ),
    ],
)
def test_everything_that_was_not_proven_is_open(changes: dict[str, Any], point: str) -> None:
    evidence = proven(**changes)
    assert points(evidence) == [point]
    text = page(evidence, points(evidence))
    assert point in text
    assert "Not everything is proven:" in text
    assert "Signed with reservations" in text


def test_a_press_that_missed_somebody_is_open() -> None:
    missed = (
        ReachedFact(channel="hub/0", state="sent", after_s=1.2),
        ReachedFact(channel="samu/0", state="failed", after_s=None, detail="HTTP 401"),
    )
    press = pressed(reached=missed)
    evidence = proven(presses={"poche": press})
    assert points(evidence) == ["A press on poche did not reach samu/0."]
    assert "hub/0: 1.2 s; samu/0: not sent" in page(evidence, [])


@pytest.mark.parametrize(
    "press",
    [
        pressed(serial="BF99-A99999"),
        pressed(serial=""),
        pressed(gesture="single"),
        pressed(gesture="double", reaction="test"),
    ],
)
def test_a_press_of_another_button_or_gesture_proves_nothing(press: PressFact) -> None:
    evidence = proven(presses={"poche": press})
    assert points(evidence) == ["The button poche was not tried to the end: no press, no alert."]
    assert "hub/0: 1.2 s" in page(proven(), [])
    assert "hub/0: 1.2 s" not in page(evidence, points(evidence))


def test_a_press_proves_nothing_once_another_gesture_calls_for_help() -> None:
    """The button was set to a single press since; what was tried was the long one."""
    button = settings().buttons[0].model_copy(update={"gestures": {"single": Reaction.ALERT}})
    changed = settings().model_copy(update={"buttons": (button,)})
    assert points(proven(), of=changed) == ["The button poche was not tried to the end: no press, no alert."]
    assert "hub/0: 1.2 s" not in page(proven(), [], changed)


def test_without_buttons_and_channels_nobody_is_protected() -> None:
    virtual = settings().model_copy(update={"buttons": settings().buttons[1:]})
    assert points(proven(), {}, virtual) == [
        "There is no button.",
        "Nobody is told anything: there is no channel.",
    ]


def test_what_was_measured_with_another_button_of_that_name_is_not_shown() -> None:
    other = proven().buttons["poche"].model_copy(update={"serial": "BF99-A99999"})
    assert "2.98 V" in page(proven(), [])
    assert "2.98 V" not in page(proven(buttons={"poche": other}), [])


def test_nothing_that_was_typed_can_act_in_the_browser() -> None:
    evidence = proven(
        rooms=(room(EVIL, "dead"),),
        channels={"hub/0": channel(outcome="failed", detail=EVIL)},
    )
    text = page(evidence, points(evidence), settings(EVIL), EVIL)
    assert EVIL not in text
    assert text.count("&lt;script&gt;") >= 4
    assert "default-src 'none'" in text


def test_the_page_fetches_nothing_and_keeps_the_door_code_to_itself() -> None:
    text = page(proven(), [])
    assert not re.search(r"https?://|<link|<img|<script|url\(", text)
    assert "4321" not in text


def test_paper_escapes_in_every_part() -> None:
    parts = [
        paper.heading(EVIL),
        paper.sentence(EVIL),
        paper.verdict(EVIL, [EVIL]),
        paper.facts([(EVIL, EVIL)]),
        paper.grid([EVIL], [[EVIL]]),
        paper.signatures([(EVIL, EVIL)]),
    ]
    assert EVIL not in paper.page(EVIL, EVIL, parts)
