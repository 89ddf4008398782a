"""From an exception to an exit code and a sentence."""

import pytest

from flicbridge.cli.faults import as_sentence, explain
from flicbridge.errors import ApiError, ConfigError, InputError, PairingRefusedError, Problem, StoreError


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (InputError("say which button this is"), 2, "Say which button this is.\n"),
        (
            ConfigError("a.toml", [Problem("id", "is missing", "Add it.", 3), Problem("plan", "is", "Do.")]),
            2,
            "a.toml: id (line 3): is missing. Add it.\na.toml: plan: is. Do.\n",
        ),
        (StoreError("the disk did not answer"), 1, "The disk did not answer.\n"),
        (PairingRefusedError("no_slots", "the button is full"), 1, "The button is full.\n"),
        (ApiError("The bridge is not running."), 1, "The bridge is not running.\n"),
        (ApiError("no such alert", status=404), 2, "No such alert.\n"),
        (ApiError("no such gesture", status=422), 2, "No such gesture.\n"),
        (ApiError("cannot become cancelled", status=409), 1, "Cannot become cancelled.\n"),
        (ApiError("the disk is sick", status=503), 1, "The disk is sick.\n"),
    ],
)  # fmt: skip
def test_an_error_of_ours_is_told_as_it_is(
    capsys: pytest.CaptureFixture[str], error: Exception, code: int, text: str
) -> None:
    assert explain(error) == code
    assert capsys.readouterr().err == text


def test_of_many_errors_the_one_is_told_that_a_person_can_mend(capsys: pytest.CaptureFixture[str]) -> None:
    mendable = InputError("another bridge is running")
    group = ExceptionGroup("inside", [ValueError("x"), StoreError("y"), mendable])
    assert explain(ExceptionGroup("outside", [OSError("z"), group])) == 2
    assert capsys.readouterr().err == "Another bridge is running.\n"


def test_a_sentence_begins_and_ends_like_one() -> None:
    assert as_sentence("no answer") == "No answer."
    assert as_sentence("No answer!") == "No answer!"
