"""Thresholds and gestures as an installer writes them."""

import pytest
from pydantic import ValidationError

from flicbridge.gesture import GestureTable, Hold, Thresholds
from flicbridge.gesture.settings import GestureSettings, find_pattern, gesture_table


def test_without_a_word_the_thresholds_are_those_of_a_flic() -> None:
    assert GestureSettings().thresholds(contacts_bounce=False) == Thresholds(1.0, 0.5, 0.0)


def test_buttons_that_hand_on_bounces_get_a_debounce_time() -> None:
    assert GestureSettings().thresholds(contacts_bounce=True).debounce_s == 0.03


def test_thresholds_are_durations_and_a_debounce_time_said_aloud_wins() -> None:
    settings = GestureSettings.model_validate(
        {"long_press": "1500ms", "double_window": "400ms", "debounce": "0s"}
    )
    assert settings.thresholds(contacts_bounce=True) == Thresholds(1.5, 0.4, 0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"long_press": "0s"},
        {"long_press": 1},
        {"long_press": "1m"},
        {"double_window": "0s"},
        {"double_window": "6s"},
        {"debounce": "2s"},
        {"debounce": "-1ms"},
        {"longpress": "1s"},
    ],
)
def test_thresholds_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        GestureSettings.model_validate(wrong)
    assert caught.value.error_count() == 1
    assert caught.value.errors()[0]["loc"] == tuple(wrong)


def test_a_gesture_is_a_common_one_the_installers_own_or_a_rhythm_spelt_out() -> None:
    rhythms = {"sos": "short short long"}
    assert find_pattern("double", rhythms) == (Hold.SHORT, Hold.SHORT)
    assert find_pattern("sos", rhythms) == (Hold.SHORT, Hold.SHORT, Hold.LONG)
    assert find_pattern("long short", rhythms) == (Hold.LONG, Hold.SHORT)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("duoble", 'there is no gesture "duoble"; do you mean "double"?'),
        ("SOS", 'there is no gesture "SOS"; do you mean "sos"?'),
        ("wave", 'there is no gesture "wave"; use single, double, triple, long, sos, or spell out a rhythm'),
        ("short lnog", '"lnog" is no press; write short or long, here perhaps "long"'),
    ],
)
def test_an_unknown_gesture_is_refused_with_a_remedy(name: str, complaint: str) -> None:
    with pytest.raises(ValueError, match="; ") as caught:
        find_pattern(name, {"sos": "short short long"})
    assert str(caught.value) == complaint


def test_a_table_is_built_from_names_rhythms_and_thresholds() -> None:
    table = gesture_table(
        ["long", "sos"],
        {"sos": "short short long", "other": "long"},
        GestureSettings(),
        contacts_bounce=False,
    )
    assert table == GestureTable(
        {"long": (Hold.LONG,), "sos": (Hold.SHORT, Hold.SHORT, Hold.LONG)}, Thresholds()
    )
