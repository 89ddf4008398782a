"""The primitives against the vectors, and what an attacker would try on them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flicbridge.press.flic2 import crypto
from flicbridge.press.flic2.crypto import Chaskey, Direction, Seal

STEADY = settings(deadline=None)  # a busy machine is no failure

KEY = bytes(range(16))


def test_subkeys(vectors: dict[str, Any]) -> None:
    for case in vectors["chaskey_subkeys"]:
        assert list(Chaskey(bytes.fromhex(case["key"])).subkeys) == case["subkeys_u32"]


def test_one_block(vectors: dict[str, Any]) -> None:
    for case in vectors["chaskey_16_bytes"]:
        mac = Chaskey(bytes.fromhex(case["key"])).mac16(bytes.fromhex(case["block"]))
        assert mac.hex() == case["mac16"]


def test_packet_macs(vectors: dict[str, Any]) -> None:
    chaskey = Chaskey(bytes.fromhex(vectors["chaskey_packet_mac"]["key"]))
    for case in vectors["chaskey_packet_mac"]["cases"]:
        mac = chaskey.packet_mac(bytes.fromhex(case["data"]), Direction(case["direction"]), case["counter"])
        assert mac.hex() == case["mac"]


def test_certificates(vectors: dict[str, Any]) -> None:
    root_key = bytes.fromhex(vectors["test_root_key"]["ed25519_public"])
    for case in vectors["certificates"]["valid"] + vectors["certificates"]["invalid"]:
        message, signature = bytes.fromhex(case["signed_message"]), bytes.fromhex(case["signature_as_sent"])
        assert crypto.certificate_variant(message, signature, root_key) == case.get("variant")


def test_the_vendor_does_not_vouch_for_simulated_buttons(vectors: dict[str, Any]) -> None:
    case = vectors["certificates"]["valid"][0]
    message, signature = bytes.fromhex(case["signed_message"]), bytes.fromhex(case["signature_as_sent"])
    assert crypto.certificate_variant(message, signature, crypto.VENDOR_ROOT_KEY) is None


def test_every_bit_of_a_certificate_but_the_missing_two_counts(vectors: dict[str, Any]) -> None:
    root_key = bytes.fromhex(vectors["test_root_key"]["ed25519_public"])
    case = vectors["certificates"]["valid"][1]
    message, signature = bytes.fromhex(case["signed_message"]), bytes.fromhex(case["signature_as_sent"])
    for position in range(64 * 8):
        altered = bytearray(signature)
        altered[position // 8] ^= 1 << position % 8
        is_missing_bit = position in (32 * 8, 32 * 8 + 1)
        found = crypto.certificate_variant(message, bytes(altered), root_key)
        assert found == (case["variant"] if is_missing_bit else None)


def test_x25519(vectors: dict[str, Any]) -> None:
    for case in vectors["x25519"]:
        private_a, public_b = bytes.fromhex(case["private_a"]), bytes.fromhex(case["public_b"])
        assert crypto.x25519_public(private_a).hex() == case["public_a"]
        shared = crypto.x25519_shared(private_a, public_b)
        assert shared is not None
        assert shared.hex() == case["shared"]


# Encodings of points of order 1, 2, 4 and 8. Source: RFC 7748 section 6.1 and the Curve25519 literature.
SMALL_ORDER = [
    bytes(32),
    (1).to_bytes(32, "little"),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    (2**255 - 20).to_bytes(32, "little"),
    (2**255 - 19).to_bytes(32, "little"),
    (2**255 - 18).to_bytes(32, "little"),
]


@pytest.mark.parametrize("public", SMALL_ORDER, ids=range(len(SMALL_ORDER)))
def test_a_public_key_of_small_order_yields_no_secret(public: bytes) -> None:
    assert crypto.x25519_shared(KEY * 2, public) is None


def test_full_verify_keys(vectors: dict[str, Any]) -> None:
    for case in vectors["full_verify_kdf"]:
        secret = crypto.full_verify_secret(
            bytes.fromhex(case["shared_secret"]),
            case["variant"],
            bytes.fromhex(case["button_random"]),
            bytes.fromhex(case["host_random"]),
            case["flags"],
        )
        keys = crypto.full_verify_keys(secret)
        assert secret.hex() == case["full_verify_secret"]
        assert keys.verifier.hex() == case["verifier"]
        assert keys.session_key.hex() == case["session_key"]
        assert keys.material.hex() == case["pairing_material_20"]


def test_quick_verify_key(vectors: dict[str, Any]) -> None:
    for case in vectors["quick_verify_kdf"]:
        key = crypto.quick_verify_key(
            bytes.fromhex(case["pairing_key"]),
            bytes.fromhex(case["host_random_7"]),
            case["flags"],
            bytes.fromhex(case["button_random"]),
        )
        assert key.hex() == case["session_key"]


def test_the_unpaired_test(vectors: dict[str, Any]) -> None:
    for case in vectors["test_if_really_unpaired"]:
        secret = bytes.fromhex(case["full_verify_secret"])
        token = crypto.pairing_token(secret, bytes.fromhex(case["pairing_material_20"]))
        assert token.hex() == case["pairing_token"]
        assert crypto.pairing_gone_result(secret, token).hex() == case["result_NE_pairing_gone"]
        assert crypto.pairing_exists_result(secret, token).hex() == case["result_EX_over_token"]


def test_keys_do_not_show_in_logs() -> None:
    keys = crypto.full_verify_keys(bytes(32))
    assert keys.session_key.hex() not in repr(keys)
    assert repr(keys.session_key) not in repr(keys)


@STEADY
@given(packets=st.lists(st.binary(min_size=1, max_size=123), max_size=8))
def test_what_is_sealed_opens_in_order(packets: list[bytes]) -> None:
    sender, receiver = Seal(KEY, Direction.TO_HOST), Seal(KEY, Direction.TO_HOST)
    assert [receiver.open(sender.seal(packet)) for packet in packets] == packets


@STEADY
@given(packet=st.binary(min_size=1, max_size=123), at=st.integers(0, 127), change=st.integers(1, 255))
def test_a_changed_byte_does_not_open(packet: bytes, at: int, change: int) -> None:
    sealed = bytearray(Seal(KEY, Direction.TO_HOST).seal(packet))
    sealed[at % len(sealed)] ^= change
    assert Seal(KEY, Direction.TO_HOST).open(bytes(sealed)) is None


def test_a_replayed_packet_does_not_open() -> None:
    sealed = Seal(KEY, Direction.TO_HOST).seal(b"down")
    receiver = Seal(KEY, Direction.TO_HOST)
    assert receiver.open(sealed) == b"down"
    assert receiver.open(sealed) is None


def test_a_packet_that_overtakes_another_does_not_open() -> None:
    sender, receiver = Seal(KEY, Direction.TO_HOST), Seal(KEY, Direction.TO_HOST)
    sender.seal(b"first")
    assert receiver.open(sender.seal(b"second")) is None


def test_our_own_packet_reflected_does_not_open() -> None:
    assert Seal(KEY, Direction.TO_HOST).open(Seal(KEY, Direction.TO_BUTTON).seal(b"down")) is None


@pytest.mark.parametrize("length", range(6))
def test_what_is_too_short_for_a_mac_does_not_open(length: int) -> None:
    assert Seal(KEY, Direction.TO_HOST).open(bytes(length)) is None


def test_a_counter_beyond_32_bits_is_covered_by_the_mac(vectors: dict[str, Any]) -> None:
    chaskey = Chaskey(KEY)
    low, high = (chaskey.packet_mac(b"x", Direction.TO_HOST, counter) for counter in (1, 1 + 2**32))
    assert low != high
