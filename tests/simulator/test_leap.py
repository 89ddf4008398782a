"""The loop that leaps: a day passes in a moment, and real work is still waited for."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from flicbridge.clock import LoopClock
from flicbridge.simulator import leap
from flicbridge.simulator.leap import LeapingEventLoop, steady_loop


def run[T](
    coroutine: "asyncio._CoroutineLike[T]",
    loop_factory: Callable[[], LeapingEventLoop] = LeapingEventLoop,
) -> T:
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(coroutine)


def test_a_day_passes_in_a_moment_on_both_clocks() -> None:
    async def day() -> tuple[float, float]:
        clock = LoopClock(asyncio.get_running_loop())
        began_s, began_at = clock.now_s(), clock.now_at()
        await clock.sleep(86_400)
        return clock.now_s() - began_s, (clock.now_at() - began_at).total_seconds()

    real_s = time.monotonic()
    passed_s, passed_wall_s = run(day())
    assert 86_400 <= passed_s < 86_401
    assert abs(passed_s - passed_wall_s) < 0.01
    assert time.monotonic() - real_s < 30


def test_a_busy_thread_is_waited_for_in_real_time() -> None:
    async def wait_for_thread() -> str:
        go = threading.Event()
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, go.set)
        async with asyncio.timeout(3600):
            return await loop.run_in_executor(None, lambda: "done" if go.wait(10) else "never")

    assert run(wait_for_thread()) == "done"


def test_closing_the_loop_waits_for_its_threads_in_real_time() -> None:
    async def use_a_thread() -> int:
        return await asyncio.to_thread(lambda: 42)

    assert run(use_a_thread()) == 42


def test_bytes_on_a_socket_come_before_a_timeout() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    async def ask() -> bytes:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            async with asyncio.timeout(0.5):
                answer = await reader.readline()
            writer.close()
            await writer.wait_closed()
            return answer

    assert [run(ask()) for _ in range(20)] == [b"hello\n"] * 20


async def busy(seconds: float) -> float:
    """Compute for so long; returns how long it took by the loop's clock."""
    loop = asyncio.get_running_loop()
    began_s, until_s = loop.time(), time.monotonic() + seconds
    while time.monotonic() < until_s:
        pass
    return loop.time() - began_s


def test_work_counts_as_it_does_on_every_clock() -> None:
    assert run(busy(0.05)) >= 0.05


def test_on_a_steady_loop_work_costs_nothing_however_long_it_takes() -> None:
    assert run(busy(0.05), steady_loop) == 0.0


def test_whoever_looks_again_and_again_sees_time_pass_on_a_steady_loop() -> None:
    async def look_until(deadline_s: float) -> int:
        loop, turns = asyncio.get_running_loop(), 0
        until_s = loop.time() + deadline_s
        clock = LoopClock(loop)
        while loop.time() < until_s:
            await clock.sleep(0)
            turns += 1
        return turns

    first = run(look_until(0.01), steady_loop)
    assert first > 0
    assert run(look_until(0.01), steady_loop) == first


async def waited_for_thread_s(busy_s: float) -> float:
    """Have a thread be busy for so long; returns how long that took by the loop's clock."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await loop.run_in_executor(None, threading.Event().wait, busy_s)
    return loop.time() - began_s


def test_a_thread_that_is_soon_done_costs_nothing_on_a_steady_loop_however_busy_the_machine() -> None:
    assert run(waited_for_thread_s(0.05), steady_loop) < 0.01


def test_a_thread_that_hangs_takes_its_time_on_a_steady_loop_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leap, "PATIENCE_S", 0.02)
    assert run(waited_for_thread_s(0.1), steady_loop) >= 0.07


def test_beside_a_thread_that_hangs_timeouts_end_a_wait_on_a_steady_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leap, "PATIENCE_S", 0.02)

    async def give_up() -> bool:
        go = threading.Event()
        hanging = asyncio.get_running_loop().run_in_executor(None, go.wait, 60)
        try:
            async with asyncio.timeout(0.05):
                await asyncio.Event().wait()
        except TimeoutError:
            go.set()
        return await hanging

    assert run(give_up(), steady_loop)


def test_nobody_is_woken_too_early() -> None:
    async def overslept_s() -> float:
        loop = asyncio.get_running_loop()
        clock = LoopClock(loop)
        until_s = loop.time() + 0.1 + 0.2
        await clock.sleep(until_s - loop.time())
        return loop.time() - until_s

    assert 0 <= run(overslept_s(), steady_loop) < 0.001


def test_bytes_that_are_under_way_come_before_a_timeout_on_a_steady_loop() -> None:
    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    async def ask_often() -> list[bytes]:
        server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            answers = []
            for number in range(200):
                writer.write(b"%d\n" % number)
                async with asyncio.timeout(0.01):
                    answers.append(await reader.readline())
            writer.close()
            await writer.wait_closed()
        return answers

    assert run(ask_often(), steady_loop) == [b"%d\n" % number for number in range(200)]


def test_in_real_time_the_clock_goes_on_from_where_it_was() -> None:
    async def watched() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, LeapingEventLoop)
        clock = LoopClock(loop)
        await clock.sleep(3600)
        began_s, real_s = loop.time(), time.monotonic()
        loop.is_leaping = False
        await clock.sleep(0.05)
        loop.is_leaping = True
        return loop.time() - began_s, time.monotonic() - real_s

    passed_s, took_s = run(watched(), steady_loop)
    assert 0.05 <= passed_s <= took_s
