"""How often the disk is looked at."""

import math

import pytest

from flicbridge.caretaker import MEND_EVERY_S, PROBE_EVERY_S, SICK_EVERY_S, may_be_spared, mend_in_s


@pytest.mark.parametrize("took_s", [0.0, 0.1, 3.0])
def test_a_disk_that_is_well_is_left_alone_for_the_usual_time(took_s: float) -> None:
    assert mend_in_s(is_well=True, took_s=took_s) == MEND_EVERY_S


def test_a_sick_disk_that_refuses_at_once_is_tried_again_soon() -> None:
    assert mend_in_s(is_well=False, took_s=0.001) == SICK_EVERY_S


def test_a_press_seldom_has_to_wait_behind_a_try_that_takes_its_time() -> None:
    assert mend_in_s(is_well=False, took_s=0.5) == 5.0
    assert mend_in_s(is_well=False, took_s=5.0) == MEND_EVERY_S


def test_a_disk_that_is_well_is_written_to_for_a_try_only_now_and_then() -> None:
    assert may_be_spared(is_well=True, probed_ago_s=PROBE_EVERY_S - 1)
    assert not may_be_spared(is_well=True, probed_ago_s=PROBE_EVERY_S)


def test_a_sick_disk_and_one_that_nobody_has_tried_yet_are_tried() -> None:
    assert not may_be_spared(is_well=False, probed_ago_s=0.0)
    assert not may_be_spared(is_well=True, probed_ago_s=math.inf)
