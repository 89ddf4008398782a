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
from flicbridge.channel import RehearsalCarrier, TransportCarrier, Words
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


async def test_what_a_transport_is_given_and_what_comes_of_it(clock: Clock, drawer: Drawer, job: Job) -> None:
    handed = await TransportCarrier(drawer, WORDS, clock).carry(replace(job, attempts=2, key_no=1))
    assert (handed.state, handed.provider_id, handed.detail) == (DeliveryState.SENT, "p1", "kept")
    [message] = drawer.kept
    assert (message.attempt, message.key, message.recipient) == (2, f"{job.id}-1", "hub")


async def test_the_words_are_as_of_the_moment_they_leave(clock: Clock, drawer: Drawer, job: Job) -> None:
    carrier = TransportCarrier(drawer, WORDS, clock)
    await carrier.carry(job)
    await clock.sleep(90)
    await carrier.carry(replace(job, attempts=2))
    assert [round(message.data["age_s"]) for message in drawer.kept] == [0, 90]
    assert ["il y a 1 min" in message.sms for message in drawer.kept] == [False, True]
    assert [message.data["late"] for message in drawer.kept] == [False, False]  # received fresh, told late


async def test_a_rehearsal_shows_the_message_and_calls_it_sent(clock: Clock, job: Job) -> None:
    shown: list[Message] = []
    handed = await RehearsalCarrier(WORDS, clock, shown.append).carry(job)
    assert handed.detail == "rehearsal, nothing was sent"
    assert [m.recipient for m in shown] == ["hub"]


@pytest.mark.parametrize("kind", AlertKind)
def test_whoever_is_not_asked_for_an_answer_is_told_no_way_to_give_one_but_in_a_drill(
    job: Job, clock: Clock, kind: AlertKind
) -> None:
    of_kind = replace(job, alert=replace(job.alert, kind=kind), code="K7Q3")
    asked = replace(WORDS, link=lambda alert, recipient: f"https://a.example/r/{alert}/{recipient}")
    unasked = replace(asked, unasked=frozenset({"hub"}))
    for words in (asked, unasked):
        message = words.message(of_kind, clock, can_reply=True)
        offers = words is asked or kind is AlertKind.TEST
        assert ("OK K7Q3" in message.sms) is offers
        assert ("https://a.example" in message.text) is offers
        assert (message.data["answer_url"] is not None) is offers
