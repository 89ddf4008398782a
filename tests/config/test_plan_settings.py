"""Reminders, channels in turn, the end and old presses: what settings make of them, and what they refuse."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from flicbridge.alert.plan import Plan
from flicbridge.config import check, warnings
from flicbridge.config.plan import plan_of
from flicbridge.config.settings import Settings
from flicbridge.errors import Problem

type Check = Callable[..., tuple[Problem, ...]]

FIRST = ('after = "0s"\nnotify = ["samu"]', 'after = "0s"\nnotify = ["samu"]\n{}')
ALERTS = ("[doctor]", "[alerts]\n{}\n[doctor]")
SAMU = ('name = "samu"', 'name = "samu"\n{}')
IN_TURN = 'order = "in_turn"'


def changed(sound: Path, *changes: tuple[tuple[str, str], str]) -> Settings:
    text = sound.read_text(encoding="utf-8")
    for (old, new), with_what in changes:
        assert old in text
        text = text.replace(old, new.format(with_what), 1)
    return check(text, sound, None)


def plan(sound: Path, *changes: tuple[tuple[str, str], str]) -> Plan:
    return plan_of(changed(sound, *changes))


def test_without_a_word_all_channels_are_used_at_once_and_nobody_is_reminded(sound: Path) -> None:
    made = plan(sound)
    assert [(route.channel, route.turn, route.next_after) for route in made.steps[0].routes] == [
        ("samu/0", 0, None),
        ("samu/1", 0, None),
    ]
    assert [step.repeat for step in made.steps] == [None, None]
    assert made.give_up_after == timedelta(hours=2)
    assert made.old_presses is None


def test_channels_in_turn_wait_a_minute_each_unless_told_otherwise(sound: Path) -> None:
    turns = [
        [(route.channel, route.turn, route.next_after) for route in made.steps[0].routes]
        for made in (plan(sound, (SAMU, IN_TURN)), plan(sound, (SAMU, IN_TURN + '\nnext_after = "20s"')))
    ]
    minute, short = timedelta(seconds=60), timedelta(seconds=20)
    assert turns == [
        [("samu/0", 0, minute), ("samu/1", 1, minute)],
        [("samu/0", 0, short), ("samu/1", 1, short)],
    ]


def test_a_single_channel_has_no_turns(sound: Path) -> None:
    made = plan(sound, (('name = "colleague"', 'name = "colleague"\n{}'), IN_TURN))
    assert [(route.turn, route.next_after) for route in made.steps[1].routes] == [(0, None)]


def test_reminders_are_as_many_as_the_settings_say_or_until_the_end(sound: Path) -> None:
    limited = plan(sound, (FIRST, 'repeat = "5m"\ntimes = 3'))
    endless = plan(sound, (FIRST, 'repeat = "5m"'), (ALERTS, 'give_up_after = "21m"'))
    assert [number for number, _ in limited.steps[0].reminders(limited.give_up_after)] == [1, 2, 3]
    assert [due for _, due in endless.steps[0].reminders(endless.give_up_after)] == [
        timedelta(minutes=minutes) for minutes in (5, 10, 15, 20)
    ]


def test_old_presses_only_inform_those_who_are_named_or_the_first_step(sound: Path) -> None:
    named = plan(sound, (ALERTS, 'late = { after = "20m", plan = "inform", notify = ["colleague"] }'))
    first = plan(sound, (ALERTS, 'late = { plan = "inform" }'))
    same = plan(sound, (ALERTS, 'late = { after = "20m" }'))
    assert named.old_presses is not None
    assert (named.old_presses.after, [r.channel for r in named.old_presses.routes]) == (
        timedelta(minutes=20),
        ["colleague/0"],
    )
    assert first.old_presses is not None
    assert (first.old_presses.after, [r.channel for r in first.old_presses.routes]) == (
        timedelta(minutes=10),
        ["samu/0", "samu/1"],
    )
    assert same.old_presses is None
    assert changed(sound, (ALERTS, 'late = { after = "20m" }')).alerts.old == timedelta(minutes=20)


@pytest.mark.parametrize(
    ("change", "written", "expected"),
    [
        (
            FIRST, "times = 3",
            ("plan[0].times", "nothing is repeated, so it means nothing", 'Write repeat = "5m" beside it'),
        ),
        (
            FIRST, 'repeat = "2h"',
            ("plan[0].repeat", "the alert is given up before the first reminder", "Remind sooner"),
        ),
        (
            FIRST, 'repeat = "30s"',
            ("plan[0].repeat", "there would be more than 50 reminders", "Remind more seldom, or at most"),
        ),
        (
            FIRST, 'repaet = "5m"',
            ("plan[0].repaet", "unknown key", 'Did you mean "repeat"?'),
        ),
        (
            ALERTS, 'give_up_after = "60s"',
            ("plan[1].after", "by then an alert has been given up (alerts.give_up_after is 1m)", "Let this"),
        ),
        (
            SAMU, IN_TURN + '\nnext_after = "1h"\n[alerts]\ngive_up_after = "1h"',
            ("plan[0].notify[0]", 'the last channel of "samu" would have its turn after', "Lower its next"),
        ),
        (
            SAMU, 'order = "inturn"',
            ("recipients[0].order", '"inturn" is not possible here', 'Did you mean "in_turn"?'),
        ),
        (
            ALERTS, 'late = { after = "30s" }',
            ("alerts.late.after", "a press is called late only when it is older than 1m", "Let it be longer"),
        ),
        (
            ALERTS, 'late = { plan = "inform", notify = ["coleague"] }',
            ("alerts.late.notify[0]", 'no recipient is called "coleague"', 'Did you mean "colleague"?'),
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_its_remedy(
    problems: Check, change: tuple[str, str], written: str, expected: tuple[str, str, str]
) -> None:
    old, new = change
    if "[alerts]" in written:  # a table of its own must not stand in the middle of another
        written, _, alerts = written.partition("\n[alerts]\n")
        found = problems((old, new.format(written)), (ALERTS[0], ALERTS[1].format(alerts)))
    else:
        found = problems((old, new.format(written)))
    [problem] = found
    where, what, remedy = expected
    assert problem.where == where
    assert what in problem.what
    assert problem.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("change", "written", "where"),
    [
        (('name = "colleague"', 'name = "colleague"\n{}'), IN_TURN, "recipients[1].order"),
        (SAMU, 'next_after = "20s"', "recipients[0].next_after"),
        (ALERTS, 'late = { notify = ["colleague"] }', "alerts.late.notify"),
    ],
)
def test_what_means_nothing_is_advised_against(
    sound: Path, change: tuple[str, str], written: str, where: str
) -> None:
    assert where in {problem.where for problem in warnings(changed(sound, (change, written)))}
