"""What the commands say where a button is heard through flicd."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flicbridge.cli.phrases import problem
from flicbridge.guard.status import FLICD_PROBLEMS

type Command = Callable[..., Any]

BUTTON = """
[[buttons]]
name = "tiroir"
family = "flicd"
address = "80:e4:da:71:b2:c3"
gestures = { single = "alert" }
"""


def test_to_pair_a_button_with_flicd_is_not_our_business_and_the_sentence_says_whose(
    flicbridge: Command, settings: Path
) -> None:
    settings.write_text(settings.read_text() + BUTTON)
    said = flicbridge("pair", "tiroir", "--config", settings)
    assert said.code == 2
    sentence = " ".join(said.err.split()).lower()
    assert "tiroir is paired with flicd" in sentence
    assert "hold it for 7 seconds" in sentence


@pytest.mark.parametrize("code", FLICD_PROBLEMS.values())
def test_every_trouble_of_flicds_is_said_in_words(code: str) -> None:
    assert problem(code, lambda text: text).startswith("the vendor's daemon")
