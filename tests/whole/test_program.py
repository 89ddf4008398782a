"""The program as an installer meets it: real processes, real sockets, real kills."""

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from flicbridge.api.client import ApiClient
from flicbridge.errors import ApiError
from flicbridge.simulator.gateways import FakeHttp, Fault

pytestmark = pytest.mark.real_time

SECOND_BUTTON = """
[[buttons]]
name = "accueil"
family = "virtual"
gestures = { single = "alert" }
"""

type Start = Callable[..., AbstractAsyncContextManager[Any]]
type WriteConfig = Callable[..., Path]


async def test_a_press_outlives_a_kill_and_arrives_once_with_the_same_id(
    start: Start, write_config: WriteConfig, secret: str
) -> None:
    async with FakeHttp(secret=secret) as hub:
        config = write_config(hub.url)
        hub.fault = Fault(kind="refuse")
        async with start(config) as program:
            pressed = await program.ask("press", "bureau")
            assert pressed["safe"] is True
            await program.kill()
        hub.fault = None
        async with start(config) as program:
            await hub.wait_for(1, within_s=20)
            shown = await program.ask("alerts", "show", pressed["alert_id"])
        event = hub.received[0].event
    assert event["subject"] == pressed["alert_id"] == shown["id"]
    assert event["id"] == hub.received[0].key == shown["deliveries"][0]["id"]
    assert len(hub.received) == 1
    assert hub.duplicates == 0
    assert [d["state"] for d in shown["deliveries"]] == ["sent"]


async def test_a_kill_in_the_middle_of_a_request_delivers_under_the_same_key(
    start: Start, write_config: WriteConfig, secret: str
) -> None:
    """The receiver has acted, and we never heard of it: it gets the same key and drops the second copy."""
    async with FakeHttp(secret=secret) as hub:
        config = write_config(hub.url)
        hub.fault = Fault(kind="slow", wait="60s")  # type: ignore[arg-type]  # pydantic reads it
        async with start(config) as program:
            await program.ask("press", "bureau")
            await hub.wait_for(1, within_s=20)
            await program.kill()
        hub.fault = None
        async with start(config):
            await hub.wait_until(lambda: hub.duplicates == 1, within_s=20)
        assert len(hub.received) == 1


async def test_without_a_bluetooth_adapter_the_program_lives_says_so_and_takes_virtual_presses(
    start: Start, write_config: WriteConfig, secret: str
) -> None:
    async with FakeHttp(secret=secret) as hub:
        poche = '[[buttons]]\nname = "poche"\nfamily = "flic2"\ngestures = { long = "alert" }\n'
        async with start(write_config(hub.url, buttons=poche)) as program:
            status = await program.ask("status")
            pressed = await program.ask("press", "bureau")
            await hub.wait_for(1, within_s=20)
    assert status["radio"]["state"] == "off"
    assert {"radio_off", "not_paired"} <= {p["problem"] for p in status["problems"]}
    assert hub.received[0].event["subject"] == pressed["alert_id"]


async def test_what_was_pressed_can_be_listed_shown_and_cancelled(
    start: Start, write_config: WriteConfig, secret: str
) -> None:
    async with FakeHttp(secret=secret) as hub, start(write_config(hub.url)) as program:
        pressed = await program.ask("press", "bureau", "--gesture", "single")
        again = await program.ask("press", "bureau")
        assert (pressed["effect"], again["effect"]) == ("raised", "joined")
        assert again["alert_id"] == pressed["alert_id"]
        await hub.wait_for(1, within_s=20)
        await program.ask("alerts", "cancel", pressed["alert_id"][:8])
        await hub.wait_for(2, within_s=20)
        listed = await program.ask("alerts", "list")
        shown = await program.ask("alerts", "show", pressed["alert_id"])
    alerts = listed["alerts"] if isinstance(listed, dict) else listed
    assert [(a["id"], a["state"], a["presses"]) for a in alerts] == [(pressed["alert_id"], "cancelled", 2)]
    history = [h["what"] for h in shown["history"]]
    assert sorted(history) == ["cancelled", "notified", "pressed_again", "raised"]
    assert (history[0], history[-1]) == ("raised", "cancelled")
    assert [r.event["data"]["purpose"] for r in hub.received] == ["alert", "cancelled"]


async def test_a_rehearsal_shows_everything_sends_nothing_and_keeps_nothing(
    start: Start, write_config: WriteConfig, secret: str, tmp_path: Path
) -> None:
    async with FakeHttp(secret=secret) as hub:
        async with start(write_config(hub.url), "--dry-run") as program:
            await program.ask("press", "bureau")
            assert program.process.stdout is not None
            shown = ""
            async with asyncio.timeout(20):
                while "ALERTE" not in shown:
                    shown += (await program.process.stdout.readline()).decode()
        assert hub.attempts == 0
    assert not (tmp_path / "state" / "flicbridge.db").exists()


async def test_a_second_bridge_on_the_same_state_is_refused(
    start: Start, write_config: WriteConfig, command: Callable[..., Any]
) -> None:
    config = write_config("http://127.0.0.1:9/")
    async with start(config):
        code, _, err = await command("run", "--config", str(config))
    assert code == 2
    assert "already running" in err
    assert "Traceback" not in err


async def test_pressing_what_cannot_be_pressed_is_explained(start: Start, write_config: WriteConfig) -> None:
    async with start(write_config("http://127.0.0.1:9/")) as program:
        for words, hint in (
            (("press", "nobody"), "bureau"),
            (("press", "bureau", "--gesture", "long"), "single"),
        ):
            code, _, err = await program.command(*words)
            assert code == 2, err
            assert hint in err
            assert "Traceback" not in err


async def test_without_a_bridge_commands_say_how_to_start_it(
    write_config: WriteConfig, command: Callable[..., Any]
) -> None:
    config = write_config("http://127.0.0.1:9/")
    for words in (("status",), ("press", "bureau")):
        code, _, err = await command(*words, "--config", str(config))
        assert code == 1
        assert "flicbridge run" in err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_being_asked_to_stop_is_a_clean_end(
    start: Start, write_config: WriteConfig, number: signal.Signals, tmp_path: Path
) -> None:
    async with start(write_config("http://127.0.0.1:9/")) as program:
        program.process.send_signal(number)
        async with asyncio.timeout(20):
            assert await program.process.wait() == 0
    assert not (tmp_path / "state" / "api.sock").exists()


async def test_logs_name_nobody(start: Start, write_config: WriteConfig, secret: str) -> None:
    async with FakeHttp(secret=secret) as hub, start(write_config(hub.url)) as program:
        pressed = await program.ask("press", "bureau")
        await hub.wait_for(1, within_s=20)
        program.process.terminate()
        text = await program.log()
    assert pressed["alert_id"] in text
    assert UUID(pressed["alert_id"]).version == 5
    for person in ("Martin", "612345678", "06 12", "45.83362", "Tilleuls,", secret):
        assert person not in text


async def test_a_button_added_to_the_settings_is_taken_up_by_the_running_program(
    start: Start, write_config: WriteConfig, secret: str
) -> None:
    async with FakeHttp(secret=secret) as hub:
        config = write_config(hub.url)
        async with start(config):
            write_config(hub.url, buttons=SECOND_BUTTON)
            client = ApiClient(config.parent / "state")
            answer = await client.reload()
            assert answer == {"listening": ["accueil"], "stopped": [], "restart_needed": False}
            await client.press("accueil")
            await hub.wait_for(1, within_s=20)
            write_config("not a URL")
            with pytest.raises(ApiError, match=r"recipients\[0\].*url"):
                await client.reload()
            assert (await client.press("accueil"))["safe"] is True  # everything stays as it was
