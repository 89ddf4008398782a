"""The values of drills: what is tried out, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID


class DrillKind(StrEnum):
    """What is tried out, and how far it reaches."""

    SELF = "self"  # a press inside this process, to fake receivers: nobody is told
    OWN = "own"  # a real message to somebody of the practice
    EXERCISE = "exercise"  # a real message to a recipient who agreed to it

    @property
    def actor(self) -> str:
        """What raises its alert, as histories name it. No button can be called so."""
        return f"{ACTOR}{self.value}"


ACTOR: Final = "drill:"


def is_drill(button: str) -> bool:
    """Tell whether no button raised an alert, but a drill did."""
    return button.startswith(ACTOR)


REAL: Final = (DrillKind.OWN, DrillKind.EXERCISE)
"""Those that send messages to people."""


class DrillResult(StrEnum):
    """What came of a drill.

    `ok`: every message arrived, as far as its channel can know. `sent`: accepted, and no handset has
    confirmed it in time. `partly`: everybody was reached, and something could not be tried or did not work.
    `interrupted`: the bridge ended first; it says nothing.
    """

    RUNNING = "running"
    OK = "ok"
    SENT = "sent"
    PARTLY = "partly"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


PASSED: Final = frozenset({DrillResult.OK, DrillResult.SENT, DrillResult.PARTLY})
COUNTED: Final = PASSED | {DrillResult.FAILED}
"""Results of drills that took place: the next one is due when its time comes."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a drill found out.

    Attributes:
        result: what came of it.
        detail: why, in a few words; channels may be named, people and numbers not.
        took_ms: by channel, from the press until the message was there; None: it was not.
    """

    result: DrillResult
    detail: str = ""
    took_ms: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill, as it is written down.

    Attributes:
        id: its own; that of the alert too, where it raises one.
        kind: what is tried out.
        by: who asked for it: `schedule` or `cli`.
        began_at: when, UTC.
        ended_at: when its result was known, UTC.
        found: that result.
        answered_by: who answered its message; empty while nobody has.
        answered_at: when, UTC.
    """

    id: UUID
    kind: DrillKind
    by: str
    began_at: datetime
    ended_at: datetime | None = None
    found: Found = Found(DrillResult.RUNNING)
    answered_by: str = ""
    answered_at: datetime | None = None
