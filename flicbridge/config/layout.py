"""How a value that is new to a settings file is laid out in it: as people would write it by hand."""

import copy
from itertools import pairwise
from typing import Any

import tomlkit
from tomlkit.items import AoT

from flicbridge.config.lines import Where


def grow(document: Any, where: Where, value: Any) -> None:
    """Put a value where it belongs, with every table around it; into a tomlkit document, or a plain one."""
    is_toml = isinstance(document, tomlkit.TOMLDocument)
    *way, last = where
    for step, following in zip(way, where[1:], strict=True):
        if not _has(document, step):
            fresh: Any = [] if isinstance(following, int) else {}
            _put(document, step, _block(fresh) if is_toml else fresh)
        document = document[step]
    laid_out = _block if isinstance(document, AoT) else _inline
    _put(document, last, laid_out(value) if is_toml else copy.deepcopy(value))


def shrink(document: Any, where: Where) -> None:
    """Take a key out of its table, if it is there."""
    *way, last = where
    for step in way:
        if not _has(document, step):
            return
        document = document[step]
    if _has(document, last):
        del document[last]


def spaced(text: str, before: str) -> str:
    """The text with a blank line above every heading that is new."""
    known = set(pairwise(before.splitlines()))
    lines: list[str] = []
    for above, line in pairwise(["\n", *text.splitlines(keepends=True)]):
        is_new = (above.rstrip("\r\n"), line.rstrip("\r\n")) not in known
        if line.startswith("[") and is_new and above.strip() and not above.startswith("#"):
            lines.append("\r\n" if above.endswith("\r\n") else "\n")
        lines.append(line)
    return "".join(lines)


def _has(node: Any, step: str | int) -> bool:
    return step < len(node) if isinstance(step, int) else step in node


def _put(node: Any, step: str | int, value: Any) -> None:
    if isinstance(step, int) and step == len(node):
        node.append(value)
    else:
        node[step] = value


def _block(value: Any) -> Any:
    """A table with a heading of its own, or a list of such tables."""
    if value == []:
        return tomlkit.aot()
    if not isinstance(value, dict):
        return _inline(value)
    table = tomlkit.table()
    for key, inner in value.items():
        table.add(key, _inline(inner))
    return table


def _inline(value: Any) -> Any:
    """A value on the line of its key; a list of tables has a line for each of them."""
    if isinstance(value, dict):
        pairs = (f"{tomlkit.key(key).as_string()} = {_as_toml(inner)}" for key, inner in value.items())
        return tomlkit.value("{ " + ", ".join(pairs) + " }")  # with blanks inside, as people write it
    if isinstance(value, list):
        array = tomlkit.array()
        array.extend([_inline(inner) for inner in value])
        return array.multiline(any(isinstance(inner, dict) for inner in value))
    return value


def _as_toml(value: Any) -> str:
    return str(tomlkit.item(_inline(value)).as_string())
