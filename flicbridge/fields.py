"""What settings are made of: a closed table, and the few kinds of text that every stage's settings use.

A validator here and in the stages says what is wrong and how to mend it in one ValueError, with `"; "`
between the two; `flicbridge config check` shows them apart.
"""

import re
import unicodedata
from pathlib import Path
from typing import Annotated, Final

from anyascii import anyascii
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, WithJsonSchema

SLUG_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,39}$"
LONGEST_LINE: Final = 200
LONGEST_SHOWN: Final = 60


class Table(BaseModel):
    """A table of the settings file: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def slug(text: str) -> str:
    """Return a short name that is safe in ids, logs and addresses.

    Raises:
        ValueError: it is not one; the message offers the nearest that would be.
    """
    if re.fullmatch(SLUG_PATTERN, text):
        return text
    near = re.sub(r"[^a-z0-9_-]+", "-", anyascii(text).lower()).strip("-_")[:40].rstrip("-_") or "poche"
    raise ValueError(
        f'{shown(text)} cannot be a name; use lower-case letters, digits, - and _, such as "{near}"'
    )


def line(text: str) -> str:
    """Return a line for people, without blanks around it.

    Raises:
        ValueError: it is empty, too long, or holds line breaks or other control characters.
    """
    text = text.strip()
    if not text:
        raise ValueError("is empty; write the text that people shall read here")
    return optional_line(text)


def optional_line(text: str) -> str:
    """Return a line for people, or nothing."""
    text = text.strip()
    if not _is_one_line(text):
        raise ValueError(f"{shown(text)} has line breaks or control characters; write it on one line")
    if len(text) > LONGEST_LINE:
        raise ValueError(f"has {len(text)} characters; keep it within {LONGEST_LINE}")
    return text


def _is_one_line(text: str) -> bool:
    # Not str.isprintable: French puts no-break spaces before its punctuation.
    return not any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text)


def beside(path: Path, info: ValidationInfo) -> Path:
    """Return an absolute path; a relative one starts beside the settings file, not wherever we were started.

    Raises:
        ValueError: it cannot be one, or it begins with `~` and this user has no home.
    """
    if "\0" in str(path):
        raise ValueError("holds a null character; write an ordinary path")
    folder = (info.context or {}).get("folder", Path())
    try:
        return Path(folder, path.expanduser()).absolute()
    except RuntimeError as error:
        raise ValueError("~ means nothing here, this user has no home; write the whole path") from error


def shown(value: object) -> str:
    """A value much as TOML would write it, cut short, for a message."""
    match value:
        case str():
            text = value if _is_one_line(value) else repr(value)[1:-1]
            return f'"{text}"' if len(text) <= LONGEST_SHOWN else f'"{text[:LONGEST_SHOWN]}..."'
        case bool():
            return str(value).lower()
        case dict():
            return "a table"
        case list():
            return "a list"
        case int() if value.bit_length() > 64:
            return "a huge number"  # str() itself refuses the very largest
        case _:
            return str(value)


Slug = Annotated[str, AfterValidator(slug), WithJsonSchema({"type": "string", "pattern": SLUG_PATTERN})]
"""The name of a bridge, button or recipient: safe in ids, logs, file names and addresses."""

Line = Annotated[str, AfterValidator(line)]
"""One line of text for people."""

PathBeside = Annotated[Path, AfterValidator(beside)]
"""A file or folder; relative paths start beside the settings file."""

OptionalLine = Annotated[str, AfterValidator(optional_line)]
"""One line of text for people, or nothing."""
