"""What is reported of one scenario, and the same as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from flicbridge.simulator import words
from flicbridge.simulator.stage import Performance
from flicbridge.simulator.timeline import Moment
from flicbridge.simulator.verdict import Check, Verdict
from flicbridge.simulator.words import Translate


@dataclass(frozen=True, slots=True)
class Report:
    """What is reported of one scenario.

    Attributes:
        name: of its file.
        title: as the file says.
        skipped: why it was not played, or None.
        lasted_s: how long it lasted, by the clock of the scenario.
        moments: what happened, in order of time.
        verdict: what came of it; None if it was not played.
    """

    name: str
    title: str
    skipped: str | None = None
    lasted_s: float = 0.0
    moments: Sequence[Moment] = ()
    verdict: Verdict | None = None

    @classmethod
    def of(cls, name: str, played: Performance, verdict: Verdict) -> Self:
        """The report of a scenario that was played."""
        timeline = played.story.timeline
        return cls(
            name=name,
            title=played.scenario.title,
            lasted_s=played.ended_s - timeline.began_s,
            moments=sorted(timeline.moments, key=lambda moment: moment.at_s),
            verdict=verdict,
        )

    @property
    def ok(self) -> bool:
        """Whether it went as expected; what was not played did not fail."""
        return self.verdict is None or self.verdict.ok

    @property
    def checks(self) -> Sequence[Check]:
        """Every expectation, and what came of it."""
        return () if self.verdict is None else self.verdict.checks


def as_json(report: Report, _: Translate) -> str:
    """One scenario on one line: ASCII, so that no locale can garble it."""
    return json.dumps(
        {
            "scenario": report.name,
            "title": report.title,
            "ok": report.ok,
            "skipped": report.skipped,
            "lasted_s": round(report.lasted_s, 3),
            "expectations": [_check(check, _) for check in report.checks],
            "timeline": [_moment(moment, _) for moment in report.moments],
        }
    )


def _check(check: Check, _: Translate) -> dict[str, Any]:
    return {
        "expectation": check.rule.value,
        "about": check.about or None,
        "text": words.rule(check, _),
        "expected": check.expected,
        "found": check.found,
        "ok": check.ok,
    }


def _moment(moment: Moment, _: Translate) -> dict[str, Any]:
    return {
        "at_s": round(moment.at_s, 4),
        "what": moment.what.value,
        "line": words.sentence(moment, _),
        **moment.facts,
    }
