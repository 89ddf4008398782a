"""The recogniser, finger by finger. The thresholds are a Flic's unless a test says otherwise: 1 s, 0.5 s."""

import math
from collections.abc import Callable

import pytest

from flicbridge.gesture import Gesture, GestureTable, Recogniser, Thresholds
from flicbridge.press.event import Counter

type Play = Callable[[Recogniser, str], list[Gesture]]
type Table = Callable[..., GestureTable]

COMMON = "single, double, triple, long"
BOUNCY = Thresholds(debounce_s=0.03)


def shown(gestures: list[Gesture]) -> str:
    return ", ".join(f"{gesture.name}@{gesture.decided_at_s:g}" for gesture in gestures)


@pytest.mark.parametrize(
    ("names", "script", "expected"),
    [
        # Nothing else can come of it: at the first touch.
        ("single", "down@0", "single@0"),
        ("single, double", "down@0 up@0.1 down@0.4", "double@0.4"),
        ("single, double, triple", "down@0 up@0.1 down@0.3 up@0.4 down@0.6", "triple@0.6"),
        ("single, long short", "down@0 up@0.1", "single@0.1"),
        # It could still become a hold: at the release.
        ("single, long", "down@0 up@0.2", "single@0.2"),
        ("double, long", "down@0 up@0.1 down@0.4 up@0.5", "double@0.5"),
        ("short long, short short", "down@0 up@0.1 down@0.4 up@0.5", "short short@0.5"),
        # It is a hold: at the threshold, with the finger still down.
        ("long", "down@0 wait@1", "long@1"),
        (COMMON, "down@0 wait@1", "long@1"),
        ("single, short short long", "down@0 up@0.1 down@0.3 up@0.4 down@0.6 wait@5", "short short long@1.6"),
        # Another press could follow: at the end of the window.
        ("single, double", "down@0 up@0.1 wait@0.5", "single@0.5"),
        (COMMON, "down@0 up@0.1 down@0.3 up@0.4 wait@0.8", "double@0.8"),
        ("single, long short", "down@0 up@1.2 wait@1.7", "single@1.7"),
    ],
)
def test_a_gesture_is_told_as_soon_as_nothing_can_change_it(
    names: str, script: str, expected: str, play: Play, table: Table
) -> None:
    assert shown(play(Recogniser(table(names)), script)) == expected


@pytest.mark.parametrize(
    ("names", "script"),
    [
        ("single, double", "down@0 up@0.1 wait@0.4999"),
        ("single, long", "down@0 wait@0.9999"),
        ("double, long", "down@0 up@0.1 down@0.4 wait@1.3999"),
        ("long, long short", "down@0 up@1.2 wait@1.6999"),
        ("long, long short", "down@0 wait@3.9999"),
    ],
)
def test_nothing_is_told_while_it_could_become_something_else(
    names: str, script: str, play: Play, table: Table
) -> None:
    assert play(Recogniser(table(names)), script) == []


@pytest.mark.parametrize(
    ("names", "script", "expected"),
    [
        ("single, double", "down@0 up@0.1 down@0.5", "double@0.5"),
        ("single, double", "down@0 up@0.1 down@0.5001 wait@9", "single@0.5, single@1.0001"),
        ("single, long", "down@0 up@0.9999", "single@0.9999"),
        ("single, long", "down@0 up@1", "long@1"),
        ("long, long short", "down@0 up@1.2 down@1.7 up@1.8", "long short@1.8"),
        ("long, long short", "down@0 up@1.2 down@1.7001", "long@1.7"),
    ],
)
def test_a_threshold_belongs_to_the_longer_press_and_to_the_quicker_finger(
    names: str, script: str, expected: str, play: Play, table: Table
) -> None:
    assert shown(play(Recogniser(table(names)), script)) == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("down@0 up@0.1 still@0.5", "single@0.5"),
        ("down@0 up@0.1 down@0.3 up@0.4 still@0.8", "double@0.8"),
        ("down@0 still@1 up@1.4", "long@1"),
        ("down@0 up@0.7 still@0.7", "single@0.7"),
    ],
)
def test_the_silences_that_a_flic_reports_settle_its_own_thresholds_without_a_timer(
    script: str, expected: str, play: Play, table: Table
) -> None:
    recogniser = Recogniser(table(COMMON))
    assert shown(play(recogniser, script)) == expected
    assert recogniser.deadline_s is None


def test_the_window_counts_from_press_to_press_even_if_the_finger_stays(play: Play, table: Table) -> None:
    assert shown(play(Recogniser(table("single, double")), "down@0 wait@0.5")) == "single@0.5"
    assert shown(play(Recogniser(table("single, double, long")), "down@0 up@0.7")) == "single@0.7"


def test_what_is_left_of_a_press_after_its_gesture_means_nothing(play: Play, table: Table) -> None:
    recogniser = Recogniser(table("single, long"))
    assert shown(play(recogniser, "down@0 wait@1 wait@7 up@8 wait@9")) == "long@1"
    assert shown(play(recogniser, "down@10 up@10.1")) == "single@10.1"


@pytest.mark.parametrize(
    ("names", "script", "expected"),
    [
        ("single, triple", "down@0 up@0.1 down@0.3 up@0.4 wait@0.8", "single@0.8, single@0.8"),
        (
            "single, short short long",
            "down@0 up@.1 down@.3 up@.4 down@.6 up@.7 wait@9",
            "single@0.7, single@1.1, single@1.1",
        ),
        ("double, short short long short", "down@0 up@.1 down@.3 up@.4 down@.6 wait@9", "double@4.6"),
        (
            "single, double, triple",
            "down@0 up@.1 down@.3 up@.4 down@.6 up@.7 down@.9 wait@2",
            "triple@0.6, single@1.4",
        ),
    ],
)
def test_presses_that_end_up_as_no_rhythm_are_read_as_the_longest_gestures_in_them(
    names: str, script: str, expected: str, play: Play, table: Table
) -> None:
    assert shown(play(Recogniser(table(names)), script)) == expected


@pytest.mark.parametrize("names", ["long, double", "single, long", COMMON, "long, single, short long short"])
def test_a_fumbled_press_before_a_hold_does_not_turn_the_call_for_help_into_something_else(
    names: str, play: Play, table: Table
) -> None:
    (gesture,) = play(Recogniser(table(names)), "down@0 up@0.05 down@0.2 wait@9")[-1:]
    assert gesture.name == "long"


def test_a_hold_swallows_the_fumble_before_it_and_begins_with_it(play: Play, table: Table) -> None:
    (gesture,) = play(Recogniser(table("double, long")), "down@0 up@0.05 down@0.2 wait@1.2")
    assert (gesture.name, gesture.first.at_s, gesture.decided_at_s) == ("long", 0.0, 1.2)


@pytest.mark.parametrize(
    ("names", "script", "expected"),
    [
        ("single, long short", "down@0 up@2 wait@9", "single@2.5"),
        ("single, double, short long short", "down@0 up@0.1 down@0.3 up@2 wait@9", "double@2.5"),
        ("single, double", "down@0 up@0.1 down@0.3 wait@9", "double@0.3"),
        ("triple", "down@0 up@0.1 down@0.3 up@0.4 down@0.7 wait@9", "triple@0.7"),
    ],
)
def test_a_hold_that_fits_no_rhythm_counts_as_a_press_where_there_is_no_plain_long(
    names: str, script: str, expected: str, play: Play, table: Table
) -> None:
    assert shown(play(Recogniser(table(names)), script)) == expected


def test_a_rhythm_with_the_hold_in_it_wins_over_one_of_the_same_length_without(
    play: Play, table: Table
) -> None:
    recogniser = Recogniser(table("double, short long, short long short"))
    assert shown(play(recogniser, "down@0 up@0.1 down@0.3 up@1.5 wait@9")) == "short long@2"


def test_a_rhythm_may_go_on_with_a_hold_where_a_plain_long_is_configured_too(
    play: Play, table: Table
) -> None:
    rhythm = Recogniser(table("long, short long"))
    assert shown(play(rhythm, "down@0 up@0.1 down@0.4 wait@9")) == "short long@1.4"


def test_a_finger_held_down_in_a_struggle_is_not_waited_for(play: Play, table: Table) -> None:
    recogniser = Recogniser(table("long, long short"))
    assert shown(play(recogniser, "down@0 wait@60")) == "long@4"
    assert shown(play(recogniser, "up@61 down@61.2 up@61.3 wait@99")) == ""


def test_presses_that_nothing_explains_say_nothing_and_spoil_nothing(play: Play, table: Table) -> None:
    recogniser = Recogniser(table("triple, long"))
    assert play(recogniser, "down@0 up@0.1 down@0.3 up@0.4 wait@5") == []
    assert shown(play(recogniser, "down@10 up@10.1 down@10.3 up@10.4 down@10.6 up@10.7")) == "triple@10.7"


class TestEdgesThatAreMissingOrRepeated:
    def test_a_second_down_means_that_a_release_was_lost(self, play: Play, table: Table) -> None:
        assert shown(play(Recogniser(table("single, double")), "down@0 down@0.4")) == "double@0.4"
        assert (
            shown(play(Recogniser(table("single, long")), "down@0 down@0.4 up@0.5"))
            == "single@0.4, single@0.5"
        )
        assert (
            shown(play(Recogniser(table("single, long")), "down@0 down@1.4 up@1.5")) == "long@1, single@1.5"
        )

    def test_a_hold_whose_release_was_lost_is_not_the_beginning_of_a_much_later_press(
        self, play: Play, table: Table
    ) -> None:
        recogniser = Recogniser(table("long, single, long short"))
        assert shown(play(recogniser, "down@0 still@1 down@3 up@3.1 wait@9")) == "long@3, single@3.1"

    def test_a_second_up_or_one_without_a_down_is_ignored(self, play: Play, table: Table) -> None:
        recogniser = Recogniser(table("single, double"))
        assert shown(play(recogniser, "up@0 down@1 up@1.1 up@1.2 down@1.4 up@1.5 up@1.6")) == "double@1.4"
        assert recogniser.deadline_s is None

    def test_a_clock_that_goes_backwards_postpones_nothing(self, play: Play, table: Table) -> None:
        recogniser = Recogniser(table("single, double"))
        assert play(recogniser, "down@5 up@5.1 still@2") == []
        assert recogniser.deadline_s == 5.5
        assert shown(play(recogniser, "up@1 still@6")) == "single@5.5"


class TestBounces:
    @pytest.mark.parametrize(
        "script",
        [
            "down@0 up@0.01 down@0.02 up@0.2 wait@9",  # when the contacts close
            "down@0 up@0.2 down@0.21 up@0.22 wait@9",  # when they open
            "down@0 up@0.1 down@0.12 up@0.14 down@0.16 up@0.2 wait@9",
            "down@0 down@0.02 up@0.2 wait@9",  # the release in between was lost
        ],
    )
    def test_a_release_shorter_than_the_debounce_time_is_no_release(
        self, script: str, play: Play, table: Table
    ) -> None:
        gestures = play(Recogniser(table("single, double, long", BOUNCY)), script)
        assert [gesture.name for gesture in gestures] == ["single"]

    def test_a_press_that_was_told_at_the_first_touch_is_not_told_again_when_it_bounces(
        self, play: Play, table: Table
    ) -> None:
        assert (
            shown(play(Recogniser(table("single", BOUNCY)), "down@0 up@0.01 down@0.02 up@0.2")) == "single@0"
        )

    def test_a_hold_goes_on_through_a_bounce(self, play: Play, table: Table) -> None:
        assert (
            shown(play(Recogniser(table("single, long", BOUNCY)), "down@0 up@0.99 down@1.01")) == "long@1.01"
        )

    def test_a_release_is_certain_once_a_bounce_would_be_over(self, play: Play, table: Table) -> None:
        recogniser = Recogniser(table("single, long", BOUNCY))
        assert play(recogniser, "down@0 up@0.25 wait@0.2799") == []
        assert recogniser.deadline_s == pytest.approx(0.28)
        assert shown(play(recogniser, "wait@0.28")) == "single@0.28"

    def test_a_press_after_the_debounce_time_is_a_press(self, play: Play, table: Table) -> None:
        assert (
            shown(play(Recogniser(table("single, double", BOUNCY)), "down@0 up@0.25 down@0.28"))
            == "double@0.28"
        )

    def test_without_a_debounce_time_every_edge_counts_at_once(self, play: Play, table: Table) -> None:
        assert shown(play(Recogniser(table("single, double, long")), "down@0 up@0 down@0 up@0")) == "double@0"


class TestWhatMayBeAcknowledged:
    @pytest.mark.parametrize(
        ("names", "script", "settled"),
        [
            ("single", "down@0", 1),
            ("single", "down@0 up@0.1", 2),
            ("single", "down@0 still@1", 2),
            ("single, double", "down@0 up@0.1", None),
            ("single, double", "down@0 up@0.1 still@0.5", 3),
            ("single, double", "up@0 down@1 up@1.1", 1),
            ("single, double", "down@0 up@0.1 down@0.4", 3),
            ("single, double", "down@0 up@0.1 still@0.5 down@0.6", 3),
            ("long", "down@0", None),
            ("long", "down@0 still@0.5", None),
            ("long", "down@0 still@1", 2),
            ("single, short short long", "down@0 up@0.1 down@0.3 up@0.4 down@0.6 up@0.7", 2),
            ("triple", "down@0 up@0.1 wait@0.5", 2),
        ],
    )
    def test_everything_before_the_first_press_that_is_still_open(
        self, names: str, script: str, settled: int | None, play: Play, table: Table
    ) -> None:
        recogniser = Recogniser(table(names))
        play(recogniser, script)
        assert recogniser.settled == (None if settled is None else Counter(7, settled))

    def test_a_press_that_may_still_bounce_is_not_settled_lest_its_bounce_be_heard_alone(
        self, play: Play, table: Table
    ) -> None:
        recogniser = Recogniser(table("single", BOUNCY))
        assert shown(play(recogniser, "down@0")) == "single@0"
        assert recogniser.settled is None
        assert play(recogniser, "wait@0 up@0.01") == []
        assert recogniser.settled is None
        assert recogniser.deadline_s == pytest.approx(0.04)
        recogniser.pass_time(0.04)
        assert recogniser.settled == Counter(7, 2)

    def test_what_may_still_bounce_begins_where_its_gesture_began(self, play: Play, table: Table) -> None:
        recogniser = Recogniser(table("single, double", BOUNCY))
        assert shown(play(recogniser, "up@0 down@1 up@1.1 down@1.3")) == "double@1.3"
        assert recogniser.settled == Counter(7, 1)


class TestSessions:
    def test_a_new_session_begins_with_nothing_open(self, play: Play, table: Table) -> None:
        recogniser = Recogniser(table("single, double"))
        play(recogniser, "down@100 up@100.1")
        recogniser.reset()
        assert (recogniser.deadline_s, recogniser.settled) == (None, None)
        assert shown(play(recogniser, "down@0 up@0.1 wait@9")) == "single@0.5"

    def test_the_end_of_a_buttons_life_decides_what_it_will_never_tell_again(
        self, play: Play, table: Table
    ) -> None:
        recogniser = Recogniser(table("single, double"))
        assert play(recogniser, "down@100 up@100.1") == []
        assert shown(recogniser.pass_time(math.inf)) == "single@100.5"


def test_a_gesture_tells_which_press_it_began_with_and_how_old_that_was(play: Play, table: Table) -> None:
    (gesture,) = play(Recogniser(table("double")), "still@3 down@4 up@4.1 down@4.2")
    assert (gesture.button, gesture.serial, gesture.counter) == ("poche", "BF12-A34567", Counter(7, 2))
    assert gesture.pressed_s == gesture.first.arrived_s - gesture.first.age_s == 1004.0
    assert gesture.was_queued is False
