"""A mistake on its way to becoming a `Problem`: its place is still a path into the parsed file."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from flicbridge.config.lines import Where, line_of
from flicbridge.errors import Problem


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake.

    Attributes:
        where: the way to it; empty for the file as a whole.
        what: what is wrong, without a full stop.
        remedy: what to write instead, as a sentence.
    """

    where: Where
    what: str
    remedy: str


def dotted(where: Where) -> str:
    """A path as people write it: `buttons[0].gestures.long`; keys that need quotes have them."""
    text = ""
    for step in where:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += "." * bool(text) + (step if re.fullmatch(r"[A-Za-z0-9_-]+", step) else f'"{step}"')
    return text or "the file"


def as_problems(findings: Iterable[Finding], lines: dict[Where, int]) -> list[Problem]:
    """Put findings in the order of the file and say where in it they are."""
    placed = [(line_of(finding.where, lines), finding) for finding in findings]
    placed.sort(key=lambda pair: pair[0] or 0)
    return [Problem(dotted(finding.where), finding.what, finding.remedy, line) for line, finding in placed]
