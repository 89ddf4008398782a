"""What is tried out by itself: as settings say it, and what they refuse."""

from collections.abc import Callable
from datetime import time
from pathlib import Path

import pytest

from flicbridge.alert.cadence import Cadence
from flicbridge.alert.drill import DrillKind
from flicbridge.config import check
from flicbridge.config.plan import plan_of
from flicbridge.config.settings import Settings
from flicbridge.errors import Problem

type Check = Callable[..., tuple[Problem, ...]]


def with_drills(sound: Path, table: str) -> Settings:
    return check(f"{sound.read_text(encoding='utf-8')}\n[drills]\n{table}\n", sound, None)


def test_without_a_word_the_bridge_tries_itself_out_at_night_and_tells_nobody(sound: Path) -> None:
    drills = with_drills(sound, "").drills
    assert drills.cadences() == {DrillKind.SELF: Cadence(time(4, 0))}
    assert drills.recipients() == {}


def test_it_can_be_told_not_to(sound: Path) -> None:
    assert with_drills(sound, 'self_test = "off"').drills.cadences() == {}


def test_messages_have_recipients_and_times_of_their_own(sound: Path) -> None:
    settings = with_drills(
        sound, 'own = { notify = ["samu"] }\nexercise = { notify = ["samu"], at = "LAST FRI 09:00" }'
    )
    cadences = settings.drills.cadences()
    assert cadences[DrillKind.OWN] == Cadence(time(18, 0), weekday=6)
    assert cadences[DrillKind.EXERCISE] == Cadence(time(9, 0), weekday=4, ordinal=-1)
    routes = plan_of(settings).drill_routes
    assert {actor: [route.channel for route in to] for actor, to in routes.items()} == {
        "drill:own": ["samu/0", "samu/1"],
        "drill:exercise": ["samu/0", "samu/1"],
    }


@pytest.mark.parametrize(
    ("table", "where", "what", "remedy"),
    [
        ('own = { notify = ["sammu"] }', "drills.own.notify[0]", '"sammu"', "samu"),
        ('exercise = { notify = ["samu", "samu"] }', "drills.exercise.notify[1]", "already", "once"),
        ('own = { notify = ["samu"], at = "7d" }', "drills.own.at", '"7d"', "sun 18:00"),
        ('self_test = "never"', "drills.self_test", '"never"', '"off"'),
        ("own = { notify = [] }", "drills.own.notify", "", ""),
        ('weekly = { notify = ["samu"] }', "drills.weekly", "", ""),
    ],
)
def test_a_mistake_is_named_with_its_remedy(
    problems: Check, table: str, where: str, what: str, remedy: str
) -> None:
    found = problems(("[doctor]", f"[drills]\n{table}\n[doctor]"))
    assert [problem.where for problem in found] == [where]
    assert what in found[0].what
    assert remedy in found[0].remedy
