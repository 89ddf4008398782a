"""How often the disk is looked at."""

import pytest

from flicbridge.caretaker import MEND_EVERY_S, SICK_EVERY_S, mend_in_s


@pytest.mark.parametrize("took_s", [0.0, 0.1, 3.0])
def test_a_disk_that_is_well_is_left_alone_for_the_usual_time(took_s: float) -> None:
    assert mend_in_s(is_well=True, took_s=took_s) == MEND_EVERY_S


def test_a_sick_disk_that_refuses_at_once_is_tried_again_soon() -> None:
    assert mend_in_s(is_well=False, took_s=0.001) == SICK_EVERY_S


def test_a_press_seldom_has_to_wait_behind_a_try_that_takes_its_time() -> None:
    assert mend_in_s(is_well=False, took_s=0.5) == 5.0
    assert mend_in_s(is_well=False, took_s=5.0) == MEND_EVERY_S
