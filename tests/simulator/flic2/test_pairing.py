"""Who may talk to a simulated button: pairing, reconnecting, and proving that a pairing is gone."""

from hypothesis import given
from hypothesis import strategies as st

from flicbridge.press.flic2.wire.services import GetBatteryLevelRequest, GetBatteryLevelResponse
from flicbridge.press.flic2.wire.verify import (
    DisconnectedVerifiedLinkInd,
    DisconnectVerifiedLinkInd,
    FullVerifyAbortInd,
    FullVerifyFailResponse,
    FullVerifyRequest1,
    FullVerifyRequest2,
    FullVerifyResponse1,
    FullVerifyResponse2,
    NoLogicalConnectionSlotsInd,
    QuickVerifyNegativeResponse,
    QuickVerifyResponse,
    TestIfReallyUnpairedResponse,
)
from flicbridge.simulator.flic2 import SimulatedFlic2
from flicbridge.simulator.flic2.link import SLOTS
from flicbridge.simulator.flic2.plain_host import PlainHost


def relink(host: PlainHost) -> None:
    """Lose the link and make a new one."""
    host.button.link_down(host.now_s)
    host.connect()


def test_a_button_in_public_mode_pairs_and_introduces_itself(host: PlainHost) -> None:
    answer = host.pair()
    assert isinstance(answer, FullVerifyResponse2)
    assert (answer.name, answer.serial) == ("Panic", host.button.memory.identity.serial)
    assert [each.material for each in host.button.memory.hosts] == [host.material]


def test_the_connection_that_paired_goes_on_without_another_verify(paired: PlainHost) -> None:
    assert isinstance(paired.ask(GetBatteryLevelRequest()), GetBatteryLevelResponse)


def test_pairing_ends_public_mode(paired: PlainHost) -> None:
    assert not paired.button.is_public(paired.now_s)
    relink(paired)
    stranger = PlainHost(paired.button, tmp_id=b"evil")
    assert stranger.pair() == FullVerifyFailResponse(FullVerifyFailResponse.NOT_PUBLIC)


def test_a_button_in_private_mode_shows_its_certificate_but_does_not_pair(host: PlainHost) -> None:
    host.button.link_down(0.0)
    host.now_s = 1000.0  # public mode is over
    host.connect()
    certificate = host.ask(FullVerifyRequest1(b"host"))
    assert isinstance(certificate, FullVerifyResponse1)
    assert not certificate.is_public
    assert host.pair() == FullVerifyFailResponse(FullVerifyFailResponse.NOT_PUBLIC)
    assert host.button.memory.hosts == []


def test_a_wrong_verifier_is_refused_even_in_private_mode_and_first(host: PlainHost) -> None:
    host.ask(FullVerifyRequest1(b"host"))
    refusal = host.ask(FullVerifyRequest2(bytes([9]) + bytes(31), bytes(8), 0, bytes(16)))
    assert refusal == FullVerifyFailResponse(FullVerifyFailResponse.INVALID_VERIFIER)


def test_a_host_with_a_key_of_small_order_is_refused(host: PlainHost) -> None:
    host.ask(FullVerifyRequest1(b"host"))
    refusal = host.ask(FullVerifyRequest2(bytes(32), bytes(8), 0, bytes(16)))
    assert refusal == FullVerifyFailResponse(FullVerifyFailResponse.INVALID_VERIFIER)


def test_an_aborted_pairing_leaves_nothing(host: PlainHost) -> None:
    host.ask(FullVerifyRequest1(b"host"))
    host.send(FullVerifyAbortInd())
    host.send(FullVerifyRequest2(bytes(32), bytes(8), 0, bytes(16)))
    assert host.hear() == []


def test_a_known_host_reconnects_on_a_new_link(paired: PlainHost) -> None:
    relink(paired)
    assert isinstance(paired.reconnect(), QuickVerifyResponse)
    assert isinstance(paired.ask(GetBatteryLevelRequest()), GetBatteryLevelResponse)


def test_a_reset_button_proves_that_the_pairing_is_gone(paired: PlainHost) -> None:
    paired.button.factory_reset(paired.now_s)
    relink(paired)
    assert isinstance(paired.reconnect(), QuickVerifyNegativeResponse)
    proof, gone, _ = paired.ask_if_really_unpaired()
    assert proof == TestIfReallyUnpairedResponse(gone)


def test_a_button_that_lied_admits_that_the_pairing_exists(paired: PlainHost) -> None:
    paired.button.faults.denies_quick_verify = True
    relink(paired)
    assert isinstance(paired.reconnect(), QuickVerifyNegativeResponse)
    proof, _, exists = paired.ask_if_really_unpaired()
    assert proof == TestIfReallyUnpairedResponse(exists)


def test_a_token_for_another_pairing_of_the_same_identifier_proves_nothing(paired: PlainHost) -> None:
    paired.material = paired.material[:4] + bytes(16)
    relink(paired)
    proof, gone, _ = paired.ask_if_really_unpaired()
    assert proof == TestIfReallyUnpairedResponse(gone)


def test_the_oldest_pairing_makes_room_for_a_new_one(paired: PlainHost) -> None:
    paired.button.memory.max_hosts = 1
    paired.button.go_public(0.0)
    newcomer = PlainHost(paired.button, tmp_id=b"next")
    newcomer.pair()
    relink(paired)
    assert isinstance(paired.reconnect(), QuickVerifyNegativeResponse)
    assert isinstance(newcomer.reconnect(), QuickVerifyResponse)


def test_a_new_connection_with_the_same_pairing_ends_the_old_one(paired: PlainHost) -> None:
    twin = PlainHost(paired.button, tmp_id=b"twin")
    twin.material = paired.material
    assert isinstance(twin.reconnect(), QuickVerifyResponse)
    farewell = DisconnectedVerifiedLinkInd(DisconnectedVerifiedLinkInd.REPLACED)
    assert paired.sort_out(twin.overheard) == [farewell]


def test_there_are_only_so_many_slots(host: PlainHost) -> None:
    for number in range(SLOTS):
        assert isinstance(host.ask(FullVerifyRequest1(b"abc%d" % number)), FullVerifyResponse1)
        host.conn_id = 0
    assert host.ask(FullVerifyRequest1(b"last")) == NoLogicalConnectionSlotsInd((b"last",))


def test_a_host_that_begins_again_uses_no_second_slot(host: PlainHost) -> None:
    for _ in range(SLOTS + 1):
        host.conn_id = 0
        assert isinstance(host.ask(FullVerifyRequest1(b"host")), FullVerifyResponse1)


def test_a_wrong_signature_ends_the_connection_at_once(paired: PlainHost) -> None:
    paired.button.receive(bytes([paired.conn_id]) + GetBatteryLevelRequest().encode() + bytes(5), 0.0)
    assert paired.hear() == [DisconnectedVerifiedLinkInd(DisconnectedVerifiedLinkInd.INVALID_SIGNATURE)]
    paired.send(GetBatteryLevelRequest())
    assert paired.hear() == []


def test_a_host_may_end_its_connection(paired: PlainHost) -> None:
    farewell = DisconnectedVerifiedLinkInd(DisconnectedVerifiedLinkInd.BY_USER)
    assert paired.ask(DisconnectVerifiedLinkInd()) == farewell
    paired.send(GetBatteryLevelRequest())
    assert paired.hear() == []


@given(st.lists(st.binary(max_size=140), max_size=20))
def test_nothing_from_the_air_can_break_a_button(frames: list[bytes]) -> None:
    button = SimulatedFlic2.new("Panic", now_s=0.0)
    button.go_public(0.0)
    host = PlainHost(button)
    host.connect()
    for frame in frames:
        button.receive(frame, 0.0)
    button.link_down(0.0)
    host.connect()
    assert isinstance(host.pair(), FullVerifyResponse2)
