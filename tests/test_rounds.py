"""Those who never say anything by themselves are asked, and nobody waits for one who does not answer."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flicbridge.clock import LoopClock
from flicbridge.guard.board import Board
from flicbridge.guard.host import HostFacts, read_host
from flicbridge.observation import Observation
from flicbridge.rounds import HOST_EVERY_S, Rounds
from flicbridge.simulator.gateways import FakeHttp, FakePhone, FakeSmtp
from flicbridge.simulator.gateways.fault import Fault
from flicbridge.supervise import alongside
from flicbridge.transport.base import Context
from flicbridge.transport.email import EmailOptions, EmailTransport
from flicbridge.transport.health import Health
from flicbridge.transport.http import HttpOptions, HttpTransport
from flicbridge.transport.smsgate import SmsGateOptions, SmsGateTransport

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PART = "channel:samu/0"
HEALTH_EVERY_S = 60.0
DAY_S = 86_400.0
SIGNING_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
async def clock() -> LoopClock:
    return LoopClock(asyncio.get_running_loop(), wall_at=NOON)


@pytest.fixture
async def phone(clock: LoopClock) -> AsyncIterator[FakePhone]:
    async with FakePhone(password="secret", clock=clock) as listening:
        yield listening


@pytest.fixture
async def transport(phone: FakePhone, clock: LoopClock) -> AsyncIterator[SmsGateTransport]:
    options = SmsGateOptions(transport="smsgate", url=phone.url, secret="x", to="+33612345678")
    async with SmsGateTransport(options, Context(lambda _: "secret", clock, "tilleuls-1")) as open_:
        yield open_


@pytest.fixture
async def rounds(transport: SmsGateTransport, clock: LoopClock, tmp_path: Path) -> Rounds:
    return Rounds(tmp_path, {"samu/0": transport}, Board(clock), clock)


def seen(rounds: Rounds) -> dict[str, Any]:
    return {k: v for k, v in rounds.board.facts(PART).items() if k.startswith("health_") and v is not None}


# -- the other side of a channel


async def test_the_phone_says_how_it_is_every_minute(rounds: Rounds, phone: FakePhone) -> None:
    async with alongside(**dict(rounds.parts())):
        await rounds.clock.sleep(HEALTH_EVERY_S)
        assert seen(rounds) == {
            "health_state": "well", "health_why": "", "health_battery_percent": 94, "health_charging": True,
            "health_online": True, "health_cellular": 4, "health_failed_messages": 0,
        }  # fmt: skip
        phone.battery_percent, phone.charging = 15, False
        await rounds.clock.sleep(HEALTH_EVERY_S * 1.2)
        assert seen(rounds)["health_state"] == "weak"
        phone.failed = "fail"
        await rounds.clock.sleep(HEALTH_EVERY_S * 1.2)
        assert seen(rounds)["health_state"] == "sick"
    assert phone.received == []


async def test_one_lost_answer_is_nothing_and_two_are_a_sick_phone(rounds: Rounds, phone: FakePhone) -> None:
    rounds.chance = lambda _low, high: high  # it is asked after 5 s, and then every 66 s
    async with alongside(**dict(rounds.parts())):
        await rounds.clock.sleep(60)
        phone.fault = Fault(kind="refuse")
        await rounds.clock.sleep(40)
        assert seen(rounds)["health_state"] == "well"
        await rounds.clock.sleep(60)
        assert seen(rounds) == {"health_state": "sick", "health_why": "cannot connect: Connection refused"}
        phone.fault = None
        await rounds.clock.sleep(60)
        assert seen(rounds)["health_state"] == "well"


async def test_a_phone_that_hangs_is_called_sick_in_the_end(rounds: Rounds, phone: FakePhone) -> None:
    phone.fault = Fault(kind="hang")
    async with alongside(**dict(rounds.parts())):
        await rounds.clock.sleep(HEALTH_EVERY_S * 4)
        assert seen(rounds)["health_state"] == "sick"


async def test_a_channel_that_begins_to_fail_is_asked_at_once_and_what_it_said_before_is_not_shown_on(
    rounds: Rounds, phone: FakePhone
) -> None:
    rounds.chance = lambda _low, high: high  # it is asked after 5 s, and then every 66 s
    async with alongside(**dict(rounds.parts())):
        await rounds.clock.sleep(20)
        assert seen(rounds)["health_battery_percent"] == 94
        phone.fault = Fault(kind="refuse")
        rounds.board.observe(Observation(PART, "state", "failing"))
        await rounds.clock.sleep(1)
        assert seen(rounds) == {"health_state": "sick", "health_why": "cannot connect: Connection refused"}


async def test_a_channel_that_works_again_is_asked_soon(rounds: Rounds, phone: FakePhone) -> None:
    rounds.chance = lambda _low, high: high
    async with alongside(**dict(rounds.parts())):
        phone.fault = Fault(kind="refuse")
        rounds.board.observe(Observation(PART, "state", "failing"))
        await rounds.clock.sleep(16)
        assert seen(rounds)["health_state"] == "sick"
        phone.fault = None
        rounds.board.observe(Observation(PART, "state", "ok"))
        await rounds.clock.sleep(1)
        assert seen(rounds)["health_state"] == "well"


async def test_a_channel_that_comes_and_goes_is_asked_once_a_minute(
    rounds: Rounds, transport: SmsGateTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_s: list[float] = []
    ask = transport.health

    async def counting() -> Health | None:
        asked_s.append(rounds.clock.now_s())
        return await ask()

    monkeypatch.setattr(transport, "health", counting)
    async with alongside(**dict(rounds.parts())):
        await rounds.clock.sleep(20)
        for second in range(300):
            state = "failing" if second % 2 else "ok"
            rounds.board.observe(Observation(PART, "state", state))
            await rounds.clock.sleep(1)
    assert 5 <= len(asked_s) <= 7


async def test_a_mail_server_is_asked_up_to_the_login_and_gets_no_mail(
    rounds: Rounds, clock: LoopClock
) -> None:
    async with FakeSmtp(clock=clock) as server:
        options = {"transport": "email", "host": "localhost", "port": server.port, "security": "none"}
        people = {"from": "cabinet@example.org", "to": "garde@example.org"}
        context = Context(lambda _: "secret", clock, "tilleuls-1")
        async with EmailTransport(EmailOptions.model_validate(options | people), context) as mail:
            rounds.transports = {"samu/0": mail}
            async with alongside(**dict(rounds.parts())):
                await clock.sleep(3600)
                assert seen(rounds) == {"health_state": "well", "health_why": ""}
                assert 4 <= server.attempts <= 5
                server.fault = Fault(kind="refuse")
                await clock.sleep(3600)
                assert seen(rounds)["health_state"] == "sick"
        assert server.received == []


async def test_a_web_server_is_called_every_few_minutes_and_once_more_when_it_is_silent(
    rounds: Rounds, clock: LoopClock
) -> None:
    rounds.chance = lambda _low, high: high  # it is asked after 5 s, every 330 s, and after 66 s
    async with FakeHttp(clock=clock) as server:
        options = HttpOptions(transport="http", url=server.url, secret="key")
        context = Context(lambda _: SIGNING_KEY, clock, "tilleuls-1")
        async with HttpTransport(options, context) as web:
            rounds.transports = {"samu/0": web}
            async with alongside(**dict(rounds.parts())):
                await clock.sleep(20)
                assert seen(rounds) == {"health_state": "well", "health_why": ""}
                server.fault = Fault(kind="refuse")
                await clock.sleep(330)
                assert seen(rounds)["health_state"] == "well"
                await clock.sleep(66)
                assert seen(rounds) == {
                    "health_state": "sick", "health_why": "cannot connect: Connection refused",
                }  # fmt: skip
                server.fault = None
                await clock.sleep(330)
                assert seen(rounds)["health_state"] == "well"
        assert server.attempts == 0


# -- the machine


@dataclass
class Machine:
    """A machine whose disk can hang."""

    looks: int = 0
    well: threading.Event = field(default_factory=threading.Event)

    def look(self, state_dir: Path) -> HostFacts:
        self.looks += 1
        self.well.wait(30)
        return read_host(state_dir)


@pytest.mark.real_time
async def test_the_machine_says_how_it_is_from_a_thread(rounds: Rounds) -> None:
    async with alongside(host=rounds.watch_host), asyncio.timeout(10):
        while rounds.board.value("host", "disk_free_mib") is None:
            await rounds.clock.sleep(0.01)
    assert rounds.board.value("host", "disk_low") in (True, False)


async def test_a_disk_that_hangs_costs_one_thread_and_no_more(rounds: Rounds) -> None:
    machine = Machine()
    rounds.look = machine.look
    try:
        async with alongside(host=rounds.watch_host):
            await rounds.clock.sleep(HOST_EVERY_S * 10)
        assert machine.looks == 1
    finally:
        machine.well.set()


# -- the batteries


async def test_one_reading_a_day_is_kept_and_tells_how_long_it_lasts(rounds: Rounds) -> None:
    part = "button:poche"
    async with alongside(batteries=rounds.watch_batteries):
        for day in range(30):
            rounds.board.observe(Observation(part, "battery_mv", 2960.0 - 5 * day))
            await rounds.clock.sleep(DAY_S)
    kept = [o for o, _ in rounds.board.changed() if o.fact == "battery_days"]
    assert len(kept) == 1
    assert len(str(kept[0].value).split()) == 30
    weeks = rounds.board.value(part, "battery_weeks")
    assert isinstance(weeks, float)
    assert 0.3 < weeks < 2.0  # 2815 mV, and falling fast


async def test_what_was_kept_before_a_restart_is_gone_on_with(rounds: Rounds) -> None:
    part, yesterday = "button:poche", NOON - timedelta(days=1)
    rounds.board.remember([(Observation(part, "battery_days", "2026-11-21:2950"), yesterday)])
    rounds.board.observe(Observation(part, "battery_mv", 2949.0))
    rounds.note_battery(part)
    assert rounds.board.value(part, "battery_days") == "2026-11-21:2950 2026-11-22:2949"


async def test_a_reading_without_a_date_is_not_kept(rounds: Rounds, clock: LoopClock) -> None:
    board = Board(LoopClock(asyncio.get_running_loop(), wall_at=datetime(1970, 1, 1, tzinfo=UTC)))
    board.observe(Observation("button:poche", "battery_mv", 2949.0))
    rounds.board = board
    rounds.note_battery("button:poche")
    assert board.value("button:poche", "battery_days") is None


async def test_a_button_that_was_never_read_has_no_history(rounds: Rounds) -> None:
    rounds.note_battery("button:poche")
    assert rounds.board.facts("button:poche") == {}
