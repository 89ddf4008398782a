"""Working beside a running bridge: it lets go of a button for a while, and takes up what was changed."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen
from typing import Any, Protocol

import pytest

from flicbridge.api.client import ApiClient
from flicbridge.cli import beside
from flicbridge.cli.beside import let_go, outcome, take_up
from flicbridge.clock import SystemClock

pytest.importorskip("bumble", reason="needs the extra `simulator`")
pytestmark = pytest.mark.real_time


class Said(Protocol):
    code: int
    out: str
    err: str
    json: Any


class Command(Protocol):
    def __call__(self, *arguments: object) -> Said: ...


type Running = Callable[[Path], AbstractContextManager[Popen[str]]]


@pytest.fixture
def paired(leaping_flicbridge: Command, rehearsal: Path) -> Path:
    """Settings with a simulated Flic that is paired."""
    assert leaping_flicbridge("pair", "poche", "--no-proof", "--config", rehearsal).code == 0
    return rehearsal


def same(text: str) -> str:
    return text


async def is_paused(bridge: ApiClient) -> bool:
    status = await bridge.status()
    return any(problem["problem"] == "paused" for problem in status["problems"])


async def test_a_button_is_let_go_for_as_long_as_it_takes_and_not_longer(
    paired: Path, running_bridge: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "PAUSE_S", 2.0)
    monkeypatch.setattr(beside, "RENEW_EVERY_S", 0.3)
    clock = SystemClock()
    with running_bridge(paired):
        bridge = ApiClient(paired.parent / "state")
        async with let_go(bridge, "poche", clock=clock) as had_it:
            assert had_it
            await clock.sleep(3.0)  # longer than one pause
            assert await is_paused(bridge)
        assert not await is_paused(bridge)


async def test_a_button_is_taken_up_again_after_a_failure_too(paired: Path, running_bridge: Running) -> None:
    with running_bridge(paired):
        bridge = ApiClient(paired.parent / "state")
        with pytest.raises(ValueError, match="mine"):
            async with let_go(bridge, "poche", clock=SystemClock()):
                raise ValueError("mine")
        assert not await is_paused(bridge)


async def test_what_the_bridge_does_not_hear_need_not_be_let_go(
    paired: Path, running_bridge: Running
) -> None:
    with running_bridge(paired):
        async with let_go(ApiClient(paired.parent / "state"), "tiroir", clock=SystemClock()) as had_it:
            assert not had_it


async def test_without_a_bridge_there_is_nobody_to_let_go_or_take_up(paired: Path) -> None:
    bridge = ApiClient(paired.parent / "state")
    async with let_go(bridge, "poche", clock=SystemClock()) as had_it:
        assert not had_it
    assert await take_up(bridge) is None


async def test_settings_that_cannot_work_are_not_taken_up_and_that_is_said(
    paired: Path, running_bridge: Running
) -> None:
    with running_bridge(paired):
        paired.write_text(paired.read_text(encoding="utf-8") + "\n[nonsense]\n", encoding="utf-8")
        taken_up = await take_up(ApiClient(paired.parent / "state"))
    assert taken_up is not None
    assert "nonsense" in taken_up["error"]
    assert "restart it" in outcome(taken_up, "poche", same)


@pytest.mark.parametrize(
    ("taken_up", "said"),
    [
        (None, "Next: `flicbridge run`"),
        ({"listening": [], "stopped": [], "restart_needed": True}, "Restart the bridge"),
        ({"listening": ["poche"], "stopped": ["poche"], "restart_needed": False}, "listens to poche now"),
        (
            {"listening": [], "stopped": ["poche"], "restart_needed": False},
            "does not listen to poche any more",
        ),
        ({"listening": [], "stopped": [], "restart_needed": False}, "Nothing changed"),
    ],
)
def test_an_installer_is_told_what_the_bridge_made_of_a_change(
    taken_up: dict[str, Any] | None, said: str
) -> None:
    assert said in outcome(taken_up, "poche", same)
