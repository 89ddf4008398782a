"""`flicbridge simulate`, called as a person calls it: shipped scenarios, and what is wrong with others."""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import structlog

from flicbridge.cli import main

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted((ROOT / "examples" / "scenarios").glob("*.toml"))
AGGRESSION = ROOT / "examples" / "scenarios" / "aggression.toml"


@dataclass(frozen=True)
class Said:
    """What the command said: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    def reports(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


type Simulate = Callable[..., Said]


@pytest.fixture
def simulate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Simulate]:
    """Call the program with these words after `simulate`; its logging is put back afterwards."""
    ours, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*words: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["flicbridge", "simulate", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        code = end.value.code
        return Said(code if isinstance(code, int) else int(code is not None), *capsys.readouterr())

    yield run
    structlog.configure(**ours)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def test_the_scenarios_that_must_be_there_are_there() -> None:
    assert {path.stem for path in SCENARIOS} >= {
        "aggression",
        "appui_tardif",
        "deux_appuis",
        "double_ou_deux_simples",
        "fausse_alerte",
        "panne_au_milieu",
        "passerelle_refuse",
        "reseau_coupe",
    }


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_a_shipped_scenario_goes_as_it_should(simulate: Simulate, scenario: Path) -> None:
    said = simulate("--fast", "--json", scenario)
    assert said.err == ""
    (report,) = said.reports()
    assert [each for each in report["expectations"] if not each["ok"]] == []
    assert (said.code, report["ok"], report["scenario"]) == (0, True, scenario.stem)


def test_all_of_them_can_be_played_with_the_example_settings(simulate: Simulate) -> None:
    """Scenarios name reactions, not gestures, so an installer can rehearse them; no secrets are needed."""
    said = simulate("--fast", "--json", "--config", ROOT / "examples" / "practice.toml", *SCENARIOS)
    assert (said.code, said.err) == (0, "")
    skipped = [report["scenario"] for report in said.reports() if report["skipped"]]
    assert skipped == ["double_ou_deux_simples"]
    assert all(report["ok"] for report in said.reports())


# -- the shown rehearsal -------------------------------------------------------------------------------------


def test_the_timeline_shows_what_arrived_and_how_long_it_took(simulate: Simulate) -> None:
    said = simulate("--fast", AGGRESSION)
    assert said.code == 0
    assert "poche : geste « long » reconnu : alerte" in said.out
    for line in ("SMS pour samu : alerte", "Webhook pour hub : alerte", "Courriel pour secretariat : alerte"):
        assert line in said.out
    assert "ALERTE AGRESSION Dr Anne Martin 06 12 34 56 78 GPS 45.83362,1.26105" in said.out
    assert "✔ RÉUSSI" in said.out
    assert "\x1b" not in said.out
    assert max(map(len, said.out.splitlines())) <= 110


def test_it_is_told_in_the_language_asked_for(simulate: Simulate) -> None:
    said = simulate("--fast", "--language", "en", AGGRESSION)
    assert "poche: gesture “long” recognised: alert" in said.out
    assert "✔ PASSED" in said.out


def test_the_log_of_the_bridge_is_shown_only_where_asked_for(simulate: Simulate) -> None:
    assert simulate("--fast", "--json", AGGRESSION).err == ""
    verbose = simulate("--fast", "--json", "--verbose", AGGRESSION)
    assert "press_taken" in verbose.err
    assert len(verbose.reports()) == 1


def test_several_scenarios_are_summed_up_and_written_for_ci(simulate: Simulate, tmp_path: Path) -> None:
    bad = broken(tmp_path, "alerts = 1", "alerts = 2")
    said = simulate("--fast", "--junit", tmp_path / "junit.xml", AGGRESSION, bad)
    assert said.code == 1
    assert "1 scénarios sur 2 ont échoué : broken" in said.out
    good, failed = ET.parse(tmp_path / "junit.xml").getroot().findall("testsuite")
    assert (good.get("name"), good.get("failures")) == ("aggression", "0")
    assert failed.get("name") == "broken"
    assert {failure.get("type") for failure in failed.findall("testcase/failure")} == {"alerts", "messages"}


# -- everything that a plan may send is known ---------------------------------------------------------------

DESK = """
[[recipients]]
name = "desk"
channels = [
  { transport = "http", url = "https://desk.example.fr/hook", secret = "desk-key" },
  { transport = "email", host = "smtp.example.fr", from = "alerte@example.fr", to = "desk@example.fr" },
  { transport = "smsgate", url = "http://192.168.1.9:8080", secret = "desk-sms", to = "+33555000015" },
]

"""


def practice_of(folder: Path, *changes: tuple[str, str]) -> Path:
    """The example's settings, with a doctor's desk among the first to be told, and these changes."""
    text = (ROOT / "examples" / "practice.toml").read_text(encoding="utf-8")
    for old, new in (
        ("[[recipients]]", f"{DESK}[[recipients]]"),
        ('"samu", "hub"', '"samu", "desk"'),
        *changes,
    ):
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "practice.toml"
    path.write_text(text, encoding="utf-8")
    return path


def scenario_of(folder: Path, expect: str, *steps: str) -> Path:
    path = folder / "scenario.toml"
    listed = "".join(f"[[steps]]\n{step}\n" for step in steps)
    path.write_text(f'title = "Essai"\n{listed}[expect]\n{expect}\n', encoding="utf-8")
    return path


def press(at: str, reaction: str) -> str:
    return f'at = "{at}"\ndo = "press"\nreaction = "{reaction}"'


REMINDERS = ('# repeat = "5m"   ', 'times = 2\nrepeat = "90s"')
TELL_DOCTOR = ('# tell_doctor = ["doctor"]', 'tell_doctor = ["desk"]')
PIN = ("# duress_pin =", "duress_pin =")
ANSWERS = ('double = "test" }', 'double = "test", triple = "acknowledge" }')

SENT = [
    pytest.param(
        [REMINDERS],
        'alerts = 1\nstate = "notified"',
        [press("1s", "alert"), 'at = "200s"\ndo = "wait"'],
        ["SMS pour desk : rappel", "Webhook pour desk : rappel", "Courriel pour samu : rappel"],
        id="reminders",
    ),
    pytest.param(
        [TELL_DOCTOR, ANSWERS, ('"samu", "desk"', '"samu"')],
        'alerts = 1\nstate = "acknowledged"',
        [press("1s", "alert"), press("8s", "acknowledge")],
        [f"{medium} pour desk : quelqu'un s'en occupe" for medium in ("SMS", "Webhook", "Courriel")],
        id="answered",
    ),
    pytest.param(
        [TELL_DOCTOR],
        "alerts = 0\ntests = 1",
        [press("1s", "test")],
        [f"{medium} pour desk : suite de l'essai" for medium in ("SMS", "Webhook", "Courriel")],
        id="tested",
    ),
    pytest.param(
        [PIN],
        'alerts = 1\ncancelled = 1\nstate = "notified"',
        [press("1s", "alert"), press("8s", "cancel")],
        [f"{medium} pour desk : annulation mise en doute" for medium in ("SMS", "Webhook", "Courriel")],
        id="doubted",
    ),
    pytest.param(
        [PIN, TELL_DOCTOR],
        'alerts = 1\ncancelled = 1\nstate = "notified"',
        [press("1s", "alert"), 'at = "8s"\ndo = "cancel"'],
        ["Courriel pour samu : annulation mise en doute", "SMS pour desk : annulation,"],
        id="doubted-but-not-to-the-doctor",
    ),
]


@pytest.mark.parametrize(("changes", "expect", "steps", "told"), SENT)
def test_whatever_a_plan_sends_is_owed_and_called_by_its_name(
    simulate: Simulate,
    tmp_path: Path,
    changes: list[tuple[str, str]],
    expect: str,
    steps: list[str],
    told: list[str],
) -> None:
    settings = practice_of(tmp_path, *changes)
    said = simulate("--fast", "--config", settings, scenario_of(tmp_path, expect, *steps))
    assert said.err == ""
    assert [line for line in told if line not in said.out] == []
    assert "✔ RÉUSSI" in said.out
    assert said.code == 0


def test_reminders_are_told_to_programs_too(simulate: Simulate, tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, "alerts = 1", press("1s", "alert"), 'at = "200s"\ndo = "wait"')
    said = simulate("--fast", "--json", "--config", practice_of(tmp_path, REMINDERS), scenario)
    (report,) = said.reports()
    arrived = [each for each in report["timeline"] if each["what"] == "arrived"]
    assert (said.code, {each["purpose"] for each in arrived}) == (0, {"alert", "reminder"})


# -- a verdict that cannot fail would be worth nothing -------------------------------------------------------


def broken(folder: Path, old: str, new: str, scenario: Path = AGGRESSION) -> Path:
    text = scenario.read_text(encoding="utf-8")
    assert old in text
    path = folder / "broken.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


TWO_PRESSES = 'at = "10s"\ndo = "press"\nreaction = "alert"\n[[steps]]\nat = "12s" '

BROKEN = [
    ("aggression", 'within = "3s" ', 'within = "300ms" ', {"within"}),
    ("aggression", 'reaction = "alert"', 'reaction = "test"', {"alerts", "tests"}),
    ("fausse_alerte", "cancelled = 1", "cancelled = 0", {"messages"}),
    ("fausse_alerte", 'reaction = "cancel"', 'reaction = "alert"', {"joined", "messages", "state"}),
    ("reseau_coupe", '"network_up"', '"wait"', {"messages", "within_after_fault", "state", "undelivered"}),
    ("passerelle_refuse", "status = 403", "status = 503", {"failed", "undelivered"}),
    ("appui_tardif", "late = true", "late = false", {"not_late"}),
    ("double_ou_deux_simples", '"500ms"', '"200ms"', {"alerts", "tests", "messages"}),
    ("panne_au_milieu", 'do = "start"', 'do = "wait"', {"messages", "state", "undelivered"}),
    ("deux_appuis", 'at = "11s" ', TWO_PRESSES, {"joined"}),
]
"""A shipped scenario, a change to it, and some of the expectations that are not met then."""


@pytest.mark.parametrize(("scenario", "old", "new", "failing"), BROKEN)
def test_an_expectation_that_is_not_met_is_found(
    simulate: Simulate, tmp_path: Path, scenario: str, old: str, new: str, failing: set[str]
) -> None:
    path = broken(tmp_path, old, new, AGGRESSION.with_stem(scenario))
    said = simulate("--fast", "--json", path)
    (report,) = said.reports()
    found = {each["expectation"] for each in report["expectations"] if not each["ok"]}
    assert (said.code, report["ok"]) == (1, False)
    assert failing <= found, found


def test_a_failed_verdict_says_what_was_found_instead(simulate: Simulate, tmp_path: Path) -> None:
    said = simulate("--fast", broken(tmp_path, 'within = "3s" ', 'within = "300ms" '))
    assert said.code == 1
    assert "✘ ÉCHEC" in said.out
    assert "300 ms" in said.out


# -- bad input -----------------------------------------------------------------------------------------------


def test_a_broken_file_is_refused_with_file_key_value_and_remedy(simulate: Simulate, tmp_path: Path) -> None:
    path = broken(tmp_path, 'do = "press"', 'do = "pres"')
    said = simulate("--fast", path)
    assert (said.code, said.out) == (2, "")
    line = 1 + path.read_text(encoding="utf-8").partition('do = "pres"')[0].count("\n")
    assert (
        f'{path}: steps[0].do (line {line}): "pres" is not possible here. Did you mean "press"?' in said.err
    )


def test_the_mistakes_of_all_files_are_shown_before_anything_is_played(
    simulate: Simulate, tmp_path: Path
) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text('title = "x"\n')
    two.write_text("title = 3\n")
    said = simulate("--fast", AGGRESSION, one, two)
    assert (said.code, said.out) == (2, "")
    assert str(one) in said.err
    assert str(two) in said.err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "say which scenario to play, such as `flicbridge simulate examples/scenarios/aggression.toml`"),
        (["nowhere.toml"], "there is no scenario nowhere.toml"),
        (["--config", "nowhere.toml", str(AGGRESSION)], "nowhere.toml"),
    ],
)
def test_what_is_missing_is_named(simulate: Simulate, words: list[str], reason: str) -> None:
    said = simulate(*words)
    assert (said.code, said.out) == (2, "")
    assert reason.lower() in said.err.lower()


def test_settings_that_cannot_fill_a_part_are_refused(simulate: Simulate, tmp_path: Path) -> None:
    path = broken(tmp_path, 'reaction = "alert"', 'button = "blouse"\ngesture = "long"')
    said = simulate("--config", ROOT / "examples" / "practice.toml", path)
    assert (said.code, said.out) == (2, "")
    line = 1 + path.read_text(encoding="utf-8").partition('button = "blouse"')[0].count("\n")
    assert f'steps[0].button (line {line}): no button of these settings is called "blouse"' in said.err


def test_a_scenario_with_settings_of_its_own_cannot_rehearse_yours(simulate: Simulate) -> None:
    path = AGGRESSION.with_stem("double_ou_deux_simples")
    said = simulate("--config", ROOT / "examples" / "practice.toml", path)
    assert (said.code, said.out) == (2, "")
    assert "brings settings of its own" in said.err


def test_somebody_who_stops_reading_does_not_stop_the_play() -> None:
    command = [sys.executable, "-m", "flicbridge", "simulate", "--fast", str(AGGRESSION)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 0


def test_a_terminal_without_unicode_gets_question_marks_and_plain_signs() -> None:
    command = [sys.executable, "-m", "flicbridge", "simulate", "--fast", str(AGGRESSION)]
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    process = subprocess.run(command, capture_output=True, env=ascii_only, timeout=60, check=False)
    assert (process.returncode, process.stderr) == (0, b"")
    assert b"* poche : le doigt se pose" in process.stdout
    assert process.stdout.isascii()


# -- in real time --------------------------------------------------------------------------------------------


@pytest.mark.lengthy
def test_real_time_shows_the_same_as_skipped_time(simulate: Simulate) -> None:
    """In a process of its own, as `make demo` runs it."""
    began_s = time.monotonic()
    command = [sys.executable, "-m", "flicbridge", "simulate", "--json", str(AGGRESSION)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    lasted_s = time.monotonic() - began_s
    assert (process.returncode, process.stderr) == (0, "")
    real = json.loads(process.stdout)
    (fast,) = simulate("--fast", "--json", AGGRESSION).reports()
    assert lasted_s >= real["lasted_s"] >= 9.0

    def outline(report: dict[str, Any]) -> tuple[list[tuple[Any, ...]], list[str]]:
        checks = [
            (each["expectation"], each["about"], each["expected"], each["ok"])
            for each in report["expectations"]
        ]
        return checks, sorted(event["what"] for event in report["timeline"])

    assert outline(real) == outline(fast)
