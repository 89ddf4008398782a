"""A wall clock that is wrong, is set, or stands still with the machine: nothing waits for it or is lost.

The whole bridge, with real receivers on the loopback who go by the right time.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flicbridge.alert.alert import Happening
from flicbridge.api import views
from flicbridge.simulator.clockwork import STEP_AFTER_S, Clockwork
from flicbridge.simulator.gateways import FakeHttp
from flicbridge.simulator.leap import steady_loop
from flicbridge.texts import translator

HOUR_S = 3600.0
RIGHT_AT = datetime(2026, 11, 22, 13, 2, tzinfo=UTC)
SINCE_1970_S = RIGHT_AT.timestamp()

# Without a clock of its own a machine starts in 1970, or with the time of its last shutdown; and whoever sets
# a clock by hand may set it by anything.
ERRORS_S = [-SINCE_1970_S, -8 * HOUR_S, -600.0, 8 * HOUR_S, 400 * 24 * HOUR_S]
STEPS_S = [*ERRORS_S, -HOUR_S, HOUR_S]

french = translator("fr").gettext


def data(gateway: FakeHttp) -> list[dict[str, Any]]:
    return [arrival.event["data"] for arrival in gateway.received]


async def shown(practice: Clockwork, alert: UUID) -> Mapping[str, Any]:
    found = await practice.bridge.show_alert(alert)
    assert found is not None
    return found


def pressed_at(told: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(told["pressed_at"])


# -- a clock that is wrong all the time ----------------------------------------------------------------------


@pytest.mark.parametrize("error_s", ERRORS_S)
async def test_a_wrong_clock_delays_no_alert_and_no_step(tmp_path: Path, error_s: float) -> None:
    async with Clockwork(tmp_path, error_s=error_s) as practice:
        taken = await practice.press()
        pressed_s = practice.clock.now_s()
        await practice.pass_time(2 * STEP_AFTER_S)
        [hub], [sms], [colleague] = (
            practice.hub.received,
            practice.phone.received,
            practice.colleague.received,
        )
        assert max(hub.at_s, sms.at_s) - pressed_s < 5
        assert abs(colleague.at_s - pressed_s - STEP_AFTER_S) < 5
        assert hub.event["subject"] == str(taken.alert)
        assert 0 <= data(practice.hub)[0]["age_s"] < 5


async def test_a_press_in_1970_is_told_with_its_age_and_without_its_time(tmp_path: Path) -> None:
    async with Clockwork(tmp_path, error_s=-SINCE_1970_S) as practice:
        await practice.press()
        await practice.pass_time(5)
        [sms] = practice.phone.received
        [told] = data(practice.hub)
        assert "1970" not in sms.text
        assert french("{age} ago").format(age="").strip() in sms.text
        assert told["clock_was_set"] is False
        assert told["late"] is False
        assert "clock_wrong" in await practice.problems()


async def test_a_press_in_1970_that_is_sent_late_has_its_right_time_once_the_clock_is_set(
    tmp_path: Path,
) -> None:
    async with Clockwork(tmp_path, error_s=-SINCE_1970_S) as practice:
        practice.cut()
        await practice.press()
        pressed = practice.right.now_at()
        await practice.pass_time(600)
        practice.clock.step(SINCE_1970_S)
        practice.mend()
        await practice.pass_time(70)
        [told], [sms] = data(practice.hub), practice.phone.received
        assert abs(pressed_at(told) - pressed) < timedelta(seconds=5)
        assert 595 < told["age_s"] < 680
        assert "14:02" in sms.text  # 13:02 UTC in November
        assert set(await practice.problems()) == {"clock_stepped"}


# -- a clock that is set -------------------------------------------------------------------------------------


@pytest.mark.parametrize("step_s", STEPS_S)
async def test_a_step_while_messages_wait_moves_neither_retry_nor_step_nor_expiry(
    tmp_path: Path, step_s: float
) -> None:
    async with Clockwork(tmp_path, error_s=-step_s) as practice:
        practice.cut()
        await practice.press()
        pressed_s = practice.clock.now_s()
        await practice.pass_time(20)
        practice.clock.step(step_s)
        await practice.pass_time(20)
        assert practice.hub.received == []
        practice.mend()
        await practice.pass_time(2 * STEP_AFTER_S)
        [hub], [sms], [colleague] = (
            practice.hub.received,
            practice.phone.received,
            practice.colleague.received,
        )
        assert min(hub.at_s, sms.at_s) - pressed_s >= 40
        assert max(hub.at_s, sms.at_s) - pressed_s < 40 + 40  # half the outage, and a little
        assert abs(colleague.at_s - pressed_s - STEP_AFTER_S) < 5
        assert 39 < data(practice.hub)[0]["age_s"] < 90
        assert data(practice.hub)[0]["late"] is False


@pytest.mark.parametrize("step_s", STEPS_S)
async def test_a_step_within_the_gesture_neither_holds_the_alert_back_nor_makes_it_late(
    tmp_path: Path, step_s: float
) -> None:
    """A single press is only certain half a second later: the clock is set just then."""
    async with Clockwork(tmp_path, error_s=-step_s) as practice:
        began_s = practice.clock.now_s()
        async with asyncio.TaskGroup() as group:
            group.create_task(practice.press())
            await practice.pass_time(0.2)
            practice.clock.step(step_s)
        await practice.pass_time(3)
        [hub], [sms] = practice.hub.received, practice.phone.received
        assert max(hub.at_s, sms.at_s) - began_s < 3
        [told] = data(practice.hub)
        assert told["late"] is False
        assert abs(pressed_at(told) - practice.right.now_at()) < timedelta(seconds=10)


@pytest.mark.parametrize("step_s", STEPS_S)
async def test_a_second_press_after_a_step_joins_the_alert_and_is_told(tmp_path: Path, step_s: float) -> None:
    async with Clockwork(tmp_path, error_s=-step_s) as practice:
        first = await practice.press()
        await practice.pass_time(65)
        practice.clock.step(step_s)
        second = await practice.press()
        assert second.alert == first.alert
        await practice.pass_time(5)
        assert [told["purpose"] for told in data(practice.hub)] == ["alert", "again"]


@pytest.mark.parametrize("step_s", STEPS_S)
async def test_a_cancellation_after_a_step_reaches_everybody_who_was_told(
    tmp_path: Path, step_s: float
) -> None:
    async with Clockwork(tmp_path, error_s=-step_s) as practice:
        await practice.press()
        await practice.pass_time(2 * STEP_AFTER_S)
        practice.clock.step(step_s)
        await practice.press("triple")
        await practice.pass_time(5)
        assert [told["purpose"] for told in data(practice.hub)] == ["alert", "cancelled"]
        assert [told["purpose"] for told in data(practice.colleague)] == ["alert", "cancelled"]


async def test_the_list_of_alerts_keeps_the_order_of_the_presses(tmp_path: Path) -> None:
    async with Clockwork(tmp_path, error_s=-SINCE_1970_S) as practice:
        made = []
        for step_s in (SINCE_1970_S, -8 * HOUR_S, 8 * HOUR_S, 0.0):
            made.append((await practice.press("double")).alert)
            await practice.pass_time(30)
            practice.clock.step(step_s)
            await practice.pass_time(30)
        listed = [standing.alert for standing in await practice.bridge.list_alerts(10)]
        assert [alert.id for alert in reversed(listed)] == made
        for alert, minutes in zip(reversed(listed), range(4), strict=True):
            assert abs(alert.pressed_at - RIGHT_AT - timedelta(minutes=minutes)) < timedelta(seconds=20)


async def test_open_alerts_survive_network_time_and_so_does_the_history(tmp_path: Path) -> None:
    """56 years pass in an instant: nothing is over for that, and nothing is old enough to be forgotten."""
    async with Clockwork(tmp_path, error_s=-SINCE_1970_S) as practice:
        open_one = (await practice.press()).alert
        closed = (await practice.press("double")).alert
        assert open_one is not None
        assert closed is not None
        await practice.pass_time(10)
        await practice.bridge.move_alert(closed, Happening.CLOSED, by="api")
        practice.clock.step(SINCE_1970_S)
        await practice.pass_time(0.6 * HOUR_S)
        listed = {standing.alert.id: standing for standing in await practice.bridge.list_alerts(10)}
        assert set(listed) == {open_one, closed}
        assert listed[open_one].state != "closed"


async def test_a_clock_that_is_years_ahead_at_the_start_costs_no_history(tmp_path: Path) -> None:
    async with Clockwork(tmp_path) as practice:
        alert = (await practice.press("double")).alert
        assert alert is not None
        await practice.pass_time(10)
        await practice.bridge.move_alert(alert, Happening.CLOSED, by="api")
        await practice.stop()
        practice.clock.restart()
        practice.clock.step(400 * 24 * HOUR_S)
        await practice.start()
        await practice.pass_time(600)
        practice.clock.step(-400 * 24 * HOUR_S)
        await practice.pass_time(0.6 * HOUR_S)
        assert [standing.alert.id for standing in await practice.bridge.list_alerts(10)] == [alert]


async def test_no_age_is_shown_of_a_try_that_a_wrong_clock_dated(tmp_path: Path) -> None:
    """The press is dated anew, and its first try would look as if it had come three hours later."""
    async with Clockwork(tmp_path, error_s=3 * HOUR_S) as practice:
        alert = (await practice.press()).alert
        assert alert is not None
        await practice.pass_time(10)
        before = views.alert(await shown(practice, alert), asks_pin=False)
        assert all(each["age_s"] < 10 for each in before["attempts"])
        practice.clock.step(-3 * HOUR_S)
        await practice.pass_time(10)
        after = views.alert(await shown(practice, alert), asks_pin=False)
        assert after["pressed_at"].startswith("2026-11-22T13:02")
        assert {each["age_s"] for each in after["attempts"]} == {None}


# -- a restart in between ------------------------------------------------------------------------------------


@pytest.mark.parametrize("step_s", STEPS_S)
async def test_a_step_while_the_bridge_restarts_loses_and_delays_nothing(
    tmp_path: Path, step_s: float
) -> None:
    async with Clockwork(tmp_path, error_s=-step_s) as practice:
        practice.cut()
        await practice.press()
        pressed, pressed_s = practice.right.now_at(), practice.clock.now_s()
        await practice.pass_time(20)
        await practice.stop()
        practice.clock.step(step_s)
        practice.mend()
        await practice.start()
        await practice.pass_time(2 * STEP_AFTER_S)
        [hub], [sms], [colleague] = (
            practice.hub.received,
            practice.phone.received,
            practice.colleague.received,
        )
        assert max(hub.at_s, sms.at_s) - pressed_s < 40
        assert abs(colleague.at_s - pressed_s - STEP_AFTER_S) < 10
        [told] = data(practice.hub)
        assert abs(pressed_at(told) - pressed) < timedelta(seconds=5)
        assert told["late"] is False


async def test_reminders_come_one_by_one_although_the_clock_was_set_while_the_bridge_restarted(
    tmp_path: Path,
) -> None:
    """By their dates all of them are long due."""
    async with Clockwork(tmp_path, error_s=-SINCE_1970_S) as practice:
        await practice.press()
        pressed_s = practice.clock.now_s()
        await practice.pass_time(20)
        await practice.stop()
        practice.clock.step(SINCE_1970_S)
        await practice.start()
        await practice.pass_time(1100)
        arrived = practice.colleague.received
        assert [told["purpose"] for told in data(practice.colleague)] == ["alert"] + ["reminder"] * 3
        assert [round((each.at_s - pressed_s) / 60) for each in arrived] == [1, 6, 11, 16]


@pytest.mark.parametrize("step_s", STEPS_S)
async def test_another_life_of_the_machine_with_another_clock_loses_and_holds_back_nothing(
    tmp_path: Path, step_s: float
) -> None:
    """Nothing is left but dates that were right, or not; the worst that may happen is that it is early."""
    async with Clockwork(tmp_path) as practice:
        practice.cut()
        await practice.press()
        await practice.pass_time(20)
        await practice.stop()
        practice.clock.restart()
        practice.clock.step(step_s)
        practice.mend()
        await practice.start()
        restarted_s = practice.clock.now_s()
        await practice.pass_time(2 * STEP_AFTER_S)
        hub, sms, colleague = practice.told_once()
        assert max(hub.at_s, sms.at_s, colleague.at_s) - restarted_s < STEP_AFTER_S + 10


async def test_nobody_is_told_that_a_press_of_unknown_age_just_happened(tmp_path: Path) -> None:
    """Pressed in 1970, sent in 1970, in another life of the machine: it may have been a week."""
    async with Clockwork(tmp_path, error_s=-SINCE_1970_S) as practice:
        practice.cut()
        await practice.press()
        await practice.pass_time(20)
        await practice.stop()
        practice.clock.restart()
        practice.clock.step(-20)
        practice.mend()
        await practice.start()
        await practice.pass_time(50)
        [told], [sms] = data(practice.hub), practice.phone.received
        assert (told["age_s"], told["late"]) == (None, True)
        assert "1970" not in sms.text
        assert french("an unknown time ago") in sms.text


async def test_what_an_undated_message_waited_for_in_vain_is_tried_again_after_the_restart(
    tmp_path: Path,
) -> None:
    """Tried in 1970, and 56 years old by the clock of now: that is no reason to give it up."""
    async with Clockwork(tmp_path, error_s=-SINCE_1970_S) as practice:
        practice.cut()
        await practice.press()
        await practice.pass_time(20)
        await practice.stop()
        practice.clock.restart()
        practice.clock.step(SINCE_1970_S)
        practice.mend()
        await practice.start()
        await practice.pass_time(10)
        assert [told["late"] for told in data(practice.hub)] == [True]
        assert len(practice.phone.received) == 1


# -- sleep, daylight saving time, and what the clock is good for ---------------------------------------------


async def test_a_machine_that_slept_goes_on_where_time_has_got_to(tmp_path: Path) -> None:
    async with Clockwork(tmp_path) as practice:
        practice.cut()
        await practice.press()
        await practice.pass_time(20)
        practice.clock.suspend(2 * HOUR_S)
        practice.right.suspend(2 * HOUR_S)
        practice.mend()
        await practice.pass_time(10)
        [told], [step] = data(practice.hub), data(practice.colleague)
        for age_s in (told["age_s"], step["age_s"]):
            assert abs(age_s - 2 * HOUR_S - 20) < 15
        assert await practice.problems() == {}


@pytest.mark.parametrize(
    ("right_at", "said"),
    [
        (datetime(2027, 3, 28, 0, 59, 30, tzinfo=UTC), ("01:59", "+01:00", "+02:00")),  # 02:00 -> 03:00
        (datetime(2026, 10, 25, 0, 59, 30, tzinfo=UTC), ("02:59", "+02:00", "+01:00")),  # 03:00 -> 02:00
    ],
)
async def test_daylight_saving_time_moves_no_timer_and_every_time_says_its_offset(
    tmp_path: Path, right_at: datetime, said: Sequence[str]
) -> None:
    async with Clockwork(tmp_path, right_at=right_at) as practice:
        practice.cut()
        await practice.press()
        await practice.pass_time(50)
        practice.mend()
        await practice.pass_time(60)
        time, before, after = said
        [told], [sms] = data(practice.hub), practice.phone.received
        assert pressed_at(told).isoformat()[-6:] == before
        assert told["sent_at"].endswith(after)
        assert time in sms.text
        assert 49 < told["age_s"] < 80
        assert (await practice.problems()) == {}


async def test_a_receiver_that_refuses_an_old_signature_gets_one_by_its_own_clock(tmp_path: Path) -> None:
    async with Clockwork(tmp_path, error_s=-8 * HOUR_S) as practice:
        await practice.press("double")
        await practice.pass_time(2)
        assert (len(practice.hub.received), practice.hub.forged) == (1, 1)
        practice.clock.step(8 * HOUR_S)
        await practice.press("double")
        await practice.pass_time(2)
        assert (len(practice.hub.received), practice.hub.forged) == (2, 1)  # what we learnt is still right


async def test_an_earlier_time_than_an_earlier_run_saw_is_said_until_the_clock_is_set(tmp_path: Path) -> None:
    async with Clockwork(tmp_path) as practice:
        await practice.pass_time(HOUR_S)
        await practice.stop()
        practice.clock.restart()
        practice.clock.step(-HOUR_S)
        await practice.start()
        await practice.pass_time(1)
        problems = await practice.problems()
        assert set(problems) == {"clock_wrong"}
        assert "2026-11-22T13:02" in problems["clock_wrong"]
        practice.clock.step(HOUR_S)
        await practice.pass_time(10)
        assert await practice.problems() == {"clock_stepped": "+3600 s"}


# -- any sequence of steps -----------------------------------------------------------------------------------


async def _times(folder: Path, steps: Sequence[tuple[float, float]], outage_s: float) -> list[float]:
    """When everybody was told, in seconds since the press, while the clock is set again and again."""
    async with Clockwork(folder) as practice:
        practice.cut()
        await practice.press()
        pressed_s = practice.clock.now_s()
        for after_s, step_s in steps:
            await practice.pass_time(after_s)
            practice.clock.step(step_s)
        await practice.pass_time(max(0.0, pressed_s + outage_s - practice.clock.now_s()))
        practice.mend()
        await practice.pass_time(2 * STEP_AFTER_S)
        assert {told["purpose"] for told in data(practice.hub)} == {"alert"}
        return [
            arrival.at_s - pressed_s
            for gateway in (practice.hub, practice.colleague)
            for arrival in gateway.received
        ]


@settings(max_examples=12)
@given(
    st.lists(st.tuples(st.floats(0.1, 9), st.floats(-SINCE_1970_S / 6, 1e8)), max_size=5),
    st.floats(1, 50),
)
def test_whatever_becomes_of_the_wall_clock_everybody_is_told_when_he_would_have_been(
    steps: list[tuple[float, float]], outage_s: float
) -> None:
    with TemporaryDirectory() as folder, asyncio.Runner(loop_factory=steady_loop) as runner:
        hub_s, colleague_s = runner.run(_times(Path(folder), steps, outage_s))
    outage_s = max(outage_s, sum(after_s for after_s, _ in steps))
    assert outage_s <= hub_s <= outage_s + 3 + 0.7 * outage_s
    assert abs(colleague_s - STEP_AFTER_S) < 5
