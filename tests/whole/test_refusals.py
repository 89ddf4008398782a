"""Refusals that pass: a receiver that says when to come back, and one that cannot tell the time."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from flicbridge.clock import SystemClock
from flicbridge.house import Bridge

type Inside = Callable[[Path], AbstractAsyncContextManager[Bridge]]
type WriteConfig = Callable[..., Path]

TAKEN = "204 No Content"


@dataclass
class Receiver:
    """A web server that answers with the next of some lines, and with the last one for ever."""

    answers: Iterator[str]
    now_at: datetime
    url: str = ""
    last: str = ""
    asked_s: list[float] = field(default_factory=list)
    signed_s: list[int] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        await reader.readexactly(self._number(head, "content-length"))
        self.asked_s.append(asyncio.get_running_loop().time())
        self.signed_s.append(self._number(head, "webhook-timestamp"))
        self.last = next(self.answers, self.last)
        writer.write(f"HTTP/1.1 {self.last}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    @staticmethod
    def _number(head: str, name: str) -> int:
        found = re.search(rf"(?im)^{name}: *(\d+)", head)
        assert found is not None, head
        return int(found[1])

    @property
    def years_ahead(self) -> list[int]:
        """How far ahead each request was signed."""
        now_s = self.now_at.timestamp()
        return [round((signed_s - now_s) / timedelta(days=365).total_seconds()) for signed_s in self.signed_s]


@asynccontextmanager
async def receiver(*answers: str) -> AsyncIterator[Receiver]:
    """Start one. `{ahead}` in an answer is the date in ten years."""
    now_at = SystemClock().now_at()
    ahead = format_datetime(now_at + timedelta(days=3650), usegmt=True)
    server = Receiver(iter([answer.format(ahead=ahead) for answer in answers]), now_at)
    listener = await asyncio.start_server(server.serve, "127.0.0.1")
    async with listener:
        server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
        yield server


async def tries(bridge: Bridge, alert: Any) -> list[str]:
    shown = await bridge.show_alert(alert)
    assert shown is not None
    return [attempt["outcome"] for attempt in shown["attempts"]]


async def sleep(seconds: float) -> None:
    await SystemClock().sleep(seconds)


@pytest.mark.parametrize("status", ["303 See Other", "401 Unauthorized", "403 Forbidden", "413 Too Large"])
async def test_whoever_says_when_to_come_back_is_asked_again_then(
    inside: Inside, write_config: WriteConfig, status: str
) -> None:
    async with (
        receiver(f"{status}\r\nRetry-After: 30", TAKEN) as hub,
        inside(write_config(hub.url)) as bridge,
    ):
        alert = (await bridge.press("bureau", "single")).alert
        await sleep(29)
        assert len(hub.asked_s) == 1
        await sleep(5)
        assert 30 <= hub.asked_s[1] - hub.asked_s[0] <= 33
        assert await tries(bridge, alert) == ["rate_limited", "sent"]


async def test_one_wrong_date_does_not_poison_what_is_signed_after_it(
    inside: Inside, write_config: WriteConfig
) -> None:
    """A proxy in front of the receiver that does not know the time; the receiver tells none."""
    async with (
        receiver("403 Forbidden\r\nDate: {ahead}", "401 Unauthorized", TAKEN) as hub,
        inside(write_config(hub.url)) as bridge,
    ):
        alert = (await bridge.press("bureau", "single")).alert
        await sleep(20)
        assert hub.years_ahead == [0, 10, 0]
        assert await tries(bridge, alert) == ["temporary", "temporary", "sent"]


async def test_a_receiver_that_never_knows_the_time_is_not_asked_for_ever(
    inside: Inside, write_config: WriteConfig
) -> None:
    async with receiver("401 Unauthorized\r\nDate: {ahead}") as hub, inside(write_config(hub.url)) as bridge:
        alert = (await bridge.press("bureau", "single")).alert
        await sleep(600)
        assert hub.years_ahead == [0, 10, 0]
        assert await tries(bridge, alert) == ["temporary", "temporary", "permanent"]
        other = (await bridge.press("bureau", "double")).alert  # and the next message has the same chances
        await sleep(600)
        assert hub.years_ahead[3:] == [0, 10, 0]
        assert (await tries(bridge, other))[-1] == "permanent"
