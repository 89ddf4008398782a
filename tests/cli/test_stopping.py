"""Ending on a signal: cleanly, on every platform."""

import asyncio
import os
import signal

import pytest

from flicbridge.cli.stopping import until_stopped
from flicbridge.errors import InputError

pytestmark = pytest.mark.real_time


class Work:
    """Something that runs until it is cancelled, and takes its leave."""

    def __init__(self) -> None:
        self.has_cleaned_up = False

    async def run(self, number: signal.Signals) -> None:
        try:
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            await asyncio.to_thread(lambda: None)
            self.has_cleaned_up = True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("like_windows", [False, True])
async def test_a_signal_ends_the_work_and_lets_it_clean_up(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals, like_windows: bool
) -> None:
    def missing(*_: object) -> None:
        raise NotImplementedError

    loop = asyncio.get_running_loop()
    if like_windows:
        monkeypatch.setattr(loop, "add_signal_handler", missing)
        monkeypatch.setattr(loop, "remove_signal_handler", missing)
    before = signal.getsignal(number)
    work = Work()
    await until_stopped(work.run(number))
    assert work.has_cleaned_up
    assert signal.getsignal(number) is before


async def test_work_that_ends_by_itself_is_over() -> None:
    async def nothing() -> None: ...

    await until_stopped(nothing())


async def test_work_that_fails_says_why() -> None:
    async def fail() -> None:
        raise InputError("another bridge is running")

    with pytest.raises(ExceptionGroup) as caught:
        await until_stopped(fail())
    assert caught.group_contains(InputError, match="another bridge")
