"""What the bridge knows of itself, kept for the next start.

Most of what is observed is only a comfort after a restart, and writing wears out a memory card: a few times
an hour will do. But what decides whether a press calls for help, and what somebody was told of it, is on disk
within seconds after it changed; and all of it once more at an orderly end. What the disk refuses is written
when it works again.

Of what earlier runs left, only what is still true of this one is taken over (`guard/past.py`). The rest is
erased before anything else is written: the disk is never to hold the facts of one channel beside the seal of
another.
"""

import asyncio
from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog

from flicbridge.clock import Clock
from flicbridge.config.plan import channels_of
from flicbridge.config.settings import Settings
from flicbridge.errors import StoreError
from flicbridge.guard.board import Board
from flicbridge.guard.notices import SUBJECT as NOTICE
from flicbridge.guard.past import Past, Present, sift
from flicbridge.observation import Observation
from flicbridge.outbox.store import Store
from flicbridge.replies import Replies

log = structlog.get_logger()

KEEP_EVERY_S: Final = 900.0
# What is said within this belongs together, and becomes one commit.
SOON_S: Final = 1.0
# After a refusal. Looking after the disk is the caretaker's; a press may have to wait behind each try.
AGAIN_S: Final = 60.0
# At the end, systemd waits for 15 s until it kills, and the store has to be closed as well.
FAREWELL_S: Final = 5.0

WEIGHTY_OF_CHANNELS: Final = frozenset({"state", "replies"})
"""Facts of a channel that decide whether somebody is reached, and cannot be asked for after a start."""


def present_in(settings: Settings, replies: Replies, *, is_rehearsal: bool) -> Present:
    """What a run with these settings has."""
    return Present(
        channels={channel: options for _, channel, options in channels_of(settings)},
        read={channel for _, channel, _ in replies.channels},
        has_heartbeat=settings.maintainer.heartbeat is not None and not is_rehearsal,
    )


@dataclass(slots=True)
class Memory:
    """See the module.

    Attributes:
        present: what this run has.
    """

    store: Store
    board: Board
    clock: Clock
    present: Present
    _past: Past | None = field(init=False, default=None)
    _openings: int | None = field(init=False, default=None)
    _weighty: set[str] = field(init=False, default_factory=set)
    _news: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.board.listen(self._hear)

    async def begin(self) -> None:
        """Take over what is still true, as far as the disk lets us; the rest comes with the disk.

        Nothing is written yet: it is not known so far whether another bridge runs on this state.
        """
        try:
            await self._recall()
        except StoreError as error:
            log.error("store_refused", error=str(error))

    async def _recall(self) -> None:
        self._past = sift(await self.store.observations(), self.present)
        self.board.remember(self._past.true)
        self._openings = self.store.openings

    async def keep_for_ever(self) -> None:
        """Write down soon what matters, and the rest now and then."""
        due_s = self.clock.now_s() + SOON_S
        while True:
            subjects = await self._news_until(due_s)
            is_kept = await self.keep(subjects)
            if subjects is None:
                due_s = self.clock.now_s() + (KEEP_EVERY_S if is_kept else AGAIN_S)
            elif not is_kept:
                due_s = min(due_s, self.clock.now_s() + AGAIN_S)

    async def _news_until(self, due_s: float) -> Container[str] | None:
        """Wait until some subjects have to be written soon; None once everything is due."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(due_s):
                await self._news.wait()
                await self.clock.sleep(SOON_S)
        subjects, self._weighty = self._weighty, set()
        self._news.clear()
        return None if self.clock.now_s() >= due_s else subjects

    def _hear(self, observation: Observation) -> None:
        """Note what must not be forgotten."""
        subject, fact = observation.subject, observation.fact
        matters = subject == NOTICE or (subject.startswith("channel:") and fact in WEIGHTY_OF_CHANNELS)
        note = self.board.note(subject, fact) if matters else None
        if note is not None and note.is_new:
            self._weighty.add(subject)
            self._news.set()

    async def keep(self, subjects: Container[str] | None = None) -> bool:
        """Write down what changed, of some subjects or of all.

        Returns:
            Whether it is on disk. If not, it is written the next time.
        """
        try:
            if self._openings != self.store.openings:
                await self._recall()  # a file that was not there, or is another one
                self.board.owe_all()
            await self._clear_up()
            found = self.board.changed(subjects)
            if found:
                await self.store.put_observations(found)
        except StoreError as error:
            log.error("store_refused", error=str(error))
            return False
        if self._openings != self.store.openings:
            return False  # it was opened anew meanwhile, and may be another file
        self.board.kept(found)
        return True

    async def keep_at_the_end(self) -> None:
        """Write all down, if the disk takes it in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await self.keep()

    async def _clear_up(self) -> None:
        """Erase what is true no more, and then seal what is."""
        if self._past is None:
            return
        for subject in self._past.gone:
            await self.store.forget_subject(subject)
        if self._past.seals:
            now_at = self.clock.now_at()
            await self.store.put_observations((seal, now_at) for seal in self._past.seals)
        self._past = None
