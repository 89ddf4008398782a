"""What an alert's story tells of messages that were never tried."""

from typing import Any

from flicbridge.cli.alerts import _unsent


def delivery(number: int, purpose: str, state: str, channel: str = "samu/0") -> dict[str, Any]:
    return {
        "id": str(number),
        "purpose": purpose,
        "state": state,
        "channel": channel,
        "due_at": f"2026-11-22T14:{number:02}:00.000Z",
    }


def told(*deliveries: dict[str, Any], withdrawn: tuple[int, ...] = ()) -> list[tuple[str, ...]]:
    attempts = [{"delivery": str(number), "outcome": "withdrawn"} for number in withdrawn]
    return list(_unsent({"deliveries": deliveries, "attempts": attempts}, lambda text: text))


def test_reminders_that_are_not_needed_any_more_are_told_once_per_channel() -> None:
    reminders = [
        delivery(n, "reminder", "withdrawn", channel) for n in (9, 7, 8) for channel in ("samu/0", "hub/0")
    ]
    assert [(line[0], line[2], line[3]) for line in told(*reminders)] == [
        ("2026-11-22T14:07:00.000Z", "samu/0", "3×"),
        ("2026-11-22T14:07:00.000Z", "hub/0", "3×"),
    ]


def test_reminders_to_come_are_told_apart_from_those_that_are_not_needed() -> None:
    lines = told(delivery(7, "reminder", "withdrawn"), delivery(8, "reminder", "queued"))
    assert [(line[0], line[3]) for line in lines] == [
        ("2026-11-22T14:07:00.000Z", ""),
        ("2026-11-22T14:08:00.000Z", ""),
    ]


def test_every_other_message_has_a_line_of_its_own() -> None:
    assert len(told(delivery(1, "alert", "withdrawn"), delivery(2, "alert", "withdrawn"))) == 2


def test_what_the_history_says_already_is_not_said_again() -> None:
    assert told(delivery(1, "alert", "withdrawn"), withdrawn=(1,)) == []
