"""Whether the bridge could run as a service: with these settings, and with the flicbridge that was called."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from flicbridge.cli import unit
from flicbridge.cli.placed import below
from flicbridge.cli.shared import Translate
from flicbridge.errors import ConfigError, Problem

if TYPE_CHECKING:
    from flicbridge.config import Settings


def insist(service: unit.Service, settings: "Settings", system: Path, _: Translate) -> None:
    """Accept the service, for the system below the folder `system`.

    Raises:
        ConfigError: it could not run; names everything that stands in its way.
    """
    problems = [
        *_hidden(service, _),
        *_at_odds_with_package(service, _),
        *_elsewhere(settings, _),
        *_secrets_missing(service, system, _),
    ]
    if problems:
        raise ConfigError(str(service.settings_file), problems)


def _hidden(service: unit.Service, _: Translate) -> Iterator[Problem]:
    what = _("{path} is hidden from the service, which sees neither homes nor temporary folders")
    if unit.is_hidden(service.settings_file):
        remedy = _("Move the settings, and the folder secrets, to {folder}.")
        remedy = remedy.format(folder=unit.SETTINGS.parent)
        yield Problem(_("the settings"), what.format(path=service.settings_file), remedy)
    for path in (service.interpreter, Path(sys.base_prefix)):
        if unit.is_hidden(path):
            remedy = _("Install flicbridge for everybody: sudo pipx install --global flicbridge")
            yield Problem(_("the program"), what.format(path=path), remedy)
            return


def _at_odds_with_package(service: unit.Service, _: Translate) -> Iterator[Problem]:
    if not service.is_packaged:
        return
    if not service.interpreter.is_relative_to(unit.PACKAGE_PREFIX):
        what = _("the service belongs to the Debian package, and this is another flicbridge: {path}")
        remedy = _("Use /usr/bin/flicbridge, or remove the package first: apt remove flicbridge")
        yield Problem(_("the program"), what.format(path=service.interpreter), remedy)
    if service.settings_file != unit.SETTINGS:
        what = _("the service of the Debian package reads {path}").format(path=unit.SETTINGS)
        yield Problem(_("the settings"), what, _("Move them there, with the folder secrets."))


def _elsewhere(settings: "Settings", _: Translate) -> Iterator[Problem]:
    bridge = settings.bridge
    if "state_dir" in bridge.model_fields_set and bridge.state_dir != unit.STATE_DIR:
        what = _("the service can write to {path} only").format(path=unit.STATE_DIR)
        remedy = _('Write state_dir = "{path}", or leave the line out.').format(path=unit.STATE_DIR)
        yield Problem("bridge.state_dir", what, remedy)


def _secrets_missing(service: unit.Service, system: Path, _: Translate) -> Iterator[Problem]:
    """A credential whose file is missing keeps systemd from starting the service at all."""
    for name in service.secrets:
        file = service.secret_file(name)
        try:
            is_there = below(system, file).is_file()
        except PermissionError:  # whoever only wants to see what would be done need not be root
            continue
        if not is_there:
            what = _("{file} does not exist").format(file=file)
            remedy = _("Write the secret into it, and let nobody else read it: chmod 600 {file}")
            yield Problem(f'secret "{name}"', what, remedy.format(file=file))
