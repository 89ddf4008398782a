"""One answer: how good it is, what was measured, in one sentence, and what to do about it. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from flicbridge.texts import N_

type Fact = str | int | float | bool
type Translate = Callable[[str], str]


class Verdict(StrEnum):
    """How good an answer is."""

    OK = "ok"
    WARNING = "warning"
    """Works, and somebody should do something about it."""
    FAULT = "fault"
    """A doctor may not be protected because of it."""
    NOT_APPLICABLE = "not_applicable"
    """There is no such thing here, or nobody can tell."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer.

    Attributes:
        check: one word for code to branch on, such as `disk_low`.
        text: the sentence in English, with the facts' names in braces; the catalogue has it in French.
        remedy: what to do, likewise; never empty for a warning or a fault.
        facts: what was measured. Nothing about people in it.
    """

    check: str
    verdict: Verdict
    text: str
    remedy: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.verdict in (Verdict.WARNING, Verdict.FAULT) and not self.remedy:
            raise ValueError(f"{self.check} is not good and has no remedy")


def ok(check: str, text: str, **facts: Fact) -> Finding:
    """Something is as it should be."""
    return Finding(check, Verdict.OK, text, facts=facts)


def absent(check: str, text: str, **facts: Fact) -> Finding:
    """There is no such thing here, or nobody can tell."""
    return Finding(check, Verdict.NOT_APPLICABLE, text, facts=facts)


def warning(check: str, text: str, remedy: str, **facts: Fact) -> Finding:
    """Something works that somebody should look at."""
    return Finding(check, Verdict.WARNING, text, remedy, facts)


def fault(check: str, text: str, remedy: str, **facts: Fact) -> Finding:
    """Something is broken."""
    return Finding(check, Verdict.FAULT, text, remedy, facts)


def sentence(text: str, facts: Mapping[str, Fact], _: Translate) -> str:
    """A text of a finding in the language of `_`, with its facts."""
    return _(text).format(**{name: _shown(fact, _) for name, fact in facts.items()})


def _shown(fact: Fact, _: Translate) -> str:
    if not isinstance(fact, float):
        return str(fact)
    whole, tenths = divmod(abs(round(fact * 10)), 10)
    return ("-" if fact < 0 else "") + _(N_("{whole}.{tenths}")).format(whole=whole, tenths=tenths)


def as_json(findings: Iterable[Finding], _: Translate) -> dict[str, Any]:
    """All findings for a machine, with their sentences for whoever looks at it."""
    listed = list(findings)
    count = Counter(finding.verdict for finding in listed)
    return {
        "ok": count[Verdict.FAULT] == 0,
        "counts": {verdict.value: count[verdict] for verdict in Verdict},
        "findings": [
            {
                "check": finding.check,
                "verdict": finding.verdict.value,
                "text": sentence(finding.text, finding.facts, _),
                "remedy": sentence(finding.remedy, finding.facts, _) if finding.remedy else "",
                "facts": dict(finding.facts),
            }
            for finding in listed
        ],
    }
