"""Waiting for bleak without being at its mercy.

A coroutine of bleak's may hang, and when cancelled it may clean up for seconds, or for ever if bluetoothd
does not answer. So each one runs in a task of its own: who waits for it stops waiting at the deadline, and
what is left of it ends behind the scenes.
"""

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

import structlog
from bleak.exc import BleakBluetoothNotAvailableError

from flicbridge.errors import ButtonUnreachableError

log = structlog.get_logger()

LONGEST_EXPLANATION = 200  # characters; bleak likes to quote whole D-Bus replies


class Errands:
    """The tasks of one radio. Use it as a context: its end cancels what is still under way."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._group.__aexit__(kind, error, traceback)

    async def within[T](self, seconds: float, errand: Coroutine[Any, Any, T], what: str) -> T:
        """Wait for an errand, but not longer than that.

        Args:
            seconds: the deadline. The errand is cancelled then, and not waited for any more.
            errand: what to do.
            what: what it is about, for people: "connect".

        Raises:
            ButtonUnreachableError: it failed, in whatever way, or took too long.
        """
        task = self._start(_caught(errand), errand, what)
        try:
            await asyncio.wait({task}, timeout=seconds)
        finally:
            task.cancel()
        if not task.done():
            raise ButtonUnreachableError(f"{what}: no answer within {seconds:g} s")
        if task.cancelled():  # by the library itself, when the link goes
            raise ButtonUnreachableError(f"{what}: given up")
        outcome = task.result()
        if isinstance(outcome, Exception):
            raise ButtonUnreachableError(f"{what}: {explain(outcome)}") from outcome
        return outcome

    def later(
        self,
        seconds: float | None,
        errand: Coroutine[Any, Any, None],
        what: str,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        """Do it behind the scenes, within that many seconds; that it fails is worth a debug line."""
        self._start(_quietly(seconds, errand, what), errand, what).add_done_callback(lambda _: done())

    def _start[T](
        self, wrapped: Coroutine[Any, Any, T], errand: Coroutine[Any, Any, Any], what: str
    ) -> asyncio.Task[T]:
        task = self._group.create_task(wrapped, name=what)
        task.add_done_callback(lambda _: errand.close())  # cancelled before its first step, it never ran
        return task


async def _caught[T](errand: Coroutine[Any, Any, T]) -> T | Exception:
    """Hand an exception back as a value: raised, it would end all tasks of the group."""
    try:
        return await errand
    except Exception as error:  # noqa: BLE001 - bleak and D-Bus raise anything, AssertionError and KeyError included
        return error


async def _quietly(seconds: float | None, errand: Coroutine[Any, Any, None], what: str) -> None:
    try:
        async with asyncio.timeout(seconds):
            await errand
    except Exception as error:  # noqa: BLE001 - as above
        log.debug("errand_failed", errand=what, error=explain(error))


def explain(error: Exception) -> str:
    """Say in one short line what an exception of bleak's means."""
    match error:
        case BleakBluetoothNotAvailableError():
            text = str(error.args[0])
        case TimeoutError():
            text = "no answer in time"
        case OSError():
            text = f"the system's Bluetooth service cannot be reached ({error.strerror or error})"
        case _:
            text = str(error)
    return (text or type(error).__name__)[:LONGEST_EXPLANATION]
