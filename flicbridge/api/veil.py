"""What the room may see of an alert that goes on although it looks stopped. Pure.

Whoever forced the doctor to cancel may read along, here and on the command line. So what is shown is what the
database would hold, had the cancellation been believed. The database itself holds the truth, and so does what
helpers read; the doctor sees it with the PIN (`flicbridge alerts show --pin`).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from flicbridge.alert import life
from flicbridge.alert.alert import FOLLOW_UPS, AlertState, DeliveryState, Happening, Purpose
from flicbridge.alert.moves import DOUBTS
from flicbridge.alert.standing import Standing
from flicbridge.outbox.hush import NOT_WANTED

type Row = Mapping[str, Any]

SHOWN_AS: Final = {doubted: shown for shown, doubted in DOUBTS.items()}


def veiled(shown: Mapping[str, Any]) -> Mapping[str, Any]:
    """All there is about one alert, as `Store.show_alert` gives it, without what the room must not see."""
    standing: Standing = shown["standing"]
    doubted_at = next((row["at"] for row in shown["history"] if row["what"] in SHOWN_AS), None)
    if standing.seen_as is None or doubted_at is None:
        return shown
    history = list(_history(shown["history"]))
    told_at = {row["at"] for row in history}
    tries: defaultdict[str, list[Row]] = defaultdict(list)
    for row in shown["attempts"]:
        tries[row["delivery"]].append(row)
    seen = [
        _delivery(row, tries[row["id"]], doubted_at, standing.face)
        for row in shown["deliveries"]
        if row["purpose"] not in FOLLOW_UPS or row["made_at"] in told_at
    ]
    attempts = [attempt for _, of_it in seen for attempt in of_it]
    return {
        **shown,
        "history": history,
        "deliveries": [delivery for delivery, _ in seen],
        "attempts": sorted(attempts, key=lambda row: row["seq"]),
    }


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


def _delivery(
    row: Row, tries: Sequence[Row], doubted_at: float, face: AlertState
) -> tuple[Row, Sequence[Row]]:
    """A delivery and its tries as the room may see them."""
    if row["purpose"] in FOLLOW_UPS:
        harmless = Purpose.CANCELLED if row["purpose"] == Purpose.DOUBTED else row["purpose"]
        return {**row, "purpose": harmless}, tries
    before = [attempt for attempt in tries if attempt["at"] <= doubted_at]
    arrived = any(attempt["outcome"] in (DeliveryState.SENT, DeliveryState.DELIVERED) for attempt in before)
    is_wanted = face is not AlertState.CANCELLED and (row["unless"] is None or face not in life.ANSWERED)
    if arrived or is_wanted:
        return row, tries
    later = [attempt for attempt in tries if attempt["at"] > doubted_at]
    if not later and face is not AlertState.CANCELLED:
        return row, before  # its time has not come, and nobody would know yet that it is not wanted
    untried = {"state": DeliveryState.WITHDRAWN, "attempts": len(before), **dict.fromkeys(OUTCOMES)}
    if not later:
        return {**row, **untried, "last_error": before[-1]["detail"] if before else None}, before
    end = {"number": len(before), "took_s": 0.0, "outcome": DeliveryState.WITHDRAWN, "detail": NOT_WANTED}
    return (
        {**row, **untried, "due_at": later[0]["at"], "last_error": NOT_WANTED},
        [*before, {**later[0], **end}],
    )


OUTCOMES: Final = ("sent_at", "delivered_at", "provider_sent_at", "provider_delivered_at", "provider_id")
"""What only a delivery that left has."""
