"""Whatever the network does to one channel, the alert arrives once, soon after, and nobody else waits for it.

A real bridge, real receivers and a fault proxy between them; time leaps.
"""

from pathlib import Path

import pytest

from flicbridge.simulator.faultproxy import Mishap
from flicbridge.simulator.outage import KINDS, Aftermath, Kind, Outage, is_possible, rehearse

LASTS_S = 30.0
CASES = [(kind, mishap) for kind in KINDS for mishap in Mishap if is_possible(kind, mishap)]

UNANSWERED = {Mishap.RESET, Mishap.RESET_IN_REPLY, Mishap.DROP_REPLY, Mishap.LOSE_REPLY}
"""The message has left the house, and nobody can know what became of it."""
ACTED = {Mishap.RESET_IN_REPLY, Mishap.DROP_REPLY, Mishap.LOSE_REPLY}
"""The receiver had it all the time."""
BEARABLE = {Mishap.LATENCY, Mishap.STALLS}
"""The message comes through, if slowly."""


@pytest.fixture
async def aftermath(tmp_path: Path, kind: Kind, mishap: Mishap) -> Aftermath:
    return await rehearse(Outage(kind, mishap, LASTS_S), tmp_path)


@pytest.mark.parametrize(("kind", "mishap"), CASES)
async def test_the_alert_arrives_once_and_soon_and_the_other_channel_notices_nothing(
    kind: Kind, mishap: Mishap, aftermath: Aftermath
) -> None:
    assert aftermath.spoilt > 0 or mishap is Mishap.REFUSE
    assert aftermath.bystander_s < 0.5
    assert aftermath.told == 1
    assert aftermath.late_s <= 21  # the rest of a try that hangs, or of a wait of fifteen seconds
    assert aftermath.outcomes[-1] == ("delivered" if kind == "smsgate" else "sent")
    assert aftermath.repeats > 0 or mishap not in ACTED
    failures = set(aftermath.outcomes) & {"temporary", "unknown", "permanent", "rate_limited"}
    if mishap in UNANSWERED:
        assert failures == {"unknown"}
    elif mishap in BEARABLE:
        # A mail takes a dozen steps, so that only its third try has time enough.
        assert aftermath.late_s <= (5 if kind == "email" else 0)
        assert len(failures) <= (2 if kind == "email" else 0)
        assert len(aftermath.outcomes) <= 3
    else:
        assert "permanent" not in failures


@pytest.mark.parametrize("kind", ["http"])
@pytest.mark.parametrize("mishap", [Mishap.REFUSE, Mishap.BLACK_HOLE])
async def test_a_channel_that_fails_shows_it(kind: Kind, mishap: Mishap, aftermath: Aftermath) -> None:
    channel = aftermath.channel
    assert channel["state"] == "failing"
    assert channel["circuit"] in ("open", "half_open")
    assert channel["failures_in_a_row"] >= 2
    assert channel["failing_since"] < channel["said_at"]
    assert channel["next_try_at"] is not None or channel["circuit"] == "half_open"


async def test_ten_minutes_of_silence_are_followed_by_seconds_of_delay(tmp_path: Path) -> None:
    aftermath = await rehearse(Outage("http", Mishap.BLACK_HOLE, 600.0), tmp_path)
    assert aftermath.told == 1
    assert aftermath.late_s <= 21
    assert set(aftermath.outcomes[:-1]) == {"unknown"}
