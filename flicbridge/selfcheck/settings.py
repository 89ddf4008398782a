"""The settings file: where it is, and what its check says."""

from pathlib import Path
from typing import Final

from flicbridge.selfcheck.case import Case
from flicbridge.selfcheck.finding import Finding, fault, ok, warning
from flicbridge.texts import N_

ONE_OF_SEVERAL: Final = 2
"""A home with more parts, such as `/home/anne`, tells whose it is; `/root` does not."""


async def probe(case: Case) -> list[Finding]:
    """One finding for the file, and one for each piece of advice about it.

    Nothing that stands in the file is repeated, only where it stands: findings go into the bundle.
    """
    file = shown(case.file)
    if case.settings is None:
        return [_broken(case, file, problem.where, problem.line) for problem in case.problems]
    remedy = N_("`flicbridge config check` says more.")
    text = N_("The settings work, but think {where} over.")
    advice = [warning("settings_unwise", text, remedy, where=problem.where) for problem in case.advice]
    return [ok("settings", N_("The settings are in {file}, and work."), file=file), *advice]


def _broken(case: Case, file: str, where: str, line: int | None) -> Finding:
    if not case.file.exists():
        text = N_("There is no settings file {file}.")
        remedy = N_("Name another with --config, or begin with `flicbridge config example`.")
        return fault("settings_missing", text, remedy, file=file)
    text = N_("The settings in {file} cannot work: see {where}, line {line}.")
    remedy = N_("`flicbridge config check` says what is wrong, and how to mend it.")
    return fault("settings_wrong", text, remedy, file=file, where=where, line=line or 1)


def shown(path: Path) -> str:
    """A path without the name of whose home it is in."""
    return without_home(str(path))


def without_home(text: str) -> str:
    """A text in which this user's home, if it is one of several, is called `~`."""
    try:
        home = Path.home()
    except RuntimeError:  # this user has none
        return text
    return text.replace(str(home), "~") if len(home.parts) > ONE_OF_SEVERAL else text
