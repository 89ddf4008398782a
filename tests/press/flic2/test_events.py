"""What codes, counts and readings mean."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flicbridge.press.flic2 import events
from flicbridge.press.flic2.events import ItemKind

STEADY = settings(deadline=None)  # a busy machine is no failure

KINDS = {"up": "up", "down": "down", "hold": "hold", "single_click_timeout": "timeout"}


def test_every_code_means_what_the_vendors_host_makes_of_it(vectors: dict[str, Any]) -> None:
    assert len(vectors["event_decode"]) == 16
    for case in vectors["event_decode"]:
        assert events.item_kind(case["event_encoded"]) == KINDS[case["kind"]]
        assert events.completes_click(case["event_encoded"]) == case["ack_sent"]


def test_counts_of_items(vectors: dict[str, Any]) -> None:
    for case in vectors["counter_reconstruction"]:
        kinds = [events.item_kind(code) for code in case["event_encoded"]]
        assert events.item_counts(case["press_counter_in_packet"], kinds) == case["count_of_each_item"]


# One whole press: the codes of its items, and how far each moves the count.
PRESSES = {
    "click": ((1, 1), (8, 2), (2, 1)),
    "slow": ((1, 1), (10, 2)),
    "long": ((1, 1), (3, 1), (14, 1)),
    "second": ((5, 1), (11, 2)),
    "second_held": ((5, 1), (7, 1), (15, 1)),
}


@STEADY
@given(
    start=st.integers(0, 2**30 - 1).map(lambda press: press * 4) | st.just(2**32 - 8),
    names=st.lists(st.sampled_from(sorted(PRESSES)), min_size=1, max_size=5),
    skipped=st.integers(0, 2),
)
def test_counts_are_found_again_whatever_was_pressed(start: int, names: list[str], skipped: int) -> None:
    codes, counts = [], []
    for number, name in enumerate(names):
        count = start + 4 * number
        for code, step in PRESSES[name]:
            count += step
            codes.append(code)
            counts.append(count % 2**32)
    kinds = [events.item_kind(code) for code in codes[skipped:]]
    if kinds:
        assert events.item_counts(counts[-1], kinds) == counts[skipped:]


def test_counts_walk_backwards_through_zero() -> None:
    kinds = [ItemKind.DOWN, ItemKind.UP, ItemKind.TIMEOUT, ItemKind.DOWN]
    assert events.item_counts(1, kinds) == [2**32 - 3, 2**32 - 1, 0, 1]


@pytest.mark.parametrize(
    ("earlier", "later", "presses"),
    [
        (4, 5, 1),
        (5, 7, 0),
        (7, 8, 0),
        (3, 5, 1),
        (0, 1, 1),
        (0, 41, 11),
        (2**32 - 1, 0, 0),
        (0, 2**32 - 1, 0),
        (2**32 - 3, 1, 1),
    ],
)
def test_presses_are_counted_in_fours(earlier: int, later: int, presses: int) -> None:
    assert events.presses_after(earlier, later) == presses


def test_order_survives_the_wrap() -> None:
    assert events.is_at_or_before(2**32 - 1, 0)
    assert not events.is_at_or_before(0, 2**32 - 1)
    assert events.is_at_or_before(7, 7)


def test_battery_voltage(vectors: dict[str, Any]) -> None:
    for case in vectors["battery"]:
        assert events.battery_mv(case["raw"]) == case["millivolt"]


@pytest.mark.parametrize(
    ("mv", "percent"),
    [(0, 0), (2099, 0), (2100, 0), (2440, 6), (2740, 18), (2820, 30), (2900, 42), (3000, 100), (3600, 100)],
)
def test_battery_percent_follows_the_vendors_curve(mv: int, percent: int) -> None:
    assert events.battery_percent(mv) == percent


def test_a_fuller_battery_never_shows_less() -> None:
    assert all(a <= b for a, b in pairwise(events.battery_percent(mv) for mv in range(2000, 3200)))
