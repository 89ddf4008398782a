"""Whether this user may use what a bridge needs, and others not: settings, the state's folder, secrets."""

import os
import stat
from collections.abc import Iterator

from flicbridge.config.finding import dotted
from flicbridge.config.openness import openness
from flicbridge.errors import ConfigError
from flicbridge.selfcheck.aside import aside
from flicbridge.selfcheck.case import Case
from flicbridge.selfcheck.finding import Fact, Finding, absent, fault, ok, warning
from flicbridge.selfcheck.leaves import secret_names
from flicbridge.selfcheck.settings import shown, without_home
from flicbridge.texts import N_


async def probe(case: Case) -> list[Finding]:
    """The file first, then the folder, then each secret that the settings name."""
    return [
        *await aside(lambda: list(_settings(case))),
        await aside(lambda: _state_dir(case)),
        *await aside(lambda: list(_secrets(case))),
    ]


def _settings(case: Case) -> Iterator[Finding]:
    if (found := openness(case.file)) is None:
        return
    text = N_("{file} is open to other users of this machine (mode {mode}): it names people and door codes.")
    remedy = N_("Run: chmod {closed} {file}")
    facts: dict[str, Fact] = {"file": shown(case.file), "mode": found.mode, "closed": found.closed}
    yield warning("settings_open", text, remedy, **facts)


def _state_dir(case: Case) -> Finding:
    folder = shown(case.state_dir)
    try:
        facts = case.state_dir.stat()
    except FileNotFoundError:
        return absent(
            "state_dir_missing", N_("{folder} does not exist; the bridge will make it."), folder=folder
        )
    except OSError as error:
        text = N_("{folder} cannot be looked at: {error}.")
        remedy = N_("Run this command as the user that the bridge runs as, such as with sudo.")
        return fault("state_dir_unreadable", text, remedy, folder=folder, error=_reason(error))
    if not os.access(case.state_dir, os.R_OK | os.W_OK | os.X_OK):
        text = N_("This user may not write to {folder}.")
        remedy = N_("Run this command as the user that the bridge runs as, such as with sudo.")
        return fault("state_dir_not_writable", text, remedy, folder=folder)
    mode = stat.S_IMODE(facts.st_mode)
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        text = N_("{folder} is open to other users of this machine (mode {mode}).")
        return warning(
            "state_dir_open", text, N_("Run: chmod 700 {folder}"), folder=folder, mode=f"{mode:04o}"
        )
    return ok("state_dir", N_("{folder} can be written, and is closed to other users."), folder=folder)


def _secrets(case: Case) -> Iterator[Finding]:
    """Only whether they can be had; the value of none is kept."""
    names = secret_names(case.raw)
    wrong = [
        finding
        for name, places in sorted(names.items())
        if (finding := _secret(case, name, ", ".join(map(dotted, places))))
    ]
    yield from wrong
    if not names:
        yield absent("secrets_none", N_("The settings name no secret."))
    elif not wrong:
        yield ok(
            "secrets", N_("All secrets can be read, and only by this user ({number})."), number=len(names)
        )


def _secret(case: Case, name: str, key: str) -> Finding | None:
    """What is wrong with a secret, if anything is.

    The finding says under which key its name stands: whoever put the secret itself there must not read it in
    a bundle, and reads the key.
    """
    try:
        if any(place.find(name) is not None for place in case.credentials.search):
            return None
    except ConfigError as error:
        text = N_("The secret “{secret}” ({key}) must not be used as it is: {why}.")
        remedy = N_("It must belong to the user of the bridge and be closed to others: chmod 600.")
        why = without_home(error.problems[0].what)
        return fault("secret_refused", text, remedy, secret=name, key=key, why=why)
    where = shown(case.file.parent / "secrets" / name)
    text = N_("This command does not find the secret “{secret}” ({key}).")
    remedy = N_(
        "If systemd does not give it to the bridge (LoadCredential), write it to {where} (mode 600)."
        " In the settings stands its name alone, never the secret itself."
    )
    return warning("secret_missing", text, remedy, secret=name, key=key, where=where)


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
