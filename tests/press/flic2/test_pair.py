"""Pairing through the virtual radio: the happy way, and every way it can be refused."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from flicbridge.errors import ButtonUnreachableError, PairingRefusedError
from flicbridge.press.event import Counter
from flicbridge.press.flic2.crypto import VENDOR_ROOT_KEY
from flicbridge.press.flic2.pair import MESSAGES, PairedButton, Progress, pair, scan
from flicbridge.press.flic2.wire import FromButtonOp
from flicbridge.simulator import peripheral
from flicbridge.simulator.flic2 import beacon
from flicbridge.simulator.flic2.faults import Flip, LoseLink, Swallow
from flicbridge.simulator.flic2.memory import Identity
from flicbridge.simulator.keys import TEST_ROOT_PUBLIC
from flicbridge.simulator.peripheral import Peripheral

if TYPE_CHECKING:
    from tests.press.conftest import Bench, OpenBench


class Attempt:
    """One attempt to pair, and how far it came."""

    def __init__(self, bench: "Bench", *, root_key: bytes = TEST_ROOT_PUBLIC, timeout_s: float = 20) -> None:
        self.progress: list[Progress] = []
        self._bench = bench
        self._root_key = root_key
        self._timeout_s = timeout_s

    async def pair(self) -> PairedButton:
        return await pair(
            self._bench.radio,
            root_key=self._root_key,
            clock=self._bench.clock,
            timeout_s=self._timeout_s,
            on_progress=self.go_on,
        )

    def go_on(self, progress: Progress) -> None:
        self.progress.append(progress)
        self._bench.stir()

    async def refusal(self) -> str:
        """Return the reason for which it is refused."""
        with pytest.raises(PairingRefusedError) as refused:
            await self.pair()
        assert str(refused.value).startswith(MESSAGES[refused.value.reason].split("{")[0])
        return refused.value.reason


async def test_a_button_in_public_mode_is_paired_within_a_second(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.hold_7_seconds()
        began_s = bench.clock.now_s()
        attempt = Attempt(bench)
        paired = await attempt.pair()
        assert bench.clock.now_s() - began_s < 1
        assert attempt.progress == ["looking", "connecting", "proving", "paired"]
        assert (paired.pairing.serial, paired.pairing.address) == (button.serial, button.address)
        assert paired.pairing.simulated
        assert paired.battery_mv > 2900
        assert [host.identifier for host in button.flic2.memory.hosts] == [paired.pairing.identifier]


async def test_the_press_that_paired_a_button_is_not_heard_and_the_next_one_is(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        assert paired.resume == Counter(button.flic2.memory.boot_id, 3)
        follower = bench.follow("poche", paired)
        await button.press("single")
        await bench.until(lambda: follower.kinds().startswith("down up"))
        assert follower.events[0].counter.event_count == 5


async def test_after_pairing_the_button_calls_by_itself_and_is_followed_without_a_press(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.hold_7_seconds()
        paired = await Attempt(bench).pair()
        follower = bench.follow("poche", paired)
        assert await bench.until(lambda: bool(follower.links_up)) < 3  # two of which are the disconnect


async def test_a_press_while_pairing_is_heard_by_whoever_follows_the_button(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.hold_7_seconds()
        pressing = [bench.tasks.create_task(button.press([(0.15, 0.25)]))]
        paired = await Attempt(bench).pair()
        follower = bench.follow("poche", paired)
        await bench.until(lambda: "up" in follower.kinds())
        assert all(task.done() for task in pressing)


async def test_a_radio_that_sees_nothing_refuses_with_no_button(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        assert await Attempt(bench).refusal() == "no_button"


async def test_a_button_that_is_only_pressed_refuses_with_not_public(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.press("single")
        assert await Attempt(bench).refusal() == "not_public"


async def test_a_button_that_left_public_mode_under_way_refuses_with_not_public(
    open_bench: "OpenBench", monkeypatch: pytest.MonkeyPatch
) -> None:
    """BlueZ remembers a service UUID that is not advertised any more."""

    def always_public(identity: Identity, *, is_public: bool) -> bytes:
        return beacon.advertising_data(identity, is_public=True)

    monkeypatch.setattr(peripheral, "advertising_data", always_public)
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.press("single")
        assert await Attempt(bench, timeout_s=5).refusal() == "not_public"


async def test_a_button_held_by_another_device_refuses_with_connected_elsewhere(
    open_bench: "OpenBench", monkeypatch: pytest.MonkeyPatch
) -> None:
    def connected_elsewhere(identity: Identity, *, is_public: bool) -> bytes:
        data = bytearray(beacon.advertising_data(identity, is_public=is_public))
        data[3 + 8] |= 0x02  # behind the flags: length, type, company, and byte 4 of what follows
        return bytes(data)

    monkeypatch.setattr(peripheral, "advertising_data", connected_elsewhere)
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.hold_7_seconds()
        (seen,) = await scan(bench.radio, 1, clock=bench.clock)
        assert seen.is_connected_elsewhere
        attempt = Attempt(bench, timeout_s=5)
        assert await attempt.refusal() == "connected_elsewhere"
        assert attempt.progress == ["looking", "connected_elsewhere"]


async def test_a_simulated_button_is_not_genuine_where_the_vendors_root_is_demanded(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.hold_7_seconds()
        began_s = bench.clock.now_s()
        assert await Attempt(bench, root_key=VENDOR_ROOT_KEY).refusal() == "not_genuine"
        assert bench.clock.now_s() - began_s < 2
        assert button.flic2.memory.hosts == []


def wrong_address(button: Peripheral) -> None:
    button.faults.certificate_address = "80:E4:DA:00:00:00"


def forged_proof(button: Peripheral) -> None:
    button.faults.once[FromButtonOp.FULL_VERIFY_RESPONSE_2] = Flip()


def forged_certificate(button: Peripheral) -> None:
    button.faults.once[FromButtonOp.FULL_VERIFY_RESPONSE_1] = Flip(at=20)


@pytest.mark.parametrize("misdeed", [wrong_address, forged_proof, forged_certificate])
async def test_whoever_cannot_prove_to_be_that_button_is_not_genuine(
    open_bench: "OpenBench", misdeed: Callable[[Peripheral], None]
) -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.hold_7_seconds()
        misdeed(button)
        assert await Attempt(bench).refusal() == "not_genuine"


async def test_a_button_without_room_refuses_with_no_slots(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.hold_7_seconds()
        button.faults.has_no_slots = True
        assert await Attempt(bench).refusal() == "no_slots"


async def test_a_silent_button_refuses_with_timeout(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.hold_7_seconds()
        button.faults.is_silent = True
        assert await Attempt(bench, timeout_s=40).refusal() == "timeout"


async def test_an_attempt_that_runs_out_of_time_midway_refuses_with_timeout(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.hold_7_seconds()
        button.faults.is_silent = True
        assert await Attempt(bench, timeout_s=5).refusal() == "timeout"


async def test_a_button_that_vanishes_refuses_with_link_lost(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.hold_7_seconds()
        attempt = Attempt(bench)
        asking = bench.tasks.create_task(attempt.refusal())
        await bench.until(lambda: Progress.PROVING in attempt.progress)
        button.out_of_range()
        assert await asking == "link_lost"


async def test_a_lost_link_is_tried_again_while_there_is_time(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.hold_7_seconds()
        button.faults.once[FromButtonOp.FULL_VERIFY_RESPONSE_1] = LoseLink()
        attempt = Attempt(bench)
        paired = await attempt.pair()
        assert paired.pairing.serial == button.serial
        assert attempt.progress.count(Progress.CONNECTING) == 2


@pytest.mark.parametrize("mishap", [LoseLink(), Swallow()])
async def test_a_pairing_that_the_button_accepted_is_kept_even_if_the_link_breaks_then(
    open_bench: "OpenBench", mishap: LoseLink | Swallow
) -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.hold_7_seconds()
        for opcode in (
            FromButtonOp.INIT_BUTTON_EVENTS_WITH_BOOT_ID,
            FromButtonOp.INIT_BUTTON_EVENTS_WITHOUT_BOOT_ID,
        ):
            button.faults.once[opcode] = mishap
        paired = await Attempt(bench).pair()
        assert [host.identifier for host in button.flic2.memory.hosts] == [paired.pairing.identifier]


async def test_a_dead_radio_refuses_with_its_own_words(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        await bench.world.radio.plug(False)
        bench.radio.doubt()
        await bench.until(lambda: bench.now("radio", "state") == "off")
        with pytest.raises(PairingRefusedError, match="No Bluetooth adapters found") as refused:
            await Attempt(bench).pair()
        assert refused.value.reason == "radio_off"
        with pytest.raises(ButtonUnreachableError, match="No Bluetooth adapters found"):
            await scan(bench.radio, 1, clock=bench.clock)


async def test_a_scan_tells_public_from_private_ours_from_others_and_loud_from_quiet(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        near, far = [await bench.world.add_button(name) for name in ("poche", "bureau")]
        near.set_rssi(-40)
        far.set_rssi(-80)
        await far.hold_7_seconds()
        await near.press("single")
        seen = await scan(bench.radio, 1, clock=bench.clock, known=[near.address.lower()])
        assert [flic.address for flic in seen] == [near.address, far.address]
        assert [flic.is_public for flic in seen] == [False, True]
        assert [flic.is_known for flic in seen] == [True, False]
        assert [flic.rssi_dbm for flic in seen] == [-40, -80]
