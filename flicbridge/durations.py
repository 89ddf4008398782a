"""Durations as people write them in settings: `10m`, `1h30m`, `250ms`, `0s`."""

from datetime import timedelta
from typing import Annotated, Any

import durationpy
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema


def parse(value: Any) -> timedelta:
    """Read a duration with its unit.

    Raises:
        ValueError: it is not one; the message shows how to write it.
    """
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(f'a duration is text with a unit, such as "30s" or "10m", not {value!r}')
    try:
        parsed = durationpy.from_str(value.strip())
    except (durationpy.DurationError, ValueError) as error:
        raise ValueError(f'{value!r} is no duration; write it like "30s", "10m" or "1h30m"') from error
    if parsed < timedelta(0):
        raise ValueError(f"{value!r} is negative")
    return parsed


def show(value: timedelta) -> str:
    """Write a duration as `parse` reads it."""
    return str(durationpy.to_str(value)) if value else "0s"


type Duration = Annotated[
    timedelta,
    BeforeValidator(parse),
    PlainSerializer(show, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["30s", "10m", "1h30m"]}),
]
