"""Settings of the drills: what is tried out by itself, and when."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from flicbridge.alert.cadence import Cadence
from flicbridge.alert.drill import REAL, DrillKind
from flicbridge.fields import Table

OFF: Final = "off"


def _recurring(text: str) -> str:
    Cadence.parse(text)
    return text.strip().lower()


def _recurring_or_off(text: str) -> str:
    try:
        return OFF if text.strip().lower() == OFF else _recurring(text)
    except ValueError as error:
        raise ValueError(f'{error}, or "{OFF}"') from error


Recurring = Annotated[str, AfterValidator(_recurring)]
"""When something recurs, on the practice's clock: `04:00`, `sun 18:00`, `1st tue 14:00`."""


class OwnDrillSettings(Table):
    """A real message to the practice's own people, marked as a drill."""

    notify: tuple[str, ...] = Field(
        min_length=1, description="Recipients of it, and nobody else.", examples=[["technician"]]
    )
    at: Recurring = Field(
        default="sun 18:00",
        description='When, on the clock of the practice: every day "18:00", every week "sun 18:00", every'
        ' month "1st tue 14:00" or "last fri 09:00".',
        examples=["sun 18:00"],
    )


class ExerciseSettings(Table):
    """A real message to a recipient outside, marked as a drill. They must have agreed to it, and to when."""

    notify: tuple[str, ...] = Field(
        min_length=1, description="Recipients who agreed to it, and nobody else.", examples=[["samu"]]
    )
    at: Recurring = Field(
        default="1st tue 14:00",
        description="When, on the clock of the practice; written as for `own`.",
        examples=["1st tue 14:00"],
    )


class DrillsSettings(Table):
    """What the bridge tries out by itself. What is due and was missed is made up, never at night."""

    self_test: Annotated[str, AfterValidator(_recurring_or_off)] = Field(
        default="04:00",
        description="When the bridge tries itself out, silently: a press inside the process, through every"
        ' layer, to fake receivers on this machine. "off": never.',
        examples=["04:00"],
    )
    own: OwnDrillSettings | None = Field(
        default=None,
        description="A real message to oneself; without this table, none.",
        examples=[{"notify": ["technician"], "at": "sun 18:00"}],
    )
    exercise: ExerciseSettings | None = Field(
        default=None,
        description="A real message to a recipient who agreed to it; without this table, none.",
        examples=[{"notify": ["samu"], "at": "1st tue 14:00"}],
    )

    def cadences(self) -> dict[DrillKind, Cadence]:
        """When each kind that takes place does so."""
        given = {
            DrillKind.SELF: None if self.self_test == OFF else self.self_test,
            DrillKind.OWN: self.own and self.own.at,
            DrillKind.EXERCISE: self.exercise and self.exercise.at,
        }
        return {kind: Cadence.parse(at) for kind, at in given.items() if at}

    def recipients(self) -> dict[DrillKind, tuple[str, ...]]:
        """Who is told by each kind that tells anybody."""
        tables = {DrillKind.OWN: self.own, DrillKind.EXERCISE: self.exercise}
        return {kind: table.notify for kind in REAL if (table := tables[kind]) is not None}
