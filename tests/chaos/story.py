"""One story: a button, a receiver, some bridges that are killed one after the other, and one that lives."""

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from flicbridge.clock import SystemClock
from flicbridge.outbox import queries
from flicbridge.outbox.database import migrations
from flicbridge.press.event import Counter
from flicbridge.press.flic2 import record
from flicbridge.press.flic2.pairing import Pairing
from tests.chaos import judge, wire
from tests.chaos.bridge import Orders
from tests.chaos.button import NAME, WiredButton
from tests.chaos.judge import Promise
from tests.chaos.nursery import Life, Nursery
from tests.chaos.receiver import PASSWORD, SIGNING_KEY, Receiver, fault_of, open_receiver
from tests.chaos.sabotage import Sabotage
from tests.chaos.scratch import scratch_folder

LONGEST_LIFE_S: Final = 15.0
"""A bridge that has done nothing wrong and is still not killed by then will not be."""
PATIENCE_S: Final = 30.0
"""What the last bridge gets by default. A retry is due within a few seconds of its start."""
LOOK_S: Final = 0.02
HOLD_S: Final = (0.03, 0.12)

SETTINGS: Final = """
[bridge]
id = "tilleuls-1"
state_dir = "state"

[doctor]
name = "Dr Anne Martin"
phone = "+33612345678"

[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"
position = {{ latitude = 45.83362, longitude = 1.26105 }}

[alerts]
join_within = "0s"

[radio]
believe_test_key = true

[[buttons]]
{button}
gestures = {{ single = "alert" }}

[[recipients]]
name = "hub"
channels = [ {channel} ]

[[plan]]
after = "0s"
notify = ["hub"]
"""


@dataclass(frozen=True, slots=True)
class Death:
    """When a bridge dies: whichever comes first.

    Attributes:
        after_s: so long after its birth.
        after_packet: so many packets came from the button while a press was not settled; 0 for any number.
        packet_s: so long after the last of these.
        at_step: at this step of its fuse; 0 for none.
    """

    after_s: float = LONGEST_LIFE_S
    after_packet: int = 0
    packet_s: float = 0.0
    at_step: int = 0


@dataclass(frozen=True, slots=True)
class Script:
    """What happens in a story.

    Attributes:
        transport: of the one channel.
        receiver: how it behaves until the last bridge; see `receiver.BEHAVIOURS`.
        honours_key: whether the receiver drops what has a key that it knows.
        presses_s: when fingers come down, counted from the birth of each bridge that will be killed.
        deaths: of the bridges that are killed.
        sabotage: what is broken in every bridge.
        patience_s: what the last bridge gets to tell everything.
    """

    transport: str
    receiver: str = "fine"
    honours_key: bool = True
    presses_s: tuple[tuple[float, ...], ...] = ((0.0,),)
    deaths: tuple[Death, ...] = (Death(),)
    sabotage: Sabotage = Sabotage.NOTHING
    patience_s: float = PATIENCE_S


@dataclass(slots=True)
class Ending:
    """What came of a story.

    Attributes:
        kills: how many bridges were killed.
        presses: how many were made.
        told: how many messages people read, each counted once.
        told_twice: how many they read again.
        repeats: how many times a receiver was asked for what it had been asked for before.
        worst_s: from the birth of the last bridge to the last message that was new.
        wrong: what must not be.
        places: where fuses burnt.
        outlived: whether the last death never came.
    """

    kills: int = 0
    presses: int = 0
    told: int = 0
    told_twice: int = 0
    repeats: int = 0
    worst_s: float = 0.0
    wrong: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    outlived: bool = False


class Stage:
    """Everything that outlives the bridges of one story."""

    def __init__(self, folder: Path, nursery: Nursery, script: Script, receiver: Receiver) -> None:
        self.folder = folder
        self.database = folder / "state" / "flicbridge.db"
        self.receiver = receiver
        self.ending = Ending()
        self.button = WiredButton(self._told, self._burnt)
        self._nursery = nursery
        self._script = script
        self._loop = asyncio.get_running_loop()
        self._death: Death | None = None
        self._life: Life | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._pending = self._packets = 0
        self.born_s = 0.0

    # -- bridges -------------------------------------------------------------------------------------------

    def give_birth(self, death: Death | None) -> Life:
        """Start a bridge, which will be killed as ordered."""
        mark = judge.mark(self.database, self.button.pairing.serial)
        ours, theirs = wire.pair()
        orders = Orders(
            str(self.folder / "flicbridge.toml"), death.at_step if death else 0, self._script.sabotage
        )
        self._life, self._death = self._nursery.give_birth(orders, theirs), death
        self._packets, self.born_s = 0, self._loop.time()
        self.button.attach(ours, asks_after=mark)
        if death is not None:
            self._later(death.after_s, self.kill)
        return self._life

    async def freeze_after(self, after_s: float) -> None:
        """Let the bridge live so long, and do nothing any more from then on."""
        await SystemClock().sleep(after_s)
        assert self._life is not None
        self._life.freeze()

    async def stop(self) -> None:
        """Whatever lives is killed, and buried."""
        if self._life is not None:
            self._life.kill()
            await self.bury()

    async def bury(self) -> None:
        """Wait until the bridge is dead, and the button knows."""
        assert self._life is not None
        await self._life.dead()
        await self.button.hung_up()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._life.close()
        self._life = None

    def close(self) -> None:
        """Leave nothing behind that runs."""
        for timer in self._timers:
            timer.cancel()
        if self._life is not None:
            self._life.close()
        self.button.close()

    def _told(self) -> None:
        self._packets += 1
        if self._death is not None and self._death.after_packet == self._packets:
            self._later(self._death.packet_s, self.kill)

    def _burnt(self, place: str) -> None:
        self.ending.places.append(place)
        self.ending.kills += 1

    @property
    def is_alive(self) -> bool:
        """Whether the bridge still holds its end of the wire."""
        return self.button.is_attached

    def kill(self) -> None:
        """SIGKILL, once."""
        if self._life is not None and self._death is not None:
            self._death = None
            self.ending.kills += 1
            self._life.kill()

    # -- fingers -------------------------------------------------------------------------------------------

    def plan_press(self, after_s: float) -> None:
        """A finger comes down later; if another is there by then, it does not."""
        self._pending += 1
        self._loop.call_later(after_s, self._press)

    def _press(self) -> None:
        self._pending -= 1
        if not self.button.flic2.is_pressed:
            self.ending.presses += 1
            self.button.press()
            self._loop.call_later(random.uniform(*HOLD_S), self.button.release)

    def _later(self, after_s: float, act: Callable[[], None]) -> None:
        self._timers.append(self._loop.call_later(after_s, act))

    # -- what is promised, and what is kept ----------------------------------------------------------------

    @property
    def promises(self) -> list[Promise]:
        """Every press, and whether the button may forget it."""
        return [Promise(each, self.button.is_acknowledged(each)) for each in self.button.presses]

    def is_over(self) -> bool:
        """Whether the living bridge has nothing more to do."""
        has_listened = self.button.frames_heard > 0
        if not has_listened or self._pending or not self.button.is_settled:
            return False
        return judge.is_finished(self.database, len(self.button.presses))


async def play(script: Script, nursery: Nursery) -> Ending:
    """Play a story, and judge it."""
    async with open_stage(script, nursery) as stage:
        for presses_s, death in zip(script.presses_s, script.deaths, strict=True):
            await _one_life(stage, presses_s, death)
        await last_life(stage, script.patience_s)
        return stage.ending


@asynccontextmanager
async def open_stage(script: Script, nursery: Nursery) -> AsyncGenerator[Stage]:
    """Furnish a folder, a button and a receiver, as the script says."""
    with scratch_folder() as name:
        async with open_receiver(script.transport, honours_key=script.honours_key) as receiver:
            stage = Stage(Path(name), nursery, script, receiver)
            try:
                await _furnish(stage)
                receiver.fault = fault_of(script.receiver, script.transport)
                yield stage
            finally:
                stage.close()
                receiver.fault = None


async def _furnish(stage: Stage) -> None:
    """A bridge's settings and secrets, and a database that knows the button."""
    button = stage.button.pairing
    about = f'name = "{NAME}"\nfamily = "flic2"\nserial = "{button.serial}"\nsimulated = true'
    write_settings(stage.folder, about, stage.receiver.channel())
    await asyncio.to_thread(_make_database, stage.database, button, stage.button.start)


def _make_database(path: Path, pairing: Pairing, start: Counter) -> None:
    """What the store makes, but without waiting for the disk: there is one for every story."""
    path.parent.mkdir(mode=0o700)
    button = {
        "serial": pairing.serial,
        "pairing_json": record.to_json(pairing),
        "boot_id": start.boot_id,
        "event_count": start.event_count,
        "small_count": start.small_count,
    }
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")
        for number, script in enumerate(migrations(), start=1):
            db.executescript(f"BEGIN;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")
        db.execute(queries.PUT_PAIRING, button)


def write_settings(folder: Path, button: str, channel: str) -> Path:
    """A settings file with one button and one channel, and the secrets beside it."""
    (folder / "secrets").mkdir(mode=0o700)
    for name, secret in (("hub-key", SIGNING_KEY), ("password", PASSWORD)):
        path = folder / "secrets" / name
        path.touch(mode=0o600)
        path.write_text(secret)
    config = folder / "flicbridge.toml"
    config.write_text(SETTINGS.format(button=button, channel=channel))
    return config


async def _one_life(stage: Stage, presses_s: tuple[float, ...], death: Death) -> None:
    """A bridge is born, the button is pressed, the bridge is killed, and nothing promised may be lost."""
    kills = stage.ending.kills
    stage.give_birth(death)
    for after_s in presses_s:
        stage.plan_press(after_s)
    if death.at_step:
        await _until_dead_or_idle(stage)
    await stage.bury()
    if stage.ending.kills == kills:
        stage.ending.wrong.append(f"a bridge ended by itself: {_last_words(stage)}")
    stage.ending.wrong += await asyncio.to_thread(list, judge.after_death(stage.database, stage.promises))


async def _until_dead_or_idle(stage: Stage) -> None:
    """Wait for a fuse to burn; a bridge that has nothing more to do has outlived it."""
    clock, burnt = SystemClock(), len(stage.ending.places)
    while stage.is_alive and not stage.is_over():
        await clock.sleep(LOOK_S)
    if stage.is_alive:
        stage.kill()
    await stage.button.hung_up()
    stage.ending.outlived = len(stage.ending.places) == burnt


async def last_life(stage: Stage, patience_s: float) -> None:
    """The receiver is well, and a last bridge must bring everything to an end; then all is judged."""
    stage.receiver.fault = None
    life = stage.give_birth(None)
    clock = SystemClock()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            while not stage.is_over():
                await clock.sleep(LOOK_S)
    life.kill()
    await stage.bury()
    notes, ending = stage.receiver.notes, stage.ending
    found = judge.after_all(stage.database, stage.promises, notes)
    ending.wrong += await asyncio.to_thread(list, found)
    told = dict(reversed(notes.told))  # when each was told first
    ending.told, ending.told_twice = len(told), notes.told_twice
    ending.repeats = len(notes.asked) - len(notes.keys)
    ending.worst_s = max([0.0, *(at_s - stage.born_s for at_s in told.values())])


def _last_words(stage: Stage) -> str:
    log = stage.folder / "flicbridge.log"
    return log.read_text(errors="replace")[-2000:] if log.exists() else "it said nothing"
