"""The JSON Schema knows every key that the check knows, and no other."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from flicbridge.config import Settings, example, json_schema
from flicbridge.config.lines import Where
from flicbridge.transport.registry import find_transport, kinds

SCHEMA: Final = json_schema()
TYPES: Final[Mapping[type, tuple[str, ...]]] = {
    str: ("string",),
    bool: ("boolean",),
    int: ("integer", "number"),
    float: ("number",),
    dict: ("object",),
    list: ("array",),
}
"""What JSON Schema may call a value."""


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema with its reference followed."""
    while "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


def chosen(schema: Mapping[str, Any], value: object) -> Mapping[str, Any]:
    """The alternative that a value belongs to."""
    schema = resolved(schema)
    for choice in map(resolved, schema.get("oneOf", ())):
        kind = choice["properties"]["transport"]["const"]
        if isinstance(value, Mapping) and value["transport"] == kind:
            return choice
    for choice in map(resolved, schema.get("anyOf", ())):
        if choice.get("type") in TYPES[type(value)]:
            return choice
    return schema


def unknown(schema: Mapping[str, Any], value: object, where: Where = ()) -> Iterator[Where]:
    """Every place in a value that a schema does not allow, as far as keys and types go."""
    schema = chosen(schema, value)
    if isinstance(value, Mapping):
        free = {**schema.get("patternProperties", {}), "": schema.get("additionalProperties")}
        for key, item in value.items():
            inner = schema.get("properties", {}).get(key) or next(filter(None, free.values()), None)
            if inner:
                yield from unknown(inner, item, (*where, key))
            else:
                yield (*where, key)
        yield from ((*where, key) for key in schema.get("required", ()) if key not in value)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from unknown(schema["items"], item, (*where, index))
    elif not fits(schema, value):
        yield where


def fits(schema: Mapping[str, Any], value: object) -> bool:
    """Tell whether a text, number or truth value is of the type, and among the words, of a schema."""
    fitting = TYPES[type(value)]
    return (
        "anyOf" not in schema
        and schema.get("type", fitting[0]) in fitting
        and value in schema.get("enum", [value])
    )


def test_the_example_fits_the_schema() -> None:
    assert list(unknown(SCHEMA, tomllib.loads(example()))) == []


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('language = "fr"', 'langage = "fr"', ("bridge", "langage")),
        ('language = "fr"', 'language = "de"', ("bridge", "language")),
        ('name = "Dr Anne Martin"\n', "", ("doctor", "name")),
        ("keep_days = 90", 'keep_days = "90"', ("alerts", "keep_days")),
        ('host = "smtp.example.fr"', 'hots = "smtp.example.fr"', ("recipients", 0, "channels", 0, "hots")),
        ('double = "test"', 'double = "tset"', ("buttons", 0, "gestures", "double")),
    ],
)
def test_a_mistake_does_not_fit_the_schema(old: str, new: str, where: Where) -> None:
    raw = tomllib.loads(example().replace(old, new, 1))
    assert where in list(unknown(SCHEMA, raw))


def test_the_schema_is_json_of_the_dialect_it_names() -> None:
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["additionalProperties"] is False
    assert set(SCHEMA["properties"]) == set(Settings.model_fields)


def test_every_reference_leads_somewhere_and_every_definition_is_used() -> None:
    text = json.dumps(SCHEMA)
    used = {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert used == set(SCHEMA["$defs"])


def test_each_transport_has_its_own_channel() -> None:
    channels = [
        resolved(choice)
        for choice in resolved(SCHEMA["$defs"]["RecipientSettings"]["properties"]["channels"]["items"])[
            "oneOf"
        ]
    ]
    assert [channel["properties"]["transport"]["const"] for channel in channels] == list(kinds())
    for kind, channel in zip(kinds(), channels, strict=True):
        fields = find_transport(kind).Options.model_fields
        assert set(channel["properties"]) == {field.alias or name for name, field in fields.items()}


def schemas(schema: object, where: Where = ()) -> Iterator[tuple[Where, Mapping[str, Any]]]:
    """Every property in the schema."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key == "properties":
                yield from (((*where, name), item) for name, item in value.items())
            yield from schemas(value, (*where, key))
    elif isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from schemas(item, (*where, index))


def test_every_setting_is_described() -> None:
    described = ((where, {**resolved(schema), **schema}) for where, schema in schemas(SCHEMA))
    silent = [where for where, schema in described if not schema.get("description")]
    assert silent == []


def test_durations_stand_in_the_schema_as_they_do_in_the_file() -> None:
    assert SCHEMA["$defs"]["AlertsSettings"]["properties"]["join_within"]["default"] == "10m"
    assert "PT" not in json.dumps(SCHEMA)
