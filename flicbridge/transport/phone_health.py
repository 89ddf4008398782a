"""How the gateway phone says it is, and what of that matters to an SMS. Pure.

Source: docs.sms-gate.app, "Health"; the app's `health` module. The shape is that of the draft "Health Check
Response Format for HTTP APIs". The app calls itself failing without Internet, which no SMS needs: so what
each check says counts, and not the sum.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from flicbridge.observation import Value
from flicbridge.transport.health import Fitness, Health
from flicbridge.transport.verdict import Answer

PATH: Final = "health"

FACTS: Final = {
    "battery:level": "battery_percent",
    "battery:charging": "charging",
    "connection:status": "online",
    "connection:cellular": "cellular",
    "messages:failed": "failed_messages",
}
"""What each check is called here."""

YES_OR_NO: Final = frozenset({"charging", "online"})

# The app says "fail" of its messages when none went out within the last hour, "warn" when some did not.
# An empty battery still sends; for how long, nobody knows.
MATTERS: Final = {
    ("messages:failed", "fail"): (Fitness.SICK, "no SMS went out within the last hour"),
    ("messages:failed", "warn"): (Fitness.WEAK, "some SMS did not go out within the last hour"),
    ("battery:level", "fail"): (Fitness.WEAK, "battery nearly empty"),
    ("battery:level", "warn"): (Fitness.WEAK, "battery low"),
    ("connection:cellular", "fail"): (Fitness.WEAK, "no mobile network"),
}


def health_of(answer: Answer) -> Health | None:
    """What an answer says; None if it is no health report, as of an app of an older version."""
    checks = _checks(answer)
    if checks is None:
        return None
    found = [MATTERS[key] for key in _stated(checks) if key in MATTERS]
    fitness = Fitness.WELL
    for word in (Fitness.WEAK, Fitness.SICK):
        fitness = word if any(of is word for of, _ in found) else fitness
    return Health(fitness, ", ".join(why for of, why in found if of is fitness), dict(_facts(checks)))


def _checks(answer: Answer) -> dict[str, Any] | None:
    try:
        report = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    checks = report.get("checks") if isinstance(report, dict) else None
    return checks if isinstance(checks, dict) else None


def _stated(checks: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, check in checks.items():
        if isinstance(check, dict):
            yield name, str(check.get("status"))


def _facts(checks: dict[str, Any]) -> Iterator[tuple[str, Value]]:
    for name, fact in FACTS.items():
        check = checks.get(name)
        value = check.get("observedValue") if isinstance(check, dict) else None
        if isinstance(value, int | float):
            yield fact, bool(value) if fact in YES_OR_NO else value
