"""Codes and marks: of one key, one alert, one recipient."""

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from flicbridge.alert.alert import Purpose, delivery_id
from flicbridge.alert.pin import Pin
from flicbridge.alert.seal import ALPHABET, CODE_LENGTH, Seal

SEAL = Seal(b"k" * 32)
ALERT = UUID(int=7)


@given(st.uuids(), st.integers(0, 3))
def test_a_code_has_four_letters_that_nobody_mistakes(alert: UUID, turn: int) -> None:
    code = SEAL.code(alert, turn)
    assert len(code) == CODE_LENGTH
    assert set(code) <= set(ALPHABET)
    assert not set(code) & set("01258BILOSZ")


def test_codes_are_spread_over_the_whole_alphabet() -> None:
    codes = {SEAL.code(uuid4()) for _ in range(2000)}
    assert len(codes) > 1950  # of 390,625
    assert set("".join(codes)) == set(ALPHABET)


def test_a_code_is_the_same_after_a_restart_and_another_one_on_another_bridge() -> None:
    assert Seal(b"k" * 32).code(ALERT) == SEAL.code(ALERT)
    assert Seal(b"j" * 32).code(ALERT) != SEAL.code(ALERT)


def test_a_mark_is_good_for_its_alert_its_recipient_and_its_bridge_only() -> None:
    mark = SEAL.mark(ALERT, "samu")
    assert SEAL.is_mark(mark, ALERT, "samu")
    assert not SEAL.is_mark(mark, ALERT, "colleague")
    assert not SEAL.is_mark(mark, UUID(int=8), "samu")
    assert not Seal(b"j" * 32).is_mark(mark, ALERT, "samu")


@given(st.text(max_size=40))
def test_nothing_else_is_a_mark(given_mark: str) -> None:
    assert not SEAL.is_mark(given_mark, ALERT, "samu")


def test_neither_key_nor_pin_shows_itself() -> None:
    assert "k" * 8 not in repr(SEAL)
    assert "4711" not in repr(Pin("4711"))


def test_a_pin_is_right_only_if_it_is_the_pin() -> None:
    pin = Pin("4711")
    assert pin.is_right("4711")
    assert pin.is_right(" 4711\n")
    assert not any(pin.is_right(given_pin) for given_pin in ("4712", "", None, "47110"))


def test_a_doubted_cancellation_is_called_like_any_other() -> None:
    called = {delivery_id(ALERT, what, 0, 0, "samu/0") for what in (Purpose.DOUBTED, Purpose.CANCELLED)}
    assert len(called) == 1
    assert delivery_id(ALERT, Purpose.ANSWERED, 0, 0, "samu/0") not in called
