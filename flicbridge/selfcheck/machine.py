"""The machine and what is installed on it: versions, memory, temperature, power supply."""

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from flicbridge import __version__
from flicbridge.guard.host import HOT_C, MIB, HostFacts, read_host
from flicbridge.outbox.inventory import SQLITE_VERSION
from flicbridge.selfcheck.aside import aside
from flicbridge.selfcheck.case import Case
from flicbridge.selfcheck.finding import Finding, absent, fault, ok, warning
from flicbridge.texts import N_

# Older ones were reported unreliable with Bluetooth. Source: firmware-notes.md, [HA].
OLDEST_KERNEL: Final = (5, 15, 62)


async def versions(_case: Case) -> list[Finding]:
    """What runs here."""
    programs = ok(
        "versions",
        N_("flicbridge {flicbridge}, Python {python}, bleak {bleak}, SQLite {sqlite}."),
        flicbridge=__version__,
        python=platform.python_version(),
        bleak=installed("bleak"),
        sqlite=SQLITE_VERSION,
    )
    return [programs, _system(platform.system(), platform.release())]


def _system(system: str, release: str) -> Finding:
    facts = {"system": _system_name(system), "kernel": release, "machine": platform.machine()}
    if system == "Linux" and (0,) < numbers(release) < OLDEST_KERNEL:
        text = N_("{system}, kernel {kernel} on {machine}: older kernels are unreliable with Bluetooth.")
        remedy = N_("Update the system: kernel 5.15.62 or newer is known to work.")
        return warning("kernel_old", text, remedy, **facts)
    return ok("system", N_("{system}, kernel {kernel} on {machine}."), **facts)


def _system_name(system: str) -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return system


def installed(package: str) -> str:
    """The version of a package, or a question mark."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


def numbers(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: `6.1.0-18-amd64` is (6, 1, 0)."""
    found = []
    for part in text.split("-", maxsplit=1)[0].split("."):
        if not (part.isascii() and part.isdigit()):
            break
        found.append(int(part))
    return tuple(found)


async def probe(case: Case) -> list[Finding]:
    """Memory, temperature and supply. They do not wait for the disk with the state."""
    host = await aside(lambda: read_host(case.root, case.root))
    return list(judged(host))


def judged(host: HostFacts) -> Iterator[Finding]:
    """What these facts mean."""
    if host.model:
        yield ok("model", N_("The machine is a {model}."), model=host.model)
    yield _memory(host)
    yield _temperature(host)
    yield from _supply(host)


def _memory(host: HostFacts) -> Finding:
    if host.memory is None:
        return absent("memory_unknown", N_("This machine does not tell how much memory is free."))
    facts = {
        "available_mib": host.memory.available_bytes // MIB,
        "total_mib": host.memory.total_bytes // MIB,
    }
    if host.memory.is_short:
        text = N_("Only {available_mib} MiB of {total_mib} MiB of memory are free.")
        remedy = N_("End other programs on this machine, or give it more memory.")
        return warning("memory_short", text, remedy, **facts)
    return ok("memory", N_("{available_mib} MiB of {total_mib} MiB of memory are free."), **facts)


def _temperature(host: HostFacts) -> Finding:
    if host.temperature_c is None:
        return absent("temperature_unknown", N_("This machine does not tell its temperature."))
    celsius = host.temperature_c
    if host.is_hot:
        text = N_("The processor is at {celsius} °C; from {limit} °C on it slows down.")
        remedy = N_("Move the machine out of the heat, or out of its closed case.")
        return warning("temperature_high", text, remedy, celsius=celsius, limit=round(HOT_C))
    return ok("temperature", N_("The processor is at {celsius} °C."), celsius=celsius)


def _supply(host: HostFacts) -> Iterator[Finding]:
    if host.supply is None:
        yield absent("supply_unknown", N_("This machine does not watch its power supply."))
        return
    better = N_("Use the official power supply, and a short, thick cable.")
    if host.supply.under_voltage:
        text = N_("The supply voltage is too low now: memory cards get corrupted and the machine crashes.")
        yield fault("under_voltage", text, better)
    elif host.supply.under_voltage_since_boot:
        text = N_("The supply voltage was too low at times since the machine started.")
        yield warning("under_voltage_since_boot", text, better)
    else:
        yield ok("supply", N_("The supply voltage is right."))
    if host.supply.throttled:
        text = N_("The processor is slowed down now.")
        yield warning("throttled", text, N_("See to its cooling and its power supply."))
