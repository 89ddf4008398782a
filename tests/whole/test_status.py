"""Faults happen to the whole bridge: `status` says so, the maintainer is told, the doctor if it matters."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from flicbridge.alert.alert import AlertState, Happening, Way
from flicbridge.bridge import open_bridge
from flicbridge.clock import LoopClock
from flicbridge.config import load
from flicbridge.credentials import Credentials
from flicbridge.house import Bridge
from flicbridge.servicemanager import ServiceManager
from flicbridge.simulator.gateways import FakeHttp, FakePhone, Fault

MORE = """
[[recipients]]
name = "technician"
channels = [ {{ transport = "http", url = "{technician}", secret = "hub-key" }} ]

[[recipients]]
name = "doctor"
channels = [ {{ transport = "http", url = "{doctor}", secret = "hub-key" }} ]

[[recipients]]
name = "samu"
channels = [ {{ transport = "smsgate", url = "{phone}", secret = "phone-key", to = "+33612345678" }} ]

[[plan]]
after = "60s"
unless = "acknowledged"
notify = ["samu"]

[alerts]
tell_doctor = ["doctor"]
duress_pin = "pin"

[maintainer]
notify = ["technician"]
"""

NOON = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
REFUSES = Fault(kind="status", status=403)


@dataclass
class Practice:
    """A bridge, and everybody it tells."""

    bridge: Bridge
    clock: LoopClock
    hub: FakeHttp
    technician: FakeHttp
    doctor: FakeHttp
    phone: FakePhone

    async def problems(self) -> set[str]:
        """What is wrong, but for the machine on which the test runs."""
        found = (await self.bridge.status())["problems"]
        return {f"{p['part']}/{p['problem']}" for p in found if p["part"] not in ("host", "clock")}

    async def protection(self) -> str:
        return str((await self.bridge.status())["protection"]["state"])

    async def is_taken_care_of(self, alert: UUID) -> bool:
        """Whether somebody has acknowledged it in truth."""
        standing = self.bridge.standing(alert)
        return standing is not None and standing.state is AlertState.ACKNOWLEDGED

    async def press(self) -> None:
        await self.bridge.press("bureau", "single")
        await self.clock.sleep(30)


def told(gateway: FakeHttp) -> list[tuple[str, str, bool]]:
    """The news about the bridge that arrived: part, problem, and whether it is over; not of this machine."""
    events = [hook.event["data"] for hook in gateway.received]
    news = [item for data in events if data.get("kind") == "maintenance" for item in data["news"]]
    return [(i["part"], i["problem"], i["over"]) for i in news if i["part"] not in ("host", "clock")]


@pytest.fixture
async def practice(write_config: Callable[..., Path], secret: str) -> AsyncIterator[Practice]:
    clock = LoopClock(asyncio.get_running_loop(), wall_at=NOON)
    async with AsyncExitStack() as stack:
        hub, technician, doctor = [
            await stack.enter_async_context(FakeHttp(secret=secret, clock=clock)) for _ in range(3)
        ]
        phone = await stack.enter_async_context(FakePhone(password="phone", clock=clock))
        config = write_config(hub.url)
        more = MORE.format(technician=technician.url, doctor=doctor.url, phone=phone.url)
        config.write_text(config.read_text() + more)
        secrets = config.parent / "secrets"
        secrets.mkdir(mode=0o700)
        for name, value in {"hub-key": secret, "phone-key": "phone", "pin": "4711"}.items():
            (secrets / name).write_text(value)
            (secrets / name).chmod(0o600)
        bridge = await stack.enter_async_context(running(config, clock))
        yield Practice(bridge, clock, hub, technician, doctor, phone)


@asynccontextmanager
async def running(config: Path, clock: LoopClock) -> AsyncIterator[Bridge]:
    opening = open_bridge(load(config), Credentials.beside(config), clock=clock, manager=ServiceManager())
    async with opening as bridge, asyncio.TaskGroup() as group:
        task = group.create_task(bridge.run())
        await bridge.ready.wait()
        yield bridge
        task.cancel()


async def test_a_new_bridge_is_not_called_protected_before_a_message_went_out(practice: Practice) -> None:
    await practice.clock.sleep(90)
    assert "channel:hub/0/channel_unproven" in await practice.problems()
    assert await practice.protection() == "degraded"
    await practice.press()
    assert "channel:hub/0/channel_unproven" not in await practice.problems()
    status = await practice.bridge.status()
    assert status["channels"][0]["last_success"] is not None
    assert status["buttons"][0]["last_heard"] is not None


async def test_a_dead_channel_is_told_to_the_maintainer_and_the_doctor_and_so_is_its_end(
    practice: Practice,
) -> None:
    practice.hub.fault = REFUSES
    await practice.press()
    assert await practice.protection() == "not_protected"
    await practice.clock.sleep(120)
    assert told(practice.doctor) == [("bridge", "not_protected", False)]
    assert ("channel:hub/0", "channel_refused", False) in told(practice.technician)
    assert ("bridge", "not_protected", False) in told(practice.technician)
    practice.hub.fault = None
    await practice.press()
    await practice.clock.sleep(180)
    assert await practice.protection() == "degraded"
    assert told(practice.doctor) == [("bridge", "not_protected", False), ("bridge", "not_protected", True)]
    assert ("channel:hub/0", "channel_refused", True) in told(practice.technician)
    assert ("channel:hub/0", "channel_refused") not in {news[:2] for news in told(practice.hub)}


async def test_a_weak_phone_is_the_maintainers_business_and_not_the_doctors(practice: Practice) -> None:
    practice.phone.battery_percent, practice.phone.charging = 12, False
    await practice.clock.sleep(90)
    assert "channel:samu/0/channel_weak" in await practice.problems()
    await practice.clock.sleep(900)
    assert ("channel:samu/0", "channel_weak", False) in told(practice.technician)
    assert told(practice.doctor) == []


async def test_a_phone_that_is_gone_is_told_at_once(practice: Practice) -> None:
    practice.phone.fault = Fault(kind="refuse")
    await practice.clock.sleep(300)
    assert "channel:samu/0/channel_sick" in await practice.problems()
    assert ("channel:samu/0", "channel_sick", False) in told(practice.technician)


async def test_who_acknowledged_is_shown_with_when(practice: Practice) -> None:
    await practice.press()
    (standing,) = await practice.bridge.list_alerts(9)
    await practice.bridge.move_alert(standing.alert.id, Happening.ACKNOWLEDGED, "recipient:hub", Way.LINK)
    links = {link["name"]: link for link in (await practice.bridge.status())["links"]}
    assert links["recipient:hub"]["facts"]["last_ack_at"] is not None
    assert "last_ack_at" not in links["recipient:samu"]["facts"]


async def test_an_answer_to_an_alert_that_looks_cancelled_does_not_show(practice: Practice) -> None:
    await practice.press()
    (standing,) = await practice.bridge.list_alerts(9)
    assert await practice.bridge.move_alert(standing.alert.id, Happening.CANCELLED, "cli", pin="0000")
    await practice.bridge.move_alert(standing.alert.id, Happening.ACKNOWLEDGED, "recipient:hub", Way.LINK)
    assert await practice.is_taken_care_of(standing.alert.id)
    assert "last_ack_at" not in str(await practice.bridge.status())


# -- the program itself


@pytest.mark.real_time
async def test_the_program_says_it_in_its_first_line_and_in_its_exit_code(
    start: Callable[..., AbstractAsyncContextManager[Any]], write_config: Callable[..., Path], secret: str
) -> None:
    async with FakeHttp(secret=secret) as hub, start(write_config(hub.url)) as program:
        code, out, _ = await program.command("status")
        assert (code, out.split(maxsplit=2)[:2]) == (0, ["PROTECTION", "RÉDUITE"])
        hub.fault = REFUSES
        await program.ask("press", "bureau")
        async with asyncio.timeout(20):
            while (found := await program.command("status"))[0] == 0:
                pass
        code, out, _ = found
        assert (code, out.split(maxsplit=2)[:2]) == (1, ["NON", "PROTÉGÉ"])
        code, out, _ = await program.command("status", "--json")
        assert code == 1
    code, _, err = await program.command("status")
    assert (code, "ne tourne pas" in err) == (1, True)
