"""Scenarios played from text, without the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flicbridge.config import check
from flicbridge.config.settings import Settings
from flicbridge.simulator.casting import Casting
from flicbridge.simulator.practice import built_in
from flicbridge.simulator.scenario_file import ScenarioFile, load_scenario
from flicbridge.simulator.screen import NobodyWatches
from flicbridge.simulator.stage import Performance, perform

type ReadScenario = Callable[[str], ScenarioFile]
type Play = Callable[..., Performance]


@pytest.fixture
def read_scenario(tmp_path: Path) -> ReadScenario:
    """Read a scenario from text."""

    def read(text: str) -> ScenarioFile:
        path = tmp_path / "scenario.toml"
        path.write_text(text, encoding="utf-8")
        return load_scenario(path)

    return read


@pytest.fixture
def read_settings(tmp_path: Path) -> Callable[[str], Settings]:
    """Read settings from text, as if they stood in a file; secrets are not looked for."""
    return lambda text: check(text, tmp_path / "flicbridge.toml", None)


@pytest.fixture
def play(read_scenario: ReadScenario) -> Play:
    """Play a scenario in no time: `play(text)`, or `play(text, settings)`."""

    def run(text: str, settings: Settings | None = None) -> Performance:
        file = read_scenario(text)
        chosen = settings or built_in(file)
        file.refuse(Casting(chosen).problems(file.scenario))
        return perform(file.scenario, chosen, NobodyWatches(), fast=True)

    return run
