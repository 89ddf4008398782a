"""The catalogue is complete, compiled, and says the same in every language."""

import gettext
from io import BytesIO
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

import flicbridge
from flicbridge.texts import DOMAIN, LANGUAGES, LOCALE_DIR, translator

PACKAGE = Path(flicbridge.__file__).parent
TRANSLATED = [language for language in LANGUAGES if language != "en"]

type Key = tuple[str | None, str | tuple[str, ...]]


def catalogue_file(language: str, suffix: str) -> Path:
    return LOCALE_DIR / language / "LC_MESSAGES" / f"{DOMAIN}{suffix}"


def source(language: str) -> Catalog:
    with catalogue_file(language, ".po").open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN, abort_invalid=True)


def compiled_afresh(language: str) -> bytes:
    buffer = BytesIO()
    write_mo(buffer, source(language))
    return buffer.getvalue()


def messages(catalogue: Catalog) -> dict[Key, Message]:
    return {(message.context, ids(message.id)): message for message in catalogue if message.id}


def ids(msgid: object) -> str | tuple[str, ...]:
    return tuple(msgid) if isinstance(msgid, list | tuple) else str(msgid)


def used_in_the_code() -> set[Key]:
    found = extract_from_dir(PACKAGE, method_map=[("**.py", "python")])
    return {(context, ids(msgid)) for _file, _line, msgid, _comments, context in found}


def strings(value: object) -> list[str]:
    return list(value) if isinstance(value, list | tuple) else [str(value)]


def placeholders(text: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_compiled_catalogue_is_what_its_source_compiles_to(language: str) -> None:
    kept = catalogue_file(language, ".mo").read_bytes()
    with BytesIO(kept) as old, BytesIO(compiled_afresh(language)) as new:
        said, meant = messages(read_mo(old)), messages(read_mo(new))
    assert {key: message.string for key, message in said.items()} == {
        key: message.string for key, message in meant.items()
    }, "the catalogue was edited and not compiled: run `make texts`"


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_catalogue_holds_every_text_of_the_code_and_no_other(language: str) -> None:
    known, used = set(messages(source(language))), used_in_the_code()
    assert len(used) > 50
    assert used - known == set(), "run `make texts` and translate what is new"
    assert known - used == set(), "run `make texts` to drop what is no longer used"


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_text_is_left_untranslated_or_uncertain(language: str) -> None:
    for key, message in messages(source(language)).items():
        assert all(text.strip() for text in strings(message.string)), key
        assert not message.fuzzy, key


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_placeholders_of_its_original(language: str) -> None:
    for key, message in messages(source(language)).items():
        originals = set[str]().union(*map(placeholders, strings(message.id)))
        for text in strings(message.string):
            assert placeholders(text) == originals, key


@pytest.mark.parametrize("language", TRANSLATED)
def test_python_reads_the_compiled_catalogue_as_it_is_meant(language: str) -> None:
    read = translator(language)
    assert isinstance(read, gettext.GNUTranslations)
    for key, message in messages(source(language)).items():
        if key[0] is None and isinstance(message.id, str):
            assert read.gettext(message.id) == message.string


def test_english_is_what_stands_in_the_code() -> None:
    assert translator("en").gettext("ASSAULT ALERT") == "ASSAULT ALERT"


def test_french_is_read_from_the_catalogue() -> None:
    assert translator("fr").gettext("ASSAULT ALERT") == "ALERTE AGRESSION"


def test_a_catalogue_is_read_only_once() -> None:
    assert translator("fr") is translator("fr")


def test_an_unknown_language_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'de'.*fr, en"):
        translator("de")
