"""The dead-man's switch: somebody outside expects to hear from this bridge, and raises the alarm when not.

It is told only what was just proven: that a press would get through (`watchdog`) and that somebody is told
at once. While the doctor is not protected it is told that, at its address with `/fail` behind it, as
Healthchecks and its kin understand. While nothing is proven it is told nothing, which says the same.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from flicbridge.clock import Clock
from flicbridge.errors import ConfigError, DeliveryError, Problem
from flicbridge.guard.protection import Protection
from flicbridge.observation import Observation, Observe
from flicbridge.transport.exchange import Exchange, checked_url

log = structlog.get_logger()

TIMEOUT_S: Final = 10.0
# Before the first one, so that what a start finds wrong is known by then.
SETTLE_S: Final = 30.0
# After a failure: the other side waits for a grace of its own, which is not to be used up by one lost packet.
AGAIN_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """See the module.

    Attributes:
        url: where; whoever knows it can speak in our place, so it is a secret and never logged.
        every_s: how often.
    """

    url: str
    every_s: float
    clock: Clock
    observe: Observe

    def __post_init__(self) -> None:
        try:
            checked_url(self.url)
        except ValueError as error:
            what, _, remedy = str(error).partition("; ")
            problem = Problem("maintainer.heartbeat", f"its secret {what}", f"{remedy.capitalize()}.")
            raise ConfigError("secrets", [problem]) from error

    async def beat(self, status: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
        """Tell it for ever how `status` is."""
        await self.clock.sleep(SETTLE_S)
        async with Exchange(self.url, timeout_s=TIMEOUT_S) as exchange:
            while True:
                found = await status()
                told = found["pipeline"].get("state") != "ok" or await self._tell(
                    exchange, found["protection"]
                )
                await self.clock.sleep(self.every_s if told else min(AGAIN_S, self.every_s))

    async def _tell(self, exchange: Exchange, protection: Mapping[str, Any]) -> bool:
        """Tell it once; returns whether it heard."""
        state = protection["state"]
        body = "\n".join([state, *protection["because"]])
        path = ["fail"] if state == Protection.NOT_PROTECTED else []
        try:
            answer = await exchange.post(body.encode(), {"Content-Type": "text/plain; charset=utf-8"}, *path)
        except DeliveryError as error:
            return self._heard(str(error))
        return self._heard(None if answer.status < 300 else f"HTTP {answer.status}")

    def _heard(self, error: str | None) -> bool:
        if error is not None:
            log.warning("heartbeat_not_heard", error=error)
        self.observe(Observation("heartbeat", "state", "ok" if error is None else "failing"))
        self.observe(Observation("heartbeat", "error", error))
        return error is None
