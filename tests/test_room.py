"""Whom a bridge believes over real Bluetooth: the vendor's buttons, unless it is a test bench."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flicbridge.clock import LoopClock
from flicbridge.config import check
from flicbridge.config.settings import Settings
from flicbridge.press.flic2.crypto import TEST_ROOT_KEY, VENDOR_ROOT_KEY
from flicbridge.press.power import BluezPower, Power
from flicbridge.press.radio import Radio
from flicbridge.room import open_room

SETTINGS = """
[bridge]
id = "tilleuls-1"

[radio]
{radio}

[doctor]
name = "Dr Anne Martin"
phone = "+33612345678"

[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"

[[buttons]]
name = "poche"
family = "flic2"
gestures = {{ single = "alert" }}

[[recipients]]
name = "hub"
channels = [ {{ transport = "http", url = "http://127.0.0.1:9/hook", secret = "hub-key" }} ]

[[plan]]
after = "0s"
notify = ["hub"]
"""

type Read = Callable[[str], Settings]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read settings with these lines about the radio."""
    return lambda radio: check(SETTINGS.format(radio=radio), tmp_path / "flicbridge.toml", None)


async def root_key_of(settings: Settings) -> bytes:
    clock = LoopClock(asyncio.get_running_loop())
    async with open_room(settings, clock=clock, observe=lambda _: None) as room:
        return room.root_key


@pytest.mark.parametrize(("said", "is_ours", "may"), [
    ("", True, True), ("power_cycle = false", True, False), ("", False, False),
])  # fmt: skip
async def test_only_the_bridge_itself_may_switch_the_adapter_and_only_if_the_settings_let_it(
    read: Read, monkeypatch: pytest.MonkeyPatch, said: str, is_ours: bool, may: bool
) -> None:
    built: dict[str, object] = {}

    class Noted(Radio):
        def __init__(self, *backends: None, power: Power | None, silence_s: float, **rest: Any) -> None:
            built.update(power=power, silence_s=silence_s)
            super().__init__(*backends, power=power, silence_s=silence_s, **rest)

    monkeypatch.setattr("flicbridge.room.Radio", Noted)
    monkeypatch.setattr("sys.platform", "linux")
    clock = LoopClock(asyncio.get_running_loop())
    settings = read(f'silence = "5m"\n{said}')
    async with open_room(settings, clock=clock, observe=lambda _: None, is_ours=is_ours):
        assert isinstance(built["power"], BluezPower) is may
        assert built["silence_s"] == 300


async def test_over_bluetooth_the_vendor_vouches_for_buttons(read: Read) -> None:
    assert await root_key_of(read("")) == VENDOR_ROOT_KEY


async def test_on_a_test_bench_the_public_test_key_does(read: Read) -> None:
    assert await root_key_of(read("believe_test_key = true")) == TEST_ROOT_KEY
