"""A button may sleep when it has nothing more to say, and never with a press that nobody has written down."""

import math

import pytest

from flicbridge.press.event import Counter
from flicbridge.press.flic2.events import ItemKind
from flicbridge.press.flic2.reports import Item
from flicbridge.press.flic2.rest import PATIENCE_S, RETURNS, Rest
from flicbridge.press.flic2.wire.packet import Packet
from flicbridge.press.flic2.wire.presses import NEVER_DISCONNECT_S
from flicbridge.press.flic2.wire.services import SetAutoDisconnectTimeInd
from flicbridge.press.flic2.wire.verify import ForceBtDisconnectInd

IDLE_S = 10.0
GO = SetAutoDisconnectTimeInd(10)
STAY = SetAutoDisconnectTimeInd(NEVER_DISCONNECT_S)
GOODBYE = ForceBtDisconnectInd(restart_adv=False)
KINDS = {1: ItemKind.DOWN, 2: ItemKind.HOLD, 3: ItemKind.UP, 0: ItemKind.TIMEOUT}


def item(count: int, *, key: int = 0) -> Item:
    return Item(KINDS[count % 4], 0.0, Counter(7, count), was_queued=False, age_s=0.0, encoded=0, key=key)


def said_by(rest: Rest, until_s: float) -> list[tuple[float, Packet]]:
    """What is said up to then, and when, if somebody looks whenever it is due."""
    said = []
    while (due_s := rest.due_s) <= until_s:
        packet = rest.pass_time(max(due_s, 0.0))
        assert packet is not None
        said.append((due_s, packet))
    return said


@pytest.fixture
def rest() -> Rest:
    """Connected and caught up with at 0 s."""
    rest = Rest(IDLE_S)
    rest.begin()
    rest.catch_up(0.0)
    return rest


def press(rest: Rest, at_s: float, *, settled_s: float | None) -> None:
    for count in (1, 3, 4):
        rest.hear(item(count), at_s)
    if settled_s is not None:
        rest.settle(Counter(7, 4), settled_s)


def test_it_may_go_when_all_was_quiet_for_so_long(rest: Rest) -> None:
    assert rest.pass_time(IDLE_S - 0.1) is None
    assert not rest.is_resting
    assert rest.pass_time(IDLE_S) == GO
    assert rest.is_resting


def test_the_time_counts_from_when_the_last_press_was_written_down(rest: Rest) -> None:
    press(rest, 3.0, settled_s=5.0)
    assert said_by(rest, 20.0) == [(15.0, GO)]


def test_a_press_that_is_not_written_down_keeps_it_for_ever(rest: Rest) -> None:
    press(rest, 3.0, settled_s=None)
    rest.settle(Counter(7, 3), 4.0)
    assert rest.due_s == math.inf


@pytest.mark.parametrize("counts", [(1,), (1, 2)])
def test_a_finger_on_the_button_keeps_it(rest: Rest, counts: tuple[int, ...]) -> None:
    for count in counts:
        rest.hear(item(count), 1.0)
        rest.settle(Counter(7, count), 1.0)
    assert rest.due_s == math.inf


def test_both_keys_of_a_duo_must_be_up(rest: Rest) -> None:
    rest.hear(item(1, key=0), 1.0)
    rest.hear(item(1, key=1), 1.0)
    rest.hear(item(3, key=0), 1.5)
    rest.settle(Counter(7, 3), 1.5)
    assert rest.due_s == math.inf
    rest.hear(item(3, key=1), 2.0)
    assert said_by(rest, 15.0) == [(12.0, GO)]


def test_what_it_had_kept_is_waited_for() -> None:
    rest = Rest(IDLE_S)
    rest.begin()
    press(rest, 1.0, settled_s=2.0)
    assert rest.due_s == math.inf
    rest.catch_up(30.0)
    assert said_by(rest, 45.0) == [(40.0, GO)]


def test_a_touch_takes_the_permission_back_at_once_though_it_be_settled_by_then(rest: Rest) -> None:
    rest.pass_time(IDLE_S)
    press(rest, 11.0, settled_s=11.0)
    assert not rest.is_resting
    assert rest.pass_time(11.0) == STAY
    assert said_by(rest, 25.0) == [(21.0, GO)]


def test_a_link_that_breaks_after_a_touch_was_lost(rest: Rest) -> None:
    rest.pass_time(IDLE_S)
    rest.hear(item(1), 11.0)
    assert not rest.is_resting


def test_a_button_that_does_not_go_is_hung_up_on_once(rest: Rest) -> None:
    assert said_by(rest, 1000.0) == [(IDLE_S, GO), (2 * IDLE_S + PATIENCE_S, GOODBYE)]
    press(rest, 1000.0, settled_s=1001.0)
    assert rest.pass_time(1001.0) == STAY


def test_a_new_link_begins_awake(rest: Rest) -> None:
    rest.pass_time(IDLE_S)
    rest.begin()
    assert not rest.is_resting
    assert rest.due_s == math.inf
    rest.catch_up(100.0)
    assert said_by(rest, 111.0) == [(110.0, GO)]


def test_fractions_of_a_second_are_rounded_up() -> None:
    rest = Rest(5.2)
    rest.begin()
    rest.catch_up(0.0)
    assert rest.pass_time(6.0) == SetAutoDisconnectTimeInd(6)


def let_go_and_return(rest: Rest, at_s: float, *, pressed: bool) -> None:
    assert rest.pass_time(at_s) == GO
    rest.begin()
    if pressed:
        press(rest, at_s, settled_s=at_s)
    rest.catch_up(at_s)


def test_a_button_that_comes_back_again_and_again_without_a_press_may_as_well_stay(rest: Rest) -> None:
    for times in range(1, RETURNS + 1):
        assert not rest.is_restless
        let_go_and_return(rest, 100.0 * times, pressed=False)
    assert rest.is_restless
    assert rest.due_s == math.inf


def test_a_button_that_comes_back_when_it_is_pressed_sleeps_for_ever(rest: Rest) -> None:
    for times in range(1, 4 * RETURNS):
        let_go_and_return(rest, 100.0 * times, pressed=times % RETURNS == 0)
    assert not rest.is_restless


def test_links_that_were_lost_say_nothing_about_its_sleep(rest: Rest) -> None:
    for times in range(1, 2 * RETURNS):
        rest.begin()
        rest.catch_up(100.0 * times)
    assert not rest.is_restless
