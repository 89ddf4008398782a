"""The rules as a table for people: `docs/status.md` holds what this makes, and a test holds them together."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from flicbridge.guard.protection import RULES, Rule, Urgency, Weight
from flicbridge.texts.problems import PROBLEMS

BEGIN, END = "<!-- rules: begin -->", "<!-- rules: end -->"

WEIGHTS: Final = {Weight.BREAKS: "breaks its link", Weight.WEAKENS: "weakens it", Weight.NOTED: "only noted"}
URGENCIES: Final = {Urgency.AT_ONCE: "at any hour", Urgency.BY_DAY: "by day", Urgency.NEVER: "not told"}


def rules_table() -> str:
    """The table in Markdown: every problem, what is made of it, and what to do."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "| problem | in words | effect | told | after | over after | what to do |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for code, rule in RULES.items():
        wording = PROBLEMS[code]
        cells = (f"`{code}`", wording.what, *_told(rule), wording.remedy)
        yield f"| {' | '.join(cells)} |"


def _told(rule: Rule) -> tuple[str, str, str, str]:
    effect, urgency = WEIGHTS[rule.weight], URGENCIES[rule.urgency]
    if rule.urgency is Urgency.NEVER:
        return effect, urgency, "", ""
    return effect, urgency, _length(rule.onset), _length(rule.clears_after)


def _length(length: timedelta) -> str:
    return f"{length.total_seconds() / 60:.0f} min" if length else "at once"
