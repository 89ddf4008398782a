"""Every link of the chain is named, with its state, since when, and what is known of it."""

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
    channels=(
        ChannelPart("samu/0", "samu", "smsgate"),
        ChannelPart("samu/1", "samu", "http"),
        ChannelPart("chef/0", "chef", "http", is_first=False),
    ),
)


@pytest.fixture
async def clock() -> Clock:
    return LoopClock(asyncio.get_running_loop(), wall_at=NOON)


@pytest.fixture
async def board(clock: Clock) -> Board:
    board = Board(clock)
    say(board, "radio", state="scanning")
    say(board, "button:poche", link="up", battery_mv=2980.0, battery_days="2026-11-22:2980")
    for channel in HOUSE.channels:
        say(board, f"channel:{channel.channel}", state="ok")
    say(board, "store", state="ok")
    return board


def say(board: Board, subject: str, **facts: Value) -> None:
    for fact, value in facts.items():
        board.observe(Observation(subject, fact, value))


def links(board: Board, house: House = HOUSE) -> dict[str, dict[str, Any]]:
    answer = report(house, board, counts={}, open_alerts=[], now_at=NOON + timedelta(seconds=60))
    return {link["name"]: link for link in answer["links"]}


def states(board: Board, house: House = HOUSE) -> dict[str, str]:
    return {name: link["state"] for name, link in links(board, house).items() if link["state"] != "protected"}


async def test_the_links_are_named_in_the_order_of_a_press(board: Board) -> None:
    assert list(links(board)) == [
        "button:poche", "button:bureau", "adapter", "scanner", "bridge", "host", "store", "clock",
        "channel:samu/0", "channel:samu/1", "channel:chef/0", "recipient:samu", "recipient:chef",
    ]  # fmt: skip
    assert states(board) == {}


async def test_a_bridge_without_a_radio_has_no_adapter(board: Board) -> None:
    assert "adapter" not in links(board, replace(HOUSE, buttons=HOUSE.buttons[1:]))


async def test_a_link_that_is_well_says_since_when_and_what_is_known(board: Board) -> None:
    link = links(board)["button:poche"]
    assert link["since"] == NOON.isoformat(timespec="milliseconds")
    assert link["facts"] == {"link": "up", "battery_mv": 2980.0}


async def test_a_link_that_is_broken_says_since_when_and_by_what(board: Board, clock: Clock) -> None:
    await clock.sleep(30)
    say(board, "channel:samu/0", state="refused")
    link = links(board)["channel:samu/0"]
    assert (link["state"], link["problems"]) == ("not_protected", ["channel_refused"])
    assert link["since"] == (NOON + timedelta(seconds=30)).isoformat(timespec="milliseconds")


async def test_without_an_adapter_nothing_is_heard_either(board: Board) -> None:
    say(board, "radio", state="off")
    assert states(board) == {"adapter": "not_protected", "scanner": "not_protected"}


async def test_an_adapter_that_hears_nothing_is_there_all_the_same(board: Board) -> None:
    say(board, "radio", state="silent")
    assert states(board) == {"scanner": "not_protected"}


async def test_somebody_is_as_well_reached_as_over_the_best_of_the_channels(board: Board) -> None:
    say(board, "channel:samu/0", state="refused")
    assert states(board) == {"channel:samu/0": "not_protected"}
    say(board, "channel:samu/1", health_state="weak")
    assert states(board)["recipient:samu"] == "degraded"
    say(board, "channel:samu/1", state="failing")
    assert states(board)["recipient:samu"] == "not_protected"


async def test_what_a_bridge_does_not_have_is_no_link_until_it_says_something(board: Board) -> None:
    say(board, "heartbeat", state="failing", error="x")
    say(board, "drill:own", due_at=NOON.isoformat(), overdue_at=NOON.isoformat())
    assert states(board) == {"heartbeat": "degraded", "drill:own": "degraded"}


async def test_the_last_acknowledgement_stands_with_who_gave_it(board: Board) -> None:
    say(board, "recipient:samu", last_ack_at="2026-11-22T11:00:00.000+00:00")
    assert links(board)["recipient:samu"]["facts"] == {"last_ack_at": "2026-11-22T11:00:00.000+00:00"}
