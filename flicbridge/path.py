"""The data path of one button on one screen: what it says, as far as the ledger, and back to the button."""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from flicbridge.alert.alert import press_id
from flicbridge.alert.desk import Mark, Press, Reaction
from flicbridge.clock import Clock
from flicbridge.gesture import Gesture, GestureTable, Hands
from flicbridge.gesture.timeline import EarliestArrival
from flicbridge.observation import Observation, Observe, Value
from flicbridge.outbox.ledger import Ledger, Taken
from flicbridge.place import Position
from flicbridge.press import ButtonEvent, Counter
from flicbridge.press.source import ButtonSource, Heard, LinkUp, PressesLost

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Fingers:
    """What the configuration makes of one button's gestures.

    Attributes:
        button: the button's name.
        table: the gestures it knows.
        reactions: gesture name to reaction.
        allowance_s: how late a packet of this family may be and still overtake a timer of ours.
        queue_silence_s: how long a button of this family may be silent within the tale of its queue, which it
            ends with an event that was not queued. No timer of ours decides anything meanwhile.
        small_table: the gestures of the small button of a Duo; None if it means nothing.
        small_reactions: what they do.
        tests_since_s: who puts a finger on it from this instant on, on our monotonic clock, tries the button
            out: what would call for help is a test. What the button kept from before calls for help.
    """

    button: str
    table: GestureTable
    reactions: Mapping[str, Reaction]
    allowance_s: float
    queue_silence_s: float = 0.0
    small_table: GestureTable | None = None
    small_reactions: Mapping[str, Reaction] = field(default_factory=dict)
    tests_since_s: float = math.inf

    def hands(self) -> Hands:
        """Recognisers for all keys that mean something."""
        tables = {0: self.table, 1: self.small_table}
        return Hands({key: table for key, table in tables.items() if table is not None})

    def reaction(self, gesture: Gesture) -> Reaction:
        """What is made of it."""
        asked = (self.small_reactions if gesture.key else self.reactions)[gesture.name]
        is_trial = asked is Reaction.ALERT and gesture.pressed_s >= self.tests_since_s
        return Reaction.TEST if is_trial else asked


@dataclass(frozen=True, slots=True)
class _Echo:
    """Asks whether the path still takes what it hears."""

    back: asyncio.Future[None]


class ButtonPath:
    """Carries the presses of one button as far as the ledger, and tells the button what is safe.

    With `leaves_mark` it is written down how far the button is settled; not for one that says nothing twice.
    """

    def __init__(
        self,
        fingers: Fingers,
        source: ButtonSource,
        ledger: Ledger,
        where: Callable[[], Position | None],
        *,
        clock: Clock,
        observe: Observe,
        leaves_mark: bool = True,
    ) -> None:
        self.source = source
        self.fingers = fingers
        self._ledger = ledger
        self._where = where
        self._clock = clock
        self._observe = observe
        self._hands = fingers.hands()
        self._timeline = EarliestArrival()
        self._queue_silent_s = -math.inf  # until then the rest of a queue may come
        self._heard: asyncio.Queue[Heard | _Echo] = asyncio.Queue()
        self._leaves_mark = leaves_mark
        self._marked: Counter | None = None
        self._serial: str | None = None
        self._boot_id: int | None = None
        self._asked: list[asyncio.Future[Taken]] = []
        self.is_heard = asyncio.Event()
        """Set once the button said anything, be it that it is there."""
        self.taking = asyncio.Lock()
        """Held while a press is on its way to the ledger: whoever stops the path waits for it."""

    def next_taken(self) -> asyncio.Future[Taken]:
        """What will become of this button's next gesture."""
        future: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._asked.append(future)
        return future

    async def echo(self) -> None:
        """Return once the path has taken all that it has heard up to now; the caller limits the time."""
        back: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._heard.put_nowait(_Echo(back))
        await back

    async def listen(self) -> None:
        """Let the source run; for ever."""
        await self.source.run(self._hear)

    def _hear(self, heard: Heard) -> None:
        self._heard.put_nowait(heard)
        self.is_heard.set()

    async def carry(self) -> None:
        """Carry what is heard; for ever."""
        while True:
            heard = await self._next()
            if isinstance(heard, _Echo):
                _answer(heard)
                continue
            async with self.taking:
                await self._carry(self._gestures(heard))

    async def _carry(self, gestures: list[Gesture]) -> None:
        for gesture in gestures:
            # How far the button is settled may be written down only with the last of them.
            await self._take(gesture, with_mark=gesture is gestures[-1])
        if self._heard.empty():
            await self._note_settled()

    async def _next(self) -> Heard | _Echo | None:
        """What is heard next, or None when the recognisers' time has come."""
        if not self._heard.empty():
            return self._heard.get_nowait()
        deadline_s = self._hands.deadline_s
        wake_s = None
        if deadline_s is not None:
            wake_s = self._timeline.wake_at_s(deadline_s, self.fingers.allowance_s)
            wake_s = max(wake_s, self._queue_silent_s)
        try:
            async with asyncio.timeout_at(wake_s):
                return await self._heard.get()
        except TimeoutError:
            return None

    def _gestures(self, heard: Heard | None) -> list[Gesture]:
        match heard:
            case None:
                now_s = self._timeline.button_now_s(self._clock.now_s(), self.fingers.allowance_s)
                return self._hands.pass_time(now_s)
            case LinkUp():
                return self._begin_session(heard)
            case PressesLost():
                log.error("presses_lost", button=self.fingers.button, presses=heard.presses)
                return []
            case ButtonEvent():
                self._timeline.note(heard.at_s, heard.arrived_s)
                self._serial = heard.serial
                waits_s = self.fingers.queue_silence_s if heard.was_queued else -math.inf
                self._queue_silent_s = heard.arrived_s + waits_s
                return self._hands.feed(heard)

    def _begin_session(self, link: LinkUp) -> list[Gesture]:
        """Start afresh: what was unfinished was not settled either, so the button says it again.

        Unless it restarted. Then its memory is gone, and what we heard is all there will ever be.
        """
        restarted = self._boot_id not in (None, link.boot_id)
        gestures = self._hands.pass_time(math.inf) if restarted else []
        self._hands.reset()
        self._boot_id = link.boot_id
        self._timeline = EarliestArrival()
        self._timeline.note(link.clock_s, link.arrived_s)
        return gestures

    async def _take(self, gesture: Gesture, *, with_mark: bool) -> None:
        log.debug("gesture_recognised", button=gesture.button, gesture=gesture.name, key=gesture.key)
        mark = self._mark() if with_mark else None
        taken = await self._ledger.take(self._press(gesture), mark, self._where())
        self._say("last_gesture", gesture.name)
        if mark is not None and taken.safe:
            self._acknowledge(mark.counter)
        for future in self._asked:
            if not future.done():
                future.set_result(taken)
        self._asked.clear()

    def _press(self, gesture: Gesture) -> Press:
        """Date a gesture back to when the finger went down; only the wall clock of now is asked."""
        now, counter = self._clock.reading(), gesture.counter
        ago = timedelta(seconds=max(0.0, self._clock.now_s() - gesture.pressed_s))
        return Press(
            id=press_id(gesture.serial, counter.boot_id, gesture.first.own_count, gesture.key),
            by=f"button:{gesture.button}{'/small' if gesture.key else ''}",
            button=gesture.button,
            gesture=gesture.name,
            reaction=self.fingers.reaction(gesture),
            pressed_at=now.at - ago,
            received_at=now.at,
            was_queued=gesture.was_queued,
            key=gesture.key,
            received_up=now.up,
        )

    def _mark(self) -> Mark | None:
        settled = self._hands.settled
        if settled is None or settled == self._marked or self._serial is None or not self._leaves_mark:
            return None
        return Mark(self._serial, settled)

    async def _note_settled(self) -> None:
        """Presses that mean nothing are settled too, lest the button say them again for ever."""
        mark = self._mark()
        if mark is not None and await self._ledger.note(mark):
            self._acknowledge(mark.counter)

    def _acknowledge(self, counter: Counter) -> None:
        self._marked = counter
        self.source.acknowledge(counter)

    def _say(self, fact: str, value: Value) -> None:
        self._observe(Observation(f"button:{self.fingers.button}", fact, value))


def _answer(echo: _Echo) -> None:
    if not echo.back.done():  # whoever asked may have given up
        echo.back.set_result(None)
