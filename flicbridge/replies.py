"""Helpers' replies by SMS: looked for while there is an alert to reply to.

A reply counts if it names the code of an alert that is not closed and comes from the number of a recipient.
It counts once, also after a restart that reads it again. From the doctor's own device it counts no more than
what is said in the room: nobody can give a PIN by SMS. Nobody is ever answered: neither a stranger nor a
mistyped code.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

import structlog

from flicbridge.alert.alert import Happening, Way, reply_id
from flicbridge.alert.desk import Desk
from flicbridge.alert.phone import is_same_number
from flicbridge.alert.reply import read_reply
from flicbridge.channel import TransportCarrier
from flicbridge.clock import Clock
from flicbridge.config.plan import channels_of
from flicbridge.config.settings import Settings
from flicbridge.errors import DeliveryError
from flicbridge.observation import Observation, Observe
from flicbridge.outbox.carrier import Carrier
from flicbridge.transport.base import Received, Transport

log = structlog.get_logger()

SOON_S: Final = 5.0
LATER_S: Final = 60.0
# Most helpers answer within minutes; afterwards the phone's battery counts for more.
BUSY_FOR: Final = timedelta(hours=1)


class Moves(Protocol):
    """Where an answer is written down."""

    async def move(
        self,
        alert: UUID,
        what: Happening,
        *,
        by: str,
        way: Way,
        said_at: datetime | None,
        reply: UUID,
        is_proven: bool,
    ) -> bool:
        """Let a person acknowledge, confirm or call off an alert."""
        ...


def receiving(settings: Settings, carriers: Mapping[str, Carrier]) -> list[tuple[str, str, Transport[Any]]]:
    """Recipient, channel and transport of every channel over which replies can come."""
    return [
        (recipient, channel, carrier.transport)
        for recipient, channel, _ in channels_of(settings)
        if isinstance(carrier := carriers[channel], TransportCarrier) and carrier.transport.receives
    ]


class Replies:
    """Looks into the mailboxes of all channels that can receive.

    Args:
        channels: recipient, channel and transport of each that can receive.
        desk: knows which alerts can be replied to.
        ledger: writes the answers down.
        asks_pin: whether what is said in the room is only believed with a PIN.
        clock: what time it is.
        observe: told whether a channel's replies can be read.
    """

    def __init__(
        self,
        channels: Iterable[tuple[str, str, Transport[Any]]],
        desk: Desk,
        ledger: Moves,
        *,
        asks_pin: bool,
        clock: Clock,
        observe: Observe,
    ) -> None:
        self.channels = tuple(channels)
        self._desk = desk
        self._ledger = ledger
        self._asks_pin = asks_pin
        self._clock = clock
        self._observe = observe
        self._read: set[UUID] = set()

    async def run(self) -> None:
        """Look for replies; for ever."""
        while True:
            await self._clock.sleep(SOON_S)
            wait_s = self._wait_s()
            if wait_s is not None:
                await self.look()
                await self._clock.sleep(wait_s - SOON_S)

    def _wait_s(self) -> float | None:
        """How long between two looks; None while there is nothing to reply to."""
        pressed = [standing.last_press_at for standing in self._desk.known if standing.code]
        if not pressed or not self.channels:
            self._read.clear()
            return None
        return SOON_S if self._clock.now_at() - max(pressed) < BUSY_FOR else LATER_S

    async def look(self) -> None:
        """Look into every mailbox once, through the first of its channels that can."""
        mailboxes: defaultdict[str, list[tuple[str, Transport[Any]]]] = defaultdict(list)
        for _, channel, transport in self.channels:
            mailboxes[transport.mailbox].append((channel, transport))
        for mailbox, ways in mailboxes.items():
            for message in await self._received(*ways[0]):
                await self._take(mailbox, message)

    async def _received(self, channel: str, transport: Transport[Any]) -> Iterable[Received]:
        error = None
        found: Iterable[Received] = ()
        try:
            found = await transport.received()
        except DeliveryError as refusal:
            error = str(refusal)
        self._observe(Observation(f"channel:{channel}", "replies", "unread" if error else "read"))
        self._observe(Observation(f"channel:{channel}", "replies_error", error))
        return found

    async def _take(self, mailbox: str, message: Received) -> None:
        said = reply_id(mailbox, message.id)
        reply = None if said in self._read else read_reply(message.text)
        self._read.add(said)
        standing = None if reply is None else self._desk.by_code(reply.code)
        sender = self._recipient(mailbox, message.sender)
        if reply is None or standing is None or sender is None:
            return
        await self._ledger.move(
            standing.alert.id,
            reply.what,
            by=f"recipient:{sender}",
            way=Way.SMS,
            said_at=message.at,
            reply=said,
            is_proven=not self._asks_pin,
        )

    def _recipient(self, mailbox: str, sender: str) -> str | None:
        """Who has this number, among those who are written to from this mailbox."""
        for recipient, _, transport in self.channels:
            if transport.mailbox == mailbox and is_same_number(sender, transport.number):
                return recipient
        return None
