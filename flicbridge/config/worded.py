"""A setting in words for people: what may stand there, what stands there by default, how it looks."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Literal, TypeAliasType, Union, get_args, get_origin

from pydantic import AfterValidator, WithJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from flicbridge import durations, fields
from flicbridge.alert import phone
from flicbridge.credentials import checked_name

TEXTS: Final[Mapping[Callable[..., Any], str]] = {
    fields.slug: "name",
    fields.line: "line of text",
    fields.optional_line: "line of text",
    phone.checked: "phone number",
    checked_name: "name of a secret",
}
"""What a text is called, by what checks it."""

FORMATS: Final = {"uri": "URL", "email": "mail address"}
"""The same, by its format in the JSON Schema."""

PLAIN: Final[Mapping[Any, str]] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path",
    durations.Duration: "duration",
}

LEAST: Final = {"ge": "at least", "gt": "more than"}
MOST: Final = {"le": "at most", "lt": "less than"}


def worth(field: FieldInfo) -> str:
    """What may stand there: its kind, and the limits it is kept within."""
    shape, notes = _bare(field.annotation, field.metadata)
    return ", ".join([_kind(shape, notes), *_span(notes), *_lengths(shape, notes), *_patterns(notes)])


def default(field: FieldInfo) -> str:
    """What is taken if nothing stands there."""
    if field.is_required():
        return "**required**"
    if field.default_factory is not None:
        return "see there"
    return "" if field.default is None else f"`{toml(field.default)}`"


def sample(field: FieldInfo) -> str:
    """How it may look in the file; nothing if the model does not know."""
    found = next(_samples(field), None)
    return "" if found is None else f"`{toml(found)}`"


def toml(value: Any) -> str:
    """A value as it stands in the file, on one line."""
    match value:
        case timedelta():
            return toml(durations.show(value))
        case Enum():
            return toml(value.value)
        case str() | Path():
            return json.dumps(str(value), ensure_ascii=False)
        case bool():
            return str(value).lower()
        case Mapping():
            pairs = ", ".join(f"{key} = {toml(item)}" for key, item in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case list() | tuple():
            return f"[{', '.join(map(toml, value))}]"
        case _:
            return str(value)


def inner(shape: Any) -> Any:
    """A shape without annotations and None."""
    return _bare(shape, ())[0]


def _bare(shape: Any, notes: Sequence[Any]) -> tuple[Any, list[Any]]:
    """A shape without annotations and None, and all that is noted about it."""
    if get_origin(shape) is Annotated:
        shape, *more = get_args(shape)
        return _bare(shape, [*notes, *more])
    if get_origin(shape) in (Union, UnionType):
        kinds = [kind for kind in get_args(shape) if kind is not type(None)]
        if len(kinds) == 1:
            return _bare(kinds[0], notes)
    return shape, list(notes)


def _kind(shape: Any, notes: Sequence[Any]) -> str:
    if words := choices(shape):
        named = [f"`{toml(word)}`" for word in words]
        return " or ".join(named) if len(named) < 3 else f"one of {', '.join(named)}"
    match get_origin(shape), get_args(shape):
        case (kind, [item, *_]) if kind in (list, tuple):
            return f"list of {_several(_kind(*_bare(item, ())))}"
        case (kind, [_, _]) if kind in (dict, Mapping):
            return f"table, each entry {entry(shape)}"
        case _:
            return _text(notes) or PLAIN.get(shape) or _foreign(shape)


def entry(shape: Any) -> str:
    """What the value of each entry of a table may be whose keys are free."""
    return _kind(*_bare(get_args(shape)[1], ()))


def _text(notes: Sequence[Any]) -> str | None:
    """What a text is called, if it is more than a text."""
    checks = [note.func for note in notes if isinstance(note, AfterValidator)]
    schemas = [note.json_schema or {} for note in notes if isinstance(note, WithJsonSchema)]
    names = [TEXTS.get(check) for check in checks]
    names += [FORMATS.get(schema.get("format", "")) for schema in schemas]
    return next(filter(None, names), None)


def _foreign(shape: Any) -> str:
    """A type that only a plugin uses."""
    if isinstance(shape, TypeAliasType):
        return _kind(*_bare(shape.__value__, ()))
    return getattr(shape, "__name__", str(shape))


def choices(shape: Any) -> tuple[Any, ...]:
    """The words that may stand there, if only some may."""
    shape = inner(shape)
    if get_origin(shape) is Literal:
        return get_args(shape)
    return tuple(shape) if isinstance(shape, type) and issubclass(shape, Enum) else ()


def _several(kind: str) -> str:
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"


def _span(notes: Sequence[Any]) -> list[str]:
    """The least and the most that a number or a duration may be."""
    least, most = (
        [
            f"{word} {_limit(getattr(note, name))}"
            for note in notes
            for name, word in words.items()
            if hasattr(note, name)
        ]
        for words in (LEAST, MOST)
    )
    return least + most


def _limit(value: Any) -> str:
    return durations.show(value) if isinstance(value, timedelta) else str(value)


def _lengths(shape: Any, notes: Sequence[Any]) -> list[str]:
    """How many entries of a list, or characters of a text, there must and may be."""
    of = " characters" if shape is str else ""
    least = next((note.min_length for note in notes if hasattr(note, "min_length")), 0)
    most = next((note.max_length for note in notes if hasattr(note, "max_length")), None)
    few = "not empty" if least == 1 else f"at least {least}{of}"
    return [few] * (least > 0) + [f"at most {most}{of}"] * (most is not None)


def _patterns(notes: Sequence[Any]) -> list[str]:
    """Regular expressions; pydantic keeps them in a class that has no public name."""
    found = (getattr(note, "pattern", None) for note in notes)
    return [f"matching `{pattern}`" for pattern in found if pattern]


def _samples(field: FieldInfo) -> Any:
    """Examples, the best first: the setting's own, those of its type, a word other than the default."""
    yield from field.examples or ()
    shape, notes = _bare(field.annotation, field.metadata)
    for note in notes:
        if isinstance(note, WithJsonSchema):
            yield from (note.json_schema or {}).get("examples", ())
    words = (True, False) if shape is bool else choices(shape)
    yield from (word for word in words if word != field.default)
    if field.default is not None and field.default is not PydanticUndefined:
        yield field.default
