"""The token for metrics: a secret by name, and of use only where somebody can ask."""

from pathlib import Path

import pytest

from flicbridge.config import check
from flicbridge.credentials import Credentials
from flicbridge.errors import ConfigError, Problem

LISTEN = 'listen = "127.0.0.1:8600"\n'


def problems(sound: Path, api: str, environment: dict[str, str]) -> list[Problem]:
    text = sound.read_text(encoding="utf-8").replace("[doctor]", f"[api]\n{api}\n[doctor]", 1)
    try:
        check(text, sound, Credentials.beside(sound, environment))
    except ConfigError as error:
        return [problem for problem in error.problems if problem.where.startswith("api")]
    return []


def test_a_token_that_is_there_is_fine(sound: Path) -> None:
    environment = {"FLICBRIDGE_SECRET_METRICS_TOKEN": "only-for-looking"}
    assert problems(sound, LISTEN + 'metrics_token = "metrics-token"', environment) == []


def test_a_token_that_is_missing_is_named(sound: Path) -> None:
    [missing] = problems(sound, LISTEN + 'metrics_token = "metrics-token"', {})
    assert missing.where == "api.metrics_token"
    assert "metrics-token" in missing.what
    assert "FLICBRIDGE_SECRET_METRICS_TOKEN" in missing.remedy


def test_a_token_for_an_address_that_there_is_not_is_refused(sound: Path) -> None:
    environment = {"FLICBRIDGE_SECRET_METRICS_TOKEN": "only-for-looking"}
    [nowhere] = problems(sound, 'metrics_token = "metrics-token"', environment)
    assert nowhere.where == "api.metrics_token"
    assert 'listen = "127.0.0.1:8600"' in nowhere.remedy


@pytest.mark.parametrize("written", ["Only For Looking", "s3cr3t!token"])
def test_the_token_itself_in_the_settings_is_refused_and_not_repeated(sound: Path, written: str) -> None:
    [refused] = problems(sound, f'{LISTEN}metrics_token = "{written}"', {})
    assert refused.where == "api.metrics_token"
    assert written not in refused.what + refused.remedy
