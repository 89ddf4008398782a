"""A Flic Twist is recognised, shown, and refused with a clear sentence."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from bleak.backends.device import BLEDevice

from flicbridge.errors import PairingRefusedError
from flicbridge.press.flic2.advert import (
    COMPANY,
    TWIST_UUID,
    is_flic,
    is_public,
    is_twist,
    is_twist_public,
)
from flicbridge.press.flic2.exchange import SERVICE_UUID
from flicbridge.press.flic2.pair import PairedButton, pair, scan
from flicbridge.press.sighting import Sighting
from flicbridge.simulator.keys import TEST_ROOT_PUBLIC
from flicbridge.simulator.twist import Twist

if TYPE_CHECKING:
    from tests.press.conftest import Bench, OpenBench


def sighting(name: str | None = None, *uuids: str, company: int = COMPANY) -> Sighting:
    address = "80:E4:DA:77:00:01"
    device = BLEDevice(address, name, None)
    return Sighting(device, address, -60, frozenset(uuids), {company: bytes(5)})


@pytest.fixture
async def bench(open_bench: "OpenBench") -> AsyncIterator["Bench"]:
    async with open_bench() as bench:
        yield bench


async def try_to_pair(bench: "Bench", timeout_s: float = 20) -> PairedButton:
    return await pair(bench.radio, root_key=TEST_ROOT_PUBLIC, clock=bench.clock, timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("seen", "is_one", "is_held"),
    [
        (sighting(None, TWIST_UUID), True, True),
        (sighting("T112abcd"), True, False),
        (sighting("T112ab-_"), True, False),
        (sighting("T112abcd", company=0x004C), False, False),
        (sighting("Twister!"), False, False),
        (sighting("F210abcd"), False, False),
        (sighting(None), False, False),
        (sighting("T112abcd", SERVICE_UUID), False, False),
        (sighting(None, SERVICE_UUID, TWIST_UUID), False, False),
    ],
)
def test_it_is_known_by_its_service_or_by_its_name(seen: Sighting, is_one: bool, is_held: bool) -> None:
    assert (is_twist(seen), is_twist_public(seen)) == (is_one, is_held)
    assert not (is_twist(seen) and (is_flic(seen) or is_public(seen)))


async def test_in_pairing_mode_it_is_refused_at_once(bench: "Bench") -> None:
    with Twist(bench.world.air):
        began_s = bench.clock.now_s()
        with pytest.raises(PairingRefusedError, match="Flic Twist, which cannot call for help") as refused:
            await try_to_pair(bench)
    assert refused.value.reason == "twist"
    assert bench.clock.now_s() - began_s < 2


async def test_one_that_only_lies_around_is_named_when_nothing_else_was_seen(bench: "Bench") -> None:
    with Twist(bench.world.air, is_public=False), pytest.raises(PairingRefusedError) as refused:
        await try_to_pair(bench, timeout_s=5)
    assert refused.value.reason == "twist"


async def test_one_that_only_lies_around_does_not_keep_a_button_from_being_paired(bench: "Bench") -> None:
    with Twist(bench.world.air, is_public=False):
        button = await bench.world.add_button("poche")
        await button.hold_7_seconds()
        assert (await try_to_pair(bench)).pairing.serial == button.serial


async def test_it_is_not_guessed_which_of_a_button_and_a_twist_was_meant(bench: "Bench") -> None:
    button = await bench.world.add_button("poche")
    await button.hold_7_seconds()
    with Twist(bench.world.air), pytest.raises(PairingRefusedError) as refused:
        await try_to_pair(bench)
    assert refused.value.reason == "several_public"


@pytest.mark.parametrize("is_in_pairing_mode", [True, False])
async def test_a_scan_shows_it_for_what_it_is(bench: "Bench", is_in_pairing_mode: bool) -> None:
    button = await bench.world.add_button("poche")
    with Twist(bench.world.air, is_public=is_in_pairing_mode) as twist:
        async with asyncio.TaskGroup() as hands:
            hands.create_task(button.press())
            seen = await scan(bench.radio, 2, clock=bench.clock)
    assert {flic.address: flic.is_twist for flic in seen} == {twist.address: True, button.address: False}
    assert not any(flic.is_public for flic in seen)


async def test_a_button_that_calls_itself_a_twist_in_the_end_is_not_kept(bench: "Bench") -> None:
    """By its serial number, should a Twist ever speak our protocol."""
    button = await bench.world.add_button("poche")
    memory = button.flic2.memory
    memory.identity = replace(memory.identity, serial="TS12-A34567")
    await button.hold_7_seconds()
    with pytest.raises(PairingRefusedError) as refused:
        await try_to_pair(bench)
    assert refused.value.reason == "twist"
