"""The gesture table: rhythms as people write them, and tables that cannot work."""

from collections.abc import Callable

import pytest

from flicbridge.gesture import GestureTable, Hold, Thresholds, finger_script
from flicbridge.gesture.table import COMMON, parse_rhythm

S, L = Hold.SHORT, Hold.LONG

type Table = Callable[..., GestureTable]


def test_a_rhythm_is_written_in_words() -> None:
    assert parse_rhythm("short short long") == (S, S, L)
    assert parse_rhythm("  Short\tLONG ") == (S, L)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("short shrt", '"shrt" is no press; write short or long, here perhaps "short"'),
        ("lang", '"lang" is no press; write short or long, here perhaps "long"'),
        ("short, long", '"short," is no press; write short or long, here perhaps "short"'),
        ("", "a rhythm of 0 presses cannot work; write 1 to 6 of them"),
        ("short " * 7, "a rhythm of 7 presses cannot work; write 1 to 6 of them"),
    ],
)
def test_a_rhythm_that_is_none_is_refused_with_a_remedy(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match="; write") as caught:
        parse_rhythm(text)
    assert str(caught.value).startswith(complaint)


def test_a_table_with_room_between_its_thresholds_has_no_problem(table: Table) -> None:
    everything = table("single, double, triple, long, short short long")
    assert everything.problems() == []
    assert table("single, double, long", Thresholds(1.0, 2.0, 0.03)).problems() == []


@pytest.mark.parametrize(
    ("patterns", "thresholds", "troubled"),
    [
        ({"double": (S, S), "twice": (S, S)}, Thresholds(), ["twice"]),
        ({"nothing": ()}, Thresholds(), ["nothing"]),
        ({"morse": (S,) * 7}, Thresholds(), ["morse"]),
        (COMMON, Thresholds(long_s=0.03, debounce_s=0.03), ["long"]),
        (COMMON, Thresholds(long_s=0.0), ["long"]),
        (COMMON, Thresholds(window_s=0.02, debounce_s=0.03), ["double", "triple"]),
        ({"single": (S,)}, Thresholds(window_s=0.0), []),
    ],
)
def test_gestures_that_cannot_be_made_are_named(
    patterns: dict[str, tuple[Hold, ...]], thresholds: Thresholds, troubled: list[str]
) -> None:
    problems = GestureTable(patterns, thresholds).problems()
    assert [problem.name for problem in problems] == troubled
    assert all(problem.what and problem.remedy.endswith(".") for problem in problems)


def test_of_two_names_for_the_same_presses_the_first_counts() -> None:
    table = GestureTable({"double": (S, S), "twice": (S, S)})
    assert table.final((S, S)) == "double"


def test_a_finger_script_is_in_order_and_off_all_thresholds(table: Table) -> None:
    script = finger_script(table("single, short long short", Thresholds(1.0, 0.5, 0.03)), "short long short")
    times = [at_s for press in script for at_s in press]
    assert times == sorted(set(times))
    (_, up_s), (long_down_s, long_up_s), (last_down_s, _) = script
    assert up_s + 0.03 < long_down_s < 0.5
    assert long_up_s - long_down_s > 1.0
    assert long_up_s + 0.03 < last_down_s < long_up_s + 0.5


def test_an_unknown_gesture_has_no_finger_script(table: Table) -> None:
    with pytest.raises(KeyError):
        finger_script(table("single"), "double")
