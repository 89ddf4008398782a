"""A radio that hears nothing helps itself, does no harm where nothing is to be heard, says what it did."""

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.exc import BleakError
from structlog.testing import capture_logs

from flicbridge.errors import ButtonUnreachableError
from flicbridge.observation import Observation, Value
from flicbridge.press.bluez import Change
from flicbridge.press.power import LONGEST_CYCLE_S, Cycled, Power
from flicbridge.press.radio import SILENCE_S, Radio
from flicbridge.press.silence import PATIENCE_S, POWER_CYCLE_PAUSE_S
from flicbridge.simulator.adapter import AdapterState

if TYPE_CHECKING:
    from tests.press.conftest import Bench, OpenBench

CYCLE_DUE_S = SILENCE_S + PATIENCE_S
REPORT_DUE_S = SILENCE_S + 2 * PATIENCE_S + 2  # a cycle takes a second


class Placebo:
    """A `Power` that does nothing but answer."""

    def __init__(self, answer: Cycled = Cycled.DONE) -> None:
        self.is_owing = False
        self.cycles = 0
        self._answer = answer

    async def cycle(self) -> Cycled:
        self.cycles += 1
        return self._answer

    async def pay(self) -> Cycled:
        return Cycled.DONE


async def new_radio(
    bench: "Bench",
    *,
    power: Power | None,
    silence_s: float = SILENCE_S,
    scanner: type[BaseBleakScanner] | None = None,
) -> Radio:
    """Let another radio take the place of the one that runs."""
    for task in bench.running:
        task.cancel()
    await asyncio.wait(bench.running)
    bench.said.clear()
    bench.radio = Radio(
        scanner or bench.world.radio.scanner,
        bench.world.radio.client,
        clock=bench.clock,
        observe=bench.observe,
        power=power,
        silence_s=silence_s,
    )
    bench.running = [bench.tasks.create_task(bench.radio.run())]
    return bench.radio


def steps(bench: "Bench") -> list[Value]:
    return bench.values("radio", "step")


# ---- up the ladder, and down again


async def test_a_controller_that_hangs_is_power_cycled_and_the_button_heard_again(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        bench.world.radio.go_deaf()
        await button.press("single")  # nobody hears it, and the link dies
        await bench.until(lambda: "power_cycled" in steps(bench), within_s=CYCLE_DUE_S + 60)
        await button.press("single")
        await bench.until(lambda: follower.kinds().count("down") == 2, within_s=10)
        assert steps(bench) == ["scanner_restarted", "power_cycled"]
        assert bench.now("radio", "scanner_restarts") == 1
        assert bench.now("radio", "power_cycles") == 1
        assert bench.now("radio", "power_cycle") == "done"
        assert bench.now("radio", "state") == "scanning"
        assert "silent" not in bench.values("radio", "state")


async def test_every_step_is_taken_in_time_and_said(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        began_s = bench.clock.now_s()
        with capture_logs() as logs:
            await bench.until(lambda: bench.now("radio", "state") == "silent", within_s=REPORT_DUE_S + 5)
        assert bench.clock.now_s() - began_s == pytest.approx(REPORT_DUE_S, abs=3)
        assert steps(bench) == ["scanner_restarted", "power_cycled", "reported"]
        assert len(bench.values("radio", "step_at")) == 3
        events = [line["event"] for line in logs if line["log_level"] == "warning"]
        assert events == ["scanner_restarted", "power_cycle_ended", "radio_silent"]


async def test_a_silence_is_dated_from_the_last_sound_and_ends_with_the_next(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        stranger = await bench.world.add_button("stranger")
        await stranger.press("single")
        await bench.clock.sleep(60)  # as long as it calls
        heard_at = bench.clock.now_at()
        await bench.until(lambda: bench.now("radio", "state") == "silent", within_s=200)
        since = str(bench.now("radio", "silent_since"))
        assert since == bench.now("radio", "last_heard")
        assert since <= heard_at.isoformat(timespec="seconds")
        await stranger.press("single")
        await bench.until(lambda: bench.now("radio", "state") == "scanning", within_s=1)
        assert bench.now("radio", "silent_since") is None
        assert str(bench.now("radio", "last_heard")) > since


async def test_the_installer_says_how_long_a_silence_may_be(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        await new_radio(bench, power=bench.power, silence_s=600)
        await bench.clock.sleep(595)
        assert steps(bench) == []
        await bench.clock.sleep(10)
        assert steps(bench) == ["scanner_restarted"]


# ---- where there is nothing to hear


async def test_a_practice_where_nothing_is_in_reach_is_hardly_disturbed_and_told_the_truth(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        follower = bench.follow("poche", paired)
        button.out_of_range()
        bench.power.cycled_s.clear()
        await bench.clock.sleep(2.1 * 3600)
        apart_s = [later - at for at, later in pairwise(bench.power.cycled_s)]
        assert min(apart_s) > POWER_CYCLE_PAUSE_S - 0.1
        assert len(apart_s) >= 6
        assert steps(bench).count("reported") == 1
        assert bench.now("radio", "state") == "silent"
        assert bench.now("radio", "error") is None
        button.back_in_range()
        await button.press("single")
        assert await bench.until(lambda: "down" in follower.kinds()) < 3
        await bench.until(lambda: bench.now("radio", "state") == "scanning", within_s=1)


async def test_an_idle_link_vouches_for_the_radio_all_day(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, _follower = await bench.follow_connected("poche")
        bench.said.clear()
        await bench.clock.sleep(6 * 3600)
        assert button.is_connected
        assert steps(bench) == []
        assert bench.power.cycled_s == []


async def test_what_bluez_says_of_devices_without_hearing_them_is_no_sign_of_life(
    open_bench: "OpenBench",
) -> None:
    class Bookkeeper(BaseBleakScanner):
        """Reports a device all the time, as BlueZ does when something else about it changes."""

        def __init__(self, callback: AdvertisementDataCallback, *_: object, **__: object) -> None:
            super().__init__(callback, None)
            self._timer: asyncio.TimerHandle | None = None

        async def start(self) -> None:
            self._report()

        def _report(self) -> None:
            path, address = "/org/bluez/hci0/dev_80_E4_DA_70_00_01", "80:E4:DA:70:00:01"
            about = AdvertisementData(None, {}, {}, [], None, -127, (path, {"Address": address}))
            self.call_detection_callbacks(BLEDevice(address, None, None), about)
            self._timer = asyncio.get_running_loop().call_later(5, self._report)

        async def stop(self) -> None:
            if self._timer:
                self._timer.cancel()

    async with open_bench() as bench:
        await new_radio(bench, power=Placebo(), scanner=Bookkeeper)
        await bench.until(lambda: bench.now("radio", "state") == "silent", within_s=REPORT_DUE_S + 5)


# ---- what stands in the way of a power cycle


async def test_an_adapter_that_somebody_switched_off_is_never_switched_on(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        await bench.world.radio.power(False)
        await bench.clock.sleep(3600)
        assert bench.world.radio.state is AdapterState.OFF
        assert bench.now("radio", "state") == "off"
        assert bench.now("radio", "power_cycle") == "switched_off"
        assert bench.now("radio", "power_cycles") == 0
        assert "scanner_restarted" not in steps(bench)  # it cannot even start
        await bench.world.radio.power(True)
        await bench.until(lambda: bench.now("radio", "error") is None, within_s=10)


@pytest.mark.parametrize("refusal", [Cycled.REFUSED, Cycled.NO_SERVICE, Cycled.NO_BUS])
async def test_a_refused_power_cycle_is_said_and_leaves_links_alone(
    open_bench: "OpenBench", refusal: Cycled
) -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        bench.power.refusal = refusal
        gone: list[int] = []
        with bench.radio.sightings(button.address) as sightings:
            await button.press("single")
            sighting = await anext(sightings)
        async with bench.radio.connect(sighting.device, lambda: gone.append(1)):
            await bench.until(lambda: bench.now("radio", "state") == "silent", within_s=REPORT_DUE_S + 5)
            assert gone == []
        assert steps(bench) == ["scanner_restarted", "not_power_cycled", "reported"]
        assert bench.now("radio", "power_cycle") == refusal.value
        assert bench.now("radio", "power_cycles") == 0


async def test_where_it_is_forbidden_no_adapter_is_touched(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        await new_radio(bench, power=None)
        bench.power.cycled_s.clear()
        await bench.clock.sleep(2 * 3600)
        assert steps(bench) == ["scanner_restarted", "reported"]
        assert bench.power.cycled_s == []


async def test_links_that_the_stack_still_believes_in_are_given_up_after_a_power_cycle(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        radio = await new_radio(bench, power=Placebo())
        with radio.sightings(button.address) as sightings:
            await button.press("single")
            sighting = await anext(sightings)
        gone = asyncio.Event()
        async with radio.connect(sighting.device, gone.set):
            await bench.until(lambda: "power_cycled" in steps(bench), within_s=CYCLE_DUE_S + 5)
            assert gone.is_set()
            assert button.is_connected  # for nobody here


async def test_an_adapter_that_does_not_come_on_again_is_tried_until_it_does(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        bench.power.stays_off = 4
        await bench.until(lambda: bench.now("radio", "state") == "off", within_s=CYCLE_DUE_S + 5)
        assert bench.now("radio", "error") == "the adapter stays off after a power cycle (stays_off)"
        assert bench.now("radio", "power_cycle") == "stays_off"
        took_s = await bench.until(lambda: bench.now("radio", "error") is None)
        assert took_s < 30
        assert bench.now("radio", "power_cycle") == "done"
        await button.press("single")
        await bench.until(lambda: bench.now("radio", "state") == "scanning", within_s=1)


async def test_what_a_killed_predecessor_left_switched_off_is_switched_on_first(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        await bench.world.radio.power(False)
        bench.power.is_owing = True
        await new_radio(bench, power=bench.power)
        await bench.until(lambda: bench.now("radio", "state") == "scanning", within_s=5)
        assert bench.values("radio", "error") == [None]


async def test_a_power_cycle_that_hangs_is_given_up(open_bench: "OpenBench") -> None:
    class Hangs(Placebo):
        async def cycle(self) -> Cycled:
            await asyncio.Event().wait()
            return Cycled.DONE

    async with open_bench() as bench:
        await new_radio(bench, power=Hangs())
        within_s = REPORT_DUE_S + LONGEST_CYCLE_S + 5
        await bench.until(lambda: bench.now("radio", "state") == "silent", within_s=within_s)
        assert bench.now("radio", "power_cycle") == "failed"


async def test_a_scan_that_bluetoothd_refuses_for_ever_is_mended_by_a_power_cycle(
    open_bench: "OpenBench",
) -> None:
    class Stuck(BaseBleakScanner):
        """Of bluetoothd, which believes that it is scanning already."""

        def __init__(self, *_: object, **__: object) -> None:
            super().__init__(None, None)

        async def start(self) -> None:
            if not power.cycles:
                raise BleakError("InProgress")

        async def stop(self) -> None: ...

    power = Placebo()
    async with open_bench() as bench:
        await new_radio(bench, power=power, scanner=Stuck)
        await bench.until(lambda: bench.now("radio", "state") == "off", within_s=5)
        took_s = await bench.until(lambda: bench.now("radio", "error") is None, within_s=CYCLE_DUE_S + 20)
        assert took_s >= CYCLE_DUE_S - 5
        assert power.cycles == 1


# ---- nothing stands in the way of the next connection


async def test_failing_connections_in_a_row_make_nobody_wait_longer(
    open_bench: "OpenBench", monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        tries_s: list[float] = []
        connect = bench.world.radio.client.connect

        async def fail(self: object, *args: object, **kwargs: object) -> None:
            tries_s.append(bench.clock.now_s())
            if len(tries_s) <= 8:
                raise BleakError("le-connection-abort-by-local")
            await connect(self, *args, **kwargs)  # type: ignore[arg-type]

        monkeypatch.setattr(bench.world.radio.client, "connect", fail)
        follower = bench.follow("poche", paired)
        await button.press("single")
        await bench.until(lambda: "down" in follower.kinds(), within_s=10)
        apart_s = [later - at for at, later in pairwise(tries_s)]
        assert len(apart_s) == 8
        assert max(apart_s) < 1.0  # the next advertisement or two


async def test_errors_of_the_adapter_make_nobody_wait_once_it_is_well(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        follower = bench.follow("poche", paired)
        await bench.world.radio.plug(False)
        await bench.clock.sleep(3600)
        await bench.world.radio.plug(True)
        bench.radio.doubt()  # as the bus would tell
        await button.press("single")
        assert await bench.until(lambda: "down" in follower.kinds()) < 2


async def test_a_press_during_a_parting_is_heard_as_soon_as_the_old_link_is_gone(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        bench.world.radio.disconnect_takes_s = 2.5
        button.faults.is_silent = True
        await bench.until(lambda: bench.now("button:poche", "link") == "waiting", within_s=300)
        button.faults.is_silent = False
        assert button.is_connected  # BlueZ holds the link of the session that was given up
        await button.press("single")
        assert await bench.until(lambda: "down" in follower.kinds()) < 2.5 + 1.5
        assert Observation("button:poche", "link", "up") in bench.said


# ---- the search of a dead daemon


async def crash_and_come_back(bench: "Bench", *, stuck_s: float = 11.0) -> float:
    """Let the daemon die and be started again at once; return how long no scanner would start."""
    await bench.until(lambda: bench.now("radio", "state") == "scanning")
    bench.world.radio.search_outlives_crash_s = stuck_s
    await bench.world.radio.crash()
    bench.radio.react_to(Change.DAEMON_GONE)
    await bench.world.radio.recover()
    bench.radio.react_to(Change.ADAPTER)
    began_s = bench.clock.now_s()
    await bench.until(lambda: bench.now("radio", "state") == "off")
    await bench.until(lambda: bench.now("radio", "state") == "scanning")
    return bench.clock.now_s() - began_s


async def test_the_search_of_a_dead_daemon_is_ended_by_a_power_cycle(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        assert await crash_and_come_back(bench) < 3
        assert len(bench.power.cycled_s) == 1


async def test_a_dead_daemons_search_is_waited_for_where_nobody_may_switch(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        await new_radio(bench, power=None)
        assert 11 <= await crash_and_come_back(bench) < 17


async def test_one_death_is_worth_one_power_cycle(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        placebo = Placebo()
        await new_radio(bench, power=placebo)
        await crash_and_come_back(bench)
        assert placebo.cycles == 1


async def test_a_refused_search_without_a_death_is_no_reason_to_switch(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        await bench.until(lambda: bench.now("radio", "state") == "scanning")
        bench.world.radio.search_outlives_crash_s = 11
        await bench.world.radio.crash()
        await bench.world.radio.recover()
        bench.radio.react_to(Change.ADAPTER)  # somebody switched it, say; of a death nothing was heard
        await bench.until(lambda: bench.now("radio", "state") == "off")
        await bench.until(lambda: bench.now("radio", "state") == "scanning")
        assert not bench.power.cycled_s


# ---- attempts to connect, which Linux 6.1 does not survive when the adapter goes off


async def test_no_attempt_to_connect_is_under_way_when_the_adapter_is_switched(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        with bench.radio.sightings(button.address) as sightings:
            await button.press("single")
            device = (await anext(sightings)).device
        bench.world.radio.go_deaf()
        attempts: list[tuple[float, float, str]] = []

        async def try_for_ever() -> None:
            while True:
                began_s = bench.clock.now_s()
                try:
                    async with bench.radio.connect(device, lambda: None):
                        pytest.fail("a deaf adapter connects to nobody")
                except ButtonUnreachableError as error:
                    attempts.append((began_s, bench.clock.now_s(), str(error)))
                    await bench.clock.sleep(0.1)

        trying = bench.tasks.create_task(try_for_ever())
        await bench.until(lambda: bench.now("radio", "step") == "power_cycled", within_s=200)
        trying.cancel()
        (cycled_s,) = bench.power.cycled_s
        assert [said for _, _, said in attempts].count("connect: given up") == 1
        assert not [began for began, ended, _ in attempts if began < cycled_s < ended]
        assert attempts[-1][1] <= cycled_s
