"""What the room may see of an alert that goes on although it looks stopped. Pure.

Whoever forced the doctor to cancel may read along, here and on the command line. So what is shown is what the
database would hold, had the cancellation been believed. The database itself holds the truth, and beside it
what was hidden from when on (`outbox/schema/0006.sql`). Helpers read the truth, and the doctor sees it with
the PIN (`flicbridge alerts show --pin`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from flicbridge.alert import life
from flicbridge.alert.alert import FOLLOW_UPS, AlertState, DeliveryState, Happening, Purpose
from flicbridge.alert.moves import DOUBTS
from flicbridge.alert.standing import Standing

type Row = Mapping[str, Any]
type Tried = tuple[Row, Sequence[Row]]
"""A delivery and its tries."""

SHOWN_AS: Final = {doubted: shown for shown, doubted in DOUBTS.items()}


def veiled(shown: Mapping[str, Any]) -> Mapping[str, Any]:
    """All there is about one alert, as `Store.show_alert` gives it, without what the room must not see."""
    standing: Standing = shown["standing"]
    if standing.seen_as is None:
        return shown
    history = list(_history(shown["history"]))
    told_at = {row["at"] for row in history}
    tries: defaultdict[str, list[Row]] = defaultdict(list)
    for row in shown["attempts"]:
        tries[row["delivery"]].append(row)
    seen = list(
        _deliveries(
            (row, tries[row["id"]])
            for row in shown["deliveries"]
            if row["purpose"] not in FOLLOW_UPS or row["made_at"] in told_at
        )
    )
    attempts = [attempt for _, of_it in seen for attempt in of_it]
    return {
        **shown,
        "history": history,
        "deliveries": sorted((row for row, _ in seen), key=_place),
        "attempts": sorted(attempts, key=lambda row: row["seq"]),
    }


def _place(row: Row) -> tuple[float, str, str]:
    """Where a delivery stands in the list, as `queries.DELIVERIES` has it."""
    return row["due_at"], row["channel"], row["purpose"]


def _history(rows: Sequence[Row]) -> Iterator[Row]:
    """What would have happened: of what came after the first doubt, only what would have moved anything."""
    state, is_doubted = AlertState.RAISED, False
    for row in rows:
        what = Happening(row["what"])
        is_doubted = is_doubted or what in SHOWN_AS
        seen = SHOWN_AS.get(what, what)
        moved = life.after(state, seen)
        if not is_doubted or moved is not state or seen is Happening.PRESSED_AGAIN:
            yield {**row, "what": seen}
        state = moved


def _deliveries(truth: Iterable[Tried]) -> Iterator[Tried]:
    """What the room may see of each, first turns first, for what becomes of one brings the next."""
    ends_at: dict[tuple[object, ...], float | None] = {}
    for row, tries in sorted(truth, key=lambda tried: int(tried[0]["turn"])):
        line = tuple(row[key] for key in ("recipient", "step", "purpose", "occasion"))
        seen, seen_tries = _seen(row, tries, ends_at.get((*line, row["turn"] - 1)))
        if seen["state"] in GIVEN_UP and seen_tries:
            ends_at[*line, row["turn"]] = seen_tries[-1]["at"] + seen_tries[-1]["took_s"]
        yield seen, seen_tries


def _seen(row: Row, tries: Sequence[Row], turn_came_at: float | None) -> Tried:
    """A delivery and its tries as the room may see them.

    Args:
        row, tries: the truth.
        turn_came_at: when the channel before it was given up, as the room sees it; None if it was not.
    """
    if row["purpose"] in FOLLOW_UPS:
        harmless = Purpose.CANCELLED if row["purpose"] == Purpose.DOUBTED else row["purpose"]
        return {**row, "purpose": harmless}, tries
    if row["seen_state"] is None:
        return row, tries
    if row["seen_state"] == DeliveryState.RESERVE and turn_came_at is not None:
        return _brought_forward(row, tries, turn_came_at)
    seen_tries = [attempt for attempt in tries if not attempt["secret"]]
    outcomes = {attempt["outcome"] for attempt in seen_tries}
    sent = outcomes & {DeliveryState.SENT, DeliveryState.DELIVERED}
    frozen = {
        "state": row["seen_state"],
        "due_at": row["seen_due_at"],
        "expires_at": row["seen_expires_at"],
        "attempts": row["seen_attempts"],
        "last_error": seen_tries[-1]["detail"] if seen_tries else None,
        "provider_id": None,
        **({} if sent else dict.fromkeys(("sent_at", "provider_sent_at"))),
        **({} if DeliveryState.DELIVERED in outcomes else dict.fromkeys(ARRIVED)),
    }
    return {**row, **frozen}, seen_tries


def _brought_forward(row: Row, tries: Sequence[Row], at: float) -> Tried:
    """A channel whose turn came in secret, and would have come by now anyhow: seen as if it had come then."""
    moved_s = max(0.0, at - tries[0]["at"]) if tries else 0.0
    seen = {key: None if row[key] is None else row[key] + moved_s for key in (*ARRIVED, *SENT)}
    lives = row["seen_expires_at"] - row["seen_due_at"]
    last = [{**attempt, "at": attempt["at"] + moved_s, "number": 1} for attempt in tries[-1:]]
    return {**row, **seen, "due_at": at, "expires_at": at + lives, "attempts": len(last)}, last


GIVEN_UP: Final = frozenset({DeliveryState.FAILED, DeliveryState.EXPIRED})

SENT: Final = ("sent_at", "provider_sent_at")
ARRIVED: Final = ("delivered_at", "provider_delivered_at")
"""What only a delivery that left, or arrived, has."""
