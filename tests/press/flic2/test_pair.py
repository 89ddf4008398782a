"""Pairing through the virtual radio: the happy way, and every way it can be refused."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest

from flicbridge.errors import ButtonUnreachableError, PairingRefusedError
from flicbridge.press.event import Counter
from flicbridge.press.flic2.advert import FLIC1_UUID
from flicbridge.press.flic2.crypto import VENDOR_ROOT_KEY
from flicbridge.press.flic2.pair import PairedButton, Progress, pair, scan
from flicbridge.press.flic2.refusals import SENTENCES, reason_of, refused
from flicbridge.press.flic2.reports import FailReason
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

    def __init__(
        self,
        bench: "Bench",
        *,
        root_key: bytes = TEST_ROOT_PUBLIC,
        timeout_s: float = 20,
        ours: Mapping[str, str] | None = None,
    ) -> None:
        self.progress: list[Progress] = []
        self._bench = bench
        self._ours = ours
        self._root_key = root_key
        self._timeout_s = timeout_s

    async def pair(self) -> PairedButton:
        return await pair(
            self._bench.radio,
            root_key=self._root_key,
            clock=self._bench.clock,
            timeout_s=self._timeout_s,
            ours=self._ours,
            on_progress=self.go_on,
        )

    def go_on(self, progress: Progress) -> None:
        self.progress.append(progress)
        self._bench.stir()

    async def refusal(self) -> str:
        """Return the reason for which it is refused."""
        with pytest.raises(PairingRefusedError) as refusal:
            await self.pair()
        assert str(refusal.value).startswith(SENTENCES[refusal.value.reason].split("{")[0])
        return refusal.value.reason


async def test_a_button_in_public_mode_is_paired_within_two_seconds(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.hold_7_seconds()
        began_s = bench.clock.now_s()
        attempt = Attempt(bench)
        paired = await attempt.pair()
        assert bench.clock.now_s() - began_s < 2
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
        attempt = Attempt(bench)
        pairing = bench.tasks.create_task(attempt.pair())
        await bench.until(lambda: Progress.PAIRED in attempt.progress)
        pressing = bench.tasks.create_task(button.press([(0.0, 1.0)]))
        follower = bench.follow("poche", await pairing)
        await bench.until(lambda: "up" in follower.kinds())
        assert pressing.done()


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
        assert bench.clock.now_s() - began_s < 3
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


async def test_a_button_that_was_weak_and_vanishes_refuses_with_out_of_range(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        button.set_rssi(-92)
        await button.hold_7_seconds()
        attempt = Attempt(bench)
        asking = bench.tasks.create_task(attempt.refusal())
        await bench.until(lambda: Progress.PROVING in attempt.progress)
        button.out_of_range()
        assert await asking == "out_of_range"


async def test_a_weak_button_that_never_answers_is_out_of_range_and_says_how_weak(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        button.set_rssi(-90)
        await button.hold_7_seconds()
        button.faults.is_silent = True
        with pytest.raises(PairingRefusedError, match="-90 dBm") as refusal:
            await Attempt(bench, timeout_s=40).pair()
        assert (refusal.value.reason, refusal.value.detail) == ("out_of_range", "-90")


async def test_what_is_not_about_distance_is_not_blamed_on_it(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        button.set_rssi(-92)
        await button.hold_7_seconds()
        button.faults.has_no_slots = True
        assert await Attempt(bench).refusal() == "no_slots"


async def test_the_signal_is_told_with_the_pairing(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        button.set_rssi(-71)
        await button.hold_7_seconds()
        assert (await Attempt(bench).pair()).rssi_dbm == -71


async def test_of_two_buttons_in_public_mode_at_once_none_is_paired(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        buttons = [await bench.world.add_button(name) for name in ("poche", "bureau")]
        for button in buttons:
            bench.tasks.create_task(button.hold_7_seconds())
        attempt = Attempt(bench)
        assert await attempt.refusal() == "several_public"
        assert Progress.CONNECTING not in attempt.progress
        assert [button.flic2.memory.hosts for button in buttons] == [[], []]


async def test_a_button_that_is_only_pressed_meanwhile_does_not_confuse(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, other = [await bench.world.add_button(name) for name in ("poche", "bureau")]
        await button.hold_7_seconds()
        bench.tasks.create_task(other.press("single"))
        assert (await Attempt(bench).pair()).pairing.serial == button.serial


async def test_a_button_of_ours_in_public_mode_is_left_alone(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.hold_7_seconds()
        attempt = Attempt(bench, timeout_s=5, ours={button.address.lower(): "poche"})
        assert await attempt.refusal() == "already_ours"
        assert attempt.progress == ["looking", "already_ours"]
        assert button.flic2.memory.hosts == []


async def test_a_button_of_ours_does_not_stand_in_the_way_of_the_one_that_is_meant(
    open_bench: "OpenBench",
) -> None:
    """BlueZ may take a button of ours that is only pressed for one in public mode."""
    async with open_bench() as bench:
        ours, meant = [await bench.world.add_button(name) for name in ("poche", "bureau")]
        for button in (ours, meant):
            bench.tasks.create_task(button.hold_7_seconds())
        paired = await Attempt(bench, ours={ours.address: "poche"}).pair()
        assert paired.pairing.serial == meant.serial
        assert ours.flic2.memory.hosts == []


async def test_a_flic_of_the_first_generation_has_its_own_sentence(
    open_bench: "OpenBench", monkeypatch: pytest.MonkeyPatch
) -> None:
    def first_generation(identity: Identity, *, is_public: bool) -> bytes:
        return bytes([17, 0x07]) + bytes.fromhex(FLIC1_UUID.replace("-", ""))[::-1]

    monkeypatch.setattr(peripheral, "advertising_data", first_generation)
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.press("single")
        assert await scan(bench.radio, 1, clock=bench.clock) == []
        assert await Attempt(bench, timeout_s=5).refusal() == "flic1"


@pytest.mark.parametrize("reason", FailReason)
def test_every_end_of_a_session_has_a_sentence(reason: FailReason) -> None:
    assert str(refused(reason_of(reason), "why"))


@pytest.mark.parametrize("reason", SENTENCES)
def test_a_sentence_takes_a_detail_and_nothing_else(reason: str) -> None:
    assert "{" not in str(refused(reason, "poche"))


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
        with pytest.raises(PairingRefusedError, match="No Bluetooth adapters found") as refusal:
            await Attempt(bench).pair()
        assert refusal.value.reason == "radio_off"
        with pytest.raises(ButtonUnreachableError, match="No Bluetooth adapters found"):
            await scan(bench.radio, 1, clock=bench.clock)


async def test_a_radio_that_is_switched_on_meanwhile_is_in_time(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await button.hold_7_seconds()
        await bench.world.radio.plug(False)
        bench.radio.doubt()
        await bench.until(lambda: bench.now("radio", "state") == "off")
        attempt = Attempt(bench, timeout_s=40)
        pairing = bench.tasks.create_task(attempt.pair())
        await bench.until(lambda: Progress.RADIO_OFF in attempt.progress)
        await bench.world.radio.plug(True)
        assert (await pairing).pairing.serial == button.serial
        assert attempt.progress[:2] == ["looking", "radio_off"]


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
