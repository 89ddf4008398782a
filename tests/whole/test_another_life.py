"""The machine restarts while an alert stands, and its wall clock comes back with another time.

Without a clock of its own a machine goes on near the time at which it stopped, or in 1970, or with whatever
was left in it. What was dated in its earlier life cannot be compared with what is dated now.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from flicbridge.alert.alert import AlertState, Happening, Way
from flicbridge.outbox.ledger import Effect
from flicbridge.simulator.clockwork import STEP_AFTER_S, Clockwork
from flicbridge.simulator.gateways import FakeHttp

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
RIGHT_AT = datetime(2026, 11, 22, 13, 2, tzinfo=UTC)
TO_1970_S = -RIGHT_AT.timestamp()


def purposes(gateway: FakeHttp) -> list[str]:
    return [arrival.event["data"]["purpose"] for arrival in gateway.received]


async def begin_another_life(practice: Clockwork, *, clock_s: float, off_s: float = 0.0) -> None:
    """Restart the machine, its wall clock set by `clock_s` from where it stopped, `off_s` later in truth."""
    await practice.stop()
    practice.clock.restart()
    practice.clock.step(clock_s)
    practice.right.step(off_s)
    await practice.start()


@asynccontextmanager
async def told_practice(folder: Path) -> AsyncIterator[tuple[Clockwork, UUID]]:
    """Everybody has been told of an alert, the colleague of the second step as well."""
    async with Clockwork(folder) as practice:
        alert = (await practice.press()).alert
        assert alert is not None
        await practice.pass_time(2 * STEP_AFTER_S)
        assert purposes(practice.hub) == purposes(practice.colleague) == ["alert"]
        yield practice, alert


# -- a new press ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock_s", [-100.0, -20.0, 0.0, 60.0])
@pytest.mark.parametrize("is_answered", [True, False])
async def test_a_press_hours_later_by_a_clock_that_stood_still_is_a_new_call_for_help(
    tmp_path: Path, clock_s: float, is_answered: bool
) -> None:
    async with told_practice(tmp_path) as (practice, before):
        if is_answered:
            await practice.bridge.move_alert(before, Happening.ACKNOWLEDGED, by="recipient:hub", way=Way.LINK)
        await begin_another_life(practice, clock_s=clock_s, off_s=8 * HOUR_S)
        taken = await practice.press()
        pressed_s = practice.clock.now_s()
        assert (taken.effect, taken.safe) == (Effect.RAISED, True)
        assert taken.alert != before
        await practice.pass_time(2 * STEP_AFTER_S)
        news = [
            arrival
            for gateway in (practice.hub, practice.colleague)
            for arrival in gateway.received
            if arrival.event["subject"] == str(taken.alert)
        ]
        assert [arrival.event["data"]["purpose"] for arrival in news] == ["alert", "alert"]
        assert news[0].at_s - pressed_s < 5
        assert abs(news[1].at_s - pressed_s - STEP_AFTER_S) < 5
        assert len([sms for sms in practice.phone.received if sms.at_s >= pressed_s - 1]) == 1


async def test_a_second_press_in_the_same_life_joins_the_alert_of_that_life(tmp_path: Path) -> None:
    async with told_practice(tmp_path) as (practice, before):
        await begin_another_life(practice, clock_s=-20.0)
        first = await practice.press()
        await practice.pass_time(10)
        second = await practice.press()
        assert (second.effect, second.alert) == (Effect.JOINED, first.alert)
        assert first.alert != before


async def test_a_press_after_the_bridge_alone_restarted_still_joins(tmp_path: Path) -> None:
    async with told_practice(tmp_path) as (practice, before):
        await practice.stop()
        await practice.start()
        again = await practice.press()
        assert (again.effect, again.alert) == (Effect.JOINED, before)


# -- what ends it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock_s", [TO_1970_S, -8 * HOUR_S, -600.0, 60.0, 400 * DAY_S])
async def test_the_buttons_cancellation_means_the_alert_of_an_earlier_life(
    tmp_path: Path, clock_s: float
) -> None:
    async with told_practice(tmp_path) as (practice, before):
        await begin_another_life(practice, clock_s=clock_s)
        taken = await practice.press("triple")
        assert (taken.effect, taken.alert) == (Effect.CANCELLED, before)
        await practice.pass_time(5)
        assert purposes(practice.hub)[-1] == purposes(practice.colleague)[-1] == "cancelled"


@pytest.mark.parametrize("clock_s", [TO_1970_S, -600.0, 400 * DAY_S])
async def test_a_cancellation_over_the_api_reaches_everybody_who_was_told_in_an_earlier_life(
    tmp_path: Path, clock_s: float
) -> None:
    async with told_practice(tmp_path) as (practice, before):
        await begin_another_life(practice, clock_s=clock_s)
        assert await practice.bridge.move_alert(before, Happening.CANCELLED, by="api")
        await practice.pass_time(5)
        assert purposes(practice.hub)[-1] == purposes(practice.colleague)[-1] == "cancelled"
        assert len(practice.phone.received) >= 2


# -- a clock that is ahead for a moment ----------------------------------------------------------------------


@pytest.mark.parametrize("ahead_s", [2 * DAY_S, 400 * DAY_S])
async def test_a_clock_that_is_days_ahead_at_the_start_closes_no_alert(
    tmp_path: Path, ahead_s: float
) -> None:
    async with told_practice(tmp_path) as (practice, before):
        await begin_another_life(practice, clock_s=ahead_s)
        await practice.pass_time(5)
        practice.clock.step(-ahead_s)
        await practice.pass_time(20 * 60)
        standing = practice.bridge.standing(before)
        assert standing is not None
        assert standing.state is AlertState.NOTIFIED
        assert (await practice.bridge.status())["open_alerts"] == [str(before)]
        assert "reminder" in purposes(practice.colleague)
        answered = await practice.bridge.move_alert(
            before, Happening.ACKNOWLEDGED, by="recipient:hub", way=Way.LINK
        )
        assert answered
        assert (await practice.press("triple")).effect is Effect.CANCELLED


async def test_once_the_clock_can_be_trusted_an_alert_of_days_ago_is_closed(tmp_path: Path) -> None:
    async with told_practice(tmp_path) as (practice, before):
        await begin_another_life(practice, clock_s=2 * DAY_S, off_s=2 * DAY_S)
        await practice.pass_time(HOUR_S)
        assert practice.bridge.standing(before) is None
