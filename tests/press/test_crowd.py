"""Floods of advertisements at the driver: no memory of strangers, and bleak's memory of them is bounded."""

import asyncio
import gc
import sys
from random import Random

import pytest
from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from structlog.testing import capture_logs

from flicbridge.clock import LoopClock
from flicbridge.observation import Observation, Value
from flicbridge.press.crowd import LOOK_EVERY, SENDERS
from flicbridge.press.radio import Radio
from flicbridge.press.sighting import Sighting
from flicbridge.supervise import alongside

OURS = "80:E4:DA:70:00:01"
LARGEST_DATA = 1650  # of an extended advertisement


class Flooded(BaseBleakScanner):
    """A scanner in a flood: remembers everybody, as bleak's own do."""

    running: "list[Flooded]"

    def __init__(self, callback: AdvertisementDataCallback, *_: object, **__: object) -> None:
        super().__init__(callback, None)

    async def start(self) -> None:
        self.running.append(self)

    async def stop(self) -> None:
        self.running.remove(self)

    def hear(self, address: str, data: AdvertisementData) -> None:
        self.call_detection_callbacks(self.create_or_update_device(address, address, None, {}, data), data)


class Air:
    """A radio whose scanner hears what a test says."""

    def __init__(self) -> None:
        self.random = Random(7)
        self.told: dict[str, Value] = {}
        self.clock = LoopClock(asyncio.get_running_loop())
        self.scanners: list[Flooded] = []
        self.most_remembered = 0
        self.renewals = 0
        scanner = type("Scanner", (Flooded,), {"running": self.scanners})
        self.radio = Radio(scanner, None, clock=self.clock, observe=self._observe)

    def _observe(self, said: Observation) -> None:
        if said.subject == "radio":
            self.told[said.fact] = said.value

    def hear(self, address: str, manufacturer_data: dict[int, bytes] | None = None) -> None:
        data = AdvertisementData(None, manufacturer_data or {}, {}, [], None, -90, ())
        for scanner in self.scanners:
            scanner.hear(address, data)
            self.most_remembered = max(self.most_remembered, len(scanner.seen_devices))

    async def flood(self, senders: int, *, per_s: int) -> None:
        """Hear so many senders once each."""
        for _ in range(senders // 100):
            before = list(self.scanners)
            for _ in range(100):
                size = self.random.randrange(LARGEST_DATA)
                self.hear(self.random.randbytes(6).hex(":").upper(), {0x030F: self.random.randbytes(size)})
            await self.clock.sleep(100 / per_s)
            self.renewals += self.scanners != before


async def test_a_hundred_thousand_senders_leave_nothing_behind() -> None:
    air = Air()
    async with alongside(radio=air.radio.run):
        await air.clock.sleep(1)
        with air.radio.sightings(OURS) as sightings, capture_logs() as logs:
            await air.flood(50_000, per_s=1000)
            gc.collect()
            half = sys.getallocatedblocks()
            await air.flood(50_000, per_s=1000)
            gc.collect()
            # At most one generation of scanners apart, each with its senders.
            assert sys.getallocatedblocks() - half < 10 * SENDERS
            air.hear(OURS)
            async with asyncio.timeout(1):
                assert (await anext(sightings)).address == OURS
        assert air.most_remembered <= SENDERS + LOOK_EVERY + 100
        assert 30 < air.renewals <= 100_000 / SENDERS
        assert air.told["advertisement_flood"] == pytest.approx(air.renewals + 100_000 / 1000 / 10, abs=3)
        lines = [line["event"] for line in logs if line["log_level"] != "debug"]
        assert lines == ["advertisement_flood"] * 5
        assert air.told.get("scanner_restarts", 0) == 0  # it is not sick, only full


async def test_a_busy_street_is_no_flood_but_its_memory_is_bounded_too() -> None:
    air = Air()
    async with alongside(radio=air.radio.run):
        await air.clock.sleep(1)
        await air.flood(2 * SENDERS, per_s=10)
        assert air.renewals >= 1
        assert "advertisement_flood" not in air.told


async def test_one_sender_that_never_rests_is_a_flood() -> None:
    air = Air()
    shown: list[Sighting] = []
    async with alongside(radio=air.radio.run):
        await air.clock.sleep(1)
        with air.radio.sightings(OURS, shown.append):
            for _ in range(200):
                for _ in range(100):
                    air.hear(OURS)
                await air.clock.sleep(0.1)
        await air.clock.sleep(60)
        assert len(shown) == 20_000
        assert air.told["advertisement_flood"] == 2
        assert str(air.told["advertisement_flood_detail"]).endswith(" advertisements per second")
        assert air.renewals == 0


async def test_the_end_of_a_flood_can_be_seen() -> None:
    """Its count stands still, whatever honest devices go on to say."""
    air = Air()
    async with alongside(radio=air.radio.run):
        await air.clock.sleep(1)
        await air.flood(SENDERS + LOOK_EVERY, per_s=1000)
        count = air.told["advertisement_flood"]
        for _ in range(600):
            air.hear(OURS)
            await air.clock.sleep(1)
        assert air.told["advertisement_flood"] == count
