"""Between courier and transport: the words that leave are true when they leave."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flicbridge.alert.alert import (
    Alert,
    AlertKind,
    Delivery,
    DeliveryState,
    Doctor,
    Practice,
    Purpose,
    delivery_id,
    press_id,
)
from flicbridge.channel import PREPARED_FOR_S, RehearsalCarrier, TransportCarrier, Words
from flicbridge.clock import Clock, LoopClock
from flicbridge.outbox.job import Job
from flicbridge.transport.base import ChannelOptions, Context, Message, Receipt, Transport

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WORDS = Words("fr", "Europe/Paris", timedelta(seconds=60))


class Drawer(Transport[ChannelOptions]):
    """Keeps what it is given."""

    Options = ChannelOptions

    def __init__(self, options: ChannelOptions, context: Context) -> None:
        super().__init__(options, context)
        self.kept: list[Message] = []

    async def deliver(self, message: Message) -> Receipt:
        self.kept.append(message)
        return Receipt("p1", detail="kept")


@pytest.fixture
async def clock() -> Clock:
    return LoopClock(asyncio.get_running_loop(), wall_at=NOON)


@pytest.fixture
async def drawer(clock: Clock) -> Drawer:
    return Drawer(ChannelOptions(transport="drawer"), Context(lambda name: name, clock, "b"))


@pytest.fixture
def job() -> Job:
    alert = Alert(
        press_id("S", 7, 1),
        AlertKind.EMERGENCY,
        "b",
        "poche",
        "long",
        NOON,
        NOON,
        False,
        Doctor("Dr Anne Martin", "+33612345678"),
        Practice("Cabinet", "Limoges"),
        None,
    )
    delivery = Delivery(
        delivery_id(alert.id, Purpose.ALERT, 0, 0, "hub/0"),
        alert.id,
        Purpose.ALERT,
        0,
        "hub",
        "hub/0",
        NOON,
        NOON,
        NOON + timedelta(days=1),
    )
    return Job(delivery, alert, attempts=1, leased=True)


async def test_what_was_prepared_is_sent_as_it_is(clock: Clock, drawer: Drawer, job: Job) -> None:
    carrier = TransportCarrier(drawer, WORDS, clock)
    carrier.prepare(job)
    await clock.sleep(PREPARED_FOR_S / 2)
    handed = await carrier.carry(job)
    assert (handed.state, handed.provider_id, handed.detail) == (DeliveryState.SENT, "p1", "kept")
    assert drawer.kept[0].sent_at - NOON < timedelta(seconds=PREPARED_FOR_S / 4)


async def test_words_that_have_become_stale_are_found_anew(clock: Clock, drawer: Drawer, job: Job) -> None:
    carrier = TransportCarrier(drawer, WORDS, clock)
    carrier.prepare(job)
    await clock.sleep(90)
    await carrier.carry(job)
    assert drawer.kept[0].data["late"] is True
    assert "TARDIF" in drawer.kept[0].sms


async def test_what_was_prepared_for_one_message_is_never_sent_as_another(
    clock: Clock, drawer: Drawer, job: Job
) -> None:
    carrier = TransportCarrier(drawer, WORDS, clock)
    carrier.prepare(job)
    await carrier.carry(replace(job, attempts=2))
    await carrier.carry(replace(job, key_no=1))
    assert [(m.attempt, m.key) for m in drawer.kept] == [(2, str(job.id)), (1, f"{job.id}-1")]


async def test_a_rehearsal_shows_the_message_and_calls_it_sent(clock: Clock, job: Job) -> None:
    shown: list[Message] = []
    handed = await RehearsalCarrier(WORDS, clock, shown.append).carry(job)
    assert handed.detail == "rehearsal, nothing was sent"
    assert [m.recipient for m in shown] == ["hub"]
