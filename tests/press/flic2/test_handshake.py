"""Proving who is who, and what an impostor can and cannot do to it."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from flicbridge.press.event import Counter
from flicbridge.press.flic2 import crypto
from flicbridge.press.flic2.handshake import Established
from flicbridge.press.flic2.pairing import Pairing
from flicbridge.press.flic2.reports import (
    Failed,
    FailReason,
    Paired,
    PairingGone,
    QueueDone,
    Ready,
    SessionEvent,
)
from flicbridge.press.flic2.session import VERIFY_TIMEOUT_S, Pair, Reconnect, Session
from flicbridge.press.flic2.wire import framing, presses, verify
from flicbridge.press.flic2.wire.packet import Packet
from flicbridge.simulator.keys import TEST_ROOT_PUBLIC, issue_certificate

ADDRESS = "80:E4:DA:70:00:01"
OTHER_ADDRESS = "80:E4:DA:70:00:02"
HIDDEN = "5B1FA4C2-0F3E-4E0D-9B7C-1A2B3C4D5E6F"  # what macOS calls a peer
PRIVATE = bytes(range(1, 33))
PUBLIC = crypto.x25519_public(PRIVATE)
RANDOM = b"buttons!"
CONN_ID = 5
KNOWN = Pairing("BA00-A00001", ADDRESS, 0, bytes(range(20)), "", "Panic", is_duo=False, simulated=True)
INTRODUCTION = verify.FullVerifyResponse2(
    False, False, False, bytes(range(16)), "Panic", 10, 853, "BA00-A00001"
)


def session_for(wish: Pair | Reconnect, **changes: object) -> Session:
    settings = {
        "address": ADDRESS,
        "address_type": 0,
        "root_key": TEST_ROOT_PUBLIC,
        "max_frame": 137,
        "now_s": 0.0,
        "random": random.Random(1).randbytes,
        **changes,
    }
    return Session(wish, **settings)  # type: ignore[arg-type]


def sent(session: Session) -> list[bytes]:
    """Return the packets the host sends now; at this MTU each is one frame."""
    return [value[1:] for value in session.take_frames()]


def hear(
    session: Session, packet: bytes, *, is_new: bool = False, conn_id: int = CONN_ID
) -> list[SessionEvent]:
    return [
        event
        for value in framing.split(packet, conn_id, is_new, 140)
        for event in session.receive(value, 0.0)
    ]


def hear_unassigned(session: Session, packet: Packet) -> list[SessionEvent]:
    return hear(session, packet.encode(), conn_id=0)


def certificate(tmp_id: bytes, **changes: object) -> verify.FullVerifyResponse1:
    signature = issue_certificate(ADDRESS, 0, PUBLIC).signature
    response = verify.FullVerifyResponse1(tmp_id, signature, ADDRESS, 0, PUBLIC, RANDOM, False, True, False)
    return replace(response, **changes)  # type: ignore[arg-type]


def show_certificate(session: Session, **changes: object) -> list[SessionEvent]:
    """Answer the host's FullVerifyRequest1."""
    (request,) = sent(session)
    tmp_id = verify.FullVerifyRequest1.decode(request).tmp_id
    return hear(session, certificate(tmp_id, **changes).encode(), is_new=True)


def shared_secret(public_key: bytes, host_random: bytes, flags: int) -> bytes:
    variant = issue_certificate(ADDRESS, 0, PUBLIC).variant
    shared = crypto.x25519_shared(PRIVATE, public_key)
    assert shared is not None
    return crypto.full_verify_secret(shared, variant, RANDOM, host_random, flags)


def pairing_voice(session: Session) -> crypto.Seal:
    """Check the host's FullVerifyRequest2 as a button does; return what signs the button's packets."""
    (packet,) = sent(session)
    request = verify.FullVerifyRequest2.decode(packet)
    keys = crypto.full_verify_keys(shared_secret(request.public_key, request.random, request.flags))
    assert request.verifier == keys.verifier
    return crypto.Seal(keys.session_key, crypto.Direction.TO_HOST)


def reason(said: list[SessionEvent]) -> tuple[FailReason, int]:
    (failed,) = said
    assert isinstance(failed, Failed)
    return failed.reason, failed.subcode


# Pairing


def paired_session(**changes: object) -> tuple[Session, crypto.Seal, list[SessionEvent]]:
    session = session_for(Pair(), **changes)
    assert show_certificate(session) == []
    voice = pairing_voice(session)
    return session, voice, hear(session, voice.seal(INTRODUCTION.encode()))


def test_a_pairing_goes_on_in_the_same_connection() -> None:
    session, voice, said = paired_session()
    (paired,) = said
    assert isinstance(paired, Paired)
    assert (paired.firmware, paired.battery_mv) == (10, 2999)
    (init,) = sent(session)
    request = presses.InitButtonEventsLightRequest.decode(init)
    assert (request.event_count, request.boot_id, request.limits.max_queued_packets) == (0, 0, 0)
    response = presses.InitButtonEventsResponse(False, 0, 12, 77)
    assert hear(session, voice.seal(response.encode())) == [
        Ready(77, 12, clock_s=0.0, restarted=False, queue_follows=False),
        QueueDone(0.0),
    ]


def test_firmware_that_cannot_advertise_as_told_is_not_told() -> None:
    for firmware, is_told in ((5, False), (6, True)):
        session = session_for(Pair())
        show_certificate(session)
        voice = pairing_voice(session)
        hear(session, voice.seal(replace(INTRODUCTION, firmware=firmware).encode()))
        hear(session, voice.seal(presses.InitButtonEventsResponse(False, 0, 0, 77).encode()))
        opcodes = [packet[0] for packet in sent(session)]
        assert opcodes == ([23, 12, 27] if is_told else [23, 12])


def test_a_pairing_tells_genuine_from_simulated() -> None:
    _, _, (paired,) = paired_session()
    assert isinstance(paired, Paired)
    assert paired.pairing.simulated


def test_each_attempt_has_its_own_keys() -> None:
    _, _, (first,) = paired_session()
    _, _, (second,) = paired_session(random=random.Random(2).randbytes)
    assert isinstance(first, Paired)
    assert isinstance(second, Paired)
    assert first.pairing.material != second.pairing.material


@pytest.mark.parametrize(
    "changes",
    [
        {"address": OTHER_ADDRESS},
        {"address_type": 1},
        {"address": OTHER_ADDRESS, "signature": issue_certificate(OTHER_ADDRESS, 0, PUBLIC).signature},
    ],
)
def test_the_certificate_of_another_button_is_refused(changes: dict[str, object]) -> None:
    assert reason(show_certificate(session_for(Pair()), **changes)) == (FailReason.NOT_GENUINE, 0)


def test_a_self_made_certificate_is_refused() -> None:
    forged = issue_certificate(ADDRESS, 0, PUBLIC, seed=bytes(32)).signature
    said = show_certificate(session_for(Pair()), signature=forged)
    assert reason(said) == (FailReason.NOT_GENUINE, 1)


def test_a_simulated_button_is_refused_in_production() -> None:
    session = session_for(Pair(), root_key=crypto.VENDOR_ROOT_KEY)
    assert reason(show_certificate(session)) == (FailReason.NOT_GENUINE, 1)


def test_a_certified_key_that_makes_the_secret_public_is_refused() -> None:
    zero = bytes(32)
    signature = issue_certificate(ADDRESS, 0, zero).signature
    said = show_certificate(session_for(Pair()), public_key=zero, signature=signature)
    assert reason(said) == (FailReason.NOT_GENUINE, 1)


def test_where_the_platform_hides_addresses_the_certificate_names_the_button() -> None:
    _, _, (paired,) = paired_session(address=HIDDEN, address_type=None)
    assert isinstance(paired, Paired)
    assert (paired.pairing.address, paired.pairing.address_type) == (ADDRESS, 0)


def test_an_address_in_lower_case_is_the_same_address() -> None:
    _, _, (paired,) = paired_session(address=ADDRESS.lower())
    assert isinstance(paired, Paired)


def test_answers_to_other_hosts_are_ignored() -> None:
    session = session_for(Pair())
    assert hear(session, certificate(b"else").encode(), is_new=True, conn_id=9) == []
    assert hear_unassigned(session, verify.NoLogicalConnectionSlotsInd((b"else", b"what"))) == []
    assert session.unexpected == 2
    assert show_certificate(session) == []
    assert len(sent(session)) == 1


def test_a_certificate_without_a_connection_is_malformed() -> None:
    session = session_for(Pair())
    (request,) = sent(session)
    tmp_id = verify.FullVerifyRequest1.decode(request).tmp_id
    assert reason(hear(session, certificate(tmp_id).encode(), conn_id=0))[0] is FailReason.MALFORMED


def test_a_certificate_cut_short_is_malformed() -> None:
    session = session_for(Pair())
    (request,) = sent(session)
    tmp_id = verify.FullVerifyRequest1.decode(request).tmp_id
    assert reason(hear(session, certificate(tmp_id).encode()[:-1], is_new=True))[0] is FailReason.MALFORMED


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0, (FailReason.NOT_GENUINE, 2)),
        (1, (FailReason.NOT_PUBLIC, 0)),
        (9, (FailReason.REFUSED, 9)),
    ],
)
def test_a_refusal_says_why(code: int, expected: tuple[FailReason, int]) -> None:
    session = session_for(Pair())
    show_certificate(session)
    assert reason(hear(session, verify.FullVerifyFailResponse(code).encode())) == expected


def test_a_refusal_before_there_is_anything_to_refuse_is_ignored() -> None:
    session = session_for(Pair())
    assert hear_unassigned(session, verify.FullVerifyFailResponse(1)) == []


def test_a_partners_button_is_refused() -> None:
    session = session_for(Pair())
    show_certificate(session)
    refusing = replace(INTRODUCTION, cares_about_app_credentials=True)
    said = hear(session, pairing_voice(session).seal(refusing.encode()))
    assert reason(said) == (FailReason.CREDENTIALS_REFUSED, 0)
    assert isinstance(said[0], Failed)
    assert said[0].code == 10


@pytest.mark.parametrize(
    ("serial", "flag", "is_duo"), [("BA00-A00001", True, True), ("DA00-A0001", False, True)]
)
def test_a_duo_is_known_by_its_flag_or_its_serial(serial: str, flag: bool, is_duo: bool) -> None:
    session = session_for(Pair())
    show_certificate(session)
    introduction = replace(INTRODUCTION, serial=serial, is_duo=flag)
    (paired,) = hear(session, pairing_voice(session).seal(introduction.encode()))
    assert isinstance(paired, Paired)
    assert paired.pairing.is_duo == is_duo


@pytest.mark.parametrize(("is_duo", "asks_with"), [(True, 35), (False, 23)])
def test_everybody_who_pairs_is_told_that_we_know_duos_and_only_a_duo_takes_notice(
    is_duo: bool, asks_with: int
) -> None:
    session = session_for(Pair())
    show_certificate(session)
    voice = pairing_voice(session)  # it reads our flags
    hear(session, voice.seal(replace(INTRODUCTION, is_duo=is_duo).encode()))
    assert [packet[0] for packet in sent(session)] == [asks_with]


def test_an_identifier_of_zero_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    unlucky = crypto.FullVerifyKeys(bytes(16), bytes(16), bytes(4) + bytes(range(16)))
    monkeypatch.setattr(crypto, "full_verify_keys", lambda _: unlucky)
    assert reason(show_certificate(session_for(Pair())))[0] is FailReason.PAIR_AGAIN


def test_closing_takes_back_a_pairing_under_way() -> None:
    session = session_for(Pair())
    show_certificate(session)
    session.close(0.0)
    assert sent(session) == [verify.FullVerifyAbortInd().encode()]


def test_closing_before_there_is_a_connection_says_nothing() -> None:
    for wish in (Pair(), Reconnect(KNOWN, None)):
        session = session_for(wish)
        session.close(0.0)
        assert sent(session) == []


def test_a_session_that_fails_takes_back_what_was_not_sent() -> None:
    session = session_for(Pair())
    tmp_id = random.Random(1).randbytes(4)
    said = hear_unassigned(session, verify.NoLogicalConnectionSlotsInd((tmp_id,)))
    assert reason(said)[0] is FailReason.NO_SLOTS
    assert sent(session) == []


def test_before_anything_was_heard_there_is_nothing_to_acknowledge() -> None:
    session = session_for(Reconnect(KNOWN, Counter(7, 4)))
    (request,) = sent(session)
    session.acknowledge(Counter(7, 8), 0.0)
    hear(session, quick_answer(request, KNOWN.key), is_new=True)
    session.acknowledge(Counter(7, 8), 0.0)
    assert [packet[0] for packet in sent(session)] == [23]


def test_keys_are_kept_out_of_logs() -> None:
    seal = crypto.Seal(bytes(16), crypto.Direction.TO_HOST)
    assert "session_key" not in repr(Established(bytes(16), seal, None))


def test_a_silent_button_is_given_up() -> None:
    for wish in (Pair(), Reconnect(KNOWN, None)):
        session = session_for(wish, now_s=1000.0)
        assert session.deadline_s == 1000.0 + VERIFY_TIMEOUT_S
        assert session.pass_time(1000.0 + VERIFY_TIMEOUT_S - 0.1) == []
        (failed,) = session.pass_time(1000.0 + VERIFY_TIMEOUT_S)
        assert isinstance(failed, Failed)
        assert (failed.reason, failed.code) == (FailReason.VERIFY_TIMEOUT, 7)


# Reconnecting


def quick_answer(request: bytes, key: bytes, *, is_duo: bool = False) -> bytes:
    asked = verify.QuickVerifyRequest.decode(request)
    session_key = crypto.quick_verify_key(key, asked.random, asked.flags, RANDOM)
    response = verify.QuickVerifyResponse(RANDOM, asked.tmp_id, False, False, is_duo)
    return crypto.Seal(session_key, crypto.Direction.TO_HOST).seal(response.encode())


def test_only_the_button_with_the_key_is_believed() -> None:
    session = session_for(Reconnect(KNOWN, Counter(7, 4)))
    (request,) = sent(session)
    assert hear(session, quick_answer(request, KNOWN.key), is_new=True) == []
    assert [packet[0] for packet in sent(session)] == [23]

    session = session_for(Reconnect(KNOWN, Counter(7, 4)))
    (request,) = sent(session)
    said = hear(session, quick_answer(request, bytes(16)), is_new=True)
    assert reason(said)[0] is FailReason.QUICK_VERIFY_SIGNATURE
    assert sent(session) == []


def test_an_answer_to_an_earlier_attempt_is_ignored() -> None:
    earlier = session_for(Reconnect(KNOWN, None))
    (request,) = sent(earlier)
    session = session_for(Reconnect(KNOWN, None), random=random.Random(2).randbytes)
    sent(session)
    assert hear(session, quick_answer(request, KNOWN.key), is_new=True) == []
    assert sent(session) == []


def test_a_button_without_room_says_so() -> None:
    session = session_for(Reconnect(KNOWN, None))
    (request,) = sent(session)
    tmp_id = verify.QuickVerifyRequest.decode(request).tmp_id
    said = hear_unassigned(session, verify.NoLogicalConnectionSlotsInd((b"else", tmp_id)))
    assert reason(said)[0] is FailReason.NO_SLOTS


@pytest.mark.parametrize(
    ("is_known_duo", "says_duo", "asks_with"),
    [(True, True, 35), (True, False, 23), (False, True, 23), (False, False, 23)],
)
def test_a_duo_speaks_as_one_only_with_a_host_that_offered_it(
    is_known_duo: bool, says_duo: bool, asks_with: int
) -> None:
    session = session_for(Reconnect(replace(KNOWN, is_duo=is_known_duo), None))
    (request,) = sent(session)
    assert verify.QuickVerifyRequest.decode(request).flags == (0x40 if is_known_duo else 0)
    assert hear(session, quick_answer(request, KNOWN.key, is_duo=says_duo), is_new=True) == []
    assert [packet[0] for packet in sent(session)] == [asks_with]


# Is the pairing really gone?


def denied(session: Session) -> None:
    (request,) = sent(session)
    tmp_id = verify.QuickVerifyRequest.decode(request).tmp_id
    assert hear_unassigned(session, verify.QuickVerifyNegativeResponse(tmp_id)) == []


def test_a_denial_alone_means_nothing() -> None:
    session = session_for(Reconnect(KNOWN, None))
    denied(session)
    assert [packet[0] for packet in sent(session)] == [0]
    (failed,) = session.pass_time(VERIFY_TIMEOUT_S)
    assert isinstance(failed, Failed)


def test_a_denial_of_somebody_else_is_ignored() -> None:
    session = session_for(Reconnect(KNOWN, None))
    sent(session)
    assert hear_unassigned(session, verify.QuickVerifyNegativeResponse(b"else")) == []
    assert sent(session) == []


def put_to_the_test(session: Session, verdict: Callable[[bytes, bytes], bytes]) -> list[SessionEvent]:
    """Answer the unpaired test with what `verdict` makes of the shared secret and the host's token."""
    denied(session)
    assert show_certificate(session, is_public=False) == []
    (packet,) = sent(session)
    request = verify.TestIfReallyUnpairedRequest.decode(packet)
    secret = shared_secret(request.public_key, request.random, 0)
    assert request.identifier == KNOWN.identifier
    assert request.token == crypto.pairing_token(secret, KNOWN.material)
    response = verify.TestIfReallyUnpairedResponse(verdict(secret, request.token))
    return hear(session, response.encode())


def test_a_button_that_proves_it_has_forgotten_us_is_believed() -> None:
    session = session_for(Reconnect(KNOWN, None))
    assert put_to_the_test(session, crypto.pairing_gone_result) == [PairingGone()]
    assert session.take_frames() == []


def test_a_button_that_knows_us_after_all_stays_paired() -> None:
    said = put_to_the_test(session_for(Reconnect(KNOWN, None)), crypto.pairing_exists_result)
    assert reason(said)[0] is FailReason.PAIRING_EXISTS


def test_without_the_shared_secret_nobody_can_end_a_pairing() -> None:
    said = put_to_the_test(
        session_for(Reconnect(KNOWN, None)), lambda _, token: crypto.pairing_gone_result(bytes(32), token)
    )
    assert reason(said) == (FailReason.NOT_GENUINE, 3)


def test_another_genuine_button_cannot_end_a_pairing() -> None:
    for address, address_type in ((ADDRESS, 0), (HIDDEN, None)):
        session = session_for(Reconnect(KNOWN, None), address=address, address_type=address_type)
        denied(session)
        signature = issue_certificate(OTHER_ADDRESS, 0, PUBLIC).signature
        said = show_certificate(session, address=OTHER_ADDRESS, signature=signature)
        assert reason(said) == (FailReason.NOT_GENUINE, 0)


def test_a_verdict_before_the_question_is_ignored() -> None:
    session = session_for(Reconnect(KNOWN, None))
    denied(session)
    assert hear_unassigned(session, verify.TestIfReallyUnpairedResponse(bytes(16))) == []


def test_a_certificate_for_somebody_else_does_not_answer_the_test() -> None:
    session = session_for(Reconnect(KNOWN, None))
    denied(session)
    sent(session)
    assert hear(session, certificate(b"else").encode(), is_new=True) == []
    assert sent(session) == []


def test_a_button_without_room_for_the_test_says_so() -> None:
    session = session_for(Reconnect(KNOWN, None))
    denied(session)
    (request,) = sent(session)
    tmp_id = verify.FullVerifyRequest1.decode(request).tmp_id
    assert (
        reason(hear_unassigned(session, verify.NoLogicalConnectionSlotsInd((tmp_id,))))[0]
        is FailReason.NO_SLOTS
    )


def test_an_endless_packet_during_the_handshake_is_dropped() -> None:
    session = session_for(Pair())
    for header in (0x81 | 0x20, 0x21):
        for _ in range(3):
            assert session.receive(bytes([header]) + bytes(100), 0.0) == []
    assert session.unexpected == 3
    assert show_certificate(session) == []
