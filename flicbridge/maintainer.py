"""Tells whoever looks after the bridge what is wrong with it, over the channels of those named for that.

It needs no disk: a notice is kept in memory and tried again for a day. Nothing here stands in the way of an
alert; a notice has its own calls to the transports, a few at a time.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog

from flicbridge.alert.alert import DeliveryState
from flicbridge.channel import TransportCarrier
from flicbridge.clock import Clock
from flicbridge.guard.board import Board
from flicbridge.guard.notices import Notice, Notices
from flicbridge.outbox.carrier import Handed, Later, outcome_of
from flicbridge.transport.base import Message
from flicbridge.transport.notice import House, compose_notice

log = structlog.get_logger()

LOOK_EVERY_S: Final = 30.0


@dataclass(slots=True)
class Maintainer:
    """See the module.

    Attributes:
        house: how the bridge speaks of itself.
        channels: the ways to the maintainer, by name.
    """

    house: House
    channels: Mapping[str, TransportCarrier]
    board: Board
    clock: Clock
    _owed: dict[tuple[str, str], Message] = field(init=False, default_factory=dict)
    _notices: Notices = field(init=False)

    def __post_init__(self) -> None:
        self._notices = Notices(self.board)

    async def watch(self, status: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
        """Tell what `status` says is wrong; for ever."""
        while True:
            await self.clock.sleep(LOOK_EVERY_S)
            await self.tell((await status())["problems"])

    async def tell(self, problems: list[Mapping[str, Any]]) -> None:
        """Tell what is new among the problems, and try again what could not be told before."""
        for notice in self._notices.due(problems, self.clock.now_at()):
            log.warning("maintainer_told", problem=notice.problem, over=notice.is_over)
            for channel in self.channels:
                message = self._message(notice, channel)
                self._owed[channel, message.key] = message
        for (channel, key), message in list(self._owed.items()):
            if await self._is_done(channel, message):
                del self._owed[channel, key]
            else:
                self._owed[channel, key] = replace(message, attempt=message.attempt + 1)

    def _message(self, notice: Notice, channel: str) -> Message:
        return compose_notice(
            self.house,
            notice.problem,
            channel=channel,
            since_at=notice.since_at,
            at=notice.at,
            sent_at=self.clock.now_at(),
            is_over=notice.is_over,
        )

    async def _is_done(self, channel: str, message: Message) -> bool:
        """Try once; True if it arrived, was refused for good, or is too old."""
        now_at, carrier = self.clock.now_at(), self.channels[channel]
        if now_at > message.expires_at:
            return True

        async def deliver() -> Handed:
            await carrier.transport.deliver(replace(message, sent_at=now_at))
            return Handed(DeliveryState.SENT)

        outcome = await outcome_of(deliver(), carrier.timeout_s, channel=channel, delivery=message.key)
        if not isinstance(outcome, Handed):
            log.warning("maintainer_not_reached", channel=channel, error=outcome.why)
        return not isinstance(outcome, Later)
