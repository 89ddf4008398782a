"""Whole sessions of the vendor's host, byte for byte."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flicbridge.press.flic2.events import ItemKind
from flicbridge.press.flic2.reports import (
    Failed,
    FailReason,
    Item,
    Paired,
    PairingGone,
    QueueDone,
    Ready,
    SessionEvent,
)

if TYPE_CHECKING:
    from tests.fuzz.fuzz_flic2_session import Recording

VECTORS = json.loads((Path(__file__).parent / "flic2-vectors.json").read_text())
TRANSCRIPTS: dict[str, Any] = VECTORS["transcripts"]
SESSIONS = [
    name if part == "steps" else f"{name}/{part.removesuffix('_steps')}"
    for name, transcript in TRANSCRIPTS.items()
    for part in ("steps", "first_session_steps", "second_session_steps")
    if part in transcript
]
# The vendor's Python library, which the vectors call "not a model to follow", resumes from 0, limits the
# queue and adds surplus bytes; of these sessions we can only repeat the beginning.
NOT_A_MODEL = {"quick_verify_duo_flag"}
# Recorded with the host's second request altered in flight.
ALTERED_IN_FLIGHT = {"fail_invalid_verifier"}
# The recording ends where we go on.
CUT_SHORT = {"pairing_duo_flag"}


def replay(recording: "Recording") -> Iterator[tuple[list[bytes], list[bytes]]]:
    """Play the button's part, committing every item at once; yield the host's frames, ours and recorded."""
    session = recording.new_session()
    recorded: list[bytes] = []
    for step in recording.steps:
        if not step.is_from_button:
            recorded.append(step.frame)
            continue
        if recorded:
            yield session.take_frames(), recorded
            recorded = []
        for event in session.receive(step.frame, 0.0):
            if isinstance(event, Item):
                session.acknowledge(event.counter, 0.0)
    yield session.take_frames(), recorded


@pytest.mark.parametrize("name", [name for name in SESSIONS if name not in NOT_A_MODEL | ALTERED_IN_FLIGHT])
def test_the_host_sends_the_recorded_bytes(name: str, recordings: "dict[str, Recording]") -> None:
    exchanges = list(replay(recordings[name]))
    if name in CUT_SHORT:
        assert exchanges.pop()[1] == []
    assert [ours for ours, _ in exchanges] == [recorded for _, recorded in exchanges]


def test_an_altered_verifier_differs_from_ours_only_in_the_verifier(
    recordings: "dict[str, Recording]",
) -> None:
    exchanges = list(replay(recordings["fail_invalid_verifier"]))
    (ours,), (recorded,) = exchanges[1]
    assert ours[:43] == recorded[:43]
    assert ours != recorded


def test_a_session_with_the_duo_flag_is_understood_up_to_its_last_press(
    recordings: "dict[str, Recording]",
) -> None:
    recording = recordings["quick_verify_duo_flag"]
    assert next(replay(recording))[0] == [recording.steps[0].frame]
    assert [event.counter.event_count for event in recording.honest if isinstance(event, Item)] == [
        *(5, 7, 8),
        *(9, 11, 13, 15, 17, 19),
    ]


def class_events(items: list[Item]) -> list[tuple[str, int, bool, float]]:
    return [
        (str(item.kind), item.counter.event_count, item.was_queued, round(item.age_s, 6)) for item in items
    ]


KIND_OF = {
    ("up_or_down", "down"): ItemKind.DOWN,
    ("up_or_down", "up"): ItemKind.UP,
    ("click_or_hold", "hold"): ItemKind.HOLD,
}


def recorded_items(transcript: dict[str, Any], prefix: str) -> list[tuple[str, int, bool, float]]:
    """Read the vendor's class events back into items; a single click on a count of 4k is a time-out."""
    found = []
    for key, events in transcript.items():
        if not key.startswith(f"{prefix}host_events"):
            continue
        for event in (each for each in events if each["event"] == "BUTTON_EVENT"):
            kind = KIND_OF.get((event["cls"], event["type"]))
            if event["cls"] == "single_or_double_click" and event["count"] % 4 == 0:
                kind = ItemKind.TIMEOUT
            if kind is not None:
                found.append((str(kind), event["count"], event["queued"], round(event["age"], 6)))
    return found


@pytest.mark.parametrize("name", [name for name in SESSIONS if name not in NOT_A_MODEL])
def test_the_items_are_those_the_vendors_host_reported(name: str, recordings: "dict[str, Recording]") -> None:
    transcript, _, session = name.partition("/")
    items = [event for event in recordings[name].honest if isinstance(event, Item)]
    assert class_events(items) == recorded_items(TRANSCRIPTS[transcript], f"{session}_" if session else "")


FAILURES = [
    name for name in TRANSCRIPTS if name.startswith("fail_") and "expected_failure_code" in TRANSCRIPTS[name]
]


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_has_the_vendors_code(name: str, recordings: "dict[str, Recording]") -> None:
    failed = recordings[name].honest[-1]
    assert isinstance(failed, Failed)
    expected = TRANSCRIPTS[name]["expected_failure_code"], TRANSCRIPTS[name]["expected_subcode"]
    assert (failed.code, failed.subcode) == expected


def test_every_failure_transcript_is_checked() -> None:
    assert len(FAILURES) == 9


def test_a_denied_pairing_that_exists_is_kept(recordings: "dict[str, Recording]") -> None:
    (failed,) = recordings["negative_but_pairing_exists"].honest
    assert isinstance(failed, Failed)
    assert failed.reason is FailReason.PAIRING_EXISTS


def test_a_pairing_that_is_proven_gone_is_reported_gone(recordings: "dict[str, Recording]") -> None:
    assert recordings["really_unpaired"].honest == [PairingGone()]


@pytest.mark.parametrize("name", [name for name in TRANSCRIPTS if name.startswith("pairing_")])
def test_a_pairing_holds_what_the_button_said(name: str, recordings: "dict[str, Recording]") -> None:
    paired = recordings[name].honest[0]
    assert isinstance(paired, Paired)
    derived = TRANSCRIPTS[name]["derived"]
    pairing = paired.pairing
    assert pairing.material.hex() == derived["pairing_material_20"]
    assert (pairing.serial, pairing.name, pairing.uuid) == (
        derived.get("serial", "BA00-A00001"),
        derived.get("name", "Panic"),
        derived.get("uuid", "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"),
    )
    assert (pairing.address, pairing.address_type) == ("80:E4:DA:70:00:01", 0)
    assert (paired.firmware, paired.battery_mv) == (10, 2879)
    assert pairing.simulated
    assert derived["pairing_material_20"] not in repr(paired)


@pytest.mark.parametrize("name", [name for name in SESSIONS if name not in FAILURES])
def test_the_queue_is_done_exactly_once(name: str, recordings: "dict[str, Recording]") -> None:
    said: list[SessionEvent] = recordings[name].honest
    started = sum(isinstance(event, Ready) for event in said)
    assert sum(isinstance(event, QueueDone) for event in said) == started


def test_a_new_battery_is_a_new_life(recordings: "dict[str, Recording]") -> None:
    ready = recordings["boot_id_changed"].honest[0]
    assert isinstance(ready, Ready)
    assert (ready.boot_id, ready.event_count, ready.restarted) == (1432778632, 0, True)
