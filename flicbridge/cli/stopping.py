"""Running until somebody asks the process to stop."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager, suppress
from typing import Any, Final

# Ctrl-Break is how Windows asks a service to stop.
STOP_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGBREAK")


async def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Do the work until it ends, or until somebody asks this process to stop."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work, name="bridge")
        with _called_on_stop(task.cancel):
            await asyncio.wait({task})


@contextmanager
def _called_on_stop(stop: Callable[[], object]) -> Generator[None]:
    """Have `stop` called in the loop when a signal asks for it, for as long as the context lasts."""
    loop = asyncio.get_running_loop()
    numbers = [signal.Signals[name] for name in STOP_SIGNALS if name in signal.Signals.__members__]
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # on Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, handler or signal.SIG_DFL)
