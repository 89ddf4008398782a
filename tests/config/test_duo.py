"""The small button of a Flic Duo in the settings: gestures of its own, checked like the others."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flicbridge.alert.desk import Reaction
from flicbridge.config import check, warnings
from flicbridge.errors import ConfigError, Problem
from flicbridge.workshop import fingers_of

FAMILY = 'family = "flic2"'
SMALL = f'{FAMILY}\nsmall_gestures = {{ single = "alert" }}'

type Change = tuple[str, str]


@pytest.fixture
def text_with(sound: Path) -> Callable[..., str]:
    def change(*changes: Change) -> str:
        text = sound.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        return text

    return change


@pytest.fixture
def mistakes(sound: Path, text_with: Callable[..., str]) -> Callable[..., tuple[Problem, ...]]:
    def found(*changes: Change) -> tuple[Problem, ...]:
        with pytest.raises(ConfigError) as refused:
            check(text_with(*changes), sound, None)
        return refused.value.problems

    return found


def test_a_file_may_hope_for_a_duo_before_one_is_paired(sound: Path, text_with: Callable[..., str]) -> None:
    settings = check(text_with((FAMILY, SMALL)), sound, None)
    assert settings.buttons[0].small_gestures == {"single": Reaction.ALERT}
    assert settings.buttons[0].reactions() == {Reaction.ALERT, Reaction.TEST}


def test_each_key_gets_its_own_table_with_the_thresholds_of_both(
    sound: Path, text_with: Callable[..., str]
) -> None:
    text = text_with((FAMILY, f'{SMALL}\nlong_press = "2s"'))
    settings = check(text, sound, None)
    fingers = fingers_of(settings.buttons[0], settings.rhythms)
    assert set(fingers.table.patterns) == set(fingers.reactions) == {"long", "double"}
    assert fingers.small_table is not None
    assert set(fingers.small_table.patterns) == set(fingers.small_reactions) == {"single"}
    assert fingers.small_table.thresholds == fingers.table.thresholds
    assert fingers.table.thresholds.long_s == 2.0


def test_without_small_gestures_the_small_button_means_nothing(sound: Path) -> None:
    settings = check(sound.read_text(encoding="utf-8"), sound, None)
    assert fingers_of(settings.buttons[0], settings.rhythms).small_table is None


@pytest.mark.parametrize(
    ("gestures", "where", "remedy"),
    [
        ('{ singel = "alert" }', "buttons[0].small_gestures.singel", '"single"'),
        ('{ single = "alrt" }', "buttons[0].small_gestures.single", '"alert"'),
        (
            '{ double = "test", "short short" = "cancel" }',
            'buttons[0].small_gestures."short short"',
            '"double"',
        ),
    ],
)
def test_a_mistake_in_them_is_named_with_its_place_and_its_remedy(
    mistakes: Callable[..., tuple[Problem, ...]], gestures: str, where: str, remedy: str
) -> None:
    (problem,) = mistakes((FAMILY, f"{FAMILY}\nsmall_gestures = {gestures}"))
    assert problem.where == where
    assert remedy in f"{problem.what} {problem.remedy}"


def test_other_families_have_no_small_button(mistakes: Callable[..., tuple[Problem, ...]]) -> None:
    virtual = 'family = "virtual"\nsmall_gestures = { single = "alert" }'
    (problem,) = mistakes((FAMILY, virtual))
    assert problem.where == "buttons[0].small_gestures"
    assert "virtual" in problem.what


def test_an_alert_on_the_small_button_is_one(sound: Path, text_with: Callable[..., str]) -> None:
    big = ('long = "alert", double = "test"', 'double = "test"')
    settings = check(text_with(big, (FAMILY, SMALL)), sound, None)
    assert not any("raises no alert" in problem.what for problem in warnings(settings))


def test_where_neither_button_raises_an_alert_that_is_a_mistake(
    mistakes: Callable[..., tuple[Problem, ...]],
) -> None:
    small = f'{FAMILY}\nsmall_gestures = {{ single = "cancel" }}'
    (problem,) = mistakes(('long = "alert", double = "test"', 'double = "test"'), (FAMILY, small))
    assert "no button raises an alert" in problem.what
