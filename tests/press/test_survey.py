"""What a walk through the rooms shows: loudness, silences, and what is to be thought of them."""

import pytest

from flicbridge.press.signal import Strength, strength
from flicbridge.press.survey import Reception, Survey, Verdict


def heard(survey: Survey, levels_dbm: list[int], *, from_s: float, every_s: float = 1.0) -> None:
    for index, level_dbm in enumerate(levels_dbm):
        survey.hear("poche", level_dbm, from_s + index * every_s)


def only(receptions: list[Reception]) -> Reception:
    (reception,) = receptions
    return reception


@pytest.mark.parametrize(
    ("rssi_dbm", "word"),
    [(-40, "good"), (-75, "good"), (-76, "weak"), (-85, "weak"), (-85.5, "too_weak"), (-100, "too_weak")],
)
def test_a_signal_has_a_word(rssi_dbm: float, word: str) -> None:
    assert strength(rssi_dbm) is Strength(word)


def test_a_room_is_summed_up_by_what_was_heard_in_it() -> None:
    survey = Survey(["poche"], "Cabinet 1", 100.0)
    heard(survey, [-60, -70, -61], from_s=100.5)
    reception = only(survey.report(103.0))
    assert (reception.min_dbm, reception.median_dbm, reception.max_dbm) == (-70, -61, -60)
    assert (reception.room, reception.advertisements, reception.took_s) == ("Cabinet 1", 3, 3.0)
    assert (reception.longest_silence_s, reception.verdict) == (1.0, Verdict.GOOD)


@pytest.mark.parametrize(
    ("levels_dbm", "verdict"),
    [([-60, -74], "good"), ([-80, -80, -60], "weak"), ([-90, -91, -60], "dead")],
)
def test_the_median_decides_how_good_a_room_is(levels_dbm: list[int], verdict: str) -> None:
    survey = Survey(["poche"], "Cabinet 1", 0.0)
    heard(survey, levels_dbm, from_s=0.0)
    assert only(survey.report(3.0)).verdict == verdict


def test_a_loud_button_that_falls_silent_is_in_a_dead_zone() -> None:
    survey = Survey(["poche"], "Cave", 0.0)
    heard(survey, [-50, -50], from_s=0.0, every_s=5.0)
    reception = only(survey.report(6.0))
    assert (reception.longest_silence_s, reception.verdict) == (5.0, Verdict.DEAD)


def test_silence_that_lasts_until_the_end_counts() -> None:
    survey = Survey(["poche"], "Cave", 0.0)
    heard(survey, [-50], from_s=0.0)
    assert only(survey.report(4.9)).verdict is Verdict.GOOD
    assert only(survey.report(5.0)).verdict is Verdict.DEAD


def test_a_room_in_which_a_button_is_never_heard_is_dead_once_it_was_heard_elsewhere() -> None:
    survey = Survey(["poche"], "Cabinet 1", 0.0)
    heard(survey, [-50], from_s=1.0)
    survey.enter("Cave", 2.0)
    first, second = survey.report(9.0)
    assert (first.room, first.verdict) == ("Cabinet 1", Verdict.GOOD)
    assert (second.room, second.median_dbm, second.longest_silence_s) == ("Cave", None, 7.0)
    assert second.verdict is Verdict.DEAD


def test_a_silence_is_not_carried_over_into_the_next_room() -> None:
    survey = Survey(["poche"], "Cave", 0.0)
    heard(survey, [-50], from_s=0.0)
    survey.enter("Cabinet 1", 8.0)
    heard(survey, [-50, -50], from_s=8.5)
    assert [each.verdict for each in survey.report(10.0)] == [Verdict.DEAD, Verdict.GOOD]


def test_a_button_that_sleeps_until_it_is_pressed_was_not_out_of_reach() -> None:
    survey = Survey(["poche"], "Cabinet 1", 0.0)
    assert only(survey.report(60.0)).verdict is Verdict.UNKNOWN
    heard(survey, [-50, -51], from_s=60.0)
    reception = only(survey.report(62.0))
    assert (reception.longest_silence_s, reception.verdict) == (1.0, Verdict.GOOD)


def test_each_button_is_judged_by_itself() -> None:
    survey = Survey(["poche", "veste"], "Cabinet 1", 0.0)
    heard(survey, [-50], from_s=0.0)
    survey.hear("veste", -90, 0.5)
    assert {each.button: each.verdict for each in survey.report(1.0)} == {"poche": "good", "veste": "dead"}
    assert survey.newest("veste") == (0.5, -90)


def test_a_room_may_get_its_name_while_somebody_stands_in_it() -> None:
    survey = Survey(["poche"], "Room 1", 0.0)
    survey.enter("Room 2", 1.0)
    survey.name_room("Salle d'attente")
    assert [each.room for each in survey.report(2.0)] == ["Room 1", "Salle d'attente"]
