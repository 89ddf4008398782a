"""What systemd and the bus are told of the bridge: the files of `systemd/`, with this machine's paths."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

UNIT: Final = "flicbridge.service"
USER: Final = "flicbridge"
STATE_DIR: Final = Path("/var/lib/flicbridge")
SETTINGS: Final = Path("/etc/flicbridge/flicbridge.toml")

UNIT_FILE: Final = Path("/etc/systemd/system") / UNIT
DROP_IN_FILE: Final = Path(f"{UNIT_FILE}.d/credentials.conf")
USERS_FILE: Final = Path("/etc/sysusers.d/flicbridge.conf")
BUS_FILE: Final = Path("/etc/dbus-1/system.d/flicbridge.conf")

PACKAGED_UNIT: Final = Path("/usr/lib/systemd/system") / UNIT
"""Where the Debian package has it: then everything is there but the credentials."""
PACKAGE_PREFIX: Final = Path("/usr/lib/flicbridge")

# What the unit hides from the service: ProtectHome=, PrivateTmp=, PrivateDevices=.
HIDDEN: Final = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp", "/dev")))  # noqa: S108


@dataclass(frozen=True, slots=True)
class Service:
    """A bridge as systemd is to run it.

    Attributes:
        interpreter: the Python that has flicbridge installed.
        settings_file: its settings.
        secrets: the names of the secrets in them.
        is_packaged: the Debian package has put everything in its place but the credentials.
    """

    interpreter: Path
    settings_file: Path
    secrets: tuple[str, ...]
    is_packaged: bool

    def secret_file(self, name: str) -> Path:
        """Where root keeps a secret for the service."""
        return self.settings_file.parent / "secrets" / name


def files(service: Service) -> dict[Path, str]:
    """Every file that makes the service, with what stands in it."""
    found: dict[Path, str] = {}
    if not service.is_packaged:
        found[USERS_FILE] = template("flicbridge.sysusers")
        found[BUS_FILE] = template("flicbridge.dbus")
        found[UNIT_FILE] = _unit(service)
    if service.secrets:
        found[DROP_IN_FILE] = _credentials(service)
    return found


def template(name: str) -> str:
    """A file of `systemd/`: in the wheel it lies inside the package, in the repository beside it."""
    package = Path(__file__).parent.parent
    inside = package / "systemd" / name
    return (inside if inside.exists() else package.parent / "systemd" / name).read_text(encoding="utf-8")


def _unit(service: Service) -> str:
    command = [
        str(service.interpreter),
        "-I",
        "-m",
        "flicbridge",
        "run",
        "--config",
        str(service.settings_file),
    ]
    text = _with(template(UNIT), "ExecStart", command_line(command))
    return _with(text, "ConditionPathExists", escaped(str(service.settings_file)))


def _with(unit: str, key: str, value: str) -> str:
    text, number = re.subn(rf"^{key}=.*$", lambda _: f"{key}={value}", unit, flags=re.MULTILINE)
    assert number == 1, f"{UNIT} has {number} lines {key}="  # noqa: S101 - the file is ours
    return text


def _credentials(service: Service) -> str:
    """The drop-in that hands over the secrets: the service cannot read the files itself."""
    lines = [f"LoadCredential={name}:{escaped(str(service.secret_file(name)))}" for name in service.secrets]
    head = (
        "# Written by `flicbridge service install` from the secrets that the settings name. When they name",
        "# others, run it again.",
        "[Service]",
    )
    return "\n".join([*head, *lines, ""])


def command_line(words: Sequence[str]) -> str:
    """A command as ExecStart= wants it. Source: systemd.service(5), "Command lines"."""
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    safe = escaped(word).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return safe if re.fullmatch(r"[A-Za-z0-9_./%+=:@-]+", safe) else f'"{safe}"'


def escaped(text: str) -> str:
    """Text without specifiers. Source: systemd.unit(5), "Specifiers"."""
    return text.replace("%", "%%")


def is_hidden(path: Path) -> bool:
    """Whether the service cannot see a path: the unit hides its folder."""
    return any(path.is_relative_to(folder) for folder in HIDDEN)
