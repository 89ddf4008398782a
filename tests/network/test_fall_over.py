"""Of a recipient whose channels are used in turn, the next one has its turn as soon as one does not work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flicbridge.bridge import open_bridge
from flicbridge.clock import LoopClock
from flicbridge.config.settings import Settings
from flicbridge.house import Bridge
from flicbridge.simulator.gateways import FakeHttp, Fault
from flicbridge.supervise import alongside

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Secrets:
    def get(self, name: str) -> str:
        assert name == "key"
        return KEY


@dataclass
class Practice:
    """A bridge with one recipient, and the recipient's two channels."""

    bridge: Bridge
    first: FakeHttp
    second: FakeHttp
    clock: LoopClock

    async def press(self) -> tuple[dict[str, Any], float]:
        """Press; returns the alert a minute later, and when that was pressed."""
        pressed_s = self.clock.now_s()
        taken = await self.bridge.press("bureau", "single")
        await self.clock.sleep(50)
        assert taken.alert is not None
        shown = await self.bridge.show_alert(taken.alert)
        assert shown is not None
        return dict(shown), pressed_s


@asynccontextmanager
async def practice(folder: Path) -> AsyncIterator[Practice]:
    clock = LoopClock(asyncio.get_running_loop())
    async with FakeHttp(secret=KEY) as first, FakeHttp(secret=KEY) as second:
        channels = [{"transport": "http", "url": each.url, "secret": "key"} for each in (first, second)]
        settings = Settings.read(
            {
                "bridge": {"id": "tilleuls-1", "state_dir": str(folder / "state")},
                "doctor": {"name": "Dr Anne Martin", "phone": "+33612345678"},
                "practice": {"name": "Cabinet des Tilleuls", "address": "12 rue des Tilleuls, Limoges"},
                "alerts": {"join_within": "0s"},
                "buttons": [{"name": "bureau", "family": "virtual", "gestures": {"single": "alert"}}],
                "recipients": [
                    {"name": "samu", "order": "in_turn", "next_after": "60s", "channels": channels}
                ],
                "plan": [{"after": "0s", "notify": ["samu"]}],
            },
            folder,
        )
        async with open_bridge(settings, Secrets(), clock=clock) as bridge, alongside(bridge=bridge.run):
            await bridge.ready.wait()
            yield Practice(bridge, first, second, clock)


async def test_a_channel_that_works_is_the_only_one_used(tmp_path: Path) -> None:
    async with practice(tmp_path) as work:
        await work.press()
        assert (len(work.first.received), len(work.second.received)) == (1, 0)


async def test_after_a_refusal_for_good_the_next_channel_is_used_at_once(tmp_path: Path) -> None:
    async with practice(tmp_path) as work:
        work.first.fault = Fault(kind="status", status=404)
        shown, pressed_s = await work.press()
        assert work.second.received[0].at_s - pressed_s < 0.5
        assert [attempt["outcome"] for attempt in shown["attempts"]] == ["permanent", "sent"]


@pytest.mark.parametrize("fault", [Fault(kind="refuse"), Fault(kind="captive"), Fault(kind="reset")])
async def test_while_a_channel_fails_its_recipient_is_told_over_the_next_one(
    tmp_path: Path, fault: Fault
) -> None:
    async with practice(tmp_path) as work:
        work.first.fault = fault
        _, pressed_s = await work.press()
        assert work.second.received[0].at_s - pressed_s < 2  # once it failed again
        _, pressed_s = await work.press()
        assert work.second.received[1].at_s - pressed_s < 0.5  # at once: nobody believes in it any more
        assert len(work.second.received) == 2
        work.first.fault = None
        await work.first.wait_for(2, within_s=20)  # told twice is better than not at all


async def test_a_channel_that_hangs_costs_its_first_two_tries(tmp_path: Path) -> None:
    async with practice(tmp_path) as work:
        work.first.fault = Fault(kind="hang")
        _, pressed_s = await work.press()
        assert work.second.received[0].at_s - pressed_s < 17
