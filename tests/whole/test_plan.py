"""The plan as people live it: the whole bridge, real receivers, and nobody who answers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flicbridge.alert.alert import AlertState, Happening, Way, press_id
from flicbridge.alert.desk import BRIDGE, Press, Reaction
from flicbridge.bridge import open_bridge
from flicbridge.clock import LoopClock
from flicbridge.config import load
from flicbridge.credentials import Credentials
from flicbridge.house import Bridge
from flicbridge.simulator.gateways import FakeHttp, Fault

SETTINGS = """
[bridge]
id = "tilleuls-1"
state_dir = "state"

[doctor]
name = "Dr Anne Martin"
phone = "+33612345678"

[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"

[alerts]
give_up_after = "20m"
late = {{ after = "10m", plan = "inform", notify = ["hub"] }}

[[buttons]]
name = "bureau"
family = "virtual"
gestures = {{ single = "alert", double = "test", triple = "cancel" }}

[[recipients]]
name = "hub"
channels = [ {{ transport = "http", url = "{hub}", secret = "hub-key" }} ]

[[recipients]]
name = "colleague"
order = "in_turn"
next_after = "30s"
channels = [
  {{ transport = "http", url = "{first}", secret = "hub-key" }},
  {{ transport = "http", url = "{second}", secret = "hub-key" }},
]

[[plan]]
after = "0s"
notify = ["hub"]
repeat = "5m"

[[plan]]
after = "60s"
unless = "acknowledged"
notify = ["colleague"]
"""


@dataclass
class Practice:
    """A settings file and three receivers; the bridge on it can be started again and again."""

    file: Path
    clock: LoopClock
    hub: FakeHttp
    first: FakeHttp
    second: FakeHttp
    began_s: float = field(default=0.0)

    @asynccontextmanager
    async def bridge(self) -> AsyncIterator[Bridge]:
        opening = open_bridge(load(self.file, secrets=False), Credentials.beside(self.file), clock=self.clock)
        async with opening as bridge, asyncio.TaskGroup() as group:
            running = group.create_task(bridge.run())
            await bridge.ready.wait()
            try:
                yield bridge
            finally:
                running.cancel()

    async def press(self, bridge: Bridge) -> None:
        self.began_s = self.clock.now_s()
        await bridge.press("bureau", "single")

    async def until(self, seconds: float) -> None:
        """Let time pass until so long after the press."""
        await self.clock.sleep(self.began_s + seconds - self.clock.now_s())

    def told(self, receiver: FakeHttp) -> list[tuple[int, str]]:
        """What arrived: how many seconds after the press, and what."""
        return [
            (round(hook.at_s - self.began_s), hook.event["type"].rpartition(".")[2])
            for hook in receiver.received
        ]


@pytest.fixture
async def practice(tmp_path: Path, secret: str) -> AsyncIterator[Practice]:
    clock = LoopClock(asyncio.get_running_loop())
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "hub-key").write_text(secret)
    (tmp_path / "secrets" / "hub-key").chmod(0o600)
    async with AsyncExitStack() as stack:
        hub, first, second = [
            await stack.enter_async_context(FakeHttp(secret=secret, clock=clock)) for _ in range(3)
        ]
        file = tmp_path / "flicbridge.toml"
        file.write_text(SETTINGS.format(hub=hub.url, first=first.url, second=second.url))
        yield Practice(file, clock, hub, first, second)


async def only_alert(bridge: Bridge) -> dict[str, Any]:
    [standing] = await bridge.list_alerts(10)
    shown = await bridge.show_alert(standing.alert.id)
    assert shown is not None
    return dict(shown)


def problems(status: Any) -> list[str]:
    return [problem["problem"] for problem in status["problems"]]


async def test_if_nobody_answers_everybody_is_told_reminded_and_the_end_is_said(practice: Practice) -> None:
    async with practice.bridge() as bridge:
        await practice.press(bridge)
        await practice.until(1260)
        assert practice.told(practice.hub) == [(0, "raised")] + [(300 * n, "reminder") for n in (1, 2, 3)]
        assert practice.told(practice.first) == [(60, "raised")]
        assert practice.told(practice.second) == [(90, "raised")]
        shown = await only_alert(bridge)
        assert shown["standing"].state is AlertState.UNANSWERED
        assert [(row["what"], row["by"]) for row in shown["history"]][-1] == ("unanswered", "bridge")
        assert problems(await bridge.status()) == ["alert_unanswered"]
        # A late answer is still taken, and then nobody need look any more.
        assert await bridge.move_alert(shown["standing"].alert.id, Happening.ACKNOWLEDGED, "api")
        assert problems(await bridge.status()) == []


async def test_an_answer_ends_turns_and_reminders(practice: Practice) -> None:
    async with practice.bridge() as bridge:
        await practice.press(bridge)
        await practice.until(75)
        [standing] = await bridge.list_alerts(10)
        await bridge.move_alert(standing.alert.id, Happening.ACKNOWLEDGED, "api")
        await practice.until(1260)
        assert practice.told(practice.hub) == [(0, "raised")]
        assert practice.told(practice.first) == [(60, "raised")]
        assert practice.told(practice.second) == []
        assert (await only_alert(bridge))["standing"].state is AlertState.ACKNOWLEDGED


async def test_a_refused_message_goes_out_over_the_next_channel_at_once(practice: Practice) -> None:
    practice.first.fault = Fault(kind="status", status=410)
    async with practice.bridge() as bridge:
        await practice.press(bridge)
        await practice.until(62)
        assert practice.told(practice.second) == [(60, "raised")]
        rows = {row["channel"]: row["state"] for row in (await only_alert(bridge))["deliveries"]}
        assert (rows["colleague/0"], rows["colleague/1"]) == ("failed", "sent")


async def test_a_channel_that_cannot_be_reached_brings_the_next_one_before_its_time(
    practice: Practice,
) -> None:
    practice.first.fault = Fault(kind="refuse")
    async with practice.bridge() as bridge:
        await practice.press(bridge)
        await practice.until(75)  # without the failures it would be 90
        [(at_s, what)] = practice.told(practice.second)
        assert (60 <= at_s <= 75, what) == (True, "raised")
        practice.first.fault = None
        await practice.until(120)
        assert [what for _, what in practice.told(practice.first)] == ["raised"]  # told twice, not never


BROKEN = Fault(kind="status", status=503)


def set_faults(practice: Practice, fault: Fault | None) -> None:
    for receiver in (practice.hub, practice.first, practice.second):
        receiver.fault = fault


@pytest.mark.parametrize("restarts", [False, True])
async def test_an_outage_that_outlasts_the_end_costs_nobody_what_was_due_before(
    practice: Practice, restarts: bool
) -> None:
    set_faults(practice, BROKEN)
    async with AsyncExitStack() as stack:
        bridge = await stack.enter_async_context(practice.bridge())
        await practice.press(bridge)
        await practice.until(1300)
        shown = await only_alert(bridge)
        assert shown["standing"].state is AlertState.UNANSWERED
        assert {row["state"] for row in shown["deliveries"] if row["purpose"] == "alert"} == {"queued"}
        if restarts:
            await stack.aclose()
            bridge = await stack.enter_async_context(practice.bridge())
            await practice.until(1310)
        set_faults(practice, None)
        await practice.until(1400)
        for receiver in (practice.hub, practice.first, practice.second):
            assert [what for _, what in practice.told(receiver)] == ["raised"]
            assert receiver.received[0].event["data"]["age_s"] > 1200  # and they read how late it is
        await practice.until(3 * 3600)
        told = [len(receiver.received) for receiver in (practice.hub, practice.first, practice.second)]
        assert told == [1, 1, 1]  # nothing new


async def test_what_is_in_reserve_at_the_end_never_leaves(practice: Practice) -> None:
    """Which takes settings that were changed meanwhile, for no others plan anything beyond the end."""
    text = practice.file.read_text()
    practice.file.write_text(text.replace('next_after = "30s"', 'next_after = "18m"'))
    async with practice.bridge() as bridge:
        await practice.press(bridge)
        await practice.until(70)
    practice.file.write_text(text.replace('give_up_after = "20m"', 'give_up_after = "10m"'))
    async with practice.bridge() as bridge:
        await practice.until(3600)
        shown = await only_alert(bridge)
        assert shown["standing"].state is AlertState.UNANSWERED
        assert practice.told(practice.second) == []


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("outage", [BROKEN, Fault(kind="hang")], ids=["waiting", "under way"])
@pytest.mark.parametrize(
    ("what", "by", "way"),
    [
        (Happening.CLOSED, "cli", Way.CLI),
        (Happening.FALSE_ALARM, "recipient:colleague", Way.LINK),
        (Happening.FALSE_ALARM, "api", Way.API),
        (Happening.CANCELLED, "cli", Way.CLI),
    ],
)
async def test_nobody_is_alarmed_for_what_people_have_settled_before_the_network_is_back(
    practice: Practice, what: Happening, by: str, way: Way, outage: Fault, restarts: bool
) -> None:
    set_faults(practice, outage)
    async with AsyncExitStack() as stack:
        bridge = await stack.enter_async_context(practice.bridge())
        await practice.press(bridge)
        await practice.until(4)
        [standing] = await bridge.list_alerts(10)
        assert await bridge.move_alert(standing.alert.id, what, by, way=way)
        if restarts:
            await stack.aclose()
            bridge = await stack.enter_async_context(practice.bridge())
        await practice.until(8)
        set_faults(practice, None)
        await practice.until(1800)
        told = {kind for r in (practice.hub, practice.first, practice.second) for _, kind in practice.told(r)}
        assert told <= {"cancelled"}
        rows = (await only_alert(bridge))["deliveries"]
        assert {row["state"] for row in rows if row["purpose"] in ("alert", "reminder")} == {"withdrawn"}


@pytest.mark.parametrize("restarts", [False, True])
async def test_what_is_closed_for_its_age_alone_is_still_told(practice: Practice, restarts: bool) -> None:
    """Nobody did anything about it; and with a wrong clock it may be a minute old."""
    set_faults(practice, BROKEN)
    async with AsyncExitStack() as stack:
        bridge = await stack.enter_async_context(practice.bridge())
        await practice.press(bridge)
        await practice.until(70)
        [standing] = await bridge.list_alerts(10)
        assert await bridge.move_alert(standing.alert.id, Happening.CLOSED, BRIDGE)
        if restarts:
            await stack.aclose()
            bridge = await stack.enter_async_context(practice.bridge())
        set_faults(practice, None)
        await practice.until(140)
        assert [what for _, what in practice.told(practice.hub)] == ["raised"]
        assert [what for _, what in practice.told(practice.first)] == ["raised"]


async def test_a_crash_loses_neither_turns_nor_reminders_nor_the_end(practice: Practice) -> None:
    async with practice.bridge() as bridge:
        await practice.press(bridge)
        await practice.until(70)
    async with practice.bridge():
        await practice.until(400)
    async with practice.bridge() as bridge:
        await practice.until(1260)
        assert practice.told(practice.second) == [(90, "raised")]
        assert practice.told(practice.hub) == [(0, "raised")] + [(300 * n, "reminder") for n in (1, 2, 3)]
        assert (await only_alert(bridge))["standing"].state is AlertState.UNANSWERED


async def test_after_a_long_outage_of_the_bridge_nobody_gets_a_bunch_of_reminders(practice: Practice) -> None:
    async with practice.bridge() as bridge:
        await practice.press(bridge)
        await practice.until(10)
    await practice.until(1000)
    async with practice.bridge() as bridge:
        await practice.until(1010)
        assert practice.told(practice.hub) == [(0, "raised"), (1000, "reminder")]
        assert practice.hub.received[-1].event["data"]["occasion"] == 3
        assert practice.told(practice.first) == [(1000, "raised")]
        deliveries = (await only_alert(bridge))["deliveries"]
        states = {
            (row["purpose"], row["occasion"]): row["state"] for row in deliveries if row["channel"] == "hub/0"
        }
        assert states["reminder", 1] == states["reminder", 2] == "withdrawn"


async def test_a_dead_receiver_gets_one_message_and_no_reminders_when_it_comes_back(
    practice: Practice,
) -> None:
    practice.hub.fault = Fault(kind="refuse")
    async with practice.bridge() as bridge:
        await practice.press(bridge)
        await practice.until(700)
        practice.hub.fault = None
        await practice.until(860)
        [hook] = practice.hub.received
        assert hook.event["type"].endswith(".raised")
        data = hook.event["data"]
        assert data["age_s"] >= 700  # how long ago it was, and that it was not late in coming
        assert (data["late"], data["old"], round(data["age_received_s"])) == (False, False, 0)


async def test_an_escalation_in_time_is_not_called_late(practice: Practice) -> None:
    async with practice.bridge() as bridge:
        await practice.press(bridge)
        await practice.until(100)
    [hook] = practice.first.received
    assert hook.event["data"]["late"] is False
    assert 59 <= hook.event["data"]["age_s"] <= 62


def old_press(practice: Practice, count: int, age: timedelta) -> Press:
    now_at = practice.clock.now_at()
    press = press_id("BF12-A34567", 1, count)
    return Press(
        press, "button:poche", "poche", "long", Reaction.ALERT, now_at - age, now_at, was_queued=True
    )


async def test_an_old_press_only_informs_and_a_fresh_one_after_it_calls_everybody(practice: Practice) -> None:
    async with practice.bridge() as bridge:
        practice.began_s = practice.clock.now_s()
        ledger = bridge._parts.ledger
        await ledger.take(old_press(practice, 1, timedelta(minutes=10, seconds=1)), None, None)
        await practice.until(400)
        assert practice.told(practice.hub) == [(0, "raised")]
        assert practice.told(practice.first) == []
        data = practice.hub.received[0].event["data"]
        assert (data["late"], data["old"], round(data["age_received_s"])) == (True, True, 601)
        assert (await only_alert(bridge))["standing"].presses == 1

        await practice.press(bridge)  # within join_within of the old press's arrival, and a call of its own
        await practice.until(62)
        assert [hook.event["data"]["old"] for hook in practice.hub.received] == [True, False]
        assert practice.told(practice.first) == [(60, "raised")]
        assert len(await bridge.list_alerts(10)) == 2


async def test_a_wall_clock_that_jumps_moves_no_turn_no_reminder_and_no_end(practice: Practice) -> None:
    practice_clock: Callable[[float], None] = practice.clock.step
    async with practice.bridge() as bridge:
        await practice.press(bridge)
        await practice.until(70)
        practice_clock(-7200)
        await practice.until(200)
        practice_clock(5 * 3600)
        await practice.until(1190)
        assert practice.told(practice.hub) == [(0, "raised")] + [(300 * n, "reminder") for n in (1, 2, 3)]
        assert practice.told(practice.first) == [(60, "raised")]
        assert practice.told(practice.second) == [(90, "raised")]
        assert (await only_alert(bridge))["standing"].state is AlertState.NOTIFIED
        await practice.until(1210)
        assert (await only_alert(bridge))["standing"].state is AlertState.UNANSWERED


async def test_reminders_that_fell_due_while_the_bridge_was_down_do_not_come_as_a_bunch_of_any_alert(
    practice: Practice,
) -> None:
    """Not even of an older one, all of whose messages are behind those of a newer one in the queue."""
    often = (
        practice.file.read_text()
        .replace('repeat = "5m"', 'repeat = "30s"\ntimes = 39')
        .replace('give_up_after = "20m"', 'give_up_after = "20m"\njoin_within = "0s"')
    )
    practice.file.write_text(often)
    async with practice.bridge() as bridge:
        await practice.press(bridge)
        for seconds in (1, 2, 3):
            await practice.until(seconds)
            await bridge.press("bureau", "single")
        await practice.until(20)
    await practice.until(155)
    before = len(practice.hub.received)
    async with practice.bridge():
        await practice.until(175)
    again = [hook.event["subject"] for hook in practice.hub.received[before:]]
    assert len(again) == len(set(again)) == 4
