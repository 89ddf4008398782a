"""Doctors' laptops run Windows and macOS too: nothing needs what only Linux has before it is used."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.real_time

# What a core installation on another platform lacks: Unix's own modules, and the extras.
ELSEWHERE: Final = """
import importlib.abc, socket, sys

UNIX = {"dbus_fast", "fcntl", "grp", "pty", "pwd", "resource", "spwd", "syslog", "termios", "tty"}
EXTRAS = {"aiosmtpd", "bumble"}

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in UNIX | EXTRAS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in UNIX & sys.modules.keys():
    del sys.modules[name]
sys.meta_path.insert(0, Missing())
del socket.AF_UNIX
"""

IMPORT_ALL: Final = """
import importlib, pkgutil
import flicbridge

walk = pkgutil.walk_packages(flicbridge.__path__, "flicbridge.", onerror=lambda _: None)
names = [module.name for module in walk]
for name in names:
    if name == "flicbridge.__main__":
        continue
    try:
        importlib.import_module(name)
    except ImportError as error:
        missing = (error.__cause__ or error).name
        if not name.startswith("flicbridge.simulator") or missing.partition(".")[0] not in EXTRAS:
            raise
print(len(names), *names)
"""


def run_elsewhere(code: str, *arguments: str) -> str:
    """What a Python says that believes itself on another platform."""
    command = [sys.executable, "-W", "error", "-c", ELSEWHERE + code, *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_blockade_is_real() -> None:
    code = "try:\n    import fcntl\nexcept ModuleNotFoundError:\n    print(hasattr(socket, 'AF_UNIX'))"
    assert run_elsewhere(code) == "False\n"


def test_every_module_can_be_imported_without_unix_and_without_extras() -> None:
    number, *names = run_elsewhere(IMPORT_ALL).split()
    assert {"flicbridge.bridge", "flicbridge.press.radio", "flicbridge.api.server", "flicbridge.cli.run"} <= {
        *names
    }
    assert int(number) > 50


def test_the_command_line_works_elsewhere() -> None:
    code = "from flicbridge.cli import main\nmain()"
    printed = run_elsewhere(code, "config", "example")
    assert "[bridge]" in printed
    assert "[[buttons]]" in printed


def test_a_settings_file_is_checked_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "flicbridge.toml"
    file.write_text("[bridge]\n", encoding="utf-8")
    code = "from flicbridge.cli import main\nmain()"
    command = [sys.executable, "-c", ELSEWHERE + code, "config", "check", str(file)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert done.returncode == 2
    assert f"{file}: doctor" in done.stderr
