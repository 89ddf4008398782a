"""All probes beside each other, each within its time: what fails or hangs becomes a finding."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from flicbridge.selfcheck import (
    bluetooth,
    clock,
    disk,
    machine,
    modem,
    network,
    permissions,
    service,
    settings,
)
from flicbridge.selfcheck.case import Case, Probe
from flicbridge.selfcheck.finding import Finding, fault
from flicbridge.texts import N_

log = structlog.get_logger()

# Each probe has shorter limits of its own, and says more when it meets one; this is for what they forgot.
PROBE_TIMEOUT_S: Final = 20.0

PROBES: Final[Mapping[str, Probe]] = {
    "versions": machine.versions,
    "settings": settings.probe,
    "permissions": permissions.probe,
    "bridge": service.bridge,
    "unit": service.unit,
    "bluetooth": bluetooth.probe,
    "clock": clock.probe,
    "network": network.probe,
    "modem": modem.probe,
    "disk": disk.probe,
    "machine": machine.probe,
}
"""In the order in which a person wants to read what they found."""


async def examine(
    case: Case, probes: Mapping[str, Probe] = PROBES, *, timeout_s: float = PROBE_TIMEOUT_S
) -> list[Finding]:
    """Ask every probe. Raises nothing that a probe raises.

    Args:
        case: what to look at.
        probes: whom to ask, by name.
        timeout_s: for each of them.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_answer(name, probe, case, timeout_s), name=f"probe {name}")
            for name, probe in probes.items()
        ]
    return [finding for task in tasks for finding in task.result()]


async def _answer(name: str, probe: Probe, case: Case, timeout_s: float) -> list[Finding]:
    try:
        async with asyncio.timeout(timeout_s):
            return list(await probe(case))
    except TimeoutError:
        text = N_("The check “{probe}” got no answer within {seconds} s.")
        remedy = N_("Something hangs on this machine: restart it, and check again.")
        return [fault("probe_hung", text, remedy, probe=name, seconds=round(timeout_s))]
    except Exception as error:  # a probe that breaks is one answer less, and no more
        log.debug("probe_failed", probe=name, exc_info=True)
        text = N_("The check “{probe}” broke off ({error}).")
        remedy = N_("Report this to whoever maintains flicbridge here, with the bundle.")
        return [fault("probe_failed", text, remedy, probe=name, error=type(error).__name__)]
