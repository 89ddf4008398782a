"""What a part of the bridge noticed about itself or the world: the raw material of `status`."""

from collections.abc import Callable
from dataclasses import dataclass

type Value = str | float | bool | None


@dataclass(frozen=True, slots=True)
class Observation:
    """One fact about one part, true from now until the next one of the same name.

    Attributes:
        subject: the part: `radio`, `button:poche`, `channel:samu/0`, `store`, `bridge`.
        fact: what is said of it, with its unit in the name: `state`, `battery_mv`, `rssi_dbm`.
        value: the fact itself; never a name, number or position of a person.
    """

    subject: str
    fact: str
    value: Value


type Observe = Callable[[Observation], None]
"""How a part says what it noticed. Synchronous, cheap, never raises."""
