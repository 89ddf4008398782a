"""The bridge that is going to be killed: the real one, in a process of its own, at the end of a wire.

python -m tests.chaos.bridge '{"config": ..., ...}' FD    (the slow way, for strace; see `nursery.py`)
"""

import asyncio
import json
import os
import socket
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from flicbridge import logs
from flicbridge.bridge import open_bridge
from flicbridge.clock import SystemClock
from flicbridge.config import load
from flicbridge.credentials import Credentials
from flicbridge.press.flic2.crypto import TEST_ROOT_KEY
from flicbridge.press.radio import Radio
from flicbridge.room import RadioRoom
from flicbridge.supervise import alongside
from tests.chaos import wire
from tests.chaos.fuse import Fuse
from tests.chaos.radio import WireRadio
from tests.chaos.sabotage import Sabotage, break_bridge
from tests.chaos.wire import Word


@dataclass(frozen=True, slots=True)
class Orders:
    """How one bridge is to live.

    Attributes:
        config: its settings file; its log is written beside it.
        die_at: at which step it kills itself, counted from 1; 0 for at none.
        sabotage: what is broken in it.
    """

    config: str
    die_at: int = 0
    sabotage: Sabotage = Sabotage.NOTHING

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Orders":
        read = json.loads(text)
        return cls(read["config"], read["die_at"], Sabotage(read["sabotage"]))


def live(orders: Orders, end: socket.socket) -> None:
    """Run the bridge until it is killed."""
    config = Path(orders.config)
    log = os.open(config.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, sys.stderr.fileno())
    os.close(log)

    def last_words(place: str) -> None:
        wire.say(end, Word.BURNT, place.encode())

    fuse = Fuse(orders.die_at, last_words)
    if orders.die_at:
        fuse.lay()
    break_bridge(orders.sabotage)
    asyncio.run(_run(config, WireRadio(end, fuse.step)))


async def _run(config: Path, air: WireRadio) -> None:
    """As `flicbridge.bridge.run` does it, but for the radio."""
    settings, clock = load(config, secrets=True), SystemClock()
    logs.set_up(settings.log.format, settings.log.level)
    air.open()
    radio = Radio(air.scanner, air.client, clock=clock, observe=lambda _: None)
    async with alongside(radio=radio.run):
        opening = open_bridge(
            settings, Credentials.beside(config), clock=clock, room=RadioRoom(radio, TEST_ROOT_KEY)
        )
        async with opening as bridge:
            await bridge.run()


if __name__ == "__main__":
    live(Orders.from_json(sys.argv[1]), socket.socket(fileno=int(sys.argv[2])))
