"""The page about settings is what the models say, and what it shows as an example is accepted."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel, Field, create_model
from pydantic.fields import FieldInfo

from flicbridge.config import Settings, json_schema
from flicbridge.config.reference import reference
from flicbridge.config.shape import fields_of
from flicbridge.config.worded import default, inner, sample, toml, worth
from flicbridge.credentials import SecretName
from flicbridge.durations import Duration
from flicbridge.fields import Line, PathBeside, Slug, Table
from flicbridge.transport.base import ChannelOptions
from flicbridge.transport.email import MailAddresses
from flicbridge.transport.registry import find_transport

PAGE: Final = Path(__file__).parents[2] / "docs" / "configuration.md"
OURS: Final = ("email", "http", "smsgate")
HEADING: Final = re.compile(r"^#+ `(.+)`$", re.MULTILINE)
ROW: Final = re.compile(r"^\| `([^`]+)` \| (.+?) \| (.*?) \| (.+?) \| (.*?) \|$", re.MULTILINE)


def test_the_page_is_what_the_models_say() -> None:
    made = reference(OURS)
    assert PAGE.read_text(encoding="utf-8") == made, (
        "run: flicbridge config reference > docs/configuration.md"
    )


def sections() -> dict[str, str]:
    """The page by its tables."""
    _, *parts = HEADING.split(reference(OURS))
    return dict(zip(parts[::2], parts[1::2], strict=True))


def shown_keys() -> set[tuple[str, str]]:
    """Every key on the page, with the table that it stands under."""
    return {
        (heading.strip("[]"), row[0]) for heading, text in sections().items() for row in ROW.findall(text)
    }


def schema_keys(
    where: str, schema: Mapping[str, Any], defined: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Every key that the JSON Schema allows, with the table that it belongs to."""
    for choice in (schema, *schema.get("anyOf", ())):
        if "$ref" in choice:
            yield from schema_keys(where, defined[choice["$ref"].removeprefix("#/$defs/")], defined)
    if "items" in schema:
        yield from schema_keys(where, schema["items"], defined)
    for key, nested in schema.get("properties", {}).items():
        if where:
            yield where, key
        yield from schema_keys(f"{where}.{key}".removeprefix("."), nested, defined)


def test_every_key_of_the_file_is_on_the_page_and_no_other() -> None:
    schema = json_schema()
    expected = set(schema_keys("", schema, schema["$defs"]))
    expected |= {("recipients.channels", key) for key in fields_of(ChannelOptions)}
    for kind in OURS:
        own = fields_of(find_transport(kind).Options).keys() - fields_of(ChannelOptions).keys()
        expected |= {(f'transport = "{kind}"', key) for key in own}
    assert shown_keys() == expected


def test_every_key_has_a_kind_a_description_and_an_example() -> None:
    rows = [row for text in sections().values() for row in ROW.findall(text)]
    assert len(rows) > 80
    assert [
        key for key, kind, _, description, example in rows if not (kind and description and example)
    ] == []


def test_every_link_leads_to_a_table() -> None:
    anchors = {re.sub(r"[^a-z0-9_-]", "", heading.lower()) for heading in sections()}
    links = re.findall(r"\]\(#(.+?)\)", reference(OURS))
    assert len(links) == 5
    assert set(links) <= anchors


def every_field() -> Iterator[FieldInfo]:
    """Every setting that is no table of its own, those of each transport's channels among them."""
    models: list[type[BaseModel]] = [Settings, *(find_transport(kind).Options for kind in OURS)]
    while models:
        for field in fields_of(models.pop()).values():
            shape = inner(field.annotation)
            shape = inner(get_args(shape)[0]) if get_origin(shape) is tuple else shape
            if isinstance(shape, type) and issubclass(shape, BaseModel):
                models.append(shape)
            else:
                yield field


def accepted(field: FieldInfo, text: str) -> Any:
    """What the model makes of a value as the page shows it."""
    key = field.alias or "value"
    shape: Any = field.annotation
    model = create_model("Only", value=(shape, field))
    table = tomllib.loads(f"{key} = {text.strip('`')}")
    return dict(model.model_validate(table, context={"folder": Path()}))["value"]


def test_every_example_is_accepted_by_the_model_itself() -> None:
    shown = [(field, sample(field)) for field in every_field() if sample(field)]
    assert len(shown) > 60
    for field, example in shown:
        accepted(field, example)


def test_every_default_stands_there_as_one_would_write_it() -> None:
    shown = [(field, default(field)) for field in every_field() if default(field).startswith("`")]
    assert len(shown) > 30
    for field, text in shown:
        assert accepted(field, text) == field.default


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Pen(Table):
    """What a pen of a plugin could be told."""

    name: Slug = Field(description="Its name.")
    label: Line = "a | b"
    length: Duration = Field(default=timedelta(seconds=90), ge=timedelta(seconds=30), le=timedelta(hours=2))
    width: float = Field(default=0.5, gt=0, lt=9)
    count: int | None = Field(default=None, ge=1)
    colour: Colour = Colour.RED
    size: Literal["s", "m", "l"] = "m"
    key: SecretName | None = None
    to: MailAddresses = Field(default=(), min_length=2, max_length=5)
    nick: str = Field(default="x", min_length=1, max_length=8, pattern="^[a-z|]+$")
    uses: dict[str, Colour] = Field(default={})
    file: PathBeside = Field(default_factory=Path)


@pytest.mark.parametrize(
    ("key", "kind", "without"),
    [
        ("name", "name", "**required**"),
        ("label", "line of text", '`"a | b"`'),
        ("length", "duration, at least 30s, at most 2h", '`"1m30s"`'),
        ("width", "number, more than 0, less than 9", "`0.5`"),
        ("count", "whole number, at least 1", ""),
        ("colour", '`"red"` or `"green"`', '`"red"`'),
        ("size", 'one of `"s"`, `"m"`, `"l"`', '`"m"`'),
        ("key", "name of a secret", ""),
        ("to", "list of mail addresses, at least 2, at most 5", "`[]`"),
        ("nick", "text, not empty, at most 8 characters, matching `^[a-z|]+$`", '`"x"`'),
        ("uses", 'table, each entry `"red"` or `"green"`', "`{}`"),
        ("file", "path", "see there"),
    ],
)
def test_kind_limits_and_default_are_told_in_words(key: str, kind: str, without: str) -> None:
    field = Pen.model_fields[key]
    assert (worth(field), default(field)) == (kind, without)


def test_an_example_is_one_given_or_one_of_the_type_or_a_word_that_changes_something() -> None:
    fields = Pen.model_fields
    shown = [sample(fields[key]) for key in ("colour", "size", "key", "width", "count")]
    assert shown == ['`"green"`', '`"s"`', '`"smsgate-password"`', "`0.5`", ""]


def test_values_are_written_as_toml() -> None:
    value = {"after": timedelta(minutes=10), "notify": ["samu", 'the "hub"'], "big": 1.5, "on": True}
    assert tomllib.loads(f"value = {toml(value)}")["value"] == {**value, "after": "10m"}
