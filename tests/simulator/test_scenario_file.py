"""Scenario files are understood, and every mistake in them is named with its place and its remedy."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from flicbridge.errors import InputError, Problem, ScenarioError
from flicbridge.simulator.casting import Casting
from flicbridge.simulator.practice import built_in
from flicbridge.simulator.scenario import Press
from flicbridge.simulator.scenario_file import ScenarioFile, load_scenario, scenario_files

type ReadScenario = Callable[[str], ScenarioFile]

SOUND = """
title = "Agression"

[[steps]]
at = "1s"
do = "press"
reaction = "alert"

[expect]
alerts = 1
"""


def problems(read: Callable[[], object]) -> list[Problem]:
    with pytest.raises(ScenarioError) as caught:
        read()
    return list(caught.value.problems)


def test_a_sound_file_is_understood(read_scenario: ReadScenario) -> None:
    file = read_scenario(SOUND)
    (step,) = file.scenario.steps
    assert isinstance(step, Press)
    assert (step.at, step.reaction) == (timedelta(seconds=1), "alert")
    assert file.name == "scenario"


def test_a_scenario_is_watched_for_a_while_unless_it_ends_with_a_wait(read_scenario: ReadScenario) -> None:
    assert read_scenario(SOUND).scenario.ends == timedelta(seconds=11)
    waits = SOUND.replace("[expect]", '[[steps]]\nat = "3s"\ndo = "wait"\n[expect]')
    assert read_scenario(waits).scenario.ends == timedelta(seconds=3)


@pytest.mark.parametrize(
    ("old", "new", "where", "words"),
    [
        ('"press"', '"pres"', "steps[0].do", ['"pres" is not possible', 'Did you mean "press"?']),
        ('do = "press"', "", "steps[0].do", ["is missing"]),
        ("reaction", "reacton", "steps[0].reacton", ["unknown key", 'Did you mean "reaction"?']),
        ('"alert"', '"alarm"', "steps[0].reaction", ['Did you mean "alert"?']),
        ('"1s"', '"1 second"', "steps[0].at", ["is no duration"]),
        ('reaction = "alert"', "", "steps[0]", ["nothing says what the finger does", "reaction"]),
        ('reaction = "alert"', 'reaction = "alert"\ngesture = "long"', "steps[0]", ["contradict each other"]),
        (
            'reaction = "alert"',
            'script = [["0s", "2s"], ["1s", "3s"]]',
            "steps[0]",
            ["do not rise", "Write down, up"],
        ),
        ("alerts = 1", 'alerts = "one"', "expect.alerts", ['"one" is not a whole number']),
        ("alerts = 1", "", "expect.alerts", ["is missing", "alerts = 1"]),
        ("alerts = 1", "alerts = 1\nlat = true", "expect.lat", ['Did you mean "late"?']),
        ('title = "Agression"', "", "title", ["is missing"]),
        (
            'do = "press"\nreaction = "alert"',
            'do = "fault"\nfault = { kind = "refus" }',
            "steps[0].fault.kind",
            ['Did you mean "refuse"?'],
        ),
        (
            'do = "press"\nreaction = "alert"',
            'do = "start"',
            "steps[0].do",
            ["is running already", '"crash"'],
        ),
        ("[expect]", '[[steps]]\nat = "0s"\ndo = "wait"\n[expect]', "steps[1].at", ["earlier than"]),
    ],
)
def test_a_mistake_is_named_with_its_place_and_its_remedy(
    read_scenario: ReadScenario, old: str, new: str, where: str, words: list[str]
) -> None:
    assert old in SOUND
    (problem,) = problems(lambda: read_scenario(SOUND.replace(old, new)))
    assert problem.where == where
    assert all(word in f"{problem.what}. {problem.remedy}" for word in words), problem
    assert problem.line is not None or old == 'title = "Agression"'


def test_every_mistake_is_named_at_once_and_in_the_order_of_the_file(read_scenario: ReadScenario) -> None:
    text = SOUND.replace("reaction", "reacton").replace("alerts = 1", "alert = 1")
    text += '[[steps]]\nat = "0s"\ndo = "start"\n'
    found = [problem.where for problem in problems(lambda: read_scenario(text))]
    assert found == ["steps[0].reacton", "expect.alerts", "expect.alert", "steps[1].at", "steps[1].do"]


@pytest.mark.parametrize(
    ("step", "after", "what"),
    [
        ('do = "crash"', 'do = "crash"', "not running"),
        ('do = "crash"', 'do = "cancel"', "not running"),
        ('do = "crash"', 'do = "acknowledge"', "not running"),
    ],
)
def test_what_needs_a_running_bridge_is_refused_without_one(
    read_scenario: ReadScenario, step: str, after: str, what: str
) -> None:
    text = f'title = "x"\n[[steps]]\nat = "1s"\n{step}\n[[steps]]\nat = "2s"\n{after}\n[expect]\nalerts = 0\n'
    (problem,) = problems(lambda: read_scenario(text))
    assert problem.where == "steps[1].do"
    assert what in problem.what


def test_text_that_is_no_toml_is_refused_with_its_line(read_scenario: ReadScenario) -> None:
    (problem,) = problems(lambda: read_scenario('title = "x"\nsteps = [[\n'))
    assert "not valid TOML" in problem.what
    assert problem.line == 3


def test_a_folder_stands_for_its_files_by_name(tmp_path: Path) -> None:
    for name in ("b.toml", "a.toml", "notes.md"):
        (tmp_path / name).write_text(SOUND)
    assert [path.name for path in scenario_files([tmp_path])] == ["a.toml", "b.toml"]
    assert scenario_files([tmp_path / "b.toml"]) == [tmp_path / "b.toml"]


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no scenario .*nowhere\.toml"):
        scenario_files([tmp_path / "nowhere.toml"])
    with pytest.raises(InputError, match="no scenario in the folder"):
        scenario_files([tmp_path])


# -- against settings ----------------------------------------------------------------------------------------


def test_a_scenario_may_change_the_built_in_practice(read_scenario: ReadScenario) -> None:
    file = read_scenario(
        SOUND + '[settings.alerts]\nrenotify_every = "5s"\n[settings.doctor]\nname = "Dr Roy"\n'
    )
    settings = built_in(file)
    assert settings.alerts.renotify_every == timedelta(seconds=5)
    assert (settings.doctor.name, settings.doctor.phone) == ("Dr Roy", "+33612345678")
    assert built_in(read_scenario(SOUND)).doctor.name == "Dr Anne Martin"


def test_mistakes_in_its_settings_are_named_where_they_stand(read_scenario: ReadScenario) -> None:
    text = SOUND + '[settings.doctor]\nphone = "0612"\n[[settings.plan]]\nafter = "0s"\nnotify = ["nobody"]\n'
    found = problems(lambda: built_in(read_scenario(text)))
    assert [problem.where for problem in found] == ["settings.doctor.phone", "settings.plan[0].notify[0]"]
    assert all(problem.line for problem in found)


@pytest.mark.parametrize(
    ("step", "where", "words"),
    [
        ('do = "press"\nreaction = "acknowledge"', "steps[0].reaction", "no gesture of these settings does"),
        ('do = "press"\ngesture = "single"', "steps[0].gesture", "It has: long, double, triple."),
        ('do = "press"\nbutton = "poch"\ngesture = "long"', "steps[0].button", "There are: poche."),
        ('do = "heal"\nchannel = "smu"', "steps[0].channel", "no channel of these settings"),
        ('do = "heal"\nchannel = "samu/1"', "steps[0].channel", 'Did you mean "samu/0"?'),
    ],
)
def test_a_part_that_the_settings_cannot_fill_is_named(
    read_scenario: ReadScenario, step: str, where: str, words: str
) -> None:
    file = read_scenario(f'title = "x"\n[[steps]]\nat = "1s"\n{step}\n[expect]\nalerts = 0\n')
    (problem,) = problems(lambda: file.refuse(Casting(built_in(file)).problems(file.scenario)))
    assert problem.where == where
    assert words in f"{problem.what}. {problem.remedy}"
    assert problem.line is not None


def test_a_virtual_button_has_no_finger_and_no_range(read_scenario: ReadScenario) -> None:
    text = """
title = "x"
[[settings.buttons]]
name = "accueil"
family = "virtual"
gestures = { single = "alert" }
[[steps]]
at = "1s"
do = "press"
script = [["0s", "1s"]]
[[steps]]
at = "2s"
do = "out_of_range"
[expect]
alerts = 0
"""
    file = read_scenario(text)
    found = problems(lambda: file.refuse(Casting(built_in(file)).problems(file.scenario)))
    assert [problem.where for problem in found] == ["steps[0].button", "steps[1].button"]
    assert all("is a virtual one" in problem.what for problem in found)


def test_expectations_name_channels_that_are_there(read_scenario: ReadScenario) -> None:
    text = SOUND + '[[expect.messages]]\nchannel = "fax"\n[[expect.failed]]\nchannel = "fx"\nreason = "410"\n'
    file = read_scenario(text)
    found = problems(lambda: file.refuse(Casting(built_in(file)).problems(file.scenario)))
    assert [problem.where for problem in found] == ["expect.messages[0].channel", "expect.failed[0].channel"]


@pytest.mark.parametrize(
    ("selector", "channels"),
    [
        ("all", ("samu/0", "hub/0", "secretariat/0", "collegue/0")),
        ("first", ("samu/0",)),
        ("hub", ("hub/0",)),
        ("hub/0", ("hub/0",)),
        ("smsgate", ("samu/0", "collegue/0")),
    ],
)
def test_channels_are_meant_by_place_name_or_transport(selector: str, channels: tuple[str, ...]) -> None:
    assert Casting(built_in()).meant(selector) == channels


def test_the_shipped_scenarios_are_sound() -> None:
    folder = Path(__file__).parents[2] / "examples" / "scenarios"
    for path in scenario_files([folder]):
        file = load_scenario(path)
        file.refuse(Casting(built_in(file)).problems(file.scenario))
