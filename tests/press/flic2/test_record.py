"""A pairing comes back from the store as it was, or is refused without showing its secret."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.errors import StoreError
from flicbridge.press.flic2 import record
from flicbridge.press.flic2.pairing import Pairing

PAIRINGS = st.builds(
    Pairing,
    serial=st.text(max_size=11),
    address=st.just("80:E4:DA:70:00:01"),
    address_type=st.integers(0, 1),
    material=st.binary(min_size=20, max_size=20),
    uuid=st.just("ab" * 16),
    name=st.text(max_size=23),
    is_duo=st.booleans(),
    simulated=st.booleans(),
)


@given(PAIRINGS)
def test_a_pairing_survives_the_store(pairing: Pairing) -> None:
    assert record.from_json(record.to_json(pairing)) == pairing


@pytest.mark.parametrize(("serial", "is_duo"), [("BF12-A34567", False), ("DF12-A34567", True)])
def test_a_pairing_from_before_there_were_duos_is_read_and_its_serial_says_what_it_is(
    serial: str, is_duo: bool
) -> None:
    pairing = Pairing(serial, "80:E4:DA:70:00:01", 0, bytes(range(20)), "ab", "", is_duo, False)
    old = {key: value for key, value in json.loads(record.to_json(pairing)).items() if key != "is_duo"}
    assert record.from_json(json.dumps(old)) == pairing


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"material": "zz"}', '{"material": 7}', '{"material": "00", "serial": "x"}'],
)
def test_a_damaged_pairing_is_refused(text: str) -> None:
    with pytest.raises(StoreError, match="damaged"):
        record.from_json(text)


def test_the_secret_shows_in_no_error() -> None:
    good = Pairing("BF12-A34567", "80:E4:DA:70:00:01", 0, bytes(range(20)), "ab", "", False, False)
    broken = json.dumps({**json.loads(record.to_json(good)), "address_type": "seven"})
    with pytest.raises(StoreError) as caught:
        record.from_json(broken)
    assert bytes(range(20)).hex() not in repr(caught.value)
    assert caught.value.__cause__ is None
