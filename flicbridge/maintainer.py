"""Tells whoever looks after the bridge what is wrong with it, over the channels of those named for that; and
the doctor that a press reaches nobody, and that it does again.

It needs no disk: a notice is kept in memory and tried again for a day; one that has reached nobody when the
bridge ends is told by its next run, as long as the fault lasts. Nothing here stands in the way of an alert: a
notice has its own calls to the transports, one at a time on each channel, and a channel that hangs holds up
no other. But a channel that takes or refuses a notice shows it on the board: nobody else would learn that
nobody was told.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog

from flicbridge.alert.alert import DeliveryState
from flicbridge.channel import TransportCarrier
from flicbridge.clock import Clock
from flicbridge.guard.board import Board
from flicbridge.guard.notices import Notice, Notices
from flicbridge.observation import Observation
from flicbridge.outbox.carrier import Handed, Later, Outcome, Refused, outcome_of
from flicbridge.outbox.schedule import Schedule
from flicbridge.outbox.window import facts_of, iso
from flicbridge.transport.base import Message
from flicbridge.transport.notice import House, News, compose_notice

log = structlog.get_logger()

LOOK_EVERY_S: Final = 30.0

# Nobody's life hangs on a notice: soon again, then a few times an hour.
AGAIN: Final = Schedule(first_s=30.0, soon_longest_s=600.0, longest_s=600.0, jitter=0.0)


@dataclass(slots=True)
class _Owed:
    """A notice that one channel has not carried yet.

    Attributes:
        notice: what it tells of, on this channel.
        message: in words, with the number of the next try.
        due_s: not before; monotonic.
    """

    notice: Notice
    message: Message
    due_s: float


@dataclass(slots=True)
class Maintainer:
    """See the module.

    Attributes:
        house: how the bridge speaks of itself.
        channels: the ways to the maintainer, by name.
        doctor: the ways to the doctor, by name; over those that are the maintainer's as well all is told.
    """

    house: House
    channels: Mapping[str, TransportCarrier]
    board: Board
    clock: Clock
    doctor: Mapping[str, TransportCarrier] = field(default_factory=dict)
    _owed: dict[str, list[_Owed]] = field(init=False)
    _notices: Notices = field(init=False)

    def __post_init__(self) -> None:
        self._notices = Notices(self.board, ZoneInfo(self.house.timezone))
        self._owed = {channel: [] for channel in self._carriers}

    @property
    def _carriers(self) -> Mapping[str, TransportCarrier]:
        return {**self.doctor, **self.channels}

    async def watch(self, status: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
        """Tell what `status` says is wrong; for ever."""
        async with asyncio.TaskGroup() as group:
            news = {channel: asyncio.Event() for channel in self._owed}
            for channel in self._owed:
                group.create_task(self._carry_for_ever(channel, news[channel]), name=f"notices:{channel}")
            while True:
                await self.clock.sleep(LOOK_EVERY_S)
                self.take(await status())
                for heard in news.values():
                    heard.set()

    def take(self, status: Mapping[str, Any]) -> None:
        """Note what is new in the answer of `status`; each channel owes it from now on."""
        notice = self._notices.due(status, self.clock.now_at())
        if notice is None:
            return
        for item in notice.news:
            log.warning("maintainer_told", problem=item.problem, over=item.is_over)
        for channel, owed in self._owed.items():
            if news := self._concerns(channel, notice):
                told = replace(notice, news=news)
                message = self._message(told, channel)
                log.debug("notice_owed", channel=channel, notice=message.key)
                owed.append(_Owed(told, message, self.clock.now_s()))

    def _concerns(self, channel: str, notice: Notice) -> tuple[News, ...]:
        """What of it is for whoever is behind a channel."""
        if channel in self.channels:
            return notice.news
        return () if notice.verdict is None else (notice.verdict,)

    async def _carry_for_ever(self, channel: str, news: asyncio.Event) -> None:
        while True:
            await news.wait()
            news.clear()
            await self.carry(channel)

    async def carry(self, channel: str) -> None:
        """Try once what one channel owes and is due; an all-clear never overtakes its fault."""
        waiting: set[str] = set()
        for owed in list(self._owed[channel]):
            may_leave = owed.due_s <= self.clock.now_s() and waiting.isdisjoint(owed.notice.keys)
            if may_leave and await self._is_done(channel, owed):
                self._owed[channel].remove(owed)
            else:
                waiting |= owed.notice.keys

    def _message(self, notice: Notice, channel: str) -> Message:
        return compose_notice(
            self.house, notice.news, channel=channel, at=notice.at, sent_at=self.clock.now_at()
        )

    async def _is_done(self, channel: str, owed: _Owed) -> bool:
        """Try once; True if it arrived, was refused for good, or is too old."""
        now_at, carrier, message = self.clock.now_at(), self._carriers[channel], owed.message
        if now_at > message.expires_at:
            return True

        async def deliver() -> Handed:
            await carrier.transport.deliver(replace(message, sent_at=now_at))
            return Handed(DeliveryState.SENT)

        outcome = await outcome_of(deliver(), carrier.timeout_s, channel=channel, delivery=message.key)
        self._show(f"channel:{channel}", outcome)
        match outcome:
            case Handed():
                self._notices.reached(owed.notice)
            case Refused() | Later():
                log.warning("maintainer_not_reached", channel=channel, error=outcome.why)
        if not isinstance(outcome, Later):
            return True
        owed.due_s = self.clock.now_s() + AGAIN.wait_s(message.attempt, outcome.asked_s, lambda: 0.0)
        owed.message = replace(message, attempt=message.attempt + 1)
        return False

    def _show(self, part: str, outcome: Outcome) -> None:
        """Show what became of a try, as of a message of an alert; the courier's own judgement stays its own.

        A notice that is taken says nothing for the alert that was refused: of a channel on which messages
        fail, only another message can tell that it works.
        """
        if self.board.value(part, "failures_in_a_row"):
            return
        now_at = self.clock.now_at()
        facts = {**facts_of(outcome, now_at), "failing_since": None}
        if not isinstance(outcome, Handed):
            facts["failing_since"] = self.board.value(part, "failing_since") or iso(now_at)
        for fact, value in facts.items():
            self.board.observe(Observation(part, fact, value))
