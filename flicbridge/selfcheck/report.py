"""The findings as lines of text, for a person. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from flicbridge.selfcheck.finding import Finding, Translate, Verdict, sentence
from flicbridge.texts import N_

WORDS: Final = {
    Verdict.OK: N_("ok"),
    Verdict.WARNING: N_("warning"),
    Verdict.FAULT: N_("FAULT"),
    Verdict.NOT_APPLICABLE: N_("not applicable"),
}


def lines(findings: Sequence[Finding], _: Translate) -> Iterator[str]:
    """One line for each finding, one for its remedy if there is one, and how many there are of each kind."""
    width = max(len(_(word)) for word in WORDS.values())
    for finding in findings:
        yield f"{_(WORDS[finding.verdict]):{width}}  {sentence(finding.text, finding.facts, _)}"
        if finding.remedy:
            yield f"{'':{width}}  → {sentence(finding.remedy, finding.facts, _)}"
    yield summary(findings, _)


def summary(findings: Iterable[Finding], _: Translate) -> str:
    """How many faults and warnings there are."""
    verdicts = [finding.verdict for finding in findings]
    text = _("{faults} faults, {warnings} warnings, {all} checks.")
    return text.format(
        faults=verdicts.count(Verdict.FAULT), warnings=verdicts.count(Verdict.WARNING), all=len(verdicts)
    )
