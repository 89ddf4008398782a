"""The archive for a support person: what was found, and what that rests on, without anybody's name in it.

Without settings that can be parsed, nobody knows which names to look for. Then status and log stay at home.
"""

import asyncio
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final

from flicbridge import __version__
from flicbridge.api.client import ApiClient
from flicbridge.bridge import DATABASE
from flicbridge.errors import ApiError, ConfigError, FlicbridgeError, InputError
from flicbridge.outbox.inventory import Inventory, take_inventory
from flicbridge.selfcheck import logbook
from flicbridge.selfcheck.aside import aside
from flicbridge.selfcheck.case import Case
from flicbridge.selfcheck.finding import Finding, Translate, as_json
from flicbridge.selfcheck.kept import KEPT, WORD
from flicbridge.selfcheck.leaves import secret_names
from flicbridge.selfcheck.names import aliases, unlisted
from flicbridge.selfcheck.net import Net
from flicbridge.selfcheck.redact import personal_values, redacted_log, redacted_settings, redacted_status
from flicbridge.selfcheck.report import lines
from flicbridge.selfcheck.settings import ONE_OF_SEVERAL

WITHOUT_SETTINGS: Final = """The settings file cannot be read, so nobody knows which names to mask:
status.json and log.jsonl were left out.

"""

SUFFIXES: Final = (".tar.gz", ".tgz", ".zip")
DISK_TIMEOUT_S: Final = 10.0

ABOUT: Final = """flicbridge {version}, support bundle of {at}

findings.txt, findings.json   what `flicbridge selfcheck` found
settings.json                 the settings file, with *** for everything that is not listed below
status.json                   what the running bridge says of itself; missing if none runs
log.jsonl                     the newest lines of its log; empty where there is no journal
database.json                 the version of its tables and how many rows each has; no row
packages.txt                  what is installed beside it

{missing}No person's name, phone number, postal or mail address, position or secret is meant to be in here:
settings pass key by key, and all texts have gone through a net that knows what was masked.

- Recipients and buttons are called recipient-1, button-1 and so on, in the order of the settings file: many
  are called like people.
- What stands where the name of a secret belongs is *** if this command found no secret of that name: it may
  be the secret itself.
- Kept are the serial numbers of buttons, the Bluetooth addresses of buttons and of this machine's adapter,
  and the names and addresses of servers.

Have a look before you send it, all the same.

Kept of the settings, everything else is masked:

{kept}
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the findings rest on, as it was found, with people in it.

    Attributes:
        raw: the settings file; empty if it cannot be parsed.
        secrets: the values of all secrets that could be read, and the name of this user's home: only to be
            looked for.
        status: of the running bridge, or None.
        log: its newest lines.
        inventory: of its database, or None.
        suspects: what stands where the name of a secret belongs, and may be the secret itself.
    """

    raw: Mapping[str, Any] = field(default_factory=dict)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    status: Mapping[str, Any] | None = None
    log: Sequence[Mapping[str, Any]] = ()
    inventory: Inventory | None = None
    suspects: frozenset[str] = field(default=frozenset(), repr=False)


def check_target(file: Path) -> None:
    """Make sure that a bundle can get this name.

    Raises:
        InputError: it cannot.
    """
    if not file.name.endswith(SUFFIXES):
        raise InputError(
            f"the file {file} has no name for an archive: let it end with {' or '.join(SUFFIXES)}"
        )
    if file.exists():
        raise InputError(f"the file {file} is there already: name another file, or remove it")
    if not file.absolute().parent.is_dir():
        raise InputError(f"the folder {file.absolute().parent} does not exist")


async def gather(case: Case) -> Evidence:
    """Collect what there is; nothing that is missing is an error."""
    status: Mapping[str, Any] | None = None
    no_secrets: frozenset[str] = frozenset()
    with suppress(ApiError):
        status = await ApiClient(case.state_dir).status()
    return Evidence(
        raw=case.raw,
        secrets=await _in_time(lambda: frozenset({*_secrets(case), *_home()}), no_secrets),
        suspects=await _in_time(lambda: frozenset(_suspects(case)), frozenset(secret_names(case.raw))),
        status=status,
        log=await logbook.recent(),
        inventory=await _in_time(lambda: _inventory(case.state_dir / DATABASE), None),
    )


async def _in_time[T](look: Callable[[], T], otherwise: T) -> T:
    """What there is to see, unless the disk hangs."""
    try:
        async with asyncio.timeout(DISK_TIMEOUT_S):
            return await aside(look)
    except TimeoutError:
        return otherwise


def _secrets(case: Case) -> Iterable[str]:
    for name in secret_names(case.raw):
        with suppress(ConfigError):
            yield case.credentials.get(name)


def _suspects(case: Case) -> Iterable[str]:
    """The names of secrets that name none: what somebody put there may be the secret itself."""
    for name in secret_names(case.raw):
        with suppress(ConfigError):  # it is there, and must not be used as it is
            if not WORD.fullmatch(name) or all(place.find(name) is None for place in case.credentials.search):
                yield name


def _home() -> Iterable[str]:
    """The folder that is called like whoever runs this, if it is."""
    with suppress(RuntimeError):
        if len(Path.home().parts) > ONE_OF_SEVERAL:
            yield str(Path.home())


def _inventory(path: Path) -> Inventory | None:
    try:
        return take_inventory(path) if path.exists() else None
    except (FlicbridgeError, OSError):
        return None


def members(
    findings: Sequence[Finding], evidence: Evidence, *, at: datetime, _: Translate
) -> dict[str, bytes]:
    """The files of the bundle, redacted. Pure but for the list of packages.

    Args:
        findings: what was found.
        evidence: what it rests on.
        at: when, UTC.
        _: the language of the practice.
    """
    called = aliases(evidence.raw)
    called |= unlisted([evidence.status, *evidence.log], called)
    net = Net(personal_values(evidence.raw), evidence.secrets | evidence.suspects, called)
    about = ABOUT.format(
        version=__version__,
        at=f"{at:%Y-%m-%d %H:%M} UTC",
        missing="" if evidence.raw else WITHOUT_SETTINGS,
        kept="\n".join(KEPT),
    )
    found = net.through(as_json(findings, _))
    files = {
        "README.txt": about,
        "findings.txt": net.clean("\n".join(lines(findings, _))) + "\n",
        "findings.json": _json(found),
        "settings.json": _json(net.through(redacted_settings(evidence.raw, evidence.suspects))),
        "packages.txt": "\n".join(_packages()) + "\n",
    }
    if evidence.raw:
        files["log.jsonl"] = "".join(f"{json.dumps(line)}\n" for line in redacted_log(evidence.log, net))
    if evidence.raw and evidence.status is not None:
        files["status.json"] = _json(redacted_status(evidence.status, net))
    if evidence.inventory is not None:
        counted = {"schema": evidence.inventory.schema, "rows": dict(evidence.inventory.rows)}
        files["database.json"] = _json(counted)
    return {name: text.encode() for name, text in sorted(files.items())}


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _packages() -> list[str]:
    return sorted({f"{package.name} {package.version}" for package in distributions()}, key=str.lower)


def write(file: Path, files: Mapping[str, bytes], at: datetime) -> None:
    """Write an archive that its owner alone can read.

    Raises:
        InputError: it cannot be written there.
    """
    content = _zip(files, at) if file.name.endswith(".zip") else _tar(files, at)
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(content)
    except OSError as error:
        raise InputError(f"the file {file} cannot be written: {error.strerror}") from error


def _tar(files: Mapping[str, bytes], at: datetime) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            about = tarfile.TarInfo(name)
            about.size, about.mode, about.mtime = len(content), 0o600, int(at.timestamp())
            archive.addfile(about, io.BytesIO(content))
    return buffer.getvalue()


def _zip(files: Mapping[str, bytes], at: datetime) -> bytes:
    buffer = io.BytesIO()
    earliest = max(at.timetuple()[:6], (1980, 1, 1, 0, 0, 0))  # the format knows no time before
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            about = zipfile.ZipInfo(name, earliest)
            about.compress_type, about.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            archive.writestr(about, content)
    return buffer.getvalue()
