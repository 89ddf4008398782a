"""The board keeps the newest of every fact, and the status says what is wrong and nothing else."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flicbridge.clock import Clock, LoopClock
from flicbridge.guard.board import Board
from flicbridge.guard.status import ButtonPart, ChannelPart, House, report
from flicbridge.observation import Observation, Value

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUSE = House(
    bridge="tilleuls-1",
    version="1.0",
    pid=7,
    started_at=NOON,
    rehearsal=False,
    buttons=(
        ButtonPart("poche", "flic2", "BF12-A34567", over_radio=True, paired=True),
        ButtonPart("bureau", "virtual", "", over_radio=False, paired=True),
    ),
    channels=(ChannelPart("samu/0", "samu", "smsgate"),),
)


@pytest.fixture
async def clock() -> Clock:
    return LoopClock(asyncio.get_running_loop(), wall_at=NOON)


@pytest.fixture
async def board(clock: Clock) -> Board:
    return Board(clock)


def say(board: Board, subject: str, **facts: Value) -> None:
    for fact, value in facts.items():
        board.observe(Observation(subject, fact, value))


def well(board: Board) -> None:
    say(board, "radio", state="scanning", error=None)
    say(board, "button:poche", link="up", battery_mv=2980.0)
    say(board, "channel:samu/0", state="ok", last_error=None)
    say(board, "store", state="ok", error=None)


def answer(board: Board, house: House = HOUSE) -> dict[str, Any]:
    return report(house, board, counts={}, open_alerts=[], now_at=NOON + timedelta(seconds=60))


def answer_at(board: Board, now_at: datetime) -> dict[str, Any]:
    return report(HOUSE, board, counts={}, open_alerts=[], now_at=now_at)


async def test_a_note_knows_since_when_it_is_true(board: Board, clock: Clock) -> None:
    say(board, "radio", state="off")
    await clock.sleep(60)
    say(board, "radio", state="off")
    note = board.note("radio", "state")
    assert note is not None
    assert round((note.at - note.since_at).total_seconds()) == 60
    say(board, "radio", state="scanning")
    note = board.note("radio", "state")
    assert note is not None
    assert note.at == note.since_at


async def test_what_was_known_before_a_restart_overrules_nothing_newer(board: Board) -> None:
    say(board, "button:poche", battery_mv=2900.0)
    board.remember(
        [
            (Observation("button:poche", "battery_mv", 2700.0), NOON - timedelta(days=1)),
            (Observation("button:poche", "firmware", 10.0), NOON - timedelta(days=1)),
        ]
    )
    assert board.facts("button:poche") == {"battery_mv": 2900.0, "firmware": 10.0}


async def test_only_what_changed_is_to_be_remembered(board: Board) -> None:
    say(board, "radio", state="off", error="no adapter")
    found = board.changed()
    assert {o.fact for o, _ in found} == {"state", "error"}
    board.kept(found)
    assert board.changed() == []
    say(board, "radio", state="scanning")
    assert [o.value for o, _ in board.changed()] == ["scanning"]


async def test_what_did_not_reach_the_disk_is_given_out_again(board: Board) -> None:
    say(board, "radio", state="off")
    assert board.changed() == board.changed() != []


async def test_what_is_said_while_the_disk_writes_is_not_taken_for_written(
    board: Board, clock: Clock
) -> None:
    say(board, "radio", state="off")
    being_written = board.changed()
    await clock.sleep(1)
    say(board, "radio", state="scanning")
    board.kept(being_written)
    assert [o.value for o, _ in board.changed()] == ["scanning"]


async def test_what_is_only_true_of_one_run_is_not_to_be_remembered(board: Board) -> None:
    say(board, "courier", running=False, failure="ValueError", failures=7)
    say(board, "button:poche", paused=True)
    say(board, "channel:samu/0", health_state="sick")
    say(board, "host", disk_free_mb=7)
    assert board.changed() == []
    board.owe_all()
    assert board.changed() == []


async def test_a_house_in_order_has_no_problems(board: Board) -> None:
    well(board)
    found = answer(board)
    assert found["ok"]
    assert found["problems"] == []
    assert found["buttons"][0]["link"] == "up"
    assert found["bridge"]["uptime_s"] == 60


@pytest.mark.parametrize(
    ("subject", "facts", "problem"),
    [
        ("radio", {"state": "off", "error": "no adapter"}, ("radio", "radio_off", "no adapter")),
        ("radio", {"state": "silent", "power_cycle": "done"}, ("radio", "radio_silent", "")),
        ("radio", {"state": "silent"}, ("radio", "radio_silent", "")),
        (
            "radio",
            {"state": "silent", "power_cycle": "refused"},
            ("radio", "radio_silent", "power cycle: refused"),
        ),
        ("button:poche", {"link": "waiting"}, ("button:poche", "not_connected", "")),
        ("button:poche", {"link": "asleep"}, None),
        ("button:poche", {"link": "refused", "last_error": "x"}, ("button:poche", "not_connected", "x")),
        ("button:poche", {"battery_mv": 2741.0}, None),
        ("button:poche", {"battery_mv": 2740.0}, ("button:poche", "battery_low", "2740 mV")),
        ("button:poche", {"battery_mv": 2440.0}, ("button:poche", "battery_critical", "2440 mV")),
        ("button:poche", {"tampering": 2, "tampering_detail": "x"}, ("button:poche", "tampering", "x")),
        ("button:poche", {"impostor": 1, "impostor_detail": "x"}, ("button:poche", "impostor", "x")),
        ("button:poche", {"garbage": 500, "garbage_detail": "x"}, ("button:poche", "garbage", "x")),
        ("button:poche", {"unproven": 2}, None),
        ("button:poche", {"unproven": 3}, ("button:poche", "unproven", "")),
        (
            "radio",
            {"advertisement_flood": 1, "advertisement_flood_detail": "x"},
            ("radio", "advertisement_flood", "x"),
        ),
        ("button:poche", {"presses_lost": 1.0}, ("button:poche", "presses_lost", "1.0")),
        (
            "channel:samu/0",
            {"state": "failing", "last_error": "503"},
            ("channel:samu/0", "channel_failing", "503"),
        ),
        (
            "channel:samu/0",
            {"state": "refused", "last_error": "401"},
            ("channel:samu/0", "channel_refused", "401"),
        ),
        ("store", {"state": "sick", "error": "full"}, ("store", "store_sick", "full")),
        ("api", {"state": "impaired", "error": "port taken"}, ("api", "api_impaired", "port taken")),
    ],
)
async def test_every_failure_has_a_voice(
    board: Board, subject: str, facts: dict[str, Value], problem: tuple[str, str, str] | None
) -> None:
    well(board)
    say(board, subject, **facts)
    found = answer(board)
    expected = [] if problem is None else [problem]
    assert [(p["part"], p["problem"], p["detail"]) for p in found["problems"]] == expected
    assert found["ok"] is (problem is None)


async def test_an_attack_is_a_problem_for_a_day_after_it_was_last_seen(board: Board, clock: Clock) -> None:
    well(board)
    began = NOON.isoformat(timespec="seconds")
    say(board, "button:poche", impostor_since=began, impostor_detail="not_genuine", impostor=1)
    await clock.sleep(3600)
    say(board, "button:poche", impostor=40)
    problem = answer_at(board, NOON + timedelta(hours=24, minutes=59))["problems"][0]
    assert (problem["times"], problem["detail"]) == (40, "not_genuine")
    assert problem["since"] == NOON.isoformat(timespec="milliseconds")
    assert problem["last"].startswith("2026-11-22T13:00:00")
    assert answer_at(board, NOON + timedelta(hours=25, minutes=1))["ok"]


async def test_a_button_that_fails_again_and_again_is_not_connected_since_the_first_time(
    board: Board, clock: Clock
) -> None:
    well(board)
    say(board, "button:poche", connected=False, link="waiting")
    for _ in range(5):
        await clock.sleep(10)
        say(board, "button:poche", link="connecting")
        say(board, "button:poche", link="refused")
    (problem,) = answer(board)["problems"]
    assert problem["since"].startswith("2026-11-22T12:00:00")


async def test_a_silence_lasts_since_the_last_sign_of_life(board: Board, clock: Clock) -> None:
    well(board)
    await clock.sleep(120)
    say(board, "radio", state="silent", silent_since=NOON.isoformat())
    (problem,) = answer(board)["problems"]
    assert problem["since"] == NOON.isoformat(timespec="milliseconds")


async def test_a_button_that_was_never_paired_or_heard_is_a_problem(board: Board) -> None:
    assert [p["problem"] for p in answer(board)["problems"]] == ["not_connected", "channel_unproven"]
    unpaired = House(
        "b", "1", 7, NOON, False, (ButtonPart("poche", "flic2", "", over_radio=True, paired=False),), ()
    )
    assert [p["problem"] for p in answer(board, unpaired)["problems"]] == ["not_paired"]


async def test_a_test_bench_is_never_in_order(board: Board) -> None:
    well(board)
    (problem,) = answer(board, replace(HOUSE, believes_test_key=True))["problems"]
    assert (problem["part"], problem["problem"], problem["since"]) == (
        "radio", "test_key_believed", NOON.isoformat(timespec="milliseconds"),
    )  # fmt: skip


async def test_a_house_without_radio_buttons_does_not_care_about_the_radio(board: Board) -> None:
    say(board, "radio", state="off", error="no adapter")
    virtual = House("b", "1", 7, NOON, False, HOUSE.buttons[1:], ())
    assert answer(board, virtual)["ok"]


async def test_a_channel_that_never_carried_anything_is_not_called_proven(board: Board) -> None:
    well(board)
    before = answer(board)
    fresh = replace(HOUSE, channels=(ChannelPart("new/0", "new", "http"),))
    after = answer(board, fresh)
    assert (before["protection"]["state"], after["protection"]["state"]) == ("protected", "degraded")
    assert after["protection"]["because"] == ["channel:new/0/channel_unproven"]


async def test_the_answer_says_since_when_nobody_is_protected(board: Board, clock: Clock) -> None:
    well(board)
    await clock.sleep(60)
    say(board, "channel:samu/0", state="failing", last_error="no route")
    found = answer(board)["protection"]
    assert found == {
        "state": "not_protected",
        "since": (NOON + timedelta(seconds=60)).isoformat(timespec="milliseconds"),
        "because": ["channel:samu/0/channel_failing"],
    }
