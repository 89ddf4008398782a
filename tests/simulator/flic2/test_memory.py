"""A simulated button does not forget when our process ends."""

import json

import pytest
from pydantic import ValidationError

from flicbridge.press.flic2.wire.presses import TICKS_PER_S, ButtonEventNotification, InitButtonEventsResponse
from flicbridge.press.flic2.wire.services import SetAdvParametersRequest
from flicbridge.press.flic2.wire.verify import QuickVerifyResponse
from flicbridge.simulator.flic2 import Identity, SimulatedFlic2
from flicbridge.simulator.flic2.plain_host import PlainHost


def reborn(host: PlainHost, *, at_s: float, away_s: float = 0.0) -> PlainHost:
    """Write the button down and read it again in another process, whose clock starts anew."""
    text = host.button.to_json(host.now_s)
    again = PlainHost(SimulatedFlic2.from_json(text, now_s=at_s, away_s=away_s))
    again.material, again.now_s = host.material, at_s
    return again


def test_what_is_read_is_what_was_written(listening: PlainHost) -> None:
    listening.ask(SetAdvParametersRequest(True, False, True, False, 160, 320, 86400))
    listening.button.press(3.0)
    listening.now_s = 4.0
    text = listening.button.to_json(4.0)
    again = SimulatedFlic2.from_json(text, now_s=1000.0)
    assert again.memory == listening.button.memory
    assert again.memory.hosts[0].advertising is not None
    assert again.to_json(1000.0) == text


def test_a_pairing_outlives_the_process(listening: PlainHost) -> None:
    again = reborn(listening, at_s=5000.0)
    again.connect()
    assert isinstance(again.reconnect(), QuickVerifyResponse)


def test_the_queue_outlives_it_and_ages_meanwhile(listening: PlainHost) -> None:
    listening.button.link_down(0.0)
    listening.button.press(10.0)
    listening.button.release(10.7)
    listening.now_s = 20.0
    again = reborn(listening, at_s=3.0, away_s=60.0)
    again.connect()
    again.reconnect()
    init, queue = again.init(0, again.button.memory.boot_id)
    assert isinstance(init, InitButtonEventsResponse)
    assert isinstance(queue, ButtonEventNotification)
    assert (init.clock_ticks - queue.items[0].at_ticks) / TICKS_PER_S == pytest.approx(70.0, abs=1e-4)


def test_a_button_that_was_told_to_advertises_when_the_process_is_back(listening: PlainHost) -> None:
    listening.ask(SetAdvParametersRequest(True, False, True, False, 160, 320, 86400))
    again = reborn(listening, at_s=0.0, away_s=100.0)
    advertisement = again.button.advertisement(0.0)
    assert advertisement is not None
    assert advertisement.interval_s == pytest.approx(0.2)


def test_the_same_name_makes_the_same_button_and_another_name_another() -> None:
    assert Identity.made_for("poche") == Identity.made_for("poche")
    one, other = Identity.made_for("poche"), Identity.made_for("tiroir")
    assert len({one.address, other.address, one.serial, other.serial}) == 4
    assert one.private_key != other.private_key
    assert len(one.serial) == 11
    assert one.address.startswith("80:E4:DA:")


def test_secrets_show_in_no_representation(paired: PlainHost) -> None:
    shown = repr(paired.button.memory)
    assert paired.material.hex() not in shown
    assert repr(paired.material) not in shown
    assert repr(paired.button.memory.identity.private_key) not in shown


def test_something_else_is_not_taken_for_a_button(paired: PlainHost) -> None:
    state = json.loads(paired.button.to_json(0.0))
    for broken in (state | {"surprise": 1}, state | {"boot_id": "x"}, {"name": "Panic"}):
        with pytest.raises(ValidationError):
            SimulatedFlic2.from_json(json.dumps(broken), now_s=0.0)
