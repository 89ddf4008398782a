"""What helpers write, however they write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.alert.alert import Happening
from flicbridge.alert.reply import Reply, read_reply
from flicbridge.alert.seal import ALPHABET


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("OK K7Q3", Happening.ACKNOWLEDGED),
        ("ok k7q3", Happening.ACKNOWLEDGED),
        ("  Ok: K7Q3. On arrive, merci", Happening.ACKNOWLEDGED),
        ("OK K7Q3\n-- \nRégulation", Happening.ACKNOWLEDGED),
        ("«ÔK» K7Q3!", Happening.ACKNOWLEDGED),
        ("\uff2f\uff2b K7Q3", Happening.ACKNOWLEDGED),  # full width, as some keyboards write
        ("oui k7q3", Happening.CONFIRMED),
        ("Faux K7Q3 désolé", Happening.FALSE_ALARM),
    ],
)
def test_a_reply_is_read_however_it_is_written(text: str, what: Happening) -> None:
    assert read_reply(text) == Reply("K7Q3", what)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "OK",
        "K7Q3",
        "OK merci",
        "bien reçu K7Q3",
        "OK K7Q3X",
        "OK K7Q",
        "NON K7Q3",
        "Re: ALERTE OK K7Q3",
        "O K K7Q3",
    ],
)
def test_what_only_resembles_a_reply_is_none(text: str) -> None:
    assert read_reply(text) is None


@given(st.text(max_size=500))
def test_no_text_breaks_the_reader(text: str) -> None:
    found = read_reply(text)
    assert found is None or set(found.code) <= set(ALPHABET)
