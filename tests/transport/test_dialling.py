"""When the network is another one, what still knocks begins anew; what may have been sent does not."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from flicbridge.clock import Clock, LoopClock
from flicbridge.errors import TransientDeliveryError
from flicbridge.simulator.gateways import FakeHttp
from flicbridge.simulator.gateways.fault import Fault
from flicbridge.supervise import alongside
from flicbridge.transport.dialling import Dialling
from flicbridge.transport.exchange import Exchange


@pytest.fixture
async def clock() -> Clock:
    return LoopClock(asyncio.get_running_loop())


def dead_at_first(clock: Clock, tries: list[float]) -> Callable[[], Awaitable[str]]:
    """The first path is dead, every later one works."""

    async def dial() -> str:
        tries.append(clock.now_s())
        if len(tries) == 1:
            await clock.sleep(3600.0)
        return "connected"

    return dial


async def redial_after(dialling: Dialling, clock: Clock, seconds: float) -> None:
    await clock.sleep(seconds)
    dialling.redial()
    await clock.sleep(3600.0)


async def test_a_connection_on_a_dead_path_is_begun_anew_at_once(clock: Clock) -> None:
    dialling, tries = Dialling(), list[float]()
    async with alongside(news=lambda: redial_after(dialling, clock, 2.0)):
        async with asyncio.timeout(5.0):
            assert await dialling.persist(dead_at_first(clock, tries)) == "connected"
    assert tries[1] - tries[0] == pytest.approx(2.0, abs=0.1)


async def test_what_may_have_been_sent_is_left_alone(clock: Clock) -> None:
    dialling, tries = Dialling(), list[float]()
    async with alongside(news=lambda: redial_after(dialling, clock, 2.0)):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5.0):
                await dialling.persist(dead_at_first(clock, tries), lambda: True)
    assert len(tries) == 1


async def test_what_leaves_in_the_very_moment_is_not_sent_twice(clock: Clock) -> None:
    dialling, left, tries = Dialling(), list[bool](), list[float]()

    async def leaves_now() -> None:
        await redial_after(dialling, clock, 2.0)

    async def dial() -> None:
        tries.append(clock.now_s())
        try:
            await clock.sleep(3600.0)
        except asyncio.CancelledError:
            left.append(True)  # broken off, and it was too late for that
            raise

    async with alongside(news=leaves_now):
        with pytest.raises(TimeoutError):
            await dialling.persist(dial, lambda: bool(left))
    assert len(tries) == 1


async def test_a_timeout_of_its_own_is_no_reason_to_begin_anew() -> None:
    tries = 0

    async def dial() -> None:
        nonlocal tries
        tries += 1
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await Dialling().persist(dial)
    assert tries == 1


async def test_news_that_come_twice_break_off_once(clock: Clock) -> None:
    dialling, tries = Dialling(), list[float]()

    async def news() -> None:
        await clock.sleep(1.0)
        dialling.redial()
        dialling.redial()
        await clock.sleep(3600.0)

    async with alongside(news=news):
        assert await dialling.persist(dead_at_first(clock, tries)) == "connected"
    assert len(tries) == 2


async def test_a_request_that_is_out_keeps_its_doubt_and_is_not_repeated(clock: Clock) -> None:
    async with FakeHttp(clock=clock) as hub, Exchange(hub.url, timeout_s=5.0) as exchange:
        hub.fault = Fault(kind="hang")

        async def news() -> None:
            await hub.wait_until(lambda: hub.attempts == 1, within_s=5.0)
            exchange.redial()
            await clock.sleep(3600.0)

        async with alongside(news=news):
            with pytest.raises(TransientDeliveryError) as refusal:
                await exchange.post(b"{}", {})
        assert refusal.value.may_have_arrived
        assert hub.attempts == 1
