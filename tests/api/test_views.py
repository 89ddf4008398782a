"""How values of the domain look in JSON."""

import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.alert.alert import Alert, AlertKind, AlertState, Doctor, Practice
from flicbridge.alert.desk import Standing
from flicbridge.api import views
from flicbridge.outbox.ledger import Effect, Taken
from flicbridge.place.position import Position

PRESSED_AT = datetime(2026, 3, 1, 14, 2, 5, 123456, tzinfo=UTC)
ALERT = UUID("5f9a3c1e-7d24-5b86-9a10-f11cb41d6e00")


def standing(position: Position | None) -> Standing:
    alert = Alert(
        id=ALERT,
        kind=AlertKind.EMERGENCY,
        bridge="tilleuls-1",
        button="poche",
        gesture="long",
        pressed_at=PRESSED_AT,
        received_at=PRESSED_AT + timedelta(minutes=2),
        was_queued=True,
        doctor=Doctor("Dr Anne Martin", "+33612345678"),
        practice=Practice("Cabinet des Tilleuls", "12 rue des Tilleuls"),
        position=position,
    )
    return Standing(alert, AlertState.NOTIFIED, 2, PRESSED_AT, PRESSED_AT)


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (PRESSED_AT, "2026-03-01T14:02:05.123Z"),
        (datetime(2026, 7, 1, 9, tzinfo=timezone(timedelta(hours=2))), "2026-07-01T07:00:00.000Z"),
    ],
)
def test_a_time_is_rfc_3339_in_utc(at: datetime, text: str) -> None:
    assert views.rfc3339(at) == text


@given(st.lists(st.floats(0, 4e9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)), min_size=2))
def test_times_sort_as_text_as_they_do_in_life(times: list[datetime]) -> None:
    in_order = [views.rfc3339(at) for at in sorted(times)]
    assert in_order == sorted(in_order)


def test_a_late_press_says_how_late_it_came() -> None:
    shown = views.standing(standing(None))
    assert (shown["was_queued"], shown["late_s"], shown["position"]) == (True, 120.0, None)
    assert (shown["state"], shown["presses"]) == ("notified", 2)


def test_a_position_is_shown_for_programs_and_for_maps() -> None:
    shown = views.standing(standing(Position(45.83362, 1.26105, 12.0, 30.0, "Cabinet 2")))
    assert shown["position"] == {
        "latitude": 45.83362,
        "longitude": 1.26105,
        "accuracy_m": 12.0,
        "age_s": 30.0,
        "label": "Cabinet 2",
        "geo": "geo:45.83362,1.26105;u=12",
    }


@pytest.mark.parametrize(("alert", "text"), [(ALERT, str(ALERT)), (None, None)])
def test_what_became_of_a_press_names_the_alert_or_none(alert: UUID | None, text: str | None) -> None:
    assert views.taken(Taken(Effect.JOINED, alert, safe=False)) == {
        "alert_id": text,
        "effect": "joined",
        "safe": False,
    }


@pytest.mark.parametrize(("set_by_s", "age_s"), [(0, 121.5), (1, 121.5), (-10_800, None), (1.7e9, None)])
def test_the_age_of_a_try_is_only_told_where_one_clock_dated_press_and_try(
    set_by_s: float, age_s: float | None
) -> None:
    """The press is dated anew once the clock is set; history and tries keep what it said then."""
    of = standing(None)
    raised_at = of.alert.received_at.timestamp() - set_by_s
    line = {"what": "raised", "at": raised_at, "by": "api", "press": None, "way": "", "said_at": None}
    attempt = {
        "delivery": str(UUID(int=1)),
        "number": 1,
        "outcome": "sent",
        "detail": "",
        "at": of.alert.pressed_at.timestamp() + 121.5,
        "took_s": 0.1,
    }
    shown = {"standing": of, "history": [line], "deliveries": [], "attempts": [attempt]}
    assert [each["age_s"] for each in views.alert(shown, asks_pin=False)["attempts"]] == [age_s]


def test_an_alert_without_any_delivery_is_ready_for_json() -> None:
    shown = {"standing": standing(None), "history": [], "deliveries": [], "attempts": []}
    assert json.loads(json.dumps(views.alert(shown, asks_pin=False)))["id"] == str(ALERT)
