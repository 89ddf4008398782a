"""What is wrong with the ways out shows before anybody presses; and so does who could not be told of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from flicbridge.bridge import open_bridge
from flicbridge.clock import LoopClock
from flicbridge.config import load
from flicbridge.credentials import Credentials
from flicbridge.house import Bridge
from flicbridge.servicemanager import ServiceManager
from flicbridge.simulator.gateways import FakeHttp, Fault
from flicbridge.supervise import alongside

MORE = """
[[recipients]]
name = "technician"
channels = [ {{ transport = "http", url = "{technician}", secret = "hub-key" }} ]

[[recipients]]
name = "firm"
channels = [ {{ transport = "http", url = "{firm}", secret = "hub-key" }} ]

[alerts]
test_notify = ["technician"]

[maintainer]
notify = ["technician", "firm"]
"""
NOON = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
OFF = Fault(kind="refuse")
UNAUTHORISED = Fault(kind="status", status=401)


@dataclass
class Practice:
    """A bridge whose hub is reached over TLS, and two who look after it."""

    bridge: Bridge
    clock: LoopClock
    authority: trustme.CA
    tls: ssl.SSLContext
    hub: FakeHttp
    technician: FakeHttp
    firm: FakeHttp

    async def channel(self, name: str) -> dict[str, Any]:
        channels = (await self.bridge.status())["channels"]
        return next(dict(channel) for channel in channels if channel["channel"] == name)

    async def problems(self) -> dict[str, str]:
        """What is wrong with the channels, and what is known of it."""
        found = (await self.bridge.status())["problems"]
        return {f"{p['part']}/{p['problem']}": p["detail"] for p in found if p["part"].startswith("channel:")}

    async def protection(self) -> str:
        return str((await self.bridge.status())["protection"]["state"])

    async def press(self, gesture: str) -> None:
        await self.bridge.press("bureau", gesture)
        await self.clock.sleep(30)


def told(gateway: FakeHttp) -> list[tuple[str, str, bool]]:
    """The news about ways out, and the verdict: part, problem, and whether it is over."""
    events = [hook.event["data"] for hook in gateway.received]
    news = [item for data in events if data.get("kind") == "maintenance" for item in data["news"]]
    return [
        (i["part"], i["problem"], i["over"]) for i in news if i["part"].startswith(("channel:", "bridge"))
    ]


@pytest.fixture
async def practice(write_config: Callable[..., Path], secret: str, tmp_path: Path) -> AsyncIterator[Practice]:
    clock, authority = LoopClock(asyncio.get_running_loop(), wall_at=NOON), trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    async with AsyncExitStack() as stack:
        hub, technician, firm = [
            await stack.enter_async_context(FakeHttp(secret=secret, clock=clock, tls=line))
            for line in (tls, None, None)
        ]
        config = write_config(f'{hub.url}", ca_file = "authority.pem')
        more = MORE.format(technician=technician.url, firm=firm.url)
        config.write_text(config.read_text() + more)
        key = config.parent / "secrets" / "hub-key"
        key.parent.mkdir(mode=0o700)
        key.write_text(secret)
        key.chmod(0o600)
        opening = open_bridge(load(config), Credentials.beside(config), clock=clock, manager=ServiceManager())
        bridge = await stack.enter_async_context(opening)
        await stack.enter_async_context(alongside(bridge=bridge.run))
        await bridge.ready.wait()
        yield Practice(bridge, clock, authority, tls, hub, technician, firm)


async def test_a_receiver_that_dies_is_told_before_anybody_presses_and_so_is_its_return(
    practice: Practice,
) -> None:
    await practice.press("single")
    assert await practice.protection() != "not_protected"
    asked = practice.hub.attempts
    practice.hub.fault = OFF
    await practice.clock.sleep(600)
    assert (await practice.problems())["channel:hub/0/channel_sick"] == "cannot connect: Connection refused"
    assert await practice.protection() == "not_protected"
    for gateway in (practice.technician, practice.firm):
        assert {("channel:hub/0", "channel_sick", False), ("bridge", "not_protected", False)} <= set(
            told(gateway)
        )
    practice.hub.fault = None
    await practice.clock.sleep(600)
    assert await practice.protection() != "not_protected"
    assert ("channel:hub/0", "channel_sick", True) in told(practice.firm)
    assert ("bridge", "not_protected", True) in told(practice.firm)
    assert practice.hub.attempts == asked  # never was a request sent


async def test_so_is_a_certificate_that_nobody_renewed(practice: Practice) -> None:
    await practice.clock.sleep(60)
    assert (await practice.channel("hub/0"))["health_state"] == "well"
    expired = practice.authority.issue_cert("127.0.0.1", not_after=datetime(2025, 1, 1, tzinfo=UTC))
    expired.configure_cert(practice.tls)
    await practice.clock.sleep(600)
    why = (await practice.problems())["channel:hub/0/channel_sick"]
    assert why == "cannot connect: the certificate is not trusted (certificate has expired)"
    assert ("channel:hub/0", "channel_sick", False) in told(practice.technician)


async def test_a_maintainer_who_takes_no_notice_shows_and_the_other_one_is_told(practice: Practice) -> None:
    await practice.press("double")
    assert (await practice.channel("technician/0"))["state"] == "ok"
    practice.technician.fault = UNAUTHORISED
    practice.hub.fault = Fault(kind="status", status=500)
    await practice.press("single")
    await practice.clock.sleep(180)
    channel = await practice.channel("technician/0")
    assert (channel["state"], channel["last_error"]) == ("refused", "refused: HTTP 401 Unauthorized")
    assert NOON.isoformat() < channel["failing_since"] <= channel["last_failure"]
    assert (channel["circuit"], channel["failures_in_a_row"]) == ("closed", 0)  # alerts are tried as ever
    assert "channel:technician/0/channel_refused" in await practice.problems()
    assert ("channel:technician/0", "channel_refused", False) in told(practice.firm)


async def test_what_is_told_of_a_refusal_is_refused_without_end_only_as_often_as_its_rule_says(
    practice: Practice,
) -> None:
    practice.technician.fault = UNAUTHORISED
    practice.hub.fault = OFF
    await practice.clock.sleep(HOUR_S)
    assert (await practice.channel("technician/0"))["state"] == "refused"
    tries = practice.technician.attempts
    assert tries <= 3
    await practice.clock.sleep(3 * HOUR_S)
    assert practice.technician.attempts == tries


async def test_a_channel_that_took_a_notice_is_not_called_unproven(practice: Practice) -> None:
    await practice.press("single")
    assert set(await practice.problems()) == {
        "channel:technician/0/channel_unproven",
        "channel:firm/0/channel_unproven",
    }
    practice.hub.fault = OFF
    await practice.clock.sleep(600)
    practice.hub.fault = None
    await practice.clock.sleep(600)
    assert await practice.problems() == {}
    assert (await practice.channel("firm/0"))["last_success"] is not None
    assert await practice.protection() != "not_protected"
