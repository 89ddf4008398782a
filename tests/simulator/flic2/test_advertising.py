"""When a simulated button is on the air, and what it shows there."""

from flicbridge.press.flic2.wire.services import SetAdvParametersRequest, SetAdvParametersResponse
from flicbridge.press.flic2.wire.verify import ForceBtDisconnectInd
from flicbridge.simulator.flic2 import Identity, SimulatedFlic2
from flicbridge.simulator.flic2.beacon import (
    AFTER_PRESS_S,
    INTERVAL_S,
    PUBLIC_S,
    Advertisement,
    advertising_data,
    scan_response,
)
from flicbridge.simulator.flic2.plain_host import PlainHost

PRIVATE = Advertisement(is_public=False, interval_s=INTERVAL_S)
PUBLIC = Advertisement(is_public=True, interval_s=INTERVAL_S)
VENDOR_WISH = SetAdvParametersRequest(True, False, True, False, 160, 12800, 86400)  # of the vendor's C host


def slept() -> SimulatedFlic2:
    return SimulatedFlic2.new("Panic", now_s=0.0)


def test_a_new_button_is_quiet_until_it_is_pressed() -> None:
    button = slept()
    assert button.advertisement(0.0) is None
    button.press(10.0)
    assert button.advertisement(10.0) == PRIVATE


def test_after_a_press_it_gives_up_some_time() -> None:
    button = slept()
    button.press(0.0)
    button.release(0.7)
    assert button.deadline_s(0.7) == AFTER_PRESS_S
    assert button.advertisement(AFTER_PRESS_S - 1) == PRIVATE
    assert button.advertisement(AFTER_PRESS_S) is None
    assert button.deadline_s(AFTER_PRESS_S) is None


def test_seven_seconds_of_holding_make_it_public_for_a_while() -> None:
    button = slept()
    button.press(0.0)
    button.pass_time(6.9)
    assert button.advertisement(6.9) == PRIVATE
    button.pass_time(7.0)
    button.release(7.2)
    assert button.advertisement(7.2) == PUBLIC
    assert button.advertisement(7.0 + PUBLIC_S) is None


def test_six_seconds_do_not() -> None:
    button = slept()
    button.press(0.0)
    button.release(6.9)
    button.pass_time(20.0)
    assert button.advertisement(20.0) == PRIVATE


def test_holding_a_connected_button_does_not_make_it_public(listening: PlainHost) -> None:
    listening.button.press(0.0)
    listening.button.pass_time(10.0)
    listening.button.release(10.0)
    listening.button.link_down(10.0)
    assert not listening.button.is_public(10.0)
    assert listening.button.advertisement(10.0) is None  # it was not asleep, so the press did not wake it


def test_a_connected_button_is_quiet(host: PlainHost) -> None:
    host.button.press(0.0)
    assert host.button.advertisement(0.0) is None


def test_public_mode_does_not_end_while_somebody_is_pairing(host: PlainHost) -> None:
    assert host.button.is_public(PUBLIC_S + 20)
    host.button.link_down(PUBLIC_S + 20)
    assert not host.button.is_public(PUBLIC_S + 20)


def test_after_a_lost_link_it_advertises_by_itself_if_its_host_wished_so(listening: PlainHost) -> None:
    assert listening.ask(VENDOR_WISH) == SetAdvParametersResponse()
    button = listening.button
    button.link_down(100.0)
    assert button.advertisement(100.0) == Advertisement(is_public=False, interval_s=0.1)
    assert button.deadline_s(100.0) == 105.0
    assert button.advertisement(105.0) == Advertisement(is_public=False, interval_s=8.0)
    assert button.deadline_s(105.0) == 86_500.0
    assert button.advertisement(86_500.0) is None


def test_a_press_makes_a_slow_advertiser_quick(listening: PlainHost) -> None:
    listening.ask(VENDOR_WISH)
    listening.button.link_down(100.0)
    listening.button.press(200.0)
    assert listening.button.advertisement(200.0) == PRIVATE
    assert listening.button.advertisement(200.0 + AFTER_PRESS_S) == Advertisement(False, 8.0)


def test_without_such_a_wish_it_waits_for_a_press(listening: PlainHost) -> None:
    listening.button.link_down(100.0)
    assert listening.button.advertisement(100.0) is None


def test_one_host_may_overrule_the_others(listening: PlainHost) -> None:
    listening.ask(VENDOR_WISH)
    listening.button.go_public(0.0)
    other = PlainHost(listening.button, tmp_id=b"twin")
    other.pair()
    other.ask(SetAdvParametersRequest(False, True, True, False, 160, 12800, 86400))
    listening.button.link_down(0.0)
    assert listening.button.advertisement(0.0) is None


def test_a_button_told_to_be_quiet_after_the_link_is(listening: PlainHost) -> None:
    listening.ask(VENDOR_WISH)
    listening.send(ForceBtDisconnectInd(restart_adv=False))
    listening.button.link_down(1.0)
    assert listening.button.advertisement(1.0) is None


def test_a_reboot_forgets_the_wish_with_old_firmware_and_keeps_it_with_new(listening: PlainHost) -> None:
    for firmware, is_kept in ((19, True), (10, False)):
        listening.button.memory.firmware = firmware
        listening.connect()
        listening.reconnect()
        listening.ask(VENDOR_WISH)
        listening.button.link_down(0.0)
        listening.button.change_battery(0.0)
        assert listening.button.advertisement(0.0) is None  # it wakes by a press in any case
        listening.connect()
        listening.button.link_down(1.0)
        assert (listening.button.advertisement(1.0) is not None) == is_kept


def test_only_public_mode_shows_the_service() -> None:
    identity = Identity("80:E4:DA:70:00:01", 0, bytes(32), bytes(16), "BA00-A00001")
    flags, about = "020106", "08ff0f03" + "00" + "dae480" + "00"
    uuid = "1107" + "93e417b6f3840d8720445" + "98f00004200"
    assert advertising_data(identity, is_public=False).hex() == flags + about
    assert advertising_data(identity, is_public=True).hex() == flags + about + uuid
    assert len(advertising_data(identity, is_public=True)) <= 31


def test_the_scan_response_names_product_firmware_and_address() -> None:
    identity = Identity("80:E4:DA:70:00:01", 0, bytes(32), bytes(16), "BA00-A00001")
    response = scan_response(identity, 10)
    assert response[:2] == bytes([9, 0x09])
    assert response[2:6] == b"F210"
    assert len(response) == 10
