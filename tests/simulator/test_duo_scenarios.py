"""A Flic Duo from finger to phone: two keys, two meanings, one link, and whatever may break in between."""

from collections.abc import Callable

import pytest

from flicbridge.alert.alert import AlertKind
from flicbridge.errors import ScenarioError
from flicbridge.simulator.stage import Performance
from flicbridge.simulator.verdict import judge

type Play = Callable[[str], Performance]

BIG, SMALL = 0, 1
SETTINGS = """
[settings.alerts]
join_within = "0s"
[[settings.buttons]]
name = "poche"
family = "flic2"
gestures = { long = "alert", double = "test" }
small_gestures = { single = "alert", triple = "cancel" }
"""


def step(at: str, **keys: str) -> str:
    return "\n".join(["[[steps]]", f'at = "{at}"', *(f'{key} = "{value}"' for key, value in keys.items())])


def press(at: str, gesture: str, key: str = "big") -> str:
    return step(at, do="press", button="poche", gesture=gesture, key=key)


def scenario(*steps: str, expect: str) -> str:
    return "\n".join(['title = "x"', SETTINGS, *steps, "[expect]", expect])


def failing(played: Performance) -> list[str]:
    return [f"{check.rule.value} {check.about}".strip() for check in judge(played).checks if not check.ok]


def raised(played: Performance) -> list[tuple[AlertKind, str, int]]:
    alerts = [standing.alert for standing in played.evidence.standings]
    return [(alert.kind, alert.gesture, alert.key) for alert in alerts]


EMERGENCY, TEST = AlertKind.EMERGENCY, AlertKind.TEST


def test_each_key_has_gestures_of_its_own(play: Play) -> None:
    played = play(
        scenario(
            press("1s", "long"),
            press("5s", "single", "small"),
            press("10s", "double"),
            press("15s", "triple", "small"),
            expect='alerts = 2\ntests = 1\ncancelled = 2\nwithin = "3s"',
        )
    )
    assert failing(played) == []
    assert raised(played) == [(EMERGENCY, "long", BIG), (EMERGENCY, "single", SMALL), (TEST, "double", BIG)]


def test_what_means_something_on_one_key_means_nothing_on_the_other(play: Play) -> None:
    nothing = 'do = "press"\nbutton = "poche"\n'
    played = play(
        scenario(
            f'[[steps]]\nat = "1s"\n{nothing}script = [["0s", "100ms"]]',
            f'[[steps]]\nat = "5s"\n{nothing}key = "small"\nscript = [["0s", "100ms"], ["300ms", "400ms"]]',
            expect="alerts = 2",  # two presses of the small key are two single ones
        )
    )
    assert failing(played) == []
    assert raised(played) == [(EMERGENCY, "single", SMALL)] * 2


def test_two_fingers_at_once_are_two_calls(play: Play) -> None:
    played = play(
        scenario(press("1s", "long"), press("1100ms", "single", "small"), expect='alerts = 2\nwithin = "3s"')
    )
    assert failing(played) == []
    assert sorted(raised(played)) == [(EMERGENCY, "long", BIG), (EMERGENCY, "single", SMALL)]
    assert [letter.data["key"] for letter in played.story.letters if letter.data is not None] == [SMALL, BIG]


def test_presses_of_both_keys_survive_an_outage(play: Play) -> None:
    played = play(
        scenario(
            step("1s", do="out_of_range", button="poche"),
            press("12s", "single", "small"),
            press("13s", "long"),
            press("20s", "double"),
            step("30s", do="back_in_range", button="poche"),
            expect="alerts = 2\ntests = 1",
        )
    )
    assert failing(played) == []
    assert sorted(raised(played)) == sorted(
        [(EMERGENCY, "single", SMALL), (EMERGENCY, "long", BIG), (TEST, "double", BIG)]
    )
    assert all(standing.alert.was_queued for standing in played.evidence.standings)


def test_a_power_cut_before_the_commit_loses_no_press_of_either_key(play: Play) -> None:
    played = play(
        scenario(
            press("1s", "long"),
            press("1200ms", "single", "small"),
            step("1250ms", do="crash"),
            press("10s", "single", "small"),
            step("20s", do="start"),
            expect="alerts = 3",
        )
    )
    assert failing(played) == []
    assert sorted(raised(played)) == [(EMERGENCY, "long", BIG), *[(EMERGENCY, "single", SMALL)] * 2]


def test_a_power_cut_after_the_commit_of_one_key_repeats_no_press_and_loses_none_of_the_other(
    play: Play,
) -> None:
    """The small key's press is on disk while a finger is on the big one, whose hold then comes again."""
    played = play(
        scenario(
            press("1s", "long"),
            '[[steps]]\nat = "1100ms"\ndo = "crash"\nupon_commit = true',
            press("1200ms", "single", "small"),
            step("20s", do="start"),
            expect="alerts = 2",
        )
    )
    assert failing(played) == []
    assert sorted(raised(played)) == [(EMERGENCY, "long", BIG), (EMERGENCY, "single", SMALL)]


def test_a_new_battery_is_no_reason_to_forget_a_key(play: Play) -> None:
    played = play(
        scenario(
            press("1s", "single", "small"),
            step("5s", do="change_battery", button="poche"),
            press("30s", "single", "small"),
            press("35s", "long"),
            expect="alerts = 3",
        )
    )
    assert failing(played) == []
    assert raised(played) == [*[(EMERGENCY, "single", SMALL)] * 2, (EMERGENCY, "long", BIG)]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ('key = "small"\ngesture = "long"', 'no gesture "long"'),
        ('key = "small"\nreaction = "test"', 'does "test"'),
        ('key = "tiny"\ngesture = "single"', "small"),
    ],
)
def test_a_step_that_the_small_key_cannot_play_is_refused(play: Play, keys: str, words: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        play(scenario(f'[[steps]]\nat = "1s"\ndo = "press"\nbutton = "poche"\n{keys}', expect="alerts = 0"))
    assert words in str(refused.value.problems)


def test_a_flic_2_has_no_small_key_to_press(play: Play) -> None:
    with pytest.raises(ScenarioError) as refused:
        play(f'title = "x"\n{press("1s", "long", "small")}\n[expect]\nalerts = 1')
    assert "no small button" in str(refused.value.problems)
