"""The settings as a page for people, made of the models: `docs/configuration.md` is what this makes."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from flicbridge.config.settings import Settings
from flicbridge.config.shape import fields_of
from flicbridge.config.worded import default, entry, inner, sample, worth
from flicbridge.errors import ConfigError
from flicbridge.transport.base import ChannelOptions
from flicbridge.transport.registry import find_transport, kinds

INTRODUCTION: Final = """\
# Settings

Every table and every key of the settings file. This page is what `flicbridge config reference` prints, made
of the very models that check the file; where plugins are installed, it has their channels, too.

To begin with:

```sh
flicbridge config example > flicbridge.toml     # a commented file that works
flicbridge config check flicbridge.toml         # every mistake at once, each with its line and its remedy
flicbridge config schema > flicbridge.json      # JSON Schema, for editors that complete while one types
```

The file is TOML. `[name]` is a table that is there once, `[[name]]` one of several. A key that is not on this
page is a mistake: the bridge refuses to start, and names it. Except for buttons that are paired, renamed or
forgotten with `flicbridge`, a running bridge takes a changed file up with its next start.

| word | what is meant |
| --- | --- |
| duration | text with units, such as `"250ms"`, `"30s"`, `"10m"`, `"1h30m"` |
| name | up to 40 lower-case letters, digits, `-` and `_`; it stands in messages, addresses and logs |
| line of text | up to 200 characters without line breaks |
| phone number | `+` and the country code, such as `"+33612345678"` |
| name of a secret | never the secret itself, see below |
| path | a relative one starts beside the settings file |

A secret is looked up by its name: among the credentials that systemd hands to the service
(`LoadCredential=`), then in the file `secrets/NAME` beside the settings (readable by its owner only, or it is
refused), then in the environment as `FLICBRIDGE_SECRET_NAME`, in capitals and with `_` for `-`.

Where the default is empty, a missing key means that there is nothing of the kind, unless the description says
otherwise."""

COLUMNS: Final = ("key", "what may stand there", "default", "what it says", "example")

type Keys = Mapping[str, FieldInfo]


def reference(transports: Iterable[str] | None = None) -> str:
    """The page in Markdown.

    Args:
        transports: whose channels to describe; by default those of all that are installed and work.
    """
    described = _channels(kinds() if transports is None else transports)
    tables = [_table(key, field, described) for key, field in fields_of(Settings).items()]
    return "\n\n".join([INTRODUCTION, *(block for table in tables for block in table)]) + "\n"


def _table(where: str, field: FieldInfo, channels: Mapping[str, type[ChannelOptions]]) -> Iterator[str]:
    """A table and those inside of it: heading, what it is for, its keys."""
    shape = inner(field.annotation)
    model = _model(shape)
    yield f"{'#' * (2 + where.count('.'))} `{_brackets(where, shape)}`"
    if model is None:  # free: the installer names the entries
        yield _lead(field.description or "", field)
        yield f"Any name of yours, and as its value {entry(shape)}: {sample(field)}."
        return
    yield _lead(_purpose(model), field)
    yield _rows(fields_of(model), where)
    if model is ChannelOptions:
        for kind, options in channels.items():
            yield from _transport(kind, options)
    for key, nested in fields_of(model).items():
        if _model(inner(nested.annotation)) is not None:
            yield from _table(f"{where}.{key}", nested, channels)


def _transport(kind: str, options: type[ChannelOptions]) -> Iterator[str]:
    """What the channels of one transport can be told beyond what all can."""
    yield f'#### `transport = "{kind}"`'
    own = {key: field for key, field in fields_of(options).items() if key not in ChannelOptions.model_fields}
    yield from filter(None, (_purpose(options), _rows(own) if own else ""))


def _channels(names: Iterable[str]) -> dict[str, type[ChannelOptions]]:
    """The options of each transport; a plugin that cannot be used is left out."""
    found = {}
    for name in names:
        try:
            found[name] = find_transport(name).Options
        except ConfigError:
            continue
    return found


def _rows(keys: Keys, where: str = "") -> str:
    required_first = sorted(keys.items(), key=lambda item: not item[1].is_required())
    lines = [COLUMNS, ("---",) * len(COLUMNS), *(_row(*item, where) for item in required_first)]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _row(key: str, field: FieldInfo, where: str) -> tuple[str, ...]:
    shape = inner(field.annotation)
    if _model(shape) is None:
        return f"`{key}`", worth(field), default(field), field.description or "", sample(field)
    heading = _brackets(f"{where}.{key}", shape)
    link = f"table, see [`{heading}`](#{where.replace('.', '')}{key})"
    is_needed = default(field) if field.is_required() else ""
    return f"`{key}`", link, is_needed, field.description or "", sample(field)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _lead(purpose: str, field: FieldInfo) -> str:
    return f"{purpose} {'Required.' if field.is_required() else 'Optional.'}".strip()


def _purpose(model: type[BaseModel]) -> str:
    """The model's own docstring, as paragraphs without line breaks."""
    text = inspect.cleandoc(model.__dict__.get("__doc__") or "")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _brackets(where: str, shape: Any) -> str:
    return f"[[{where}]]" if get_origin(shape) in (list, tuple) else f"[{where}]"


def _model(shape: Any) -> type[BaseModel] | None:
    """The model of a table, or of each table of a list; None where there is no such thing."""
    if get_origin(shape) in (list, tuple):
        shape = inner(get_args(shape)[0])
    return shape if isinstance(shape, type) and issubclass(shape, BaseModel) else None
