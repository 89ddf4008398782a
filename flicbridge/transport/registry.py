"""Which transports are installed, ours and strangers' alike, and how a channel's table becomes one of them.

Only the kind that is asked for is imported: a broken plugin harms nobody who does not use it.
"""

import difflib
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from pydantic import BaseModel

from flicbridge.errors import ConfigError, Problem
from flicbridge.transport.base import ChannelOptions, Context, Transport

GROUP: Final = "flicbridge.transports"


def kinds() -> tuple[str, ...]:
    """The names of all installed transports, sorted. Imports none of them."""
    return tuple(sorted(entry_points(group=GROUP).names))


def find_transport(kind: str) -> type[Transport[Any]]:
    """Import and return the transport registered as `kind`.

    Raises:
        ConfigError: nothing is installed under that name, or what is cannot be used; says which and why.
    """
    found = entry_points(group=GROUP, name=kind)
    values = sorted({entry.value for entry in found})
    if not values:
        raise _unknown(kind)
    if len(values) > 1:
        raise _unusable(kind, f"is offered by several plugins: {', '.join(values)}", "Uninstall all but one.")
    return _load(next(iter(found)))


def read_channel(table: Mapping[str, object], context: Mapping[str, Any] | None = None) -> ChannelOptions:
    """Read one channel of the settings, `{ transport = "...", ... }`, with the model of its transport.

    Args:
        table: the channel.
        context: what validators may ask for; the `folder` that relative paths start in.

    Raises:
        ConfigError: there is no such transport.
        pydantic.ValidationError: a key is missing, unknown or wrong.
    """
    kind = _Kind.model_validate(table).transport
    return find_transport(kind).Options.model_validate(table, context=context)


def build(options: ChannelOptions, context: Context) -> Transport[Any]:
    """Make the transport of one channel, not yet entered.

    Raises:
        ConfigError: the transport is missing, or cannot work with these options or secrets.
    """
    return find_transport(options.transport)(options, context)


class _Kind(BaseModel):
    """As much of a channel's table as all transports share and nobody can go without."""

    transport: str


def _load(entry: EntryPoint) -> type[Transport[Any]]:
    try:
        loaded = entry.load()
    except Exception as error:  # a stranger's module may raise anything
        reason = f"cannot be imported ({type(error).__name__}: {error})"
        raise _unusable(
            entry.name, f"{_origin(entry)} {reason}", "Reinstall or remove that plugin."
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Transport) and _has_options(loaded)):
        what = f"{_origin(entry)} is not a Transport with an Options model"
        raise _unusable(entry.name, what, "Tell its author; see examples/plugin for what it takes.")
    return loaded


def _has_options(transport: type[Transport[Any]]) -> bool:
    options = getattr(transport, "Options", None)
    return isinstance(options, type) and issubclass(options, ChannelOptions)


def _origin(entry: EntryPoint) -> str:
    package = entry.dist.name if entry.dist else "an unknown package"
    return f"{entry.value}, from {package},"


def _unknown(kind: str) -> ConfigError:
    return _unusable(kind, "is not installed", f"Installed are: {', '.join(_nearest_first(kind, kinds()))}.")


def _unusable(kind: str, what: str, remedy: str) -> ConfigError:
    return ConfigError("settings", [Problem("transport", f'"{kind}" {what}', remedy)])


def _nearest_first(kind: str, installed: Sequence[str]) -> list[str]:
    near = difflib.get_close_matches(kind, installed, n=len(installed), cutoff=0.5)
    return near + [other for other in installed if other not in near]
