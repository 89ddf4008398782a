"""The air between radio chips: who hears whom, in which rhythm, and what becomes of links."""

import asyncio
from collections.abc import Callable

import pytest
from bumble import hci
from bumble.transport.common import TransportSink

from flicbridge.clock import LoopClock
from flicbridge.simulator.air import INTERVAL_UNIT_S, Air, Chip

SPEAKER = hci.Address("80:E4:DA:70:00:01", hci.Address.PUBLIC_DEVICE_ADDRESS)
INTERVAL_S = 160 * INTERVAL_UNIT_S  # 100 ms


class Host(TransportSink):
    """Writes down when which event came from its chip."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self.events: list[tuple[float, hci.HCI_Packet]] = []
        self._now_s = now_s

    def on_packet(self, packet: bytes) -> None:
        self.events.append((self._now_s(), hci.HCI_Packet.from_bytes(packet)))

    @property
    def heard_s(self) -> list[float]:
        """When advertisements (and scan responses) were heard."""
        return [at_s for at_s, event in self.events if isinstance(event, hci.HCI_LE_Advertising_Report_Event)]


class Bench:
    """A speaker that advertises and a listener."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.air = Air()
        self.speaker = Chip("speaker", self.air, SPEAKER)
        self.listener = Chip("listener", self.air)
        self.host = Host(loop.time)
        self.listener.host = self.host
        self.speaker.advertiser.advertising_interval_min = 160
        self.speaker.advertiser.advertising_data = b"\x02\x01\x06"
        self.speaker.advertiser.start()
        self.began_s = loop.time()

    def phases_s(self) -> list[float]:
        """How far each advertisement was off the rhythm that began with the first."""
        beats = [(at_s - self.began_s) / INTERVAL_S for at_s in self.host.heard_s]
        return [abs(beat - round(beat)) * INTERVAL_S for beat in beats]


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def wait(seconds: float) -> None:
    await LoopClock(asyncio.get_running_loop()).sleep(seconds)


async def test_an_advertisement_and_its_scan_response_come_once_per_interval(bench: Bench) -> None:
    bench.listener.listen(True)
    await wait(10 * INTERVAL_S - INTERVAL_S / 2)
    assert len(bench.host.heard_s) in (18, 20)  # the very first may have come before we listened


async def test_who_does_not_listen_hears_nothing(bench: Bench) -> None:
    await wait(1)
    assert bench.host.events == []


async def test_an_advertiser_that_nobody_heard_for_hours_is_still_in_rhythm(bench: Bench) -> None:
    await wait(7200 + INTERVAL_S / 3)
    bench.listener.listen(True)
    await wait(1)
    assert 18 <= len(bench.host.heard_s) <= 22
    assert max(bench.phases_s()) < INTERVAL_S / 4


async def test_a_hidden_chip_neither_hears_nor_is_heard(bench: Bench) -> None:
    bench.listener.listen(True)
    for hidden in (bench.speaker, bench.listener):
        bench.air.hide(hidden)
        await wait(1)
        bench.host.events.clear()
        await wait(5)
        assert bench.host.heard_s == []
        bench.air.show(hidden)
        await wait(1)
        assert len(bench.host.heard_s) >= 16


async def test_an_advertisement_of_somebody_who_stopped_meanwhile_counts_for_nothing(bench: Bench) -> None:
    bench.listener.listen(True)
    bench.speaker.advertiser.send_advertising_data()
    bench.speaker.advertiser.stop()
    await wait(1)
    assert bench.host.events == []


async def test_an_attempt_to_connect_can_be_given_up_and_made_again(bench: Bench) -> None:
    bench.speaker.advertiser.stop()
    command = hci.HCI_LE_Create_Connection_Command(
        le_scan_interval=16,
        le_scan_window=16,
        initiator_filter_policy=0,
        peer_address_type=SPEAKER.address_type,
        peer_address=SPEAKER,
        own_address_type=hci.OwnAddressType.RANDOM,
        connection_interval_min=24,
        connection_interval_max=40,
        max_latency=0,
        supervision_timeout=42,
        min_ce_length=0,
        max_ce_length=0,
    )
    bench.listener.on_hci_packet(command)
    bench.listener.give_up_connecting()
    bench.listener.give_up_connecting()  # there is none any more
    await wait(1)
    completed = [e for _, e in bench.host.events if isinstance(e, hci.HCI_LE_Connection_Complete_Event)]
    assert [event.status for event in completed] == [hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR]
    bench.listener.on_hci_packet(command)
    bench.speaker.advertiser.start()
    await wait(1)
    assert list(bench.listener.le_connections) == [SPEAKER]
    assert not bench.speaker.advertiser.enabled


async def test_a_chip_that_is_taken_away_leaves_nothing_behind(bench: Bench) -> None:
    bench.listener.listen(True)
    bench.air.remove_controller(bench.speaker)
    await wait(1)
    assert bench.host.heard_s == []
    assert bench.air.controllers == {bench.listener}
