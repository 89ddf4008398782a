"""The settings file as a JSON Schema, for editors that complete and check while one types."""

from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from flicbridge import durations
from flicbridge.config.settings import Settings
from flicbridge.errors import ConfigError
from flicbridge.transport.base import ChannelOptions
from flicbridge.transport.registry import find_transport, kinds

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_DEFINED: Final = "#/$defs/"
_LIMITS: Final = frozenset({"gt", "ge", "lt", "le"})


class _Generator(GenerateJsonSchema):
    """Writes durations as the file does."""

    def encode_default(self, dft: Any) -> Any:
        """A default as it would stand in the file."""
        return durations.show(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def json_schema() -> dict[str, Any]:
    """The schema of the whole file, with the channels of every transport that is installed and works.

    Source: JSON Schema 2020-12.
    """
    options = _installed()
    models: list[type[BaseModel]] = [Settings, ChannelOptions, *options.values()]
    references, definitions = models_json_schema(
        [(model, "validation") for model in models], schema_generator=_Generator
    )
    schemas = definitions["$defs"]
    names = {model: references[model, "validation"]["$ref"].removeprefix(_DEFINED) for model in models}
    channels = {f"channel-{kind}": _channel(kind, schemas[names[model]]) for kind, model in options.items()}
    top = schemas[names[Settings]]
    for name in names.values():
        schemas.pop(name, None)
    schemas[names[ChannelOptions]] = {"oneOf": [{"$ref": _DEFINED + name} for name in channels]}
    whole = {"$schema": DIALECT, **top, "title": "flicbridge settings", "$defs": {**schemas, **channels}}
    return {key: _in_dialect(value) for key, value in whole.items()}


def _channel(kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of one transport's channels: its name is what tells them from the others."""
    name = {"const": kind, "description": schema["properties"]["transport"]["description"]}
    return {**schema, "properties": {**schema["properties"], "transport": name}}


def _in_dialect(schema: Any) -> Any:
    """A schema without pydantic's words for the limits of a duration, which the dialect does not have."""
    match schema:
        case {"$ref": str()}:
            return {key: value for key, value in schema.items() if key not in _LIMITS}
        case dict():
            return {key: _in_dialect(value) for key, value in schema.items()}
        case list():
            return [_in_dialect(item) for item in schema]
        case _:
            return schema


def _installed() -> dict[str, type[ChannelOptions]]:
    """The options model of each transport; a plugin that cannot be imported is left out."""
    found = {}
    for kind in kinds():
        try:
            found[kind] = find_transport(kind).Options
        except ConfigError:
            continue
    return found
