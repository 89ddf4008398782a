"""The values of a settings file, each with the way to it and what the models know of it. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo

from flicbridge.config.lines import Where
from flicbridge.config.shape import field_at
from flicbridge.credentials import holds_secret_names


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value that is neither a table nor a list.

    Attributes:
        where: the way to it.
        field: what the models know of its key, or of the list or free table that it is in; None if nothing.
    """

    where: Where
    value: object
    field: FieldInfo | None

    @property
    def names_secret(self) -> bool:
        """Whether it is the name of a secret."""
        return self.field is not None and isinstance(self.value, str) and holds_secret_names(self.field)


def leaves(raw: Mapping[str, Any]) -> Iterator[Leaf]:
    """Every value in a parsed file."""
    for where, value in _values((), raw):
        yield Leaf(where, value, field_at(where, raw))


def _values(where: Where, value: object) -> Iterator[tuple[Where, object]]:
    match value:
        case Mapping():
            for key, item in value.items():
                yield from _values((*where, str(key)), item)
        case list():
            for index, item in enumerate(value):
                yield from _values((*where, index), item)
        case _:
            yield where, value


def secret_names(raw: Mapping[str, Any]) -> set[str]:
    """The names of all secrets in a file."""
    return {str(leaf.value) for leaf in leaves(raw) if leaf.names_secret}
