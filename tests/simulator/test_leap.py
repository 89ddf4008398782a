"""The loop that leaps: a day passes in a moment, and real work is still waited for."""

import asyncio
import threading
import time

from flicbridge.clock import LoopClock
from flicbridge.simulator.leap import LeapingEventLoop


def run[T](coroutine: "asyncio._CoroutineLike[T]") -> T:
    with asyncio.Runner(loop_factory=LeapingEventLoop) as runner:
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
