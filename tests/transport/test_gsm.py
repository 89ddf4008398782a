"""The alphabet of SMS, checked against the published table and the codec that senders use."""

import unicodedata

import pytest
from gsm0338 import Codec  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.transport.gsm import ALPHABET, EXTENSION, encode, segments, septets, transliterate

# 3GPP TS 23.038, section 6.2.1, read column by column from the table, without LF, CR, FF and the escape.
DEFAULT_TABLE = (
    "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION_TABLE = "^{}\\[~]|€"

texts_of_the_alphabet = st.text(st.sampled_from(sorted(ALPHABET)), max_size=700)


def test_the_alphabet_is_the_published_one() -> None:
    assert set(DEFAULT_TABLE + EXTENSION_TABLE) == ALPHABET
    assert set(EXTENSION) == set(EXTENSION_TABLE)


def test_what_the_alphabet_has_is_kept() -> None:
    kept = "é è à ù ì ò Ç É Ä Ö Ñ Ü ä ö ñ ü ß Å å Æ æ Ø ø @ £ € [ ] { } ~ | \\ ^"
    assert transliterate(kept) == kept


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("ê ë â û î ï ô ç œ", "e e a u i i o c oe"),
        ("È À Ê Â Î Ô Û Œ Ï Ë", "E A E A I O U Oe I E"),
        ("« l’hôpital »", '" l\'hopital "'),
        ("n° 12 – 2ᵉ étage…", "no 12 - 2e étage..."),
        ("`code`", "'code'"),
        ("François Lefèvre-Bœuf", "Francois Lefèvre-Boeuf"),
        ("Dvořák, Łukasz", "Dvorak, Lukasz"),
        ("Мария", "Mariya"),
    ],
)
def test_what_it_lacks_becomes_the_nearest_plain_letters(written: str, sent: str) -> None:
    assert transliterate(written) == sent


def test_an_accent_written_as_a_mark_of_its_own_is_the_same_letter() -> None:
    assert transliterate(unicodedata.normalize("NFD", "Hélène à Nîmes")) == "Hélène à Nimes"


def test_a_text_becomes_one_line() -> None:
    assert transliterate("  1er étage\n\tporte\u00a0gauche\r\n") == "1er étage porte gauche"


def test_nothing_unseen_gets_through() -> None:
    assert transliterate("a\x1be\x00b\u200bc\u202ed\ufeff") == "aebcd"


def test_a_character_that_nothing_stands_for_leaves_a_trace() -> None:
    assert transliterate("Dr \ue000") == "Dr ?"


@given(text=st.text())
def test_any_text_can_be_sent_and_read_back(text: str) -> None:
    sent = transliterate(text)
    code = encode(sent)
    assert Codec().decode(code) == (sent, len(code))
    assert len(code) == septets(sent)
    assert max(code, default=0) < 128
    assert transliterate(sent) == sent


@given(text=st.text(st.characters(categories=["L", "N"]), min_size=1))
def test_letters_never_vanish_without_a_trace(text: str) -> None:
    assert all(transliterate(letter) for letter in text)


def test_what_is_outside_the_alphabet_is_refused_by_the_codec() -> None:
    with pytest.raises(UnicodeEncodeError, match=r"position 1: not in the GSM 03\.38 alphabet"):
        encode("bête")


def test_an_escape_cannot_be_smuggled_in() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode("\x1be")  # would arrive as €


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("abc", 3), ("é", 1), ("€", 2), ("[42]", 6), ("^{}\\[~]|€", 18)]
)
def test_an_extension_character_takes_two_septets(text: str, count: int) -> None:
    assert septets(text) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 80, 1),
        ("€" * 80 + "a", 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 459, 3),
        ("a" * 918, 6),
        ("a" * 919, 7),
        ("a" * 152 + "€" + "a" * 152, 3),  # the € does not straddle: 152 + 153 + 1
        ("a" * 151 + "€" + "a" * 153, 2),
        ("€" * 152, 2),  # 76 of them in each part, one septet left over
        ("€" * 153, 3),
    ],
)
def test_segments_are_counted_as_phones_do(text: str, count: int) -> None:
    assert segments(text) == count


def parts_by_hand(text: str) -> int:
    """Fill 153 septets at a time, one character after the other."""
    if len(encode(text)) <= 160:
        return 1
    parts, used = 1, 0
    for character in text:
        width = len(encode(character))
        if used + width > 153:
            parts, used = parts + 1, 0
        used += width
    return parts


@given(text=texts_of_the_alphabet)
def test_segments_agree_with_a_sender_that_never_splits_a_character(text: str) -> None:
    assert segments(text) == parts_by_hand(text)
