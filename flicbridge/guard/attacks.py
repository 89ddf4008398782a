"""What the board says of attacks: of which kind, how often, since when, and when last. Pure.

An attack comes and goes within seconds, and whoever looks after a practice looks once a day. So what was
certain stays a problem for a day after it was last seen; what may be a weak link is one only while it lasts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flicbridge.guard.board import Board, Note
from flicbridge.press.incidents import Incident

REMEMBERED: Final = timedelta(days=1)
MANY_UNPROVEN: Final = 3  # at the edge of the radio's reach a link often fails once, and seldom three times


@dataclass(frozen=True, slots=True)
class Attack:
    """One kind of incident that a part saw.

    Attributes:
        kind: an `Incident`, or `unproven`.
        detail: what was seen last.
        since_at: when it was seen first.
        last_at: when it was seen last.
        times: how often.
    """

    kind: str
    detail: str
    since_at: datetime
    last_at: datetime
    times: int


def attacks(part: str, board: Board, now_at: datetime) -> Iterator[Attack]:
    """Say what a part saw of attacks, as long as it matters."""
    for kind in Incident:
        note = board.note(part, kind)
        if note is not None and note.value and now_at - note.at < REMEMBERED:
            yield _attack(kind.value, note, part, board)


def unproven(part: str, board: Board) -> Attack | None:
    """Say how many calls in a row led to no proof that it was the button, if too many."""
    note = board.note(part, "unproven")
    if note is None or not isinstance(note.value, int | float) or note.value < MANY_UNPROVEN:
        return None
    return _attack("unproven", note, part, board)


def _attack(kind: str, note: Note, part: str, board: Board) -> Attack:
    since = board.value(part, f"{kind}_since")
    detail = board.value(part, f"{kind}_detail")
    return Attack(
        kind=kind,
        detail="" if detail is None else str(detail),
        since_at=datetime.fromisoformat(since) if isinstance(since, str) else note.since_at,
        last_at=note.at,
        times=int(note.value or 0),
    )
