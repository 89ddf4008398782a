"""The verdict can fail: whatever is not as expected is found, and told to people and programs alike."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest

from flicbridge.alert.alert import AlertState, Purpose
from flicbridge.errors import InputError
from flicbridge.simulator import words
from flicbridge.simulator.gateways import FakeHttp
from flicbridge.simulator.junit import write_junit
from flicbridge.simulator.practice import built_in
from flicbridge.simulator.report import Report, as_json
from flicbridge.simulator.scenario_file import ScenarioFile
from flicbridge.simulator.screen import NobodyWatches
from flicbridge.simulator.stage import Performance, perform
from flicbridge.simulator.story import Story
from flicbridge.simulator.timeline import Moment, What
from flicbridge.simulator.verdict import Check, Rule, judge
from flicbridge.texts import translator

type ReadScenario = Callable[[str], ScenarioFile]

PLAY = """
title = "Agression"
[[steps]]
at = "1s"
do = "press"
reaction = "alert"
[[steps]]
at = "9s"
do = "wait"
[expect]
alerts = 1
"""
FRENCH, ENGLISH = translator("fr").gettext, translator("en").gettext


@cache
def once() -> Performance:
    """One play, judged many times."""
    from tempfile import TemporaryDirectory

    from flicbridge.simulator.scenario_file import load_scenario

    with TemporaryDirectory() as folder:
        path = Path(folder) / "play.toml"
        path.write_text(PLAY)
        return perform(load_scenario(path).scenario, built_in(), NobodyWatches(), fast=True)


@pytest.fixture
def played() -> Performance:
    return once()


def failing(played: Performance) -> list[str]:
    return [f"{check.rule} {check.about}".strip() for check in judge(played).checks if not check.ok]


def with_story(played: Performance, **changes: Any) -> Performance:
    story = played.story
    return replace(played, story=replace(story, **changes))


def test_a_play_that_went_well_passes(played: Performance) -> None:
    assert judge(played).ok
    assert failing(played) == []


@pytest.mark.parametrize(
    ("expectation", "found"),
    [
        ("alerts = 0", ["alerts", "messages samu/0", "messages hub/0", "messages secretariat/0"]),
        ("tests = 1", ["tests", "messages samu/0", "messages hub/0", "messages secretariat/0"]),
        ("joined = 1", ["joined"]),
        ("again = 1", ["messages samu/0", "messages hub/0", "messages secretariat/0"]),
        ("cancelled = 1", ["messages samu/0", "messages hub/0", "messages secretariat/0"]),
        ('within = "200ms"', ["within samu/0", "within hub/0", "within secretariat/0"]),
        ('within = "2s"', []),
        ('state = "cancelled"', ["state"]),
        ('state = "notified"', []),
        ("late = true", ["late samu/0", "late hub/0", "late secretariat/0"]),
        ("late = false", []),
        ('text_contains = ["Dr Knock"]', ["text_contains Dr Knock"]),
        ('text_contains = ["1er étage"]', []),
        ("duplicates = 1", ["duplicates"]),
        ("undelivered = 1", ["undelivered"]),
        ('errors = ["store_refused"]', ["errors store_refused"]),
        ('messages = [{ channel = "hub", alert = 2 }]', ["messages hub/0"]),
        ('messages = [{ channel = "collegue", alert = 1 }]', ["messages collegue/0"]),
        ('failed = [{ channel = "hub", reason = "410" }]', ["failed hub/0"]),
    ],
)
def test_an_expectation_that_is_not_met_fails(
    played: Performance, read_scenario: ReadScenario, expectation: str, found: list[str]
) -> None:
    text = PLAY.replace(
        "alerts = 1", expectation if expectation.startswith("alerts") else f"alerts = 1\n{expectation}"
    )
    assert failing(replace(played, scenario=read_scenario(text).scenario)) == found


def test_a_channel_that_got_nothing_is_not_in_time(played: Performance, read_scenario: ReadScenario) -> None:
    letters = [letter for letter in played.story.letters if letter.recipient != "hub"]
    scenario = read_scenario(PLAY + 'within = "3s"\n').scenario
    silent = replace(with_story(played, letters=letters), scenario=scenario)
    assert failing(silent) == ["messages hub/0", "within hub/0"]


def test_the_same_message_acted_upon_twice_fails(played: Performance) -> None:
    letters = played.story.letters
    twice = with_story(played, letters=[*letters, replace(letters[0], key=f"{letters[0].key}-1")])
    assert failing(twice) == ["messages samu/0", "duplicates"]


def test_a_message_that_nobody_owes_fails(played: Performance) -> None:
    letters = played.story.letters
    strange = replace(letters[1], key="0", tells=None)
    assert failing(with_story(played, letters=[*letters, strange])) == ["strangers"]


def test_a_message_about_the_bridge_itself_is_owed_to_its_maintainer(played: Performance) -> None:
    letters = played.story.letters
    key = UUID(int=7)
    notice = replace(letters[1], key=str(key), tells=None)
    assert failing(with_story(played, letters=[*letters, notice], notices={key})) == []
    assert failing(with_story(played, letters=[*letters, notice], notices={UUID(int=8)})) == ["strangers"]


def test_a_webhook_with_a_bad_signature_fails(played: Performance, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = played.standins["hub/0"].gateway
    assert isinstance(gateway, FakeHttp)
    monkeypatch.setattr(gateway, "forged", 1)
    assert failing(played) == ["signatures"]


@pytest.mark.parametrize("lost", ["Dr Anne Martin", "06 12 34 56 78", "45.83362,1.26105"])
def test_a_text_without_one_of_the_essentials_fails(played: Performance, lost: str) -> None:
    letters = [
        replace(letter, text=letter.text.replace(lost, "..."), subject="") for letter in played.story.letters
    ]
    assert failing(with_story(played, letters=letters)) == ["essentials"]


@pytest.mark.parametrize(
    ("state", "error", "found"),
    [
        ("failed", "refused: HTTP 403 Forbidden", ["failed"]),
        ("queued", "cannot connect", ["undelivered"]),
        ("expired", "given up", ["undelivered"]),
    ],
)
def test_a_message_that_did_not_get_through_fails(
    played: Performance, state: str, error: str, found: list[str]
) -> None:
    first, *others = played.evidence.fates
    fates = [replace(first, state=state, last_error=error), *others]
    assert failing(replace(played, evidence=replace(played.evidence, fates=fates))) == found


def test_a_step_that_could_not_be_played_fails(played: Performance, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [
        *played.story.timeline.moments,
        Moment(3.0, What.OBSTACLE, {"reason": "press_refused", "detail": "x"}),
    ]
    monkeypatch.setattr(played.story.timeline, "moments", moments)
    assert failing(played) == ["played"]


def test_a_wrong_age_is_no_true_lateness(play: Callable[[str], Performance]) -> None:
    late = play("""
title = "late"
[[steps]]
at = "1s"
do = "out_of_range"
[[steps]]
at = "20s"
do = "press"
reaction = "alert"
[[steps]]
at = "10m"
do = "back_in_range"
[expect]
alerts = 1
late = true
""")
    assert failing(late) == []
    letters = late.story.letters
    older = [replace(letter, text=letter.text.replace("9 min", "4 min")) for letter in letters]
    assert failing(with_story(late, letters=older)) == ["late samu/0", "late secretariat/0"]
    younger = [
        replace(letter, data={**letter.data, "age_s": 61.0}) if letter.data else letter for letter in letters
    ]
    assert failing(with_story(late, letters=younger)) == ["late hub/0"]


# -- how it is told ------------------------------------------------------------------------------------------


@pytest.fixture
def reports(played: Performance, read_scenario: ReadScenario) -> list[Report]:
    missed = replace(played, scenario=read_scenario(PLAY + 'state = "cancelled"\n').scenario)
    return [
        Report.of("good", played, judge(played)),
        Report.of("bad", missed, judge(missed)),
        Report("left out", "Brings its own", skipped="it brings settings of its own"),
    ]


def test_json_holds_the_verdict_and_the_timeline_on_one_line(reports: list[Report]) -> None:
    good, bad, left_out = (json.loads(as_json(report, ENGLISH)) for report in reports)
    assert (good["scenario"], good["ok"], bad["ok"], left_out["ok"]) == ("good", True, False, True)
    assert [each["expectation"] for each in bad["expectations"] if not each["ok"]] == ["state"]
    assert left_out["skipped"]
    kinds = [event["what"] for event in good["timeline"]]
    assert kinds[:3] == ["finger_down", "gesture", "taken"]
    assert sorted(kinds[3:]) == [*["arrived"] * 3, "delivered", "finger_up"]
    times_s = [event["at_s"] for event in good["timeline"]]
    assert times_s == sorted(times_s)
    (sms,) = [event for event in good["timeline"] if event.get("medium") == "sms"]
    assert (sms["channel"], sms["recipient"], sms["purpose"]) == ("samu/0", "samu", "alert")
    assert 1.0 < sms["took_s"] < 2.0
    assert "\n" not in as_json(reports[0], ENGLISH)


def test_junit_has_a_suite_per_scenario_and_a_case_per_expectation(
    reports: list[Report], tmp_path: Path
) -> None:
    write_junit(tmp_path / "junit.xml", reports, FRENCH)
    good, bad, left_out = ET.parse(tmp_path / "junit.xml").getroot().findall("testsuite")
    assert good.get("tests") == str(len(reports[0].checks)) == str(len(good.findall("testcase")))
    assert (good.get("failures"), bad.get("failures"), left_out.get("skipped")) == ("0", "1", "1")
    (failure,) = bad.findall("testcase/failure")
    assert failure.get("message") == "attendu : annulée ; constaté : les secours sont prévenus"
    assert "le doigt se pose" in (good.findtext("system-out") or "")
    assert left_out.find("testcase/skipped") is not None


def test_junit_that_cannot_be_written_is_the_users_mistake(reports: list[Report], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write"):
        write_junit(tmp_path / "nowhere" / "junit.xml", reports, FRENCH)


@pytest.mark.parametrize("translate", [FRENCH, ENGLISH])
@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_has_words_in_every_language(translate: words.Translate, rule: Rule) -> None:
    about = "hub/0"
    text = words.rule(Check(rule, about, "1", "2", ok=False), translate)
    assert text
    assert "{" not in text


FACTS = {
    "button": "poche",
    "gesture": "long",
    "reaction": "alert",
    "effect": "joined",
    "alert": "0e7c1a52-0000-4000-8000-000000000000",
    "number": 2,
    "queued": True,
    "age_s": 130.0,
    "took_s": 0.25,
    "safe": False,
    "channel": "hub/0",
    "recipient": "hub",
    "medium": "webhook",
    "purpose": "again",
    "attempt": 3,
    "detail": "cannot connect",
    "happening": "cancelled",
    "kind": "status",
    "status": 503,
    "event": "store_refused",
    "reason": "bridge_is_dead",
}


@pytest.mark.parametrize("translate", [FRENCH, ENGLISH])
@pytest.mark.parametrize("what", list(What))
def test_every_moment_has_words_in_every_language(translate: words.Translate, what: What) -> None:
    text = words.sentence(Moment(1.0, what, FACTS), translate)
    assert text
    assert "{" not in text


@pytest.mark.parametrize("happening", ["acknowledged", "cancelled", "unanswered", "closed"])
def test_whatever_becomes_of_an_alert_is_told_in_words(happening: str) -> None:
    text = words.sentence(Moment(1.0, What.MOVED, FACTS | {"happening": happening}), ENGLISH)
    assert text.startswith("alert 0e7c1a52")
    assert text != "alert 0e7c1a52"


@pytest.mark.parametrize("translate", [FRENCH, ENGLISH])
def test_every_purpose_and_state_has_words_of_its_own_in_every_language(translate: words.Translate) -> None:
    told = [words.purpose(purpose.value, translate) for purpose in Purpose]
    assert all(told)
    assert len({*told}) == len(Purpose)
    stands = {words.state(state.value, translate) for state in AlertState}
    assert len(stands) == len(AlertState)
    assert "unanswered" not in stands


@pytest.mark.parametrize(
    ("seconds", "french", "english"),
    [
        (0.0384, "38 ms", "38 ms"),
        (9.9, "9900 ms", "9900 ms"),
        (30.94, "30,9 s", "30.9 s"),
        (1203.2, "20 min 3 s", "20 min 3 s"),
        (None, "-", "-"),
    ],
)
def test_spans_are_written_as_people_read_them(seconds: float | None, french: str, english: str) -> None:
    assert (words.span(seconds, FRENCH), words.span(seconds, ENGLISH)) == (french, english)


def test_instants_are_minutes_seconds_and_milliseconds() -> None:
    assert words.instant(62.0015, FRENCH) == "01:02,002"
    assert words.instant(-0.001, ENGLISH) == "00:00.000"


def test_a_story_knows_a_message_only_by_the_alert_that_owes_it(played: Performance) -> None:
    story = played.story
    unknown = Story(story.clock, story.timeline, story.recipients, story.reactions, story.steps)
    before = len(story.timeline.moments)
    assert unknown.arrived(replace(story.letters[0], tells=None)).tells is None
    del story.timeline.moments[before:]
    assert story.letters[0].tells is not None
