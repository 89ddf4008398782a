"""How the other side of a channel says it is: what the board is told, and what of that is a problem. Pure."""

from collections.abc import Iterator
from typing import Final

from flicbridge.guard.board import Board
from flicbridge.guard.trouble import Trouble
from flicbridge.observation import Observation
from flicbridge.transport.health import Fitness, Health

PROBLEMS: Final = {Fitness.SICK.value: "channel_sick", Fitness.WEAK.value: "channel_weak"}
KNOWN: Final = ("battery_percent", "charging", "online", "cellular", "failed_messages")
"""Facts that are unknown again when the other side does not tell them any more."""


def observations(part: str, health: Health | None) -> Iterator[Observation]:
    """All that is known of it; None: nothing."""
    yield Observation(part, "health_state", None if health is None else health.fitness.value)
    yield Observation(part, "health_why", None if health is None else health.why)
    facts = {} if health is None else health.facts
    for fact in (*KNOWN, *(fact for fact in facts if fact not in KNOWN)):
        yield Observation(part, f"health_{fact}", facts.get(fact))


def troubles(part: str, board: Board) -> Iterator[Trouble]:
    """What is wrong with it."""
    note = board.note(part, "health_state")
    if note is not None and (problem := PROBLEMS.get(str(note.value))):
        yield Trouble(part, problem, str(board.value(part, "health_why") or ""), note.since_at)
