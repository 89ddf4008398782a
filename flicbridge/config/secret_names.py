"""Which secrets the settings name, wherever they do: in channels, in plugins' own tables, anywhere."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from flicbridge.credentials import holds_secret_names


def secret_names(settings: BaseModel) -> list[str]:
    """The names of all secrets, each once, in alphabetical order."""
    return sorted(set(_inside(settings)))


def _inside(value: object) -> Iterator[str]:
    match value:
        case BaseModel():
            for key, field in type(value).model_fields.items():
                look = _texts if holds_secret_names(field) else _inside
                yield from look(getattr(value, key))
        case Mapping():
            for item in value.values():
                yield from _inside(item)
        case list() | tuple():
            for item in value:
                yield from _inside(item)


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            yield from (text for item in value.values() for text in _texts(item))
        case list() | tuple():
            yield from (text for item in value for text in _texts(item))
