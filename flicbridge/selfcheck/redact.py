"""What of settings, status and log may leave the house. Pure.

Three nets, one below the other: settings pass key by key (`kept`); other texts pass if they are made of our
own words; and everything goes through the net that knows the very names, numbers, places and secrets of this
practice, in every form in which they are written (`Net`).
"""

import re
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from typing import Any, Final

from flicbridge.config.lines import Where
from flicbridge.config.shape import fields_at
from flicbridge.logs import MASK, without_people
from flicbridge.selfcheck.kept import FREE_TABLES, WORD, Json, pattern_of, personal, shown
from flicbridge.selfcheck.leaves import leaves, secret_names
from flicbridge.selfcheck.net import Net

# What our own words look like in a status: codes, ids, serials, times, versions, addresses of radios.
CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_:./+-]{0,79}")
# Keys under which a status has sentences about errors, which are made without names and numbers.
SENTENCES: Final = frozenset({"detail", "error", "last_error", "failure"})


def redacted_settings(raw: Mapping[str, Any], suspects: Collection[str] = ()) -> Json:
    """The settings as they stand in the file, with everything masked that is not listed in `kept.KEPT`.

    Args:
        raw: the file.
        suspects: what stands where the name of a secret belongs, and may be the secret itself.
    """
    places = {where for name, places in secret_names(raw).items() if name in suspects for where in places}
    return _redacted((), raw, raw, places)


def _redacted(where: Where, value: object, raw: Mapping[str, Any], hidden: Container[Where]) -> Json:
    match value:
        case Mapping():
            return {
                key if _is_known(where, key, raw) else f"{MASK}{number}": _redacted(
                    (*where, key), item, raw, hidden
                )
                for number, (key, item) in enumerate(value.items())
            }
        case list():
            return [_redacted((*where, index), item, raw, hidden) for index, item in enumerate(value)]
        case "":
            return ""
        case _ if where in hidden:
            return MASK
        case _:
            found = shown(where, value)
            return MASK if found is None else found


def _is_known(where: Where, key: str, raw: Mapping[str, Any]) -> bool:
    """Whether a key is one of ours, or a name in a table that has free ones."""
    if pattern_of(where) in FREE_TABLES:
        return WORD.fullmatch(key) is not None or key in ("short", "long")
    return key in fields_at(where, raw)


def personal_values(raw: Mapping[str, Any]) -> set[str]:
    """Everything in the settings that is masked, as it stands there, unknown keys included."""
    values = {value for leaf in leaves(raw) for value in personal(leaf.where, leaf.value)}
    return values | set(_unknown_keys((), raw, raw))


def _unknown_keys(where: Where, value: object, raw: Mapping[str, Any]) -> Iterator[str]:
    match value:
        case Mapping():
            for key, item in value.items():
                if not _is_known(where, key, raw):
                    yield key
                yield from _unknown_keys((*where, key), item, raw)
        case list():
            for index, item in enumerate(value):
                yield from _unknown_keys((*where, index), item, raw)


def redacted_status(status: Mapping[str, Any], net: Net) -> Any:
    """What the bridge says of itself, for somebody who does not know the house."""
    return net.through(_coded(status, net))


def _coded(value: Any, net: Net, key: str = "") -> Any:
    """Without texts that are not made of our words, but for what errors say of themselves."""
    match value:
        case Mapping():
            return {name: _coded(item, net, str(name)) for name, item in value.items()}
        case list():
            return [_coded(item, net, key) for item in value]
        case str() if value and not CODE.fullmatch(value):
            return without_people(None, "", {key: value})[key] if key in SENTENCES else MASK
        case _:
            return value


def redacted_log(lines: Iterable[Mapping[str, Any]], net: Net) -> list[Any]:
    """Lines of the structured log, through its own net again and through the practice's."""
    return [net.through(without_people(None, "", dict(line))) for line in lines]
