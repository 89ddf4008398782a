"""The forecast: what the plan comes to, if nobody answers, if somebody does, and if channels fail."""

from collections import Counter
from datetime import timedelta

from flicbridge.alert.alert import AlertKind, AlertState, Purpose
from flicbridge.alert.forecast import Because, Expected, forecast, imagined
from flicbridge.alert.plan import OldPresses, Plan, Route, Step

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
SAMU = (Route("samu", "samu/0", DAY), Route("samu", "samu/1", DAY))
COLLEAGUE = tuple(Route("colleague", f"colleague/{turn}", DAY, turn, MINUTE) for turn in range(3))
PLAN = Plan(
    (
        Step(timedelta(0), SAMU, repeat=5 * MINUTE, times=2),
        Step(2 * MINUTE, COLLEAGUE, AlertState.ACKNOWLEDGED),
    ),
    SAMU[:1],
    30 * MINUTE,
    OldPresses(10 * MINUTE, SAMU[1:]),
)


def told(expected: list[Expected]) -> list[tuple[int, str, str, str]]:
    return [
        (int(e.after.total_seconds()), e.delivery.channel, e.delivery.purpose.value, e.because.value)
        for e in expected
    ]


def test_if_nobody_answers_the_whole_plan_is_carried_out() -> None:
    assert told(forecast(PLAN, imagined())) == [
        (0, "samu/0", "alert", "planned"),
        (0, "samu/1", "alert", "planned"),
        (120, "colleague/0", "alert", "planned"),
        (180, "colleague/1", "alert", "no_answer"),
        (240, "colleague/2", "alert", "no_answer"),
        (300, "samu/0", "reminder", "planned"),
        (300, "samu/1", "reminder", "planned"),
        (600, "samu/0", "reminder", "planned"),
        (600, "samu/1", "reminder", "planned"),
    ]


def test_an_answer_ends_steps_turns_and_reminders() -> None:
    assert told(forecast(PLAN, imagined(), answered_after=150 * timedelta(seconds=1))) == [
        (0, "samu/0", "alert", "planned"),
        (0, "samu/1", "alert", "planned"),
        (120, "colleague/0", "alert", "planned"),
    ]


def test_a_channel_that_fails_brings_the_next_one_at_once() -> None:
    failing = forecast(PLAN, imagined(), failing={"colleague/0", "colleague/1"})
    assert told(failing)[2:5] == [
        (120, "colleague/0", "alert", "planned"),
        (120, "colleague/1", "alert", "failed"),
        (120, "colleague/2", "alert", "failed"),
    ]


def test_whatever_fails_every_channel_is_used_for_every_message_once() -> None:
    channels = [route.channel for step in PLAN.steps for route in step.routes]
    for failing in [*({channel} for channel in channels), set(channels)]:
        expected = forecast(PLAN, imagined(), failing=failing)
        alerts = Counter(e.delivery.channel for e in expected if e.delivery.purpose is Purpose.ALERT)
        assert alerts == Counter(channels)


def test_nothing_is_expected_after_the_end() -> None:
    endless = Plan((Step(timedelta(0), SAMU, repeat=MINUTE),), (), 10 * MINUTE)
    expected = forecast(endless, imagined())
    assert len(expected) == 2 * 10
    assert max(e.after for e in expected) == 9 * MINUTE


def test_an_old_press_informs_and_a_test_is_told_to_those_who_take_tests() -> None:
    assert told(forecast(PLAN, imagined(late=11 * MINUTE))) == [(0, "samu/1", "alert", "planned")]
    assert told(forecast(PLAN, imagined(AlertKind.TEST))) == [(0, "samu/0", "alert", "planned")]
    assert {e.because for e in forecast(PLAN, imagined(late=9 * MINUTE))} == {
        Because.PLANNED,
        Because.NO_ANSWER,
    }
