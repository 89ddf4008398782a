"""What a bridge knew when it ended, its next run knows: all that is still true, and nothing else."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flicbridge.bridge import DATABASE, open_bridge
from flicbridge.clock import LoopClock
from flicbridge.config import load
from flicbridge.credentials import Credentials
from flicbridge.errors import InputError
from flicbridge.house import Bridge
from flicbridge.observation import Observation
from flicbridge.outbox.store import Store
from flicbridge.servicemanager import ServiceManager
from flicbridge.simulator.gateways import FakeHttp, Fault

TOLD = """
[[recipients]]
name = "technician"
channels = [ {{ transport = "http", url = "{technician}", secret = "hub-key" }} ]

[[recipients]]
name = "doctor"
channels = [ {{ transport = "http", url = "{doctor}", secret = "hub-key" }} ]

[alerts]
tell_doctor = ["doctor"]

[maintainer]
notify = ["technician"]
"""
HEARTBEAT = 'heartbeat = "heartbeat-url"\n'

NOON = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
NOWHERE = "http://127.0.0.1:9/"
REFUSES = Fault(kind="status", status=401)
NOT_PROTECTED = ("bridge", "not_protected", False)
IS_OVER = ("bridge", "not_protected", True)


@dataclass
class Practice:
    """A settings file with what lies beside it, run again and again."""

    config: Path
    clock: LoopClock
    hub: FakeHttp
    technician: FakeHttp
    doctor: FakeHttp

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Bridge]:
        """From a start to an orderly end."""
        settings, secrets = load(self.config), Credentials.beside(self.config)
        opening = open_bridge(settings, secrets, clock=self.clock, manager=ServiceManager())
        async with opening as bridge, asyncio.TaskGroup() as group:
            task = group.create_task(bridge.run())
            await bridge.ready.wait()
            yield bridge
            task.cancel()

    async def press(self, bridge: Bridge) -> None:
        await bridge.press("bureau", "single")
        await self.clock.sleep(3)

    def cut_off(self) -> None:
        """Go on from what is on the disk at this moment, as after a SIGKILL."""
        folder = self.config.parent
        left = folder.with_name(f"{folder.name}-after")
        shutil.copytree(folder, left, ignore=_no_files)
        self.config = left / self.config.name

    def change(self, old: str, new: str) -> None:
        """Change the settings, as an installer does."""
        text = self.config.read_text()
        assert text.count(old) == 1
        self.config.write_text(text.replace(old, new))


def _no_files(folder: str, names: list[str]) -> list[str]:
    """Sockets, which cannot be copied."""
    return [name for name in names if not ((path := Path(folder, name)).is_file() or path.is_dir())]


@pytest.fixture
async def practice(
    write_config: Callable[..., Path], secret: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Practice]:
    clock = LoopClock(asyncio.get_running_loop(), wall_at=NOON)
    async with AsyncExitStack() as stack:
        hub, technician, doctor = [
            await stack.enter_async_context(FakeHttp(secret=secret, clock=clock)) for _ in range(3)
        ]
        config = write_config(hub.url)
        config.write_text(config.read_text() + TOLD.format(technician=technician.url, doctor=doctor.url))
        secrets = config.parent / "secrets"
        secrets.mkdir(mode=0o700)
        for name, value in {"hub-key": secret, "heartbeat-url": NOWHERE}.items():
            (secrets / name).write_text(value)
            (secrets / name).chmod(0o600)
        yield Practice(config, clock, hub, technician, doctor)


async def problems(bridge: Bridge) -> set[str]:
    """What is wrong, but for the machine on which the test runs and those who were never written to."""
    found = {f"{p['part']}/{p['problem']}" for p in (await bridge.status())["problems"]}
    beside = ("host/", "clock/", "channel:technician", "channel:doctor")
    return {problem for problem in found if not problem.startswith(beside)}


async def protection(bridge: Bridge) -> str:
    return str((await bridge.status())["protection"]["state"])


def told(gateway: FakeHttp) -> list[tuple[str, str, bool]]:
    """The news about the bridge that arrived, but for those of this machine."""
    events = [hook.event["data"] for hook in gateway.received]
    news = [item for data in events if data.get("kind") == "maintenance" for item in data["news"]]
    return [(i["part"], i["problem"], i["over"]) for i in news if i["part"] not in ("host", "clock")]


# -- what is still true


@pytest.mark.parametrize("is_orderly", [True, False])
async def test_a_channel_that_refused_is_still_known_to_refuse(practice: Practice, is_orderly: bool) -> None:
    async with practice.running() as bridge:
        await practice.press(bridge)
        await practice.clock.sleep(60)  # sooner nobody is told of a further press
        practice.hub.fault = REFUSES
        await practice.press(bridge)
        if not is_orderly:
            practice.cut_off()
    async with practice.running() as bridge:
        assert await problems(bridge) == {"channel:hub/0/channel_refused"}
        assert await protection(bridge) == "not_protected"
        (channel, *_) = (await bridge.status())["channels"]
        assert "401" in channel["last_error"]


@pytest.mark.parametrize("is_orderly", [True, False])
async def test_who_was_told_of_it_is_told_once_and_also_that_it_is_over(
    practice: Practice, is_orderly: bool
) -> None:
    async with practice.running() as bridge:
        practice.hub.fault = REFUSES
        await practice.press(bridge)
        async with asyncio.timeout(300):
            while not all(NOT_PROTECTED in told(who) for who in (practice.doctor, practice.technician)):
                await practice.clock.sleep(0.5)
        await practice.clock.sleep(3)
        if not is_orderly:
            practice.cut_off()
    before = told(practice.technician)
    async with practice.running() as bridge:
        await practice.clock.sleep(600)
        assert told(practice.technician) == before
        practice.hub.fault = None
        await practice.press(bridge)
        await practice.clock.sleep(300)
    assert told(practice.doctor) == [NOT_PROTECTED, IS_OVER]
    assert [news for news in told(practice.technician) if not news[2]] == before
    assert IS_OVER in told(practice.technician)


async def test_that_it_is_over_is_not_told_again_either(practice: Practice) -> None:
    async with practice.running() as bridge:
        practice.hub.fault = REFUSES
        await practice.press(bridge)
        await practice.clock.sleep(120)
        practice.hub.fault = None
        await practice.press(bridge)
        async with asyncio.timeout(600):
            while IS_OVER not in told(practice.doctor):
                await practice.clock.sleep(0.5)
        await practice.clock.sleep(3)
        practice.cut_off()
    async with practice.running():
        await practice.clock.sleep(3600)
    assert told(practice.doctor) == [NOT_PROTECTED, IS_OVER]


async def test_a_channel_that_worked_is_still_known_to_work(practice: Practice) -> None:
    async with practice.running() as bridge:
        await practice.press(bridge)
    practice.change(f'url = "{practice.hub.url}"', f'url = "{practice.hub.url}", timeout = "4s"')
    async with practice.running() as bridge:
        assert await problems(bridge) == set()


async def test_so_it_is_after_an_upgrade_from_a_version_that_sealed_nothing(practice: Practice) -> None:
    at = practice.clock.now_at()
    await remember_as_of_old(practice, {"channel:hub/0": {"state": "ok", "last_success": at.isoformat()}})
    async with practice.running() as bridge:
        assert await problems(bridge) == set()
    practice.change(practice.hub.url, NOWHERE)
    async with practice.running() as bridge:
        assert await problems(bridge) == {"channel:hub/0/channel_unproven"}


# -- what is not


async def remember_as_of_old(practice: Practice, facts: dict[str, dict[str, Any]]) -> None:
    """Leave what an earlier version wrote down."""
    path = practice.config.parent / "state" / DATABASE
    path.parent.mkdir(mode=0o700)
    store, at = Store.open(path), practice.clock.now_at()
    await store.put_observations(
        (Observation(subject, fact, value), at) for subject, of in facts.items() for fact, value in of.items()
    )
    await store.close()


async def test_a_channel_that_leads_elsewhere_has_carried_nothing_yet(practice: Practice) -> None:
    async with practice.running() as bridge:
        await practice.press(bridge)
    practice.change(practice.hub.url, NOWHERE)
    for _ in range(2):
        async with practice.running() as bridge:
            assert await problems(bridge) == {"channel:hub/0/channel_unproven"}
            assert "last_success" not in (await bridge.status())["channels"][0]


async def test_a_channel_that_comes_before_another_does_not_inherit_its_proof(practice: Practice) -> None:
    async with practice.running() as bridge:
        await practice.press(bridge)
    channel = f'{{ transport = "http", url = "{practice.hub.url}", secret = "hub-key" }}'
    practice.change(f"[ {channel} ]", f"[ {channel.replace(practice.hub.url, NOWHERE)}, {channel} ]")
    async with practice.running() as bridge:
        unproven = {f"channel:hub/{index}/channel_unproven" for index in (0, 1)}
        assert await problems(bridge) == unproven


async def test_a_bridge_that_may_not_run_beside_another_changes_nothing(practice: Practice) -> None:
    async with practice.running() as bridge:
        await practice.press(bridge)
        practice.change(practice.hub.url, NOWHERE)
        settings, secrets = load(practice.config), Credentials.beside(practice.config)
        async with open_bridge(settings, secrets, clock=practice.clock) as other:
            with pytest.raises(InputError, match="already running"):
                await other.run()
        practice.change(NOWHERE, practice.hub.url)
    async with practice.running() as bridge:
        assert await problems(bridge) == set()


async def test_an_outside_watch_that_nobody_asks_for_any_more_is_not_missed(practice: Practice) -> None:
    practice.change("[maintainer]\n", f"[maintainer]\n{HEARTBEAT}")
    async with practice.running() as bridge:
        await practice.press(bridge)
        await practice.clock.sleep(1000)
        assert await problems(bridge) == {"heartbeat/watched_by_nobody"}
    practice.change(HEARTBEAT, "")
    async with practice.running() as bridge:
        assert await problems(bridge) == set()
        assert "heartbeat" not in {link["name"] for link in (await bridge.status())["links"]}
    practice.change("[maintainer]\n", f"[maintainer]\n{HEARTBEAT}")
    async with practice.running() as bridge:
        assert await problems(bridge) == set()


async def test_a_part_that_broke_in_an_earlier_life_is_not_broken_in_this_one(practice: Practice) -> None:
    broken = {"running": False, "failure": "ValueError", "failures": 9}
    await remember_as_of_old(practice, {"path:gone": broken, "turns": broken, "round:gone/0": broken})
    async with practice.running() as bridge:
        assert await problems(bridge) == {"channel:hub/0/channel_unproven"}
        bridge.board.observe(Observation("path:gone", "running", value=False))
        bridge.board.observe(Observation("path:gone", "failures", 9))
        assert "bridge/vital_part_failing" in await problems(bridge)
    async with practice.running() as bridge:
        assert await problems(bridge) == {"channel:hub/0/channel_unproven"}


async def test_replies_of_a_channel_that_nobody_reads_are_not_missed(practice: Practice) -> None:
    await remember_as_of_old(practice, {"channel:hub/0": {"state": "ok", "replies": "unread"}})
    async with practice.running() as bridge:
        assert await problems(bridge) == set()


# -- the program itself


@pytest.mark.real_time
async def test_the_program_says_not_protected_after_it_was_started_again(
    start: Callable[..., AbstractAsyncContextManager[Any]], write_config: Callable[..., Path], secret: str
) -> None:
    async with FakeHttp(secret=secret) as hub:
        config = write_config(hub.url)
        async with start(config) as program:
            hub.fault = REFUSES
            await program.ask("press", "bureau")
            await program.status_when(lambda status: status["protection"]["state"] == "not_protected")
        async with start(config) as program:
            code, out, _ = await program.command("status")
    assert (code, out.split(maxsplit=2)[:2]) == (1, ["NON", "PROTÉGÉ"])
