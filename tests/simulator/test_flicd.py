"""The stand-in says what the documentation says of presses, in the order in which they happen."""

import pytest

from flicbridge.simulator.flicd.button import (
    ALL_THREE,
    CLICK,
    CLICK_OR_HOLD,
    DOUBLE,
    DOWN,
    HOLD,
    SINGLE,
    SINGLE_OR_DOUBLE,
    UP,
    UP_OR_DOWN,
    FingerScript,
    records,
)


def said(script: FingerScript, opcode: int) -> list[tuple[float, int]]:
    return [(record.at_s, record.click) for record in records(script) if record.opcode == opcode]


@pytest.mark.parametrize(
    ("script", "clicks"),
    [
        ([(0, 0.1)], [(0.1, CLICK)]),
        ([(0, 1.0)], [(1.0, HOLD)]),
        ([(0, 3.0), (4, 4.5)], [(1.0, HOLD), (4.5, CLICK)]),
    ],
)
def test_a_hold_is_told_after_one_second_and_a_click_at_its_end(
    script: FingerScript, clicks: list[tuple[float, int]]
) -> None:
    assert said(script, CLICK_OR_HOLD) == clicks


@pytest.mark.parametrize(
    ("script", "counts"),
    [
        ([(0, 0.1)], [(0.5, SINGLE)]),
        ([(0, 0.8)], [(0.8, SINGLE)]),
        ([(0, 0.1), (0.5, 0.7)], [(0.7, DOUBLE)]),
        ([(0, 0.1), (0.51, 0.7)], [(0.5, SINGLE), (1.01, SINGLE)]),
        ([(0, 0.1), (0.3, 0.4), (0.6, 0.7)], [(0.4, DOUBLE), (1.1, SINGLE)]),
    ],
)
def test_two_presses_within_half_a_second_are_double(
    script: FingerScript, counts: list[tuple[float, int]]
) -> None:
    assert said(script, SINGLE_OR_DOUBLE) == counts
    assert said(script, ALL_THREE) == counts


def test_downs_and_ups_are_told_as_they_are_made() -> None:
    script = [(0, 0.1), (0.3, 0.4)]
    assert said(script, UP_OR_DOWN) == [(0, DOWN), (0.1, UP), (0.3, DOWN), (0.4, UP)]
