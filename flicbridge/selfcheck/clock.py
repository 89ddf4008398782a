"""Whether the wall clock can be right, and whether something keeps it right."""

from datetime import datetime
from typing import Final

from flicbridge.bridge import DATABASE
from flicbridge.clock import is_credible
from flicbridge.errors import FlicbridgeError
from flicbridge.guard.clockwatch import BEHIND
from flicbridge.guard.host import read_host
from flicbridge.outbox.inventory import take_inventory
from flicbridge.selfcheck.aside import aside
from flicbridge.selfcheck.bus import BusError, NoBusError, system_bus
from flicbridge.selfcheck.case import Case
from flicbridge.selfcheck.finding import Finding, absent, fault, ok, warning
from flicbridge.texts import N_

TIMEDATE: Final = "org.freedesktop.timedate1"

SET_IT: Final = N_("Connect the machine to the network and run: timedatectl set-ntp true")


async def probe(case: Case) -> list[Finding]:
    """The time itself, then who keeps it."""
    seen_at = await aside(lambda: _seen_at(case))
    return [judged(case.clock.now_at(), seen_at), await _kept(case)]


def _seen_at(case: Case) -> datetime | None:
    """The newest time that a bridge here saw; what is wrong with its database is told by others."""
    path = case.state_dir / DATABASE
    try:
        return take_inventory(path).seen_at if path.exists() else None
    except (FlicbridgeError, OSError):
        return None


def judged(now_at: datetime, seen_at: datetime | None) -> Finding:
    """What a time means, held against the newest that is known to be past."""
    now = f"{now_at:%Y-%m-%d %H:%M} UTC"
    if not is_credible(now_at):
        text = N_("The clock says {now}: nobody has set it.")
        return fault("clock_not_set", text, SET_IT, now=now)
    if seen_at is not None and now_at < seen_at - BEHIND:
        text = N_("The clock says {now}, and the bridge has seen {seen} already.")
        return fault("clock_behind", text, SET_IT, now=now, seen=f"{seen_at:%Y-%m-%d %H:%M} UTC")
    return ok("clock", N_("The clock says {now}."), now=now)


async def _kept(case: Case) -> Finding:
    is_kept, by = await _asked_systemd(), "systemd"
    if is_kept is None:
        is_kept, by = (await aside(lambda: read_host(case.root, case.root))).clock_synchronised, "kernel"
    if is_kept is None:
        return absent(
            "clock_sync_unknown", N_("Nobody tells whether the clock is kept right by the network.")
        )
    if not is_kept:
        text = N_("Nothing keeps the clock right at the moment.")
        return warning("clock_not_synchronised", text, SET_IT, by=by)
    return ok("clock_synchronised", N_("The clock is kept right by the network."), by=by)


async def _asked_systemd() -> bool | None:
    """What timedated says; it is started for that, and ends by itself."""
    try:
        async with system_bus() as bus:
            path = "/org/freedesktop/timedate1"
            known = await bus.properties(TIMEDATE, path, TIMEDATE, start=True)
    except (NoBusError, BusError):
        return None
    found = known.get("NTPSynchronized")
    return found if isinstance(found, bool) else None
