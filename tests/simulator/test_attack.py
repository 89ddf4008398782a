"""The attackers attack: what they do is what they say, and two devices may share an address."""

import asyncio
from collections.abc import AsyncGenerator
from random import Random

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from flicbridge.clock import LoopClock
from flicbridge.press.flic2.wire.packet import Packet
from flicbridge.press.flic2.wire.verify import FullVerifyRequest1, QuickVerifyRequest
from flicbridge.simulator.attack import Flood, Impostor, Meddler, Recorder, Replayer, impersonate, meddling
from flicbridge.simulator.attack import impostor as lies
from flicbridge.simulator.flic2 import Identity
from flicbridge.simulator.peripheral import Peripheral
from flicbridge.simulator.world import VirtualWorld

FRAME = bytes([0x03]) + bytes(range(20))


@pytest.fixture
async def world() -> AsyncGenerator[VirtualWorld]:
    async with VirtualWorld() as world:
        yield world


@pytest.fixture
async def button(world: VirtualWorld) -> Peripheral:
    return await world.add_button("poche")


async def wait(seconds: float) -> None:
    await LoopClock(asyncio.get_running_loop()).sleep(seconds)


def impostor_of(button: Peripheral) -> Impostor:
    now_s = asyncio.get_running_loop().time()
    return Impostor(button.address, lies.silence, now_s=now_s, random=Random(7).randbytes)


async def device(world: VirtualWorld, address: str) -> BLEDevice:
    found = await BleakScanner.find_device_by_address(address, timeout=5, backend=world.radio.scanner)
    assert found is not None
    return found


# ---- two devices of one address


async def test_who_is_dialled_is_who_calls_and_the_other_hears_nothing_of_it(
    world: VirtualWorld, button: Peripheral
) -> None:
    async with impersonate(world.air, impostor_of(button)) as impostor:
        async with BleakClient(await device(world, button.address), backend=world.radio.client):
            assert impostor.is_connected
            assert not button.is_connected
            await button.press("single")
            assert button.advertisement is not None  # it goes on calling
        impostor.out_of_range()
        await button.press("single")
        async with BleakClient(await device(world, button.address), backend=world.radio.client):
            assert button.is_connected
            assert not impostor.is_connected


async def test_either_may_win(world: VirtualWorld, button: Peripheral) -> None:
    """Over many tries both are dialled, as they call at different moments."""
    random, winners = Random(7), set()
    async with impersonate(world.air, impostor_of(button)) as impostor:
        found = await device(world, button.address)
        for _ in range(20):
            await button.press("single")
            await wait(random.uniform(0.0, 0.2))
            async with BleakClient(found, backend=world.radio.client):
                winners.add("impostor" if impostor.is_connected else "button")
                assert impostor.is_connected is not button.is_connected
            await wait(3)
    assert winners == {"impostor", "button"}


async def test_a_flood_is_heard_and_cannot_be_connected_to(world: VirtualWorld, button: Peripheral) -> None:
    heard: dict[str, AdvertisementData] = {}

    def hear(found: BLEDevice, data: AdvertisementData) -> None:
        heard[found.address] = data

    await button.press("single")
    client = BleakClient(await device(world, button.address), backend=world.radio.client, timeout=5)
    button.out_of_range()
    with Flood(world.air, random=Random(7)) as flood:
        async with BleakScanner(hear, backend=world.radio.scanner), asyncio.TaskGroup() as tasks:
            connecting = tasks.create_task(refused(client))
            await wait(0.1)
            flood.invent(500)
            flood.call_as(button.address, 5)
            await connecting
        assert flood.sent == 505
    assert len(heard) == 501
    assert any(0x030F in data.manufacturer_data for data in heard.values())
    assert any(data.service_uuids for data in heard.values())


async def refused(client: BleakClient) -> None:
    with pytest.raises(TimeoutError):
        await client.connect()


# ---- lies


REQUEST = QuickVerifyRequest(bytes(7), 0, b"tmp!", b"ours")


@pytest.mark.parametrize(
    ("lie", "request_", "answers"),
    [
        (lies.silence, REQUEST, 0),
        (lies.false_proof, REQUEST, 1),
        (lies.denial, REQUEST, 1),
        (lies.no_slots, REQUEST, 1),
        (lies.false_proof, FullVerifyRequest1(b"tmp!"), 0),
        (lies.borrowed_certificate(Identity.made_for("x")), REQUEST, 1),
        (lies.borrowed_certificate(Identity.made_for("x")), FullVerifyRequest1(b"tmp!"), 7),
        (lies.borrowed_certificate(Identity.made_for("x")), None, 0),
    ],
)
def test_a_lie_answers_what_it_is_about(lie: lies.Lie, request_: Packet | None, answers: int) -> None:
    assert len(list(lie(b"", request_, Random(7).randbytes))) == answers


def test_a_replayer_says_again_what_was_said_and_fits_its_number_to_the_question() -> None:
    proof = bytes([0x21, 0x08]) + bytes(8) + b"old!" + bytes(6)
    recording = [(False, b"hello"), (True, proof), (False, b"init"), (True, FRAME)]
    for fits, tmp_id in ((True, b"tmp!"), (False, b"old!")):
        replayer = Replayer(recording, fits=fits)
        for _ in range(2):  # each link anew
            (said,) = replayer(b"", REQUEST, Random(7).randbytes)
            assert said[10:14] == tmp_id
            assert list(replayer(b"", None, Random(7).randbytes)) == [FRAME]
            assert list(replayer(b"", None, Random(7).randbytes)) == []


# ---- meddling


def test_a_meddler_spoils_so_many_frames_and_no_others() -> None:
    meddler = Meddler(meddling.duplicate, skip=1, frames=2, random=Random(7))
    assert [len(list(meddler.from_button(FRAME))) for _ in range(5)] == [1, 2, 2, 1, 1]
    assert list(meddler.from_host(FRAME)) == [FRAME]
    assert meddler.spoilt == 2


def test_a_flip_changes_one_bit_and_never_the_header() -> None:
    chance = Random(7)
    for _ in range(200):
        (changed,) = meddling.flip(FRAME, chance)
        bits = int.from_bytes(changed, "big") ^ int.from_bytes(FRAME, "big")
        assert bits.bit_count() == 1
        assert changed[0] == FRAME[0]


def test_the_other_ways_to_spoil_a_frame() -> None:
    chance = Random(7)
    (short,) = meddling.truncate(FRAME, chance)
    assert FRAME.startswith(short)
    assert 2 <= len(short) < len(FRAME)
    (endless,) = meddling.never_end(FRAME, chance)
    assert endless == bytes([0x83]) + FRAME[1:]
    forged, true = meddling.forge(FRAME, chance)
    assert (forged[:2], true) == (FRAME[:2], FRAME)
    assert forged != true
    swap = meddling.swap()
    assert [*swap(b"first", chance), *swap(b"second", chance)] == [b"second", b"first"]


async def test_a_recorder_hears_both_sides(world: VirtualWorld, button: Peripheral) -> None:
    recorder = button.between = Recorder()
    await button.press("single")
    async with BleakClient(await device(world, button.address), backend=world.radio.client) as client:
        await client.start_notify("00420002-8f59-4420-870d-84f3b617e493", lambda _from, _frame: None)
        await client.write_gatt_char(
            "00420001-8f59-4420-870d-84f3b617e493", b"\x00" + REQUEST.encode(), response=False
        )
        await wait(1)
    assert [is_from_button for is_from_button, _ in recorder.heard] == [False, True]
    assert recorder.said == [frame for is_from_button, frame in recorder.heard if is_from_button]
