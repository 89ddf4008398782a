"""What pydantic found, in the words of somebody who writes a settings file."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Final, cast

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from flicbridge import durations
from flicbridge.config.finding import Finding
from flicbridge.config.lines import Where
from flicbridge.config.settings import Settings
from flicbridge.config.shape import field_at, fields_at, is_in, sections_with
from flicbridge.credentials import holds_secret_names
from flicbridge.fields import shown

_WANTED: Final = {
    "string": "text in quotes",
    "path": "text in quotes",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "finite": "a number",
    "tuple": "a list in square brackets",
    "list": "a list in square brackets",
    "set": "a list in square brackets",
    "dict": "a table",
    "model": "a table",
    "url": 'a web address, such as "https://example.org/path"',
}
"""What belongs there, by the first word of pydantic's name for the mistake (`string_type`, `int_parsing`)."""

_LIMITS: Final = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


@dataclass(frozen=True, slots=True)
class _Mistake:
    """One pydantic error, with what the file and the models have to say about it.

    Attributes:
        where: the way to it in the file.
        kind: pydantic's name for it.
        input: the value it is about.
        context: pydantic's facts about it.
        message: pydantic's words.
        field: what the models know of the key, or None for an unknown one.
        raw: the whole parsed file.
        root: the model of the whole file.
    """

    where: Where
    kind: str
    input: object
    context: Mapping[str, Any]
    message: str
    field: FieldInfo | None
    raw: Mapping[str, Any]
    root: type[BaseModel]

    @property
    def key(self) -> str:
        """The last key on the way."""
        return next((step for step in reversed(self.where) if isinstance(step, str)), "")

    @property
    def value(self) -> str:
        """The value, or a mere pointer to it where it may be a secret or hold one."""
        private = "channels" in self.where or self.field is None or holds_secret_names(self.field)
        return "this" if private else shown(self.input)

    @property
    def advice(self) -> str:
        """What belongs here, as far as the model says."""
        if self.field is None or not self.field.description:
            return "See `flicbridge config example`."
        return " ".join([f"It means: {_described(self.field)}", *_example(self.key, self.field)])


type _Words = tuple[str, str]
"""What is wrong, and how to mend it."""


def findings(
    error: ValidationError, raw: Mapping[str, Any], root: type[BaseModel] = Settings
) -> Iterator[Finding]:
    """Everything that is wrong with the parsed file `raw` in itself; `root` is the model that refused it."""
    for details in error.errors(include_url=False):
        mistake = _read(details, raw, root)
        if _is_echo(mistake):
            continue
        what, remedy = _EXPLAIN.get(mistake.kind, _value_of_another_kind)(mistake)
        yield Finding(mistake.where, _masked(what), _masked(remedy))


def split_advice(message: str) -> _Words:
    """What is wrong and how to mend it, from the message of a ValueError (see `flicbridge.fields`)."""
    what, separator, remedy = message.rpartition("; ")
    return (what, as_sentence(remedy)) if separator else (message, "")


def as_sentence(text: str) -> str:
    """A remedy with a capital and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    by_plain = {name.lower().replace("-", "_"): name for name in known}
    found = get_close_matches(word.lower().replace("-", "_"), by_plain, n=1, cutoff=0.6)
    return by_plain[found[0]] if found else None


def _read(details: ErrorDetails, raw: Mapping[str, Any], root: type[BaseModel]) -> _Mistake:
    where: Where = ()
    for step in details["loc"]:  # pydantic adds steps that no file has, for keys and unions
        if is_in((*where, step), raw):
            where = (*where, step)
    if details["type"] == "missing":
        where = (*where, details["loc"][-1])
    elif "discriminator" in details.get("ctx", {}):
        where = (*where, details["ctx"]["discriminator"].strip("'"))
    return _Mistake(
        where=where,
        kind=details["type"],
        input=details["input"],
        context=details.get("ctx", {}),
        message=details["msg"],
        field=field_at(where, raw, root),
        raw=raw,
        root=root,
    )


def _is_echo(mistake: _Mistake) -> bool:
    """Tell whether a list is only called too short because pydantic does not count its wrong entries."""
    is_list = mistake.kind == "too_short" and isinstance(mistake.input, list)
    return is_list and mistake.context["min_length"] <= len(cast("list[object]", mistake.input))


def _unknown_key(mistake: _Mistake) -> _Words:
    known = fields_at(mistake.where[:-1], mistake.raw, mistake.root)
    if near := nearest(mistake.key, known):
        return "unknown key", f'Did you mean "{near}"?'
    if elsewhere := list(sections_with(mistake.key, mistake.root)):
        return "unknown key", f"It belongs in {' or '.join(elsewhere)}."
    return "unknown key", f"Known here: {', '.join(known)}."


def _missing(mistake: _Mistake) -> _Words:
    if mistake.field is None:
        return "is missing", f'Add "{mistake.key}".'
    if needed := [key for key, field in _fields_of(mistake).items() if field.is_required()]:
        return "is missing", f"Add {_header(mistake)} with {', '.join(needed)}."
    example = " ".join(_example(mistake.key, mistake.field))
    return "is missing", f"Add it: {_described(mistake.field)} {example}".strip()


def _header(mistake: _Mistake) -> str:
    """A table's key as it stands in the file: `[doctor]`, `[[plan]]`, or just `position`."""
    if len(mistake.where) > 1:
        return mistake.key
    is_list = fields_at((mistake.key, 0), mistake.raw, mistake.root)
    return f"[[{mistake.key}]]" if is_list else f"[{mistake.key}]"


def _fields_of(mistake: _Mistake) -> Mapping[str, FieldInfo]:
    inside = fields_at(mistake.where, mistake.raw, mistake.root)
    return inside or fields_at((*mistake.where, 0), mistake.raw, mistake.root)


def _choice(mistake: _Mistake) -> _Words:
    return _not_among(mistake.input, mistake.value, mistake.context["expected"])


def _tag(mistake: _Mistake) -> _Words:
    """The key that says which kind of table this is names none."""
    tag = mistake.context["tag"]
    return _not_among(tag, shown(tag), mistake.context["expected_tags"])


def _not_among(given: object, value: str, expected: str) -> _Words:
    choices = re.findall(r"'([^']*)'", expected)
    *others, last = [f'"{choice}"' for choice in choices]
    listed = f"{', '.join(others)} or {last}" if others else last
    near = nearest(given, choices) if isinstance(given, str) else None
    remedy = f'Did you mean "{near}"? Possible: {listed}.' if near else f"Write {listed}."
    return f"{value} is not possible here", remedy


def _out_of_range(mistake: _Mistake) -> _Words:
    name, words = _LIMITS[mistake.kind]
    # The model knows the limit as it was written; the error only has the text of a duration's repr.
    known = [
        getattr(fact, name)
        for fact in (mistake.field.metadata if mistake.field else [])
        if hasattr(fact, name)
    ]
    limit = known[0] if known else mistake.context[name]
    text = durations.show(limit) if isinstance(limit, timedelta) else str(limit)
    return f"{mistake.value} is out of range", f"Write {words} {text}."


def _wrong_length(mistake: _Mistake) -> _Words:
    if not mistake.context.get("actual_length", 0 if not mistake.input else 1):
        return "is empty", mistake.advice
    too = "many" if mistake.kind.endswith("long") else "few"
    limit = mistake.context["max_length" if too == "many" else "min_length"]
    things = "characters" if mistake.kind.startswith("string") else "entries"
    return f"has too {too} {things}", f"Write at {'most' if too == 'many' else 'least'} {limit}."


def _own_words(mistake: _Mistake) -> _Words:
    """A validator of ours or of a transport has said it."""
    what, remedy = split_advice(str(mistake.context.get("error", mistake.message)))
    return what, remedy or mistake.advice


def _transport(mistake: _Mistake) -> _Words:
    return mistake.context["what"], mistake.context["remedy"]


def _value_of_another_kind(mistake: _Mistake) -> _Words:
    """A number where text belongs, and so on; also whatever pydantic may think of next."""
    wanted = _WANTED.get(mistake.kind.partition("_")[0])
    if wanted is None:
        return f"{mistake.value} is not what belongs here", mistake.advice
    what = f"{mistake.value} is not {wanted}"
    if len(mistake.where) == 1 and wanted == _WANTED["list"] and isinstance(mistake.input, Mapping):
        return what, f"Write [[{mistake.key}]] with double brackets."
    if len(mistake.where) == 1 and wanted == _WANTED["dict"] and isinstance(mistake.input, list):
        return what, f"Write [{mistake.key}] with single brackets, once."
    return what, mistake.advice


def _described(field: FieldInfo) -> str:
    return as_sentence(field.description or "")


def _example(key: str, field: FieldInfo) -> list[str]:
    return [f"For example: {key} = {_as_toml(field.examples[0])}."] if field.examples else []


def _as_toml(value: object) -> str:
    """An example as it would stand in the file."""
    match value:
        case Mapping():
            return "{ " + ", ".join(f"{key} = {_as_toml(item)}" for key, item in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_as_toml, value)) + "]"
        case str():
            return f'"{value}"'
        case _:
            return str(value).lower()


def _masked(text: str) -> str:
    """A text without the user and password that somebody wrote into an address."""
    return re.sub(r"://[^/\s\"']*@", "://***@", text)


_EXPLAIN: Final[Mapping[str, Callable[[_Mistake], _Words]]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing,
    "literal_error": _choice,
    "enum": _choice,
    "union_tag_invalid": _tag,
    "union_tag_not_found": lambda _: ("is missing", "Add it: it says which kind of table this is."),
    **dict.fromkeys(_LIMITS, _out_of_range),
    "too_short": _wrong_length,
    "too_long": _wrong_length,
    "string_too_short": _wrong_length,
    "string_too_long": _wrong_length,
    "value_error": _own_words,
    "assertion_error": _own_words,
    "transport": _transport,
}
