"""How the other side of a channel says it is, before anything has to be sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flicbridge.observation import Value


class Fitness(StrEnum):
    """Whether a message would get through, as far as the other side knows."""

    WELL = "well"
    WEAK = "weak"  # it would, and may soon not
    SICK = "sick"  # it would not


@dataclass(frozen=True, slots=True)
class Health:
    """What the other side says of itself.

    Attributes:
        fitness: in one word.
        why: in a few words, of what is not well; no secrets, no personal data.
        facts: what else it tells, with the unit in the name: `battery_percent`, `charging`.
    """

    fitness: Fitness
    why: str = ""
    facts: Mapping[str, Value] = field(default_factory=dict)
