"""A link to a Duo, over the virtual radio: both keys are heard, and neither is forgotten too soon."""

from typing import TYPE_CHECKING

from flicbridge.press.event import Counter, EventKind
from flicbridge.press.flic2.pair import pair
from flicbridge.press.flic2.wire import FromButtonOp
from flicbridge.simulator.flic2 import LoseLink
from flicbridge.simulator.keys import TEST_ROOT_PUBLIC

if TYPE_CHECKING:
    from flicbridge.press.flic2.pair import PairedButton
    from flicbridge.simulator.peripheral import Peripheral
    from tests.press.conftest import Bench, Follower, OpenBench

BIG, SMALL = 0, 1


async def add_paired(bench: "Bench", *, duo: bool = True) -> "tuple[Peripheral, PairedButton]":
    button = await bench.world.add_button("poche", duo=duo)
    await button.hold_7_seconds()
    paired = await pair(bench.radio, root_key=TEST_ROOT_PUBLIC, clock=bench.clock, timeout_s=30)
    await bench.clock.sleep(3)
    return button, paired


async def follow_connected(bench: "Bench", *, duo: bool = True) -> "tuple[Peripheral, Follower]":
    button, paired = await add_paired(bench, duo=duo)
    follower = bench.follow("poche", paired)
    await bench.until(lambda: bench.now("button:poche", "link") == "up")
    await bench.clock.sleep(2)
    return button, follower


def edges(follower: "Follower") -> list[tuple[int, EventKind, int]]:
    return [(e.key, e.kind, e.own_count) for e in follower.events if e.kind is not EventKind.STILL]


async def test_a_press_of_either_key_is_heard(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await follow_connected(bench)
        await button.press("single", key=SMALL)
        await button.press("single", key=BIG)
        await bench.until(lambda: len(edges(follower)) == 4)
        assert [(key, kind) for key, kind, _ in edges(follower)] == [
            *((SMALL, EventKind.DOWN), (SMALL, EventKind.UP)),
            *((BIG, EventKind.DOWN), (BIG, EventKind.UP)),
        ]


async def test_status_learns_how_many_keys_there_are(open_bench: "OpenBench") -> None:
    for duo, keys in ((True, 2), (False, 1)):
        async with open_bench() as bench:
            await follow_connected(bench, duo=duo)
            assert bench.now("button:poche", "keys") == keys


async def test_the_press_that_paired_a_duo_is_not_heard(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche", duo=True)
        await button.press("double", key=SMALL)
        await button.hold_7_seconds()
        paired = await pair(bench.radio, root_key=TEST_ROOT_PUBLIC, clock=bench.clock, timeout_s=30)
        assert paired.pairing.is_duo
        assert paired.resume == Counter(button.flic2.memory.boot_id, 3, 7)
        follower = bench.follow("poche", paired)
        await bench.until(lambda: bench.now("button:poche", "link") == "up")
        await bench.clock.sleep(5)
        assert follower.events == []


async def test_what_was_pressed_out_of_reach_is_heard_afterwards_and_kept_until_acknowledged(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button, follower = await follow_connected(bench)
        button.out_of_range()
        await bench.clock.sleep(30)
        await button.press("single", key=SMALL)
        await button.press("long", key=BIG)
        await bench.clock.sleep(5)
        button.back_in_range()
        await bench.until(lambda: len(edges(follower)) == 4)
        assert all(event.was_queued for event in follower.events if event.kind is not EventKind.STILL)
        kept = len(button.flic2.memory.queue)
        small_only = next(e.counter for e in reversed(follower.events) if e.key == SMALL)
        follower.link.acknowledge(small_only)
        await bench.clock.sleep(1)
        assert len(button.flic2.memory.queue) == kept  # one notification told it all: it is not over yet
        follower.acknowledge_all()
        await bench.clock.sleep(1)
        assert button.flic2.memory.queue == []


async def test_a_link_that_breaks_within_a_press_hears_it_again_with_the_same_name(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button, follower = await follow_connected(bench)
        await button.press("single", key=BIG)
        await bench.until(lambda: len(edges(follower)) == 2)
        button.drop_link()
        await button.press("single", key=SMALL)
        await bench.until(lambda: len(edges(follower)) >= 6)
        big = [count for key, _, count in edges(follower) if key == BIG]
        assert big[:2] == big[2:]
        assert [count % 4 for key, _, count in edges(follower) if key == SMALL] == [1, 3]


async def test_a_lost_notification_is_made_up_for(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await follow_connected(bench)
        button.faults.once[FromButtonOp.BUTTON_EVENT_DUO] = LoseLink()
        await button.press("double", key=SMALL)
        await bench.until(lambda: [e[1] for e in edges(follower)].count(EventKind.UP) >= 2)
        counts = {count for key, kind, count in edges(follower) if kind is EventKind.DOWN}
        assert len(counts) == 2
        assert follower.lost == []
