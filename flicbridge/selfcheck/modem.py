"""Cellular modems, through ModemManager where it is installed."""

from typing import Any, Final

from flicbridge.selfcheck.bus import BusError, NoBusError, system_bus
from flicbridge.selfcheck.case import Case
from flicbridge.selfcheck.finding import Fact, Finding, absent, fault, ok, warning
from flicbridge.texts import N_

MANAGER: Final = "org.freedesktop.ModemManager1"
MODEM: Final = f"{MANAGER}.Modem"

# Source: ModemManager, MMModemState.
FAILED, LOCKED, REGISTERED = -1, 2, 8


async def probe(_case: Case) -> list[Finding]:
    """One finding for each modem. Numbers and identities are neither asked for nor kept."""
    none = absent("modem_none", N_("There is no modem that ModemManager knows."))
    try:
        async with system_bus() as bus:
            if not await bus.has(MANAGER):
                return [none]
            objects = await bus.objects(MANAGER, "/org/freedesktop/ModemManager1")
    except (NoBusError, BusError):
        return [none]
    found = [_modem(interfaces[MODEM]) for interfaces in objects.values() if MODEM in interfaces]
    return found or [none]


def _modem(properties: dict[str, Any]) -> Finding:
    state = int(properties.get("State", 0))
    signal = properties.get("SignalQuality") or (0, False)
    facts: dict[str, Fact] = {"model": str(properties.get("Model") or "?"), "percent": int(signal[0])}
    if state == FAILED:
        text = N_("The modem {model} has failed.")
        return fault("modem_failed", text, N_("Check its SIM card, then unplug it and plug it in."), **facts)
    if state == LOCKED:
        text = N_("The SIM card in the modem {model} is locked.")
        return fault(
            "modem_locked", text, N_("Unlock it with its PIN, or switch the PIN off in a phone."), **facts
        )
    if state < REGISTERED:
        text = N_("The modem {model} is in no network (signal {percent} %).")
        remedy = N_("Move it or its antenna; check that the SIM card is valid.")
        return warning("modem_unregistered", text, remedy, **facts)
    return ok("modem", N_("The modem {model} is in its network (signal {percent} %)."), **facts)
