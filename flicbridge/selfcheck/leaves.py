"""The values of a settings file, each with the way to it and what the models know of it. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo

from flicbridge.config.lines import Where
from flicbridge.config.shape import field_at
from flicbridge.credentials import holds_secret_names
from flicbridge.selfcheck.kept import KEPT, pattern_of, secret


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
        """Whether it is the name of a secret, or stands where one belongs.

        Of a channel whose transport is misspelt, the models know nothing.
        """
        by_model = self.field is not None and holds_secret_names(self.field)
        return isinstance(self.value, str) and (by_model or KEPT.get(pattern_of(self.where)) is secret)


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


def secret_names(raw: Mapping[str, Any]) -> dict[str, tuple[Where, ...]]:
    """The names of all secrets in a file, and where each of them stands."""
    found: dict[str, tuple[Where, ...]] = {}
    for leaf in leaves(raw):
        if leaf.names_secret:
            found[str(leaf.value)] = (*found.get(str(leaf.value), ()), leaf.where)
    return found
