"""What models know about a place in a file: which keys fit there, what a key means.

The file is a settings file, unless another `root` model is named.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, TypeAliasType, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from flicbridge.config.lines import Where
from flicbridge.config.settings import Settings
from flicbridge.errors import ConfigError
from flicbridge.transport.base import ChannelOptions
from flicbridge.transport.registry import find_transport


def value_at(where: Where, raw: object) -> object:
    """What the file says there, or None."""
    for step in where:
        raw = _child(raw, step)
    return raw


def is_in(where: Where, raw: object) -> bool:
    """Tell whether the file has something there."""
    if not where:
        return True
    outer = value_at(where[:-1], raw)
    match outer, where[-1]:
        case Mapping(), key:
            return key in outer
        case list(), int(index):
            return index < len(outer)
        case _:
            return False


def _child(raw: object, step: str | int) -> object:
    match raw, step:
        case Mapping(), _:
            return raw.get(step)
        case list(), int():
            return raw[step] if step < len(raw) else None
        case _:
            return None


def fields_at(where: Where, raw: object, root: type[BaseModel] = Settings) -> Mapping[str, FieldInfo]:
    """The keys that fit into a table, as they stand in the file; none where the table is free or no table."""
    model = _model_at(where, raw, root)
    return {} if model is None else fields_of(model)


def field_at(where: Where, raw: object, root: type[BaseModel] = Settings) -> FieldInfo | None:
    """What the models know of a key, or of the list or free table that an entry is in; None if nothing."""
    for length in range(len(where), 0, -1):
        known = fields_at(where[: length - 1], raw, root)
        if known:
            return known.get(str(where[length - 1]))
    return None


def _model_at(where: Where, raw: object, root: type[BaseModel]) -> type[BaseModel] | None:
    shape: Any = root
    for step in where:
        raw = _child(raw, step)
        shape = _inside(shape, step, raw)
    return shape if _is_model(shape) else None


def _inside(shape: Any, step: str | int, raw: object) -> Any:
    """The shape of one entry of a shape."""
    if _is_model(shape) and isinstance(step, str):
        field = fields_of(shape).get(step)
        return None if field is None else _settled(field.annotation, raw)
    match get_origin(shape), get_args(shape):
        case (kind, [item, *_]) if kind in (list, tuple, Sequence) and isinstance(step, int):
            return _settled(item, raw)
        case (kind, [_, item]) if kind in (dict, Mapping):
            return _settled(item, raw)
        case _:
            return None


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys of a table, as they stand in the file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def model_inside(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a key that is a table of its own."""
    shape = _settled(field.annotation, {})
    return shape if _is_model(shape) else None


def _settled(shape: Any, raw: object) -> Any:
    """A shape without aliases, annotations and None; the options of a channel in place of their base."""
    if isinstance(shape, TypeAliasType):
        return _settled(shape.__value__, raw)
    if get_origin(shape) is Annotated:
        return _settled(get_args(shape)[0], raw)
    if get_origin(shape) in (Union, UnionType):
        choices = [choice for choice in get_args(shape) if choice is not type(None)]
        return _settled(choices[0] if len(choices) == 1 else _chosen(choices, raw), raw)
    if shape is ChannelOptions:
        return options_for(raw) or ChannelOptions
    return shape


def _chosen(choices: Sequence[Any], raw: object) -> Any:
    """Of several models, the one whose key with a fixed word the table answers, such as `do = "press"`."""
    return next((model for model in choices if _is_model(model) and _answers(model, raw)), None)


def _answers(model: type[BaseModel], raw: object) -> bool:
    fixed = {key: f.annotation for key, f in fields_of(model).items() if get_origin(f.annotation) is Literal}
    return bool(fixed) and all(_child(raw, key) in get_args(words) for key, words in fixed.items())


def _is_model(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, BaseModel)


def options_for(channel: object) -> type[ChannelOptions] | None:
    """The options model of a channel as it stands in the file, or None if its transport is not known."""
    kind = _child(channel, "transport")
    if not isinstance(kind, str):
        return None
    try:
        return find_transport(kind).Options
    except ConfigError:
        return None


def sections_with(key: str, root: type[BaseModel] = Settings) -> Iterator[str]:
    """The top-level tables that know a key."""
    for section in root.model_fields:
        if key in fields_at((section,), {}, root):
            yield f"[{section}]"
        elif key in fields_at((section, 0), {}, root):
            yield f"[[{section}]]"
