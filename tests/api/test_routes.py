"""What the API takes and what it gives, over a real socket."""

import json
import sqlite3
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


class Door(Protocol):
    async def ask(self, method: str, path: str, **kwargs: Any) -> tuple[int, Any]: ...


async def press(door: Door, gesture: str = "single") -> str:
    status, answer = await door.ask("POST", "/v1/press", json={"button": "poche", "gesture": gesture})
    assert status == 200
    return str(answer["alert_id"])


async def test_a_press_is_answered_with_the_alert_it_raised(unix: Door) -> None:
    status, answer = await unix.ask("POST", "/v1/press", json={"button": "poche", "gesture": "single"})
    assert status == 200
    assert UUID(answer.pop("alert_id")).version == 5
    assert answer == {"effect": "raised", "safe": True}


async def test_a_press_is_on_disk_before_it_is_answered(unix: Door, tmp_path: Path) -> None:
    alert = await press(unix)
    with sqlite3.connect(tmp_path / "flicbridge.db") as db:
        assert db.execute("SELECT count(*) FROM alert WHERE id = ?", [alert]).fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM delivery WHERE alert = ?", [alert]).fetchone() == (1,)
    db.close()


async def test_a_press_without_a_gesture_is_a_single_one(unix: Door) -> None:
    await unix.ask("POST", "/v1/press", json={"button": "poche"})
    _, listed = await unix.ask("GET", "/v1/alerts")
    assert [alert["gesture"] for alert in listed["alerts"]] == ["single"]


async def test_a_second_press_joins_the_open_alert(unix: Door) -> None:
    first = await press(unix)
    _, answer = await unix.ask("POST", "/v1/press", json={"button": "poche"})
    assert answer == {"alert_id": first, "effect": "joined", "safe": True}


async def test_a_cancellation_with_nothing_open_names_no_alert(unix: Door) -> None:
    _, answer = await unix.ask("POST", "/v1/press", json={"button": "poche", "gesture": "triple"})
    assert answer == {"alert_id": None, "effect": "nothing", "safe": True}


async def test_the_list_is_newest_first_and_as_long_as_asked(unix: Door) -> None:
    tests = [await press(unix, "double") for _ in range(3)]
    _, listed = await unix.ask("GET", "/v1/alerts?limit=2")
    assert [alert["id"] for alert in listed["alerts"]] == [tests[2], tests[1]]


async def test_an_alert_is_shown_with_all_that_became_of_it(unix: Door) -> None:
    alert = await press(unix)
    shown: dict[str, Any] = {"state": "raised"}
    while shown["state"] == "raised":  # until the courier has been
        _, shown = await unix.ask("GET", f"/v1/alerts/{alert}")
    assert shown["doctor"] == {"name": "Dr Anne Martin", "phone": "+33612345678"}
    assert shown["position"]["geo"] == "geo:45.83362,1.26105;u=12"
    assert shown["was_queued"] is True
    assert shown["late_s"] == 2.5
    assert [event["what"] for event in shown["history"]] == ["raised", "notified"]
    assert [(d["channel"], d["state"], d["provider_id"]) for d in shown["deliveries"]] == [
        ("samu/0", "sent", "sms-1")
    ]
    assert [(a["delivery"], a["outcome"]) for a in shown["attempts"]] == [
        (shown["deliveries"][0]["id"], "sent")
    ]


async def test_an_alert_is_found_by_the_beginning_of_its_id(unix: Door) -> None:
    alert = await press(unix)
    _, shown = await unix.ask("GET", f"/v1/alerts/{alert[:6].upper()}")
    assert shown["id"] == alert


@pytest.mark.parametrize(
    "wanted", ["ffffffff", "00000000-0000-5000-8000-000000000000", "%25", "_", "x" * 500]
)
async def test_an_alert_that_is_not_there_is_not_found(unix: Door, wanted: str) -> None:
    await press(unix)
    for method, path in (("GET", f"/v1/alerts/{wanted}"), ("POST", f"/v1/alerts/{wanted}/cancel")):
        status, answer = await unix.ask(method, path)
        assert (status, answer["error"]["code"]) == (404, "no_such_alert")


@pytest.mark.parametrize(
    ("move", "state"),
    [
        ("acknowledge", "acknowledged"),
        ("confirm", "confirmed"),
        ("false_alarm", "false_alarm"),
        ("cancel", "cancelled"),
        ("close", "closed"),
    ],
)
async def test_a_person_can_move_an_alert_once(unix: Door, move: str, state: str) -> None:
    alert = await press(unix)
    status, answer = await unix.ask("POST", f"/v1/alerts/{alert[:8]}/{move}")
    assert (status, answer) == (200, {"alert_id": alert, "happened": state})
    _, shown = await unix.ask("GET", f"/v1/alerts/{alert}")
    assert shown["state"] == state
    assert (shown["history"][-1]["what"], shown["history"][-1]["by"]) == (state, "api")
    status, answer = await unix.ask("POST", f"/v1/alerts/{alert}/{move}")
    assert (status, answer["error"]["code"]) == (409, "not_moved")
    assert state in answer["error"]["message"]


async def test_status_names_open_alerts_but_no_people(unix: Door) -> None:
    alert = await press(unix)
    status, answer = await unix.ask("GET", "/v1/status")
    assert status == 200
    assert answer["bridge"]["id"] == "tilleuls-1"
    assert answer["open_alerts"] == [alert]
    assert "Martin" not in json.dumps(answer)
    assert "+33612345678" not in json.dumps(answer)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "not_json"),
        (b"{", 400, "not_json"),
        (b"\xff\xfe", 400, "not_json"),
        (b"[" * 10_000, 400, "not_json"),
        (b"null", 422, "not_valid"),
        (b"{}", 422, "not_valid"),
        (b'{"button": 1}', 422, "not_valid"),
        (b'{"button": ""}', 422, "not_valid"),
        (b'{"button": "poche", "gestures": "single"}', 422, "not_valid"),
        (b'{"button": "cabinet"}', 422, "not_possible"),
        (b'{"button": "poche", "gesture": "long"}', 422, "not_possible"),
        (b'{"button": "' + b"x" * 20_000 + b'"}', 413, "too_large"),
    ],
)
async def test_a_body_that_cannot_be_served_says_why(unix: Door, body: bytes, status: int, code: str) -> None:
    got, answer = await unix.ask("POST", "/v1/press", data=body)
    assert (got, answer["error"]["code"]) == (status, code)
    assert answer["error"]["message"]


@pytest.mark.parametrize("limit", ["0", "-1", "501", "ten", "1e3", "", "9" * 5000])
async def test_a_limit_that_makes_no_sense_is_refused(unix: Door, limit: str) -> None:
    status, answer = await unix.ask("GET", "/v1/alerts", params={"limit": limit})
    assert (status, answer["error"]["code"]) == (422, "not_valid")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/status", 404),
        ("POST", "/v1/alerts/abc/reopen", 404),
        ("DELETE", "/v1/alerts/abc", 405),
        ("GET", "/v1/press", 405),
    ],
)
async def test_paths_and_methods_that_do_not_exist_are_refused_in_json(
    unix: Door, method: str, path: str, status: int
) -> None:
    got, answer = await unix.ask(method, path)
    assert (got, set(answer["error"])) == (status, {"code", "message"})


async def test_a_sick_disk_is_told_apart_from_wrong_input(unix: Door, bridge: Any) -> None:
    await bridge.store.close()
    status, answer = await unix.ask("GET", "/v1/alerts")
    assert (status, answer["error"]["code"]) == (503, "store_refused")


async def test_a_press_that_could_not_be_saved_is_carried_all_the_same_and_says_so(
    unix: Door, bridge: Any, wire: Any
) -> None:
    await bridge.store.close()
    status, answer = await unix.ask("POST", "/v1/press", json={"button": "poche"})
    assert (status, answer["effect"], answer["safe"]) == (200, "raised", False)
    await wire.used.wait()


async def test_a_fault_of_ours_is_told_without_its_traceback(
    unix: Door, bridge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(bridge, "status", broken)
    status, answer = await unix.ask("GET", "/v1/status")
    assert (status, answer["error"]["code"]) == (500, "internal")
    assert "secret detail" not in answer["error"]["message"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=50),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["button", "gesture"]) | st.text(max_size=9), inner)
    ),
    max_leaves=8,
)


@settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
@given(body=st.binary(max_size=300) | JSON.map(json.dumps).map(str.encode), path=st.text(max_size=40))
async def test_whatever_is_sent_the_answer_is_never_a_fault_of_ours(
    unix: Door, body: bytes, path: str
) -> None:
    for target in ("/v1/press", f"/v1/alerts/{path.replace('/', '')}", f"/v1/alerts?limit={path}"):
        method = "POST" if target == "/v1/press" else "GET"
        status, answer = await unix.ask(method, target, data=body)
        assert status < 500
        assert status == 200 or set(answer["error"]) == {"code", "message"}


async def test_a_reload_says_what_it_changed(unix: Door) -> None:
    assert await unix.ask("POST", "/v1/reload") == (
        200,
        {"listening": ["poche"], "stopped": [], "restart_needed": False},
    )


async def test_a_pause_is_never_longer_than_a_minute(unix: Door) -> None:
    status, answer = await unix.ask("POST", "/v1/pause", json={"button": "poche", "seconds": 60})
    assert (status, answer) == (200, {"button": "poche", "paused_s": 60.0})
    for seconds in (61, -1, "nan"):
        status, _ = await unix.ask("POST", "/v1/pause", json={"button": "poche", "seconds": seconds})
        assert status == 422
    status, answer = await unix.ask("POST", "/v1/pause", json={"button": "nobody", "seconds": 1})
    assert (status, answer["error"]["code"]) == (422, "not_possible")


async def test_a_drill_is_asked_for_and_is_in_the_list(unix: Door) -> None:
    status, begun = await unix.ask("POST", "/v1/drills", json={"kind": "self", "by": "cli"})
    assert status == 200
    assert (begun["kind"], begun["by"], begun["result"], begun["passed"]) == ("self", "cli", "ok", True)
    assert begun["took_ms"] == {"samu/0": 3.5}
    _, listed = await unix.ask("GET", "/v1/drills?limit=5")
    assert listed == {"drills": [begun], "due": []}


@pytest.mark.parametrize("body", [{"kind": "all"}, {}, {"kind": "self", "by": "schedule"}])
async def test_a_drill_that_makes_no_sense_is_refused(unix: Door, body: dict[str, str]) -> None:
    status, _ = await unix.ask("POST", "/v1/drills", json=body)
    assert status == 422


async def test_a_drill_that_nobody_agreed_to_is_refused_with_the_reason(unix: Door) -> None:
    status, answer = await unix.ask("POST", "/v1/drills", json={"kind": "exercise"})
    assert status >= 400
    assert "drills.exercise" in answer["error"]["message"]
