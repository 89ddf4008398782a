"""The examples for a group practice and for a pipeline, used as their readers will use them."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import pytest

from flicbridge.config import Settings, load, warnings
from flicbridge.config.secret_names import secret_names
from flicbridge.config.settings import Order

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
GROUP: Final = EXAMPLES / "group-practice.toml"
WORKFLOW: Final = (EXAMPLES / "ci" / "rehearse.yml").read_text(encoding="utf-8")
SECRETS: Final = {
    "smsgate-password": "hunter2",
    "mail-password": "hunter3",
    "hub-key": "whsec_" + "A" * 40,
    "heartbeat-url": "https://heartbeat.example.fr/ping/1",
}
LONGEST_S: Final = 180.0


@pytest.fixture
def group(tmp_path: Path) -> Settings:
    """The settings of the group practice, with placeholders for their secrets."""
    path = tmp_path / "flicbridge.toml"
    shutil.copy(GROUP, path)
    (tmp_path / "secrets").mkdir()
    for name, secret in SECRETS.items():
        (tmp_path / "secrets" / name).write_text(secret)
        (tmp_path / "secrets" / name).chmod(0o600)
    return load(path)


def test_the_group_practice_passes_the_check_and_only_its_buttons_are_not_paired_yet(group: Settings) -> None:
    assert {problem.where.split(".")[1] for problem in warnings(group)} == {"serial"}


def test_the_secrets_it_needs_are_those_it_says(group: Settings) -> None:
    assert secret_names(group) == sorted(SECRETS)
    (said,) = re.findall(r"^# Secrets: +(.+)$", GROUP.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(said.split(", ")) == sorted(SECRETS)


def test_it_shows_what_a_practice_of_one_does_not_need(group: Settings) -> None:
    assert len(group.buttons) == 3
    assert Order.IN_TURN in {recipient.order for recipient in group.recipients}
    assert group.drills.own is not None
    assert group.drills.exercise is not None
    assert group.maintainer.notify == ("technician",)
    assert group.maintainer.heartbeat == "heartbeat-url"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository as `examples/ci/README.md` draws it, with the settings of the group practice."""
    folder = tmp_path / "practice-settings"
    shutil.copytree(EXAMPLES / "scenarios", folder / "scenarios")
    shutil.copy(GROUP, folder / "flicbridge.toml")
    return folder


def run_the_workflow(repository: Path) -> tuple[int, ET.Element]:
    """Run the command of the workflow there: its exit code, and the results it leaves."""
    (line,) = re.findall(r"^ +run: (flicbridge .+)$", WORKFLOW, re.MULTILINE)
    _, *words = shlex.split(line)
    command = [sys.executable, "-m", "flicbridge", *words]
    done = subprocess.run(command, cwd=repository, capture_output=True, timeout=LONGEST_S, check=False)
    return done.returncode, ET.parse(repository / "junit.xml").getroot()


def test_every_scenario_goes_as_it_should_in_the_group_practice(repository: Path) -> None:
    code, results = run_the_workflow(repository)
    assert [failure.attrib for failure in results.iter("failure")] == []
    assert code == 0
    played = {suite.get("name") for suite in results.iter("testsuite") if suite.get("skipped", "0") == "0"}
    assert len(played) == len(list((repository / "scenarios").glob("*.toml"))) - 1


def test_a_change_that_leaves_a_single_way_out_turns_the_pipeline_red(repository: Path) -> None:
    for scenario in (repository / "scenarios").glob("*.toml"):
        if scenario.stem != "passerelle_refuse":
            scenario.unlink()
    settings = repository / "flicbridge.toml"
    text = settings.read_text(encoding="utf-8")
    changed = text.replace('notify = ["next-door", "samu"]', 'notify = ["duty-phone"]')
    assert changed != text
    settings.write_text(changed, encoding="utf-8")
    code, results = run_the_workflow(repository)
    assert code == 1
    assert list(results.iter("failure"))
