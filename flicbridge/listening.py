"""The buttons that a running bridge listens to. Each comes, goes and pauses unnoticed by the others."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from flicbridge.clock import Clock
from flicbridge.guard.status import ButtonPart
from flicbridge.observation import Observation, Observe
from flicbridge.path import ButtonPath
from flicbridge.supervise import Start

END_TIMEOUT_S: Final = 5.0

log = structlog.get_logger()

type Keep = Callable[[str, Start], Awaitable[None]]
"""Keeps a part running, by its name."""


@dataclass(frozen=True, slots=True)
class Roster:
    """The buttons of one reading of the settings file, built but not at work.

    Attributes:
        buttons: all of them, those without a pairing included.
        paths: the data path of each that can be heard.
        made_of: whatever each path was made of, to be compared: what did not change is left alone.
        restart_needed: something else than the buttons differs from the settings the bridge started with.
    """

    buttons: tuple[ButtonPart, ...]
    paths: Mapping[str, ButtonPath]
    made_of: Mapping[str, object]
    restart_needed: bool = False


@dataclass(slots=True)
class _Ear:
    """One button at work.

    Attributes:
        carrying: takes what was heard to the ledger.
        listening: the button itself; None while it is paused.
        pausing: waits for the end of a pause.
    """

    path: ButtonPath
    carrying: asyncio.Task[None]
    listening: asyncio.Task[None] | None = None
    pausing: asyncio.Task[None] | None = None


class Listening:
    """Use `take_up` within the task group that it was given.

    Args:
        group: owns the tasks of all buttons.
        keep: keeps a part running.
        clock: what time it is.
        observe: told which buttons are `paused`.
    """

    def __init__(self, group: asyncio.TaskGroup, keep: Keep, *, clock: Clock, observe: Observe) -> None:
        self._group = group
        self._keep = keep
        self._clock = clock
        self._observe = observe
        self._ears: dict[str, _Ear] = {}
        self._made_of: Mapping[str, object] = {}
        self._turn = asyncio.Lock()

    @property
    def paths(self) -> dict[str, ButtonPath]:
        """The paths at work, by the name of their button."""
        return {name: ear.path for name, ear in self._ears.items()}

    async def take_up(self, roster: Roster) -> tuple[list[str], list[str]]:
        """Listen to these buttons, and to no other. Those that did not change go on undisturbed.

        Returns:
            The names of those that are listened to anew, and of those that were given up.
        """
        async with self._turn:
            stays = {
                name
                for name in self._ears.keys() & roster.paths.keys()
                if self._made_of[name] == roster.made_of[name]
            }
            gone = [name for name in self._ears if name not in stays]
            for name in gone:
                await self._give_up(name)
            new = [name for name in roster.paths if name not in stays]
            for name in new:
                self._start(name, roster.paths[name])
            self._made_of = roster.made_of
            return new, gone

    def pause(self, name: str, seconds: float) -> None:
        """Let go of a button for that long; a pause under way is replaced. The button keeps what is pressed
        meanwhile, so it is late, not lost.
        """
        ear = self._ears[name]
        if ear.pausing is not None:
            ear.pausing.cancel()
            ear.pausing = None
        if seconds <= 0:
            self._resume(name, ear)
            return
        if ear.listening is not None:
            ear.listening.cancel()
            ear.listening = None
            log.warning("button_paused", button=name)
            self._observe(Observation(f"button:{name}", "paused", value=True))
        ear.pausing = self._group.create_task(self._end_pause(name, ear, seconds), name=f"pause:{name}")

    async def _end_pause(self, name: str, ear: _Ear, seconds: float) -> None:
        await self._clock.sleep(seconds)
        ear.pausing = None
        self._resume(name, ear)

    def _resume(self, name: str, ear: _Ear) -> None:
        if ear.listening is None:
            ear.listening = self._run(f"button:{name}", ear.path.listen)
            log.info("button_resumed", button=name)
            self._observe(Observation(f"button:{name}", "paused", value=False))

    def _start(self, name: str, path: ButtonPath) -> None:
        ear = _Ear(path, self._run(f"path:{name}", path.carry))
        ear.listening = self._run(f"button:{name}", path.listen)
        self._ears[name] = ear

    async def _give_up(self, name: str) -> None:
        """Stop listening first; then stop carrying, but never amid a press: its messages would wait in the
        database until the next start. What is not carried is not acknowledged either, so it comes again.
        """
        ear = self._ears.pop(name)
        for task in (ear.pausing, ear.listening):
            if task is not None:
                task.cancel()
        async with ear.path.taking:
            ear.carrying.cancel()
        # A new path for the same button must not meet the old one's link.
        tasks = [task for task in (ear.listening, ear.carrying) if task is not None]
        await asyncio.wait(tasks, timeout=END_TIMEOUT_S)
        log.info("button_given_up", button=name)

    def _run(self, part: str, start: Start) -> asyncio.Task[None]:
        return self._group.create_task(_awaited(self._keep(part, start)), name=part)


async def _awaited(work: Awaitable[None]) -> None:
    await work
