"""Whether each channel could be opened: its secrets are there and may be used, and its transport agrees.

Nothing touches the network.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from flicbridge.alert.maintainer import MaintainerSettings
from flicbridge.alert.settings import AlertsSettings
from flicbridge.api.settings import ApiSettings
from flicbridge.clock import SystemClock
from flicbridge.config.check import Raw, table, tables
from flicbridge.config.finding import Finding
from flicbridge.config.lines import Where
from flicbridge.config.shape import fields_of, model_inside
from flicbridge.credentials import Credentials, checked_name, holds_secret_names
from flicbridge.errors import ConfigError
from flicbridge.transport.base import Context, Transport
from flicbridge.transport.registry import find_transport


def unopenable(raw: Raw, folder: Path, credentials: Credentials) -> Iterator[Finding]:
    """Every secret that is missing or refused, and every channel whose transport refuses to be set up.

    Args:
        raw: the parsed file.
        folder: where it lies.
        credentials: where the secrets are.
    """
    find = cache(find_transport)  # looking through what is installed takes milliseconds each time
    for index, recipient in tables(raw, "recipients"):
        for place, channel in tables(recipient, "channels"):
            where: Where = ("recipients", index, "channels", place)
            try:
                transport = find(str(channel.get("transport")))
            except ConfigError:
                continue  # reported with the other mistakes of this table
            refused = list(_refused_secrets(where, transport.Options, channel, credentials))
            yield from refused or _refused_setup(where, transport, channel, folder, credentials)


def _refused_secrets(
    where: Where, options: type[BaseModel], channel: Raw, credentials: Credentials
) -> Iterator[Finding]:
    for inner, name in _secrets(options, channel):
        try:
            credentials.get(checked_name(name))
        except ConfigError as error:
            problem = error.problems[0]
            yield Finding((*where, *inner), f"{problem.where} {problem.what}", problem.remedy)
        except ValueError:
            continue  # no name at all; reported with the other mistakes of this table


def _secrets(model: type[BaseModel], given: Raw) -> Iterator[tuple[Where, str]]:
    """The names of secrets in a table and the tables inside it, written there or by default."""
    for key, field in fields_of(model).items():
        value = given.get(key, field.default)
        inner = model_inside(field)
        if holds_secret_names(field):
            yield from (((key, *where), name) for where, name in _texts(value))
        elif inner is not None and isinstance(value, Mapping):
            yield from (((key, *where), name) for where, name in _secrets(inner, value))


def _texts(value: object) -> Iterator[tuple[Where, str]]:
    """The texts in a value, each with the way to it."""
    match value:
        case str():
            yield (), value
        case Mapping():
            for key, item in value.items():
                yield from (((key, *where), text) for where, text in _texts(item))
        case list() | tuple():
            for index, item in enumerate(value):
                yield from (((index, *where), text) for where, text in _texts(item))


def refused_of_our_own(raw: Raw, credentials: Credentials) -> Iterator[Finding]:
    """Secrets that are no channel's, such as the PIN against forced cancellations, if they are missing."""
    yield from _refused_secrets(("alerts",), AlertsSettings, table(raw, "alerts"), credentials)
    yield from _refused_secrets(("api",), ApiSettings, table(raw, "api"), credentials)
    yield from _refused_secrets(("maintainer",), MaintainerSettings, table(raw, "maintainer"), credentials)


def _refused_setup(
    where: Where, transport: type[Transport[Any]], channel: Raw, folder: Path, credentials: Credentials
) -> Iterator[Finding]:
    try:
        options = transport.Options.model_validate(channel, context={"folder": folder})
    except ValidationError:
        return  # reported with the other mistakes of this table
    try:
        transport(options, Context(credentials.get, SystemClock(), bridge="check"))
    except ConfigError as error:
        yield from (Finding(where, f"{p.where} {p.what}", p.remedy) for p in error.problems)
    except Exception as error:  # noqa: BLE001 - a stranger's transport may raise anything, with secrets in it
        what = f'the transport "{options.transport}" cannot be set up ({type(error).__name__})'
        yield Finding(where, what, "Tell the author of that plugin.")
