"""One thing that is wrong, as `status` names it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong.

    Attributes:
        part: which part, as on the board: `radio`, `button:poche`, `channel:samu/0`, `store`.
        problem: one word for code to branch on, such as `radio_off`.
        detail: what was seen, in the words of whoever saw it; may be empty.
        since_at: since when, if known.
        times: how often, for what happens again and again.
        last_at: when it happened last, likewise.
    """

    part: str
    problem: str
    detail: str
    since_at: datetime | None
    times: int | None = None
    last_at: datetime | None = None
