"""Blocking work that nobody has to wait for in the end: a hung disk or name server must not hold us up."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress


async def aside[T](work: Callable[[], T]) -> T:
    """Do blocking work in a thread of its own.

    Loop and interpreter wait for the threads of `asyncio.to_thread` when they end. This one is left behind by
    whoever gives up, and the program can end all the same.

    Raises:
        Exception: whatever the work raises.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def succeed(result: T) -> None:
        if not done.done():
            done.set_result(result)

    def fail(error: Exception) -> None:
        if not done.done():
            done.set_exception(error)

    def run() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody wants to know any more
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 - handed on to whoever waits
                loop.call_soon_threadsafe(fail, error)
            else:
                loop.call_soon_threadsafe(succeed, result)

    threading.Thread(target=run, name="selfcheck", daemon=True).start()
    return await done
