"""Replies by SMS count once: also those that moved nothing, and also after a crash."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from flicbridge.api.client import ApiClient
from flicbridge.bridge import open_bridge
from flicbridge.clock import LoopClock
from flicbridge.config import load
from flicbridge.credentials import Credentials
from flicbridge.house import Bridge
from flicbridge.simulator.gateways.phone import FakePhone

COLLEAGUE, BOB = "+33612345671", "+33612345672"

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

[[buttons]]
name = "bureau"
family = "virtual"
gestures = {{ single = "alert" }}

[[recipients]]
name = "colleague"
channels = [ {{ transport = "smsgate", url = "{phone}", secret = "phone", to = "+33612345671" }} ]

[[recipients]]
name = "bob"
channels = [ {{ transport = "smsgate", url = "{phone}", secret = "phone", to = "+33612345672" }} ]

[[plan]]
after = "0s"
notify = ["colleague", "bob"]
"""


@pytest.fixture
async def clock() -> LoopClock:
    return LoopClock(asyncio.get_running_loop())


@pytest.fixture
async def phone(tmp_path: Path, clock: LoopClock) -> AsyncIterator[FakePhone]:
    """The phone, and beside it the settings that name it."""
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "phone").write_text("p")
    (tmp_path / "secrets" / "phone").chmod(0o600)
    async with FakePhone(password="p", clock=clock) as phone:
        (tmp_path / "flicbridge.toml").write_text(SETTINGS.format(phone=phone.url))
        yield phone


@asynccontextmanager
async def bridge_in(folder: Path, clock: LoopClock) -> AsyncIterator[Bridge]:
    """A bridge that runs until it is cut off, without a farewell."""
    file = folder / "flicbridge.toml"
    opening = open_bridge(load(file), Credentials.beside(file), clock=clock)
    async with opening as bridge, asyncio.TaskGroup() as group:
        running = group.create_task(bridge.run())
        await bridge.ready.wait()
        yield bridge
        running.cancel()


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ([(COLLEAGUE, "OUI"), (BOB, "OUI"), (COLLEAGUE, "FAUX")], "false_alarm"),
        ([(COLLEAGUE, "FAUX"), (BOB, "FAUX"), (BOB, "OUI")], "confirmed"),
    ],
)
async def test_a_reply_that_moved_nothing_does_not_move_the_alert_after_a_restart(
    tmp_path: Path, clock: LoopClock, phone: FakePhone, said: list[tuple[str, str]], state: str
) -> None:
    local = ApiClient(tmp_path / "state")
    async with bridge_in(tmp_path, clock) as bridge:
        alert = (await bridge.press("bureau", "single")).alert
        assert alert is not None
        standing = bridge.standing(alert)
        assert standing is not None
        for sender, word in said:
            phone.receive(sender, f"{word} {standing.code}")
            await clock.sleep(12)
        before = await local.alert(str(alert))
    async with bridge_in(tmp_path, clock):
        await clock.sleep(70)
        after = await local.alert(str(alert))
    assert (before["state"], after["state"]) == (state, state)
    assert after["history"] == before["history"]
    assert len(before["history"]) == 4  # raised, notified, and the two that moved it
