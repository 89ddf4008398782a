"""Phone numbers are refused with a remedy, and shown as people dial them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.alert.phone import as_dialled, checked, is_same_number, national


@pytest.mark.parametrize(
    ("e164", "dialled"),
    [
        ("+33612345678", "06 12 34 56 78"),
        ("+33555000015", "05 55 00 00 15"),
        ("+262692123456", "0692 12 34 56"),  # Réunion shares the French dialling plan
        ("+32470123456", "+32 470 12 34 56"),
        ("+447911123456", "+44 7911 123456"),
    ],
)
def test_a_number_is_shown_as_it_is_dialled_from_france(e164: str, dialled: str) -> None:
    assert checked(e164) == e164
    assert national(e164) == dialled


@given(text=st.text(max_size=30))
def test_showing_a_number_never_fails_and_never_hides_it(text: str) -> None:
    assert national(text) or not text


def test_what_is_no_number_is_shown_unchanged() -> None:
    assert national("demander au secrétariat") == "demander au secrétariat"


@pytest.mark.parametrize(
    "as_written",
    ["0612345678", "06 12 34 56 78", "0033612345678", "+33 6 12 34 56 78", "+330612345678", "+33612345678 "],
)
def test_a_number_written_another_way_is_refused_with_the_right_way(as_written: str) -> None:
    with pytest.raises(ValueError, match=r'"\+33612345678"') as refusal:
        checked(as_written)
    assert repr(as_written) in str(refusal.value)
    assert "such as" not in str(refusal.value)  # it is this very number, not an example


@pytest.mark.parametrize("short", ["15", "17", "112", "114", "+15", "3646", "118218"])
def test_a_short_number_is_refused_with_the_reason(short: str) -> None:
    with pytest.raises(ValueError, match="short numbers such as"):
        checked(short)


@pytest.mark.parametrize(
    ("wrong", "flaw"),
    [
        ("", "country code"),
        ("le SAMU", "country code"),
        ("+999123456789", "a country code that exists"),
        ("+3361234567", "too few digits"),
        ("+336123456789", "too many digits"),
        ("+33012345678", "not in use as a phone number"),
        ("+33612345678;ext=3", "not plain E.164"),
        ("+３３612345678", "not plain E.164"),
    ],
)
def test_a_number_that_cannot_be_called_is_refused_with_what_is_wrong(wrong: str, flaw: str) -> None:
    with pytest.raises(ValueError, match=flaw) as refusal:
        checked(wrong)
    assert '"+33612345678"' in str(refusal.value)


@given(text=st.text(alphabet="+0123456789 .-()", max_size=18))
def test_whatever_is_accepted_is_plain_e164(text: str) -> None:
    try:
        assert checked(text) == text
    except ValueError:
        return
    assert text.startswith("+")
    assert text[1:].isdecimal()
    assert 7 <= len(text[1:]) <= 15


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("06\u202f12\u202f34\u202f56\u202f78", "+33612345678"),
        ("06\u00a012\u00a034\u00a056\u00a078", "+33612345678"),
        ("\u202a+33 6 12 34 56 78\u202c", "+33612345678"),
        ("0690 12 34 56", "+590690123456"),
        ("0590 27 12 34", "+590590271234"),
        ("0694 20 12 34", "+594694201234"),
        ("0594 30 10 10", "+594594301010"),
        ("0696 30 10 10", "+596696301010"),
        ("0596 30 10 10", "+596596301010"),
        ("0692.12.34.56", "+262692123456"),
        ("0262 12 34 56", "+262262123456"),
        ("0269 61 12 34", "+262269611234"),
        ("+262 692 12 34 56", "+262692123456"),
        ("00 590 690 12 34 56", "+590690123456"),
        ("09 76 12 34 56", "+33976123456"),
        ("05 55 00 00 15", "+33555000015"),
    ],
)
def test_what_people_dial_in_france_and_overseas_is_understood(typed: str, meant: str) -> None:
    assert as_dialled(typed) == meant


@pytest.mark.parametrize(
    "e164",
    ["+33612345678", "+262692123456", "+262269611234", "+590690123456", "+594694201234", "+596596301010"],
)
def test_what_is_shown_can_be_typed_back(e164: str) -> None:
    assert as_dialled(national(e164)) == e164


def test_a_number_of_overseas_is_refused_in_the_settings_with_the_right_way() -> None:
    with pytest.raises(ValueError, match=r'"\+590690123456"'):
        checked("0690\u202f12\u202f34\u202f56")


@pytest.mark.parametrize(
    "typed", ["15", "\u202f15", "06 12 34", "0612 CALL ME", "", "\u202a\u202c", "le SAMU"]
)
def test_what_nobody_can_dial_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"short numbers|country code|digits"):
        as_dialled(typed)


@pytest.mark.parametrize(
    "sender", ["+33555000015", "0555000015", "05 55 00 00 15", "0033555000015", "33555000015"]
)
def test_a_sender_is_known_however_its_network_writes_it(sender: str) -> None:
    assert is_same_number(sender, "+33555000015")


@pytest.mark.parametrize("sender", ["+33555000016", "555000015x", "SAMU", "", "15", "+49555000015", "0 555"])
def test_another_sender_is_not(sender: str) -> None:
    assert not is_same_number(sender, "+33555000015")


def test_a_number_without_a_country_is_one_of_the_country_that_we_write_to() -> None:
    assert is_same_number("0470 12 34 56", "+32470123456")
    assert not is_same_number("0470 12 34 56", "+33612345678")
