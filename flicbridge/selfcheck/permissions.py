"""Whether this user may use what a bridge needs: the state's folder, and the secrets."""

import os
import stat
from collections.abc import Iterator

from flicbridge.errors import ConfigError
from flicbridge.selfcheck.aside import aside
from flicbridge.selfcheck.case import Case
from flicbridge.selfcheck.finding import Finding, absent, fault, ok, warning
from flicbridge.selfcheck.leaves import secret_names
from flicbridge.selfcheck.settings import shown, without_home
from flicbridge.texts import N_


async def probe(case: Case) -> list[Finding]:
    """The folder first, then each secret that the settings name."""
    return [await aside(lambda: _state_dir(case)), *await aside(lambda: list(_secrets(case)))]


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
    names = sorted(secret_names(case.raw))
    wrong = [finding for name in names if (finding := _secret(case, name))]
    yield from wrong
    if not names:
        yield absent("secrets_none", N_("The settings name no secret."))
    elif not wrong:
        yield ok(
            "secrets", N_("All secrets can be read, and only by this user ({number})."), number=len(names)
        )


def _secret(case: Case, name: str) -> Finding | None:
    """What is wrong with a secret, if anything is."""
    try:
        if any(place.find(name) is not None for place in case.credentials.search):
            return None
    except ConfigError as error:
        text = N_("The secret “{secret}” must not be used as it is: {why}.")
        remedy = N_("It must belong to the user of the bridge and be closed to others: chmod 600.")
        why = without_home(error.problems[0].what)
        return fault("secret_refused", text, remedy, secret=name, why=why)
    where = shown(case.file.parent / "secrets" / name)
    text = N_("This command does not find the secret “{secret}”.")
    remedy = N_("If systemd does not give it to the bridge (LoadCredential), write it to {where} (mode 600).")
    return warning("secret_missing", text, remedy, secret=name, where=where)


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
