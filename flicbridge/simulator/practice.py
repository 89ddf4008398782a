"""The practice that scenarios are played in when nobody brings settings: built in, with changes to order."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flicbridge.config.check import across
from flicbridge.config.explain import findings
from flicbridge.config.settings import Settings
from flicbridge.simulator.scenario_file import ScenarioFile


def built_in(played: ScenarioFile | None = None) -> Settings:
    """The built-in practice, changed as a scenario says in its `[settings]`.

    Raises:
        ScenarioError: the changes cannot work; places are given as they stand in the scenario's file.
    """
    raw = tomllib.loads((files("flicbridge.simulator") / "default.toml").read_text(encoding="utf-8"))
    if played is None or played.scenario.settings is None:
        return Settings.read(raw, Path())
    raw = _laid_over(raw, played.scenario.settings)
    wrong, settings = list(across(raw)), None
    try:
        settings = Settings.read(raw, played.path.parent)
    except ValidationError as error:
        wrong += findings(error, raw)
    played.refuse(replace(found, where=("settings", *found.where)) for found in wrong)
    assert settings is not None  # noqa: S101 - otherwise it was refused
    return settings


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are merged key by key; lists and values replace what was there."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = _laid_over(old, value)
        merged[key] = value
    return merged
