"""`flicbridge service ...`: the bridge as a service of this machine, by systemd."""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from flicbridge.cli import fit, placed, systemd, unit
from flicbridge.cli.placed import Finding, Placed, below
from flicbridge.cli.shared import ConfigFile, Translate, console, words_of
from flicbridge.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Have systemd run the bridge from every start on.")

SYSTEM: Final = Path("/")

Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        metavar="DIR",
        show_default=False,
        help="Work on the system below this folder, such as an image being made, instead of this machine.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing, show what would be done.")]


# ---- install


@app.command("install")
def install(
    config: ConfigFile = None,
    root: Root = None,
    dry_run: DryRun = False,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Replace files that somebody else changed; those are kept beside."),
    ] = False,
) -> None:
    """Write unit, user, bus policy and credentials for the present settings, and start the bridge."""
    from flicbridge.config import load
    from flicbridge.config.secret_names import secret_names

    _insist_on_linux()
    system = (root or SYSTEM).absolute()
    file = _settings_file(config, system)
    settings = load(below(system, file), secrets=False)
    _ = words_of(settings)
    packaged = below(system, unit.PACKAGED_UNIT).exists()
    service = unit.Service(Path(sys.executable), file, tuple(secret_names(settings)), packaged)
    fit.insist(service, settings, system, _)
    if dry_run:
        _preview(service, system, _)
        return
    _insist_on_rights(system, _)
    _place(service, system, settings.bridge.language.value, replace, _)
    _finish(
        _start_up(service, system),
        system,
        _("The bridge runs, now and from every start of the machine on."),
        _,
    )


def _settings_file(config: Path | None, system: Path) -> Path:
    """The settings as the service sees them: a path of the system that is worked on."""
    from flicbridge.config import default_path

    if config is not None:
        return config.absolute()
    here = default_path()
    # Of another system, and of root's own settings, which no service can read, the usual place is meant.
    return here.absolute() if system == SYSTEM and not unit.is_hidden(here.absolute()) else unit.SETTINGS


def _preview(service: unit.Service, system: Path, _: Translate) -> None:
    written = Placed.read(system)
    for path, text in unit.files(service).items():
        match placed.look(system, path, text, written):
            case Finding.SAME:
                heading = _("{path} is there already:")
            case Finding.FOREIGN:
                heading = _("{path} was written or changed by somebody else; with --replace it would become:")
            case _:
                heading = _("{path} would be written:")
        typer.echo(f"{heading.format(path=path)}\n\n{text}")
    typer.echo(_("Then, as root:"))
    for step in _start_up(service, system):
        typer.echo(f"  {systemd.shown(step)}")


def _place(service: unit.Service, system: Path, language: str, replace: bool, _: Translate) -> None:
    """Write the files, take away those that are not wanted any more, and tell of each."""
    written = Placed.read(system)
    files = unit.files(service)
    findings = {path: placed.look(system, path, text, written) for path, text in files.items()}
    foreign = [path for path, finding in findings.items() if finding is Finding.FOREIGN]
    if foreign and not replace:
        text = _(
            "somebody else wrote or changed {files}. Nothing was done. Look at it: changes of your own belong"
            " into `systemctl edit flicbridge`. With --replace it is replaced, and kept beside its place"
        )
        raise InputError(text.format(files=", ".join(map(str, foreign))))
    try:
        now = placed.put(system, files, written, language)
        _drop_superseded(system, now, files, _)
    except OSError as error:
        raise _unwritable(error, _) from error
    for path, finding in findings.items():
        _tell(_outcome(path, finding, _))


def _outcome(path: Path, finding: Finding, _: Translate) -> str:
    match finding:
        case Finding.SAME:
            text = _("as it was: {path}")
        case Finding.FOREIGN:
            text = _("written: {path} (what was there is now {before})")
        case _:
            text = _("written: {path}")
    return text.format(path=path, before=f"{path}{placed.BEFORE}")


def _drop_superseded(system: Path, now: Placed, files: Iterable[Path], _: Translate) -> None:
    """Take away what an earlier install wrote and this one does not need."""
    wanted = set(map(str, files))
    superseded = {path: written for path, written in now.files.items() if path not in wanted}
    if superseded:
        _take_out(system, now, superseded, _)


def _start_up(service: unit.Service, system: Path) -> list[systemd.Step]:
    """What makes systemd and the bus read what was written, and run the bridge."""
    steps: list[systemd.Step] = []
    if not service.is_packaged:
        steps.append(("systemd-sysusers", str(unit.USERS_FILE)))
    if closed := [str(path) for path in _closed(service, system)]:
        steps += [("chgrp", unit.USER, *closed), ("chmod", "g+rX", *closed)]
    steps.append(("systemctl", "daemon-reload"))
    if not service.is_packaged:  # the user is new, so what the policy says of it was not understood before
        steps.append(("systemctl", "reload", "dbus.service"))
    return [*steps, ("systemctl", "enable", unit.UNIT), ("systemctl", "restart", unit.UNIT)]


def _closed(service: unit.Service, system: Path) -> Iterator[Path]:
    """The settings and their folder, if they are not open to the user of the service yet."""
    for path, needed in ((service.settings_file.parent, 0o5), (service.settings_file, 0o4)):
        facts = below(system, path).stat()
        is_open = facts.st_mode & needed == needed
        group_may = (facts.st_mode >> 3) & needed == needed
        if not is_open and not (group_may and facts.st_gid == _group_id(system)):
            yield path


def _group_id(system: Path) -> int | None:
    """The number of the service's group in that system, or None while there is no such group."""
    try:
        lines = below(system, Path("/etc/group")).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    fields = (line.split(":") for line in lines)
    return next((int(field[2]) for field in fields if field[0] == unit.USER and len(field) > 2), None)


# ---- uninstall


@app.command("uninstall")
def uninstall(
    root: Root = None,
    dry_run: DryRun = False,
    purge: Annotated[
        bool,
        typer.Option("--purge", help="Erase the state, too: pairings and history. Settings stay."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before erasing.")] = False,
) -> None:
    """Stop the bridge and remove just what `install` has written. State and settings stay."""
    _insist_on_linux()
    system = (root or SYSTEM).absolute()
    written = Placed.read(system)
    _ = _words(written)
    if written is None:
        _tell(_nothing_written(system, _))
    if dry_run:
        _preview_removal(written, purge, _)
        return
    _insist_on_rights(system, _)
    if purge and not yes:
        _insist_on_erasing(_)
    if written is not None:
        _remove(system, written, _)
    if purge:
        _erase_state(system, _)


def _words(written: Placed | None) -> Translate:
    """In the language of the settings that were installed; they may be gone."""
    from flicbridge.texts import LANGUAGES, translator

    language = written.language if written and written.language in LANGUAGES else "en"
    return translator(language).gettext


def _nothing_written(system: Path, _: Translate) -> str:
    if below(system, unit.PACKAGED_UNIT).exists():
        return _("The service belongs to the Debian package: apt remove flicbridge")
    return _("There is nothing to remove: `flicbridge service install` has written nothing here.")


def _preview_removal(written: Placed | None, purge: bool, _: Translate) -> None:
    for path in written.files if written else ():
        _tell(_("{path} would be removed").format(path=path))
    if purge:
        _tell(_("{path} would be erased").format(path=unit.STATE_DIR))


def _insist_on_erasing(_: Translate) -> None:
    if not sys.stdin.isatty():
        raise InputError(_("nobody can be asked here: add --yes"))
    question = _(
        "All pairings and the whole history in {path} will be gone, and every button must be paired anew."
        " Erase them?"
    )
    typer.confirm(question.format(path=unit.STATE_DIR), abort=True, err=True)


def _remove(system: Path, written: Placed, _: Translate) -> None:
    whole = str(unit.UNIT_FILE) in written.files
    if whole and system == SYSTEM and systemd.runs():
        systemd.perform([("systemctl", "disable", "--now", unit.UNIT)], _tell, _)
    try:
        _take_out(system, written, written.files, _)
    except OSError as error:
        raise _unwritable(error, _) from error
    bus: systemd.Step = ("systemctl", "reload", "dbus.service")
    after = [("systemctl", "daemon-reload"), bus if whole else ("systemctl", "try-restart", unit.UNIT)]
    kept = _("Settings, secrets, state and the user {user} are still there.").format(user=unit.USER)
    _finish(after, system, kept, _)


def _take_out(system: Path, written: Placed, files: dict[str, str], _: Translate) -> None:
    changed = placed.remove(system, files)
    placed.forget(system, written, files)
    for name in files:
        is_kept = Path(name) in changed
        text = _("kept, because somebody has changed it: {path}") if is_kept else _("removed: {path}")
        _tell(text.format(path=name))


def _erase_state(system: Path, _: Translate) -> None:
    try:
        shutil.rmtree(below(system, unit.STATE_DIR))
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unwritable(error, _) from error
    _tell(_("erased: {path}").format(path=unit.STATE_DIR))


# ---- logs


@app.command("logs")
def logs(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="So many of the newest lines.")] = 100,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="TIME", show_default=False, help='All since then, as "today" or "-1h".'
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The lines alone: one JSON object each.")] = False,
) -> None:
    """Show what the bridge has logged, from the system's journal."""
    journalctl = shutil.which("journalctl")
    if journalctl is None:
        raise InputError(
            "there is no journalctl here: this machine is not run by systemd, and the bridge's log goes where"
            " whoever started it has led its standard error"
        )
    command = [journalctl, f"--unit={unit.UNIT}", f"--output={'cat' if as_json else 'short-iso'}"]
    command.append(f"--since={since}" if since else f"--lines={lines}")
    command += ["--follow"] * follow
    command += ["--no-pager"] * (as_json or sys.stdout is None or not sys.stdout.isatty())
    _become(command)


def _become(command: list[str]) -> NoReturn:
    """Let another program take this one's place: signals, pager and exit code are its own."""
    if sys.stdout is not None:
        sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


# ---- for all of them


def _insist_on_linux() -> None:
    if sys.platform != "linux":
        raise InputError("a service is for Linux with systemd; here, have `flicbridge run` started at login")


def _insist_on_rights(system: Path, _: Translate) -> None:
    """Raise InputError unless this is root on a machine with systemd, or the system is some folder."""
    if system != SYSTEM:
        return
    if shutil.which("systemctl") is None:
        raise InputError(
            _("there is no systemd here: have `flicbridge run` started by what starts this machine")
        )
    if os.geteuid() != 0:
        raise InputError(
            _("only root can do that: run it with sudo, or with --dry-run to see what it would do")
        )


def _finish(steps: list[systemd.Step], system: Path, well: str, _: Translate) -> None:
    """Run the commands if systemd runs this very system; otherwise say what is left to be done."""
    if system == SYSTEM and systemd.runs():
        systemd.perform(steps, _tell, _)
        _tell(well)
        return
    _tell(_("systemd does not run here. What is left to do where it does, as root:"))
    for step in steps:
        _tell(f"  {systemd.shown(step)}")


def _unwritable(error: OSError, _: Translate) -> InputError:
    return InputError(_("cannot write {path} ({why})").format(path=error.filename, why=error.strerror))


def _tell(line: str) -> None:
    console().print(line, soft_wrap=True)
