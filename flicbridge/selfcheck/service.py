"""The bridge that runs, if one does, and the systemd unit that keeps it running."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from flicbridge.api.client import NOT_RUNNING, ApiClient
from flicbridge.errors import ApiError
from flicbridge.selfcheck.bus import BusError, NoBusError, system_bus
from flicbridge.selfcheck.case import Case
from flicbridge.selfcheck.finding import Fact, Finding, absent, fault, ok, warning
from flicbridge.texts import N_

UNIT: Final = "flicbridge.service"
SYSTEMD: Final = "org.freedesktop.systemd1"


async def bridge(case: Case) -> list[Finding]:
    """Whether it answers, since when it runs, and what it says is wrong."""
    try:
        status = await ApiClient(case.state_dir).status()
    except ApiError as error:
        return [_unanswered(error)]
    about = status["bridge"]
    since = f"{datetime.fromisoformat(about['started_at']).astimezone(case.zone):%Y-%m-%d %H:%M}"
    running = ok(
        "bridge",
        N_("The bridge runs since {since} (version {version})."),
        since=since,
        version=str(about["version"]),
    )
    return [running, *_rehearsal(about), *(_problem(found) for found in status["problems"])]


def _unanswered(error: ApiError) -> Finding:
    if str(error) == NOT_RUNNING:
        text = N_("No bridge runs: no press is heard.")
        return fault(
            "bridge_not_running", text, N_("Start it: systemctl start flicbridge, or `flicbridge run`.")
        )
    text = N_("The bridge cannot be asked.")
    remedy = N_(
        "Run this command as the user that the bridge runs as; if it still hangs, restart the bridge."
    )
    return fault("bridge_unanswered", text, remedy)


def _rehearsal(about: dict[str, Any]) -> list[Finding]:
    if not about.get("rehearsal"):
        return []
    text = N_("The bridge rehearses: it sends nothing.")
    return [fault("bridge_rehearses", text, N_("Start it without --dry-run."))]


def _problem(found: dict[str, Any]) -> Finding:
    text = N_("The bridge reports a problem: {part}, {problem}.")
    remedy = N_("`flicbridge status` says it in words.")
    return warning(
        "bridge_problem", text, remedy, part=str(found.get("part")), problem=str(found.get("problem"))
    )


async def unit(_case: Case) -> list[Finding]:
    """What systemd says of our unit."""
    try:
        async with system_bus() as bus:
            manager = f"{SYSTEMD}.Manager"
            (path,) = await bus.call(SYSTEMD, "/org/freedesktop/systemd1", manager, "LoadUnit", "s", UNIT)
            state = await bus.properties(SYSTEMD, path, f"{SYSTEMD}.Unit")
            life = await bus.properties(SYSTEMD, path, f"{SYSTEMD}.Service")
    except (NoBusError, BusError):
        return [absent("unit_unknown", N_("systemd cannot be asked here."))]
    if state.get("LoadState") != "loaded":
        return [absent("unit_absent", N_("There is no systemd unit {unit}."), unit=UNIT)]
    return _judged(state, int(life.get("NRestarts", 0)))


def _judged(state: dict[str, Any], restarts: int) -> list[Finding]:
    facts: dict[str, Fact] = {"unit": UNIT, "active": str(state.get("ActiveState")), "restarts": restarts}
    found = [_active(facts)]
    if state.get("UnitFileState") not in ("enabled", "enabled-runtime", "static", "linked"):
        text = N_("The unit {unit} is not enabled: after a power cut no bridge starts.")
        found.append(warning("unit_not_enabled", text, N_("Run: systemctl enable {unit}"), unit=UNIT))
    return found


def _active(facts: Mapping[str, Fact]) -> Finding:
    if facts["active"] not in ("active", "activating", "reloading"):
        text = N_("The unit {unit} is {active}, restarted {restarts} times.")
        remedy = N_("See why with journalctl -u {unit}, then: systemctl restart {unit}")
        return fault("unit_not_active", text, remedy, **facts)
    return ok("unit", N_("The unit {unit} is {active}, restarted {restarts} times."), **facts)
