"""One paired button over a virtual radio, through bleak: nothing is lost, nothing is believed too soon."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from bleak.backends.client import BaseBleakClient

from flicbridge.press.bluez import Change
from flicbridge.press.event import Counter, EventKind
from flicbridge.press.flic2.link import HEARTBEAT_S
from flicbridge.press.flic2.wire import FromButtonOp
from flicbridge.press.sighting import Sighting
from flicbridge.press.source import Heard
from flicbridge.simulator.flic2.faults import Flip, LoseLink, Replay

if TYPE_CHECKING:
    from tests.press.conftest import OpenBench

LINK = "button:poche"


# ---- presses


async def test_a_press_while_connected_is_heard_live(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        await button.press("single")
        await bench.until(lambda: follower.kinds() == "down up still", within_s=1)
        down = follower.events[0]
        assert down.serial == button.serial
        assert not any(event.was_queued or event.age_s for event in follower.events)
        assert [event.counter.event_count % 4 for event in follower.events] == [1, 3, 0]
        assert bench.clock.now_s() - down.arrived_s < 1


async def test_a_press_wakes_a_sleeping_button_and_comes_with_its_age(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        follower = bench.follow("poche", paired)
        button.out_of_range()
        await button.press("double")
        await bench.clock.sleep(20)
        button.back_in_range()
        await bench.until(lambda: follower.kinds() == "down up down up still")
        assert all(event.was_queued for event in follower.events[:-1])
        down = follower.events[0]
        assert down.age_s == pytest.approx(20.4, abs=1.5)
        still = follower.events[-1]
        assert still.at_s == pytest.approx(follower.links_up[0].clock_s)
        assert still.at_s - down.at_s == pytest.approx(down.age_s, abs=0.5)


async def test_a_press_is_acknowledged_only_when_we_say_so(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        await button.press("single")
        await bench.until(lambda: follower.kinds() == "down up still")
        await bench.clock.sleep(60)
        assert len(button.flic2.memory.queue) == 3
        follower.acknowledge_all()
        await bench.clock.sleep(1)
        assert button.flic2.memory.queue == []


async def test_unsettled_events_come_again_after_a_lost_link_with_the_same_counters(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        await button.press("single")
        await bench.until(lambda: follower.kinds() == "down up still")
        first = [event.counter for event in follower.events]
        follower.heard.clear()
        button.drop_link()
        await bench.until(lambda: len(follower.events) == 4)
        assert follower.kinds() == "down up still still"
        assert [event.counter for event in follower.events[:3]] == first
        assert all(event.was_queued for event in follower.events[:-1])
        assert bench.now(LINK, "connections") == 2


async def test_settled_events_do_not_come_again(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        await button.press("single")
        await bench.until(lambda: follower.kinds() == "down up still")
        follower.acknowledge_all()
        follower.heard.clear()
        button.drop_link()  # perhaps before the acknowledgement was written
        await bench.until(lambda: bool(follower.links_up))
        await bench.clock.sleep(5)
        assert follower.events == []
        await button.press("single")
        await bench.until(lambda: follower.kinds() == "down up still")


async def test_an_acknowledgement_that_comes_while_the_link_is_down_counts(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        button.faults.once[FromButtonOp.BUTTON_EVENT] = LoseLink()
        pressing = bench.tasks.create_task(button.press("long"))
        await bench.until(lambda: bench.now(LINK, "link") == "waiting")
        follower.acknowledge_all()  # of what was heard before: the down
        follower.heard.clear()
        await bench.until(lambda: follower.kinds().endswith("up"))
        assert follower.kinds().startswith("still")
        assert EventKind.DOWN not in {event.kind for event in follower.events}
        assert pressing.done()


async def test_an_older_or_foreign_acknowledgement_changes_nothing(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        await button.press("single")
        await bench.until(lambda: follower.kinds() == "down up still")
        last = follower.events[-1].counter
        follower.acknowledge_all()
        follower.link.acknowledge(Counter(last.boot_id, 1))
        follower.link.acknowledge(Counter(last.boot_id ^ 1, last.event_count))
        follower.heard.clear()
        button.drop_link()
        await bench.until(lambda: bool(follower.links_up))
        await bench.clock.sleep(5)
        assert follower.events == []


async def test_presses_that_the_button_dropped_are_missed_once(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        button.flic2.skip_to_count(button.flic2.memory.event_count + 8)
        for _ in range(2):
            button.drop_link()
            await bench.until(lambda: len(follower.links_up) == 1)
            await bench.clock.sleep(1)
        assert [lost.presses for lost in follower.lost] == [2]
        assert bench.now(LINK, "presses_lost") == 2


# ---- losing and finding each other


async def test_a_button_that_was_out_of_range_comes_back_by_itself(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        button.out_of_range()
        lost_after_s = await bench.until(lambda: bench.now(LINK, "link") == "waiting")
        assert lost_after_s < 9  # the supervision timeout we asked for
        await bench.clock.sleep(600)
        button.back_in_range()
        assert await bench.until(lambda: bench.now(LINK, "link") == "up") < 3
        await button.press("single")
        await bench.until(lambda: follower.kinds() == "down up still")


async def test_a_press_out_of_range_is_heard_on_the_way_back(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        button.out_of_range()
        await button.press("single")  # while both sides still believe in the link
        await bench.clock.sleep(600)
        button.back_in_range()
        await bench.until(lambda: len(follower.events) == 4)
        assert follower.kinds() == "down up still still"
        assert follower.events[0].age_s == pytest.approx(600, abs=5)


async def test_a_new_battery_is_a_new_boot(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        before = button.flic2.memory.boot_id
        await button.change_battery()
        await button.press("single")
        await bench.until(lambda: follower.kinds().endswith("down up still still"))
        boot_id = follower.links_up[-1].boot_id
        assert boot_id != before
        assert follower.events[0].counter == Counter(boot_id, 1)
        follower.acknowledge_all()
        await bench.clock.sleep(1)
        assert button.flic2.memory.queue == []


async def test_two_buttons_are_heard_at_once(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        left, left_heard = await bench.follow_connected("poche")
        right, right_heard = await bench.follow_connected("bureau")
        pressing = [bench.tasks.create_task(each.press("single")) for each in (left, right)]
        await bench.until(lambda: left_heard.kinds() == right_heard.kinds() == "down up still")
        assert {event.serial for event in left_heard.events} == {left.serial}
        assert {event.serial for event in right_heard.events} == {right.serial}
        assert all(task.done() for task in pressing)


async def test_one_button_out_of_reach_does_not_keep_another_waiting(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        left, _ = await bench.follow_connected("poche")
        right, right_heard = await bench.follow_connected("bureau")
        left.out_of_range()
        right.drop_link()
        await right.press("single")
        assert await bench.until(lambda: "down" in right_heard.kinds()) < 2


# ---- the ground moves


async def test_a_radio_switched_off_and_on_is_back_with_the_button(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        await bench.world.radio.power(False)
        await bench.until(lambda: bench.now(LINK, "link") == "waiting", within_s=1)
        await bench.until(lambda: bench.now("radio", "state") == "off", within_s=20)
        await button.press("single")
        await bench.clock.sleep(60)
        await bench.world.radio.power(True)
        await bench.until(lambda: follower.kinds() == "down up still still", within_s=15)
        assert bench.now("radio", "error") is None


async def test_a_link_that_died_with_its_daemon_is_found_out_by_the_buttons_call(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        await bench.world.radio.crash()  # bleak calls nobody back, and believes in the link
        await bench.clock.sleep(3)
        await bench.world.radio.recover()
        await button.press("single")
        took_s = await bench.until(lambda: follower.kinds().startswith("down up"), within_s=300)
        assert took_s < 90


async def test_a_link_that_died_with_its_daemon_is_given_up_at_once_when_the_bus_tells(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        await bench.world.radio.crash()
        bench.radio.react_to(Change.DAEMON_GONE)
        await bench.until(lambda: bench.now(LINK, "link") == "waiting", within_s=1)
        await bench.clock.sleep(3)
        await bench.world.radio.recover()
        bench.radio.react_to(Change.ADAPTER)
        await button.press("single")
        assert await bench.until(lambda: follower.kinds().startswith("down up")) < 4


async def test_a_link_that_fails_us_casts_doubt_on_the_scanner_too(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        stranger = await bench.world.add_button("stranger")
        await bench.clock.sleep(min(HEARTBEAT_S, bench.radio.silence_s / 2) - 10)
        await stranger.press("single")  # the scanner was well a moment ago
        await bench.world.radio.crash()
        await bench.clock.sleep(3)
        await bench.world.radio.recover()
        await bench.until(lambda: bench.now(LINK, "link") == "waiting", within_s=10)
        await button.press("single")
        assert await bench.until(lambda: follower.kinds().startswith("down up")) < 3


async def test_a_button_that_falls_silent_is_noticed_by_the_heartbeat(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        button.faults.is_silent = True
        assert await bench.until(lambda: bench.now(LINK, "link") == "waiting", within_s=300) < 130
        assert str(bench.now(LINK, "last_error")).startswith("response_timeout")
        button.faults.is_silent = False
        await button.press("single")
        await bench.until(lambda: "down up" in follower.kinds())


async def test_a_healthy_link_is_asked_for_life_and_battery_for_a_day(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        connections = bench.now(LINK, "connections")
        bench.said.clear()
        button.flic2.memory.battery_raw = 700
        await bench.clock.sleep(3.1 * 3600)
        assert bench.values(LINK, "battery_mv") == [2461]
        assert bench.values(LINK, "battery_percent") == [7]
        assert len(bench.values(LINK, "last_heard")) >= 90
        assert bench.values(LINK, "connections") == []
        assert connections == 1
        await button.press("single")
        await bench.until(lambda: follower.kinds() == "down up still")


# ---- strangers and misfits


@pytest.mark.parametrize("mishap", [Flip(), Replay()])
async def test_a_forged_packet_ends_the_session_is_reported_and_costs_no_press(
    open_bench: "OpenBench", mishap: Flip | Replay
) -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        button.faults.once[FromButtonOp.BUTTON_EVENT] = mishap
        await button.press("single")
        await bench.until(lambda: bench.now(LINK, "tampering") == 1)
        assert str(bench.now(LINK, "last_error")).startswith("packet_signature")
        await bench.until(lambda: follower.kinds().endswith("down up still still"), within_s=5)
        assert {event.counter for event in follower.events[-4:]} == {
            event.counter for event in follower.events
        }


async def test_a_forged_denial_does_not_make_us_forget_the_pairing(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        button.faults.denies_quick_verify = True
        follower = bench.follow("poche", paired)
        for _ in range(2):
            await button.press("single")
            await bench.clock.sleep(3)
        assert bench.now(LINK, "tampering") == 2
        assert bench.now(LINK, "link") == "refused"
        assert follower.heard == []
        button.faults.denies_quick_verify = False
        await button.press("single")
        await bench.until(lambda: follower.kinds().startswith("down up"), within_s=5)


async def test_a_button_that_forgot_us_is_reported_and_tried_again_but_seldom(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        button.factory_reset()
        bench.said.clear()
        for _ in range(6):
            await button.press("single")
            await bench.clock.sleep(12)
        assert bench.now(LINK, "link") == "refused"
        assert "pair it again" in str(bench.now(LINK, "last_error"))
        assert bench.values(LINK, "link").count("connecting") == 2
        assert follower.heard == []
        assert bench.now(LINK, "tampering") is None


async def test_a_full_button_is_tried_until_it_has_room(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        button.faults.has_no_slots = True
        follower = bench.follow("poche", paired)
        await button.press("single")
        await bench.until(lambda: bench.now(LINK, "link") == "refused")
        assert str(bench.now(LINK, "last_error")).startswith("no_slots")
        button.faults.has_no_slots = False
        await bench.clock.sleep(3)
        await button.press("single")
        await bench.until(lambda: "down up" in follower.kinds(), within_s=10)


async def test_what_answers_without_a_word_is_left_after_the_time_to_prove_itself(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        button.faults.is_silent = True
        follower = bench.follow("poche", paired)
        await button.press("single")
        await bench.until(lambda: "did not prove itself" in str(bench.now(LINK, "last_error")), within_s=12)
        button.faults.is_silent = False
        await bench.clock.sleep(3)
        await button.press("single")
        await bench.until(lambda: "down up" in follower.kinds())


async def test_the_smallest_link_carries_everything(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        button.set_mtu(23)
        follower = bench.follow("poche", paired)
        await button.press("double")
        await bench.until(lambda: follower.kinds().replace(" still", "") == "down up down up")


async def test_a_listener_that_fails_gets_the_same_events_again_when_restarted(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        follower = bench.follow("poche", paired)
        follower.task.cancel()
        heard: list[Heard] = []

        def stumble(item: Heard) -> None:
            heard.append(item)
            if len(heard) == 2:
                raise RuntimeError("a bug of ours")

        async def run() -> None:
            with pytest.raises(RuntimeError, match="a bug of ours"):
                await follower.link.run(stumble)
            await follower.link.run(follower.hear)

        bench.running.append(bench.tasks.create_task(run()))
        await button.press("single")
        await bench.until(lambda: follower.kinds().startswith("down up"))
        assert follower.events[0].counter == heard[1].counter  # type: ignore[union-attr]


# ---- how fast


async def test_a_queued_press_is_heard_soon_after_the_first_advertisement(
    open_bench: "OpenBench", record_property: Callable[[str, object], None]
) -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        follower = bench.follow("poche", paired)
        seen: list[float] = []

        def see(sighting: Sighting) -> None:
            seen.append(bench.clock.now_s())

        with bench.radio.watch_all(see):
            await button.press("single")
            await bench.until(lambda: "down" in follower.kinds())
        took_s = follower.events[0].arrived_s - seen[0]
        record_property("first_advertisement_to_queued_press_ms", round(took_s * 1000, 1))
        assert took_s < 0.5


async def test_services_are_looked_for_again_only_after_something_went_wrong(
    open_bench: "OpenBench", monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        client, trusting = bench.world.radio.client, list[bool]()
        connect = client.connect

        async def note(self: BaseBleakClient, pair: bool, **kwargs: Any) -> None:
            trusting.append(kwargs["dangerous_use_bleak_cache"])
            await connect(self, pair, **kwargs)

        monkeypatch.setattr(client, "connect", note)
        follower = bench.follow("poche", paired)

        async def again() -> None:
            follower.heard.clear()
            await button.press("single")
            await bench.until(lambda: bool(follower.links_up))
            await bench.clock.sleep(3)

        await again()
        for _ in range(2):
            button.drop_link()
            await again()
        bench.radio.react_to(Change.DAEMON_GONE)
        await again()
        button.drop_link()
        await again()
        assert trusting == [False, True, True, False, True]
