"""From files and folders to scenarios, or to everything that is wrong with them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flicbridge import durations
from flicbridge.config.check import tables
from flicbridge.config.explain import findings
from flicbridge.config.finding import Finding, as_problems
from flicbridge.config.lines import Where, key_lines
from flicbridge.config.load import parse, read_text
from flicbridge.errors import ConfigError, InputError, ScenarioError
from flicbridge.fields import shown
from flicbridge.simulator.scenario import Scenario


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """A scenario with what is needed to speak about its file.

    Attributes:
        path: the file.
        scenario: what it says.
        lines: on which line each key stands.
    """

    path: Path
    scenario: Scenario
    lines: dict[Where, int] = field(repr=False)

    @property
    def name(self) -> str:
        """What it is called in reports."""
        return self.path.stem

    def refuse(self, found: Iterable[Finding]) -> None:
        """Raise a ScenarioError with these mistakes, if there are any."""
        if wrong := as_problems(found, self.lines):
            raise ScenarioError(str(self.path), wrong)


def scenario_files(places: Sequence[Path]) -> list[Path]:
    """The scenario files meant by files and folders, in this order; those in a folder by name.

    Raises:
        InputError: one is not there, or holds no scenario.
    """
    return [file for place in places for file in _files(place)]


def _files(place: Path) -> list[Path]:
    if not place.is_dir():
        if not place.exists():
            raise InputError(
                f"there is no scenario {place}. Check its path; examples are in examples/scenarios."
            )
        return [place]
    if found := sorted(place.glob("*.toml")):
        return found
    raise InputError(
        f"there is no scenario in the folder {place}. Scenarios are files in TOML, named *.toml."
    )


def load_scenario(path: Path) -> ScenarioFile:
    """Read and check a scenario file.

    Raises:
        ScenarioError: with every mistake there is, in the order of the file.
    """
    try:
        text = read_text(path)
        raw = parse(text, path)
    except ConfigError as error:
        raise ScenarioError(error.source, error.problems) from error
    wrong = list(_out_of_order(raw))
    try:
        scenario = Scenario.model_validate(raw)
    except ValidationError as error:
        wrong += findings(error, raw, Scenario)
    if wrong:
        raise ScenarioError(str(path), as_problems(wrong, key_lines(text)))
    return ScenarioFile(path, scenario, key_lines(text))


def _out_of_order(raw: Mapping[str, Any]) -> Iterator[Finding]:
    """Steps that run back in time, and power that fails or returns twice."""
    latest, is_running = timedelta(0), True
    for index, step in tables(raw, "steps"):
        at = _duration(step.get("at"))
        if at is not None and at < latest:
            what = f"{shown(step['at'])} is earlier than the step before it"
            yield Finding(("steps", index, "at"), what, "Write the steps in order of time.")
        latest = max(latest, at or latest)
        does = step.get("do")
        if does == "start" and is_running:
            yield Finding(
                ("steps", index, "do"), "the bridge is running already", 'Write a "crash" before it.'
            )
        if does in ("crash", "acknowledge", "cancel") and not is_running:
            yield Finding(("steps", index, "do"), "the bridge is not running", 'Write a "start" before it.')
        is_running = does == "start" or (is_running and does != "crash")


def _duration(value: object) -> timedelta | None:
    try:
        return durations.parse(value)
    except ValueError:
        return None
