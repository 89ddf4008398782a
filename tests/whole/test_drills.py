"""The bridge tries itself out: silently every night, and with real messages to those who agreed."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flicbridge.alert.alert import Happening, Way
from flicbridge.alert.drill import Drill, DrillKind, DrillResult
from flicbridge.bridge import open_bridge
from flicbridge.clock import LoopClock
from flicbridge.config import load
from flicbridge.credentials import Credentials
from flicbridge.drills import LIMIT, SETTLE_S
from flicbridge.errors import InputError
from flicbridge.house import Bridge
from flicbridge.selftest import FOLDER
from flicbridge.servicemanager import ServiceManager
from flicbridge.simulator.gateways import FakeHttp, FakeSmtp, Fault

SUNDAY_AT = datetime(2026, 11, 22, 17, tzinfo=UTC)  # 18:00 in Paris
NOON_AT = SUNDAY_AT - timedelta(hours=6)
MINUTE_S, DAY = 60.0, timedelta(days=1)

DRILLS = """
[[recipients]]
name = "technician"
channels = [ {{ transport = "http", url = "{url}", secret = "hub-key" }} ]

[drills]
self_test = "{self_test}"
own = {{ notify = ["technician"], at = "sun 18:00" }}
"""

type WriteConfig = Callable[..., Path]
type Start = Callable[..., AbstractAsyncContextManager[Any]]


@dataclass
class Tried:
    """A bridge that runs, with the clock of its practice."""

    bridge: Bridge
    clock: LoopClock

    async def held(self) -> list[Drill]:
        """Every drill, oldest first."""
        return list(await self.bridge.list_drills(100))[::-1]

    async def results(self) -> list[tuple[str, str]]:
        return [(drill.kind.value, drill.found.result.value) for drill in await self.held()]

    async def ask(self, kind: DrillKind) -> Drill:
        """Have one held, and wait for its result."""
        begun = await self.bridge.drill(kind, "cli")
        while True:
            found = next((d for d in await self.held() if d.id == begun.id), begun)
            if found.found.result is not DrillResult.RUNNING:
                return found
            await self.clock.sleep(0.5)

    async def problems(self) -> set[tuple[str, str]]:
        status = await self.bridge.status()
        return {(p["part"], p["problem"]) for p in status["problems"] if p["part"].startswith("drill:")}


type Run = Callable[[datetime], AbstractAsyncContextManager[Tried]]


@pytest.fixture
async def outside() -> AsyncIterator[FakeHttp]:
    """The real receiver of every message, wherever the settings lead."""
    async with FakeHttp() as listening:
        yield listening


@pytest.fixture
async def technician() -> AsyncIterator[FakeHttp]:
    async with FakeHttp() as listening:
        yield listening


@pytest.fixture
def write(write_config: WriteConfig, outside: FakeHttp, technician: FakeHttp) -> Callable[..., Path]:
    def write(*, self_test: str = "off", more: str = "") -> Path:
        config = write_config(outside.url)
        drills = DRILLS.format(url=technician.url, self_test=self_test)
        config.write_text(config.read_text() + drills + more)
        return config

    return write


@pytest.fixture
def run(tmp_path: Path, secret: str) -> Run:
    """Run a bridge from a moment on; again and again on the same state."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    for name, value in {"hub-key": secret, "duress-pin": "2468"}.items():
        (secrets / name).write_text(value)
        (secrets / name).chmod(0o600)
    config = tmp_path / "flicbridge.toml"

    @asynccontextmanager
    async def running(at: datetime) -> AsyncIterator[Tried]:
        clock = LoopClock(asyncio.get_running_loop(), wall_at=at)
        opening = open_bridge(load(config), Credentials.beside(config), clock=clock, manager=ServiceManager())
        async with opening as bridge, asyncio.TaskGroup() as group:
            task = group.create_task(bridge.run())
            await bridge.ready.wait()
            yield Tried(bridge, clock)
            task.cancel()

    return running


# -- the self-test ---------------------------------------------------------------------------------------


async def test_a_press_inside_comes_out_at_a_fake_receiver_and_nobody_outside_hears_of_it(
    write: Callable[..., Path], run: Run, outside: FakeHttp, technician: FakeHttp, tmp_path: Path
) -> None:
    write(self_test="04:00")
    async with run(NOON_AT) as tried:
        found = (await tried.ask(DrillKind.SELF)).found
        alerts = await tried.bridge.list_alerts(10)
        assert await tried.problems() == set()
    assert (found.result, found.detail) == (DrillResult.OK, "")
    assert found.took_ms.keys() == {"hub/0"}
    assert all(took_ms is not None for took_ms in found.took_ms.values())
    assert outside.attempts == technician.attempts == 0
    assert alerts == []
    assert list((tmp_path / "state").glob(f"{FOLDER}*")) == []


async def test_it_is_held_soon_after_the_first_start_and_then_every_night(
    write: Callable[..., Path], run: Run, outside: FakeHttp
) -> None:
    write(self_test="04:00")
    async with run(NOON_AT) as tried:
        await tried.clock.sleep(SETTLE_S + 2 * MINUTE_S)
        assert await tried.results() == [("self", "ok")]
        shown = (await tried.bridge.status())["drills"]
        assert [(drill["kind"], drill["result"], drill["due_at"]) for drill in shown] == [
            ("self", "ok", "2026-11-23T03:00:00.000+00:00"),
            ("own", None, "2026-11-22T17:00:00.000+00:00"),
        ]
    async with run(datetime(2026, 11, 23, 2, 50, tzinfo=UTC)) as tried:
        await tried.clock.sleep(30 * MINUTE_S)
        night = [drill for drill in await tried.held() if drill.kind is DrillKind.SELF]
        assert [f"{drill.began_at:%d %H}h" for drill in night] == ["22 11h", "23 03h"]
    assert outside.attempts == 0


async def test_one_that_fails_means_not_protected_until_it_passes_again(
    write: Callable[..., Path], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(self_test="04:00")

    def refuses(*_: Any) -> str:
        raise ValueError("broken texts")

    async with run(NOON_AT) as tried:
        with monkeypatch.context() as broken:
            broken.setattr("flicbridge.transport.render.compose_sms", refuses)
            found = (await tried.ask(DrillKind.SELF)).found
        assert found.result is DrillResult.FAILED
        assert "hub/0" in found.detail
        assert await tried.problems() == {("drill:self", "self_test_failed")}
        assert (await tried.bridge.status())["protection"]["state"] == "not_protected"
        await tried.clock.sleep(20 * MINUTE_S)  # it is tried again by itself
        assert await tried.results() == [("self", "failed"), ("self", "ok")]
        assert await tried.problems() == set()


async def test_an_alert_raised_meanwhile_goes_its_own_way(
    write: Callable[..., Path], run: Run, outside: FakeHttp
) -> None:
    write(self_test="04:00")
    async with run(NOON_AT) as tried:
        begun = await tried.bridge.drill(DrillKind.SELF, "cli")
        taken = await tried.bridge.press("bureau", "single")
        await outside.wait_for(1, within_s=10)
        while (await tried.held())[0].found.result is DrillResult.RUNNING:
            await tried.clock.sleep(0.5)
        assert (await tried.held())[0].found.result is DrillResult.OK
    assert [arrival.event["subject"] for arrival in outside.received] == [str(taken.alert)]
    assert taken.alert != begun.id


async def test_a_mail_is_tried_out_over_encrypted_smtp_of_its_own(
    write: Callable[..., Path], run: Run, write_config: WriteConfig, tmp_path: Path
) -> None:
    mail = (
        '{ transport = "email", host = "127.0.0.1", port = %d, from = "a@example.fr", to = "b@example.fr" }'
    )
    async with FakeSmtp() as real:
        config = write(self_test="04:00")
        text = config.read_text().replace(
            'secret = "hub-key" } ]', f'secret = "hub-key" }}, {mail % real.port} ]', 1
        )
        config.write_text(text)
        async with run(NOON_AT) as tried:
            found = (await tried.ask(DrillKind.SELF)).found
        assert found.result is DrillResult.OK, found.detail
        assert found.took_ms.keys() == {"hub/0", "hub/1"}
        assert real.connections == 0


async def test_what_no_fake_receiver_speaks_here_is_said_and_is_no_failure(
    write: Callable[..., Path], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installation without the package that the fake mail server is made of."""
    monkeypatch.setitem(sys.modules, "flicbridge.simulator.gateways.smtp", None)
    config = write(self_test="04:00")
    mail = '{ transport = "email", host = "mail.invalid", from = "a@example.fr", to = "b@example.fr" }'
    config.write_text(
        config.read_text().replace('secret = "hub-key" } ]', f'secret = "hub-key" }}, {mail} ]', 1)
    )
    async with run(NOON_AT) as tried:
        found = (await tried.ask(DrillKind.SELF)).found
        assert await tried.problems() == set()
    assert found.result is DrillResult.PARTLY
    assert found.detail == "hub/1: no fake receiver for email here, its own code was not tried"
    assert None not in found.took_ms.values()


# -- real messages ---------------------------------------------------------------------------------------


async def test_the_weekly_message_reaches_those_who_agreed_at_its_time_and_nobody_else(
    write: Callable[..., Path], run: Run, outside: FakeHttp, technician: FakeHttp
) -> None:
    write()
    async with run(SUNDAY_AT - timedelta(minutes=10)) as tried:
        await tried.clock.sleep(9 * MINUTE_S)
        assert technician.received == []
        await tried.clock.sleep(5 * MINUTE_S)
        assert await tried.results() == [("own", "ok")]
        shown = await tried.bridge.show_alert((await tried.held())[0].id)
        await tried.clock.sleep(5 * MINUTE_S)
    assert len(technician.received) == 1
    data = technician.received[0].event["data"]
    assert (data["kind"], data["button"]) == ("test", "drill:own")
    assert shown is not None
    assert shown["history"][0]["by"] == "drill:own"
    assert outside.attempts == 0


async def test_one_that_is_answered_says_who_and_when(
    write: Callable[..., Path], run: Run, technician: FakeHttp
) -> None:
    write()
    async with run(NOON_AT) as tried:
        drill = await tried.ask(DrillKind.OWN)
        assert await tried.bridge.move_alert(
            drill.id, Happening.ACKNOWLEDGED, by="recipient:technician", way=Way.LINK
        )
        answered = (await tried.held())[0]
    assert (answered.found.result, answered.answered_by) == (DrillResult.OK, "recipient:technician")
    assert answered.answered_at is not None


async def test_it_is_shown_as_a_drill_until_it_has_its_result_and_never_as_a_call_for_help(
    write: Callable[..., Path], run: Run, technician: FakeHttp
) -> None:
    write()
    technician.fault = Fault(kind="status", status=503)
    async with run(NOON_AT) as tried:
        begun = await tried.bridge.drill(DrillKind.OWN, "cli")
        await tried.clock.sleep(5.0)
        status = await tried.bridge.status()
        assert (status["open_alerts"], status["trials"]) == ([], [str(begun.id)])
        technician.fault = None
        await tried.clock.sleep(LIMIT.total_seconds())
        assert await tried.results() == [("own", "ok")]
        status = await tried.bridge.status()
        assert (status["open_alerts"], status["trials"]) == ([], [])


async def test_what_does_not_get_through_in_time_has_failed_with_the_reason_and_shows(
    write: Callable[..., Path], run: Run, technician: FakeHttp
) -> None:
    write()
    technician.fault = Fault(kind="status", status=503)
    async with run(NOON_AT) as tried:
        began_s = tried.clock.now_s()
        drill = await tried.ask(DrillKind.OWN)
        assert drill.found.result is DrillResult.FAILED
        assert "technician/0: " in drill.found.detail
        assert "503" in drill.found.detail
        assert LIMIT.total_seconds() <= tried.clock.now_s() - began_s < LIMIT.total_seconds() + 15
        assert await tried.problems() == {("drill:own", "drill_failed")}


async def test_nobody_is_disturbed_while_an_alert_is_open(
    write: Callable[..., Path], run: Run, technician: FakeHttp
) -> None:
    write()
    async with run(SUNDAY_AT - timedelta(minutes=5)) as tried:
        taken = await tried.bridge.press("bureau", "single")
        await tried.clock.sleep(30 * MINUTE_S)
        with pytest.raises(InputError, match="an alert is open"):
            await tried.bridge.drill(DrillKind.OWN, "cli")
        assert technician.received == []
        assert taken.alert is not None
        await tried.bridge.move_alert(taken.alert, Happening.CLOSED, by="api")
        await tried.clock.sleep(3 * MINUTE_S)
        assert await tried.results() == [("own", "ok")]


async def test_an_alert_that_only_looks_cancelled_holds_them_back_and_nobody_in_the_room_can_tell(
    write: Callable[..., Path], run: Run, technician: FakeHttp
) -> None:
    write(more='[alerts]\nduress_pin = "duress-pin"\n')
    async with run(SUNDAY_AT - timedelta(minutes=5)) as tried:
        await tried.bridge.press("bureau", "single")
        await tried.bridge.press("bureau", "triple")  # no button can give the PIN
        await tried.clock.sleep(20 * MINUTE_S)
        assert technician.received == []
        await tried.ask(DrillKind.OWN)
        assert len(technician.received) == 1


async def test_nobody_can_ask_for_a_message_that_nobody_agreed_to(
    write: Callable[..., Path], run: Run
) -> None:
    write()
    async with run(NOON_AT) as tried:
        with pytest.raises(InputError, match=r"no \[drills.exercise\]"):
            await tried.bridge.drill(DrillKind.EXERCISE, "cli")


async def test_a_bridge_that_was_off_makes_it_up_in_the_morning_and_once(
    write: Callable[..., Path], run: Run, technician: FakeHttp
) -> None:
    write()
    async with run(NOON_AT) as tried:
        await tried.clock.sleep(MINUTE_S)
    async with run(SUNDAY_AT + timedelta(hours=12, minutes=50)) as tried:  # 6:50 on Monday
        await tried.clock.sleep(9 * MINUTE_S)
        assert await tried.results() == []
        await tried.clock.sleep(3 * MINUTE_S)
        assert await tried.results() == [("own", "ok")]
    async with run(SUNDAY_AT + timedelta(hours=20)) as tried:
        await tried.clock.sleep(10 * MINUTE_S)
        assert await tried.results() == [("own", "ok")]
    assert len(technician.received) == 1


async def test_one_that_never_comes_about_makes_the_status_worse(
    write: Callable[..., Path], run: Run
) -> None:
    write()
    async with run(NOON_AT) as tried:
        await tried.clock.sleep(MINUTE_S)
    async with run(SUNDAY_AT + 2 * DAY + timedelta(hours=9)) as tried:  # 3 o'clock in the night
        await tried.clock.sleep(SETTLE_S + 2 * MINUTE_S)
        assert await tried.problems() == {("drill:own", "drill_overdue")}
        protection = (await tried.bridge.status())["protection"]
        end_of_grace = (SUNDAY_AT + 2 * DAY).isoformat(timespec="milliseconds")
        assert (protection["state"], protection["since"]) == ("degraded", end_of_grace)


# -- a bridge that ends in the middle --------------------------------------------------------------------


async def test_a_message_under_way_is_not_sent_again_by_the_next_run_which_sees_it_arrive(
    write: Callable[..., Path], run: Run, technician: FakeHttp
) -> None:
    write()
    technician.fault = Fault(kind="refuse")
    async with run(NOON_AT) as tried:
        begun = await tried.bridge.drill(DrillKind.OWN, "cli")
        await tried.clock.sleep(5.0)
        assert await tried.results() == [("own", "running")]
    technician.fault = None
    async with run(NOON_AT + timedelta(minutes=2)) as tried:
        await tried.clock.sleep(2 * MINUTE_S)
        ended = await tried.held()
    assert [(drill.id, drill.found.result) for drill in ended] == [(begun.id, DrillResult.OK)]
    assert len(technician.received) == 1


async def test_a_self_test_that_was_cut_off_says_nothing_and_is_made_up(
    write: Callable[..., Path], run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(self_test="04:00")

    async def never(*_: Any) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as cut:
        cut.setattr("flicbridge.selftest._arrivals", never)
        async with run(NOON_AT) as tried:
            await tried.bridge.drill(DrillKind.SELF, "cli")
            await tried.clock.sleep(5.0)
    (tmp_path / "state" / f"{FOLDER}left").mkdir()  # as a power cut would
    async with run(NOON_AT + timedelta(minutes=2)) as tried:
        await tried.clock.sleep(SETTLE_S + 2 * MINUTE_S)
        assert await tried.results() == [("self", "interrupted"), ("self", "ok")]
    assert list((tmp_path / "state").glob(f"{FOLDER}*")) == []


# -- the doctor's own test -------------------------------------------------------------------------------


@pytest.fixture
async def pocket() -> AsyncIterator[FakeHttp]:
    """The doctor's own device."""
    async with FakeHttp() as listening:
        yield listening


@pytest.fixture
def with_doctor(write: Callable[..., Path], pocket: FakeHttp) -> Path:
    config = write()
    channel = f'{{ transport = "http", url = "{pocket.url}", secret = "hub-key" }}'
    doctor = (
        f'[[recipients]]\nname = "doctor"\nchannels = [ {channel} ]\n\n[alerts]\ntell_doctor = ["doctor"]\n'
    )
    config.write_text(config.read_text().replace("[[recipients]]", doctor + "\n[[recipients]]", 1))
    return config


async def test_the_doctors_own_device_says_once_that_a_test_was_sent_to_whom_and_how_fast(
    with_doctor: Path, run: Run, outside: FakeHttp, pocket: FakeHttp
) -> None:
    async with run(NOON_AT) as tried:
        await tried.bridge.press("bureau", "double")
        await pocket.wait_for(1, within_s=10)
        await tried.clock.sleep(5 * MINUTE_S)
    assert len(outside.received) == 1
    (told,) = pocket.received
    data = told.event["data"]
    assert (data["purpose"], data["occasion"], data["by"]) == ("tested", 1, "recipient:hub")


async def test_it_says_after_a_minute_that_nobody_was_reached_and_later_that_somebody_was(
    with_doctor: Path, run: Run, outside: FakeHttp, pocket: FakeHttp
) -> None:
    outside.fault = Fault(kind="status", status=503)
    async with run(NOON_AT) as tried:
        await tried.bridge.press("bureau", "double")
        await tried.clock.sleep(55.0)
        assert pocket.received == []
        await tried.clock.sleep(10.0)
        assert [arrival.event["data"]["occasion"] for arrival in pocket.received] == [0]
        outside.fault = None
        await outside.wait_for(1, within_s=600)
        await pocket.wait_for(2, within_s=10)
    assert pocket.received[1].event["data"]["by"] == "recipient:hub"


async def test_nothing_is_said_of_an_emergency_or_of_a_drill(
    with_doctor: Path, run: Run, outside: FakeHttp, technician: FakeHttp, pocket: FakeHttp
) -> None:
    async with run(NOON_AT) as tried:
        await tried.ask(DrillKind.OWN)
        await tried.bridge.press("bureau", "single")
        await outside.wait_for(1, within_s=10)
        await tried.clock.sleep(5 * MINUTE_S)
    assert pocket.received == []


# -- the program -----------------------------------------------------------------------------------------


@pytest.mark.lengthy
@pytest.mark.real_time
async def test_the_program_tries_itself_out_when_somebody_asks_and_keeps_the_history(
    start: Start, write: Callable[..., Path], outside: FakeHttp, technician: FakeHttp
) -> None:
    config = write()
    async with start(config) as program:
        by_itself = await program.ask("test")
        own = await program.ask("test", "own")
        code, out, _ = await program.command("test")
        assert code == 0
        assert "self-test" in out or "autotest" in out
        refused, _, why = await program.command("test", "exercise")
        listed = await program.ask("test", "--list")
    assert (by_itself["result"], own["result"]) == ("ok", "ok")
    assert (refused, "drills.exercise" in why, "Traceback" in why) == (2, True, False)
    assert [drill["kind"] for drill in listed["drills"]] == ["self", "own", "self"]
    assert [due["kind"] for due in listed["due"]] == ["own"]
    assert len(technician.received) == 1
    assert outside.attempts == 0
    code, out, _ = await program.command("test", "--list", "--json")  # from the database, without a bridge
    assert code == 0
    assert own["id"] in out


@pytest.mark.real_time
async def test_a_drill_that_fails_ends_the_command_with_1(
    start: Start, write: Callable[..., Path], technician: FakeHttp
) -> None:
    technician.fault = Fault(kind="status", status=401)
    async with start(write()) as program:
        code, out, err = await program.command("test", "own")
    assert code == 1, err
    assert "technician/0" in out
    assert "Traceback" not in err
