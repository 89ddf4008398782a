"""Wheel and sdist: the same bytes from the same source, complete, and what pipx installs from them runs."""

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Final

import pytest

from flicbridge import __version__

REPOSITORY: Final = Path(__file__).parents[2]
PYTHON: Final = Path(sys.prefix) / "bin/python"

pytestmark = pytest.mark.timeout(600)


def build(source: Path, output: Path) -> tuple[Path, Path]:
    """Wheel and sdist of the project in a folder."""
    subprocess.run(
        [PYTHON, "-m", "hatchling", "build", "--directory", output],
        cwd=source,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (wheel,) = output.glob("*.whl")
    (sdist,) = output.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Wheel and sdist of this project."""
    return build(REPOSITORY, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(built: tuple[Path, Path]) -> Path:
    return built[0]


@pytest.fixture(scope="module")
def sdist(built: tuple[Path, Path]) -> Path:
    return built[1]


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_same_source_makes_the_same_bytes_and_the_sdist_is_as_good_as_the_source(
    built: tuple[Path, Path], sdist: Path, tmp_path: Path
) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    assert [digest(file) for file in build(source, tmp_path / "again")] == [digest(file) for file in built]


def test_the_wheel_holds_what_the_program_reads_beside_its_code(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert b"SystemCallFilter=" in archive.read("flicbridge/systemd/flicbridge.service")
    assert names >= {
        "flicbridge/config/example.toml",
        "flicbridge/outbox/schema/0001.sql",
        "flicbridge/py.typed",
        "flicbridge/systemd/flicbridge.dbus",
        "flicbridge/systemd/flicbridge.sysusers",
        "flicbridge/texts/locale/fr/LC_MESSAGES/flicbridge.mo",
    }
    assert {name.split("/")[0] for name in names} == {"flicbridge", f"flicbridge-{__version__}.dist-info"}


def test_the_sdist_holds_what_is_needed_to_test_and_package_it(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        tops = {name.split("/")[1] for name in archive.getnames()}
    assert tops >= {
        ".ci", "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "benchmarks", "docs", "examples",
        "firmware-notes.md", "flicbridge", "pyproject.toml", "systemd", "tests",
    }  # fmt: skip


@pytest.fixture
def constraints(tmp_path: Path) -> Path:
    """The versions of the lock file, in words that pip lets pipx pass on: without hashes."""
    lines = (REPOSITORY / ".ci/lock/core.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line.rstrip(" \\") for line in lines if re.match(r"[a-z0-9-]+==", line)]
    file = tmp_path / "constraints.txt"
    file.write_text("\n".join(wanted), encoding="utf-8")
    return file


def test_pipx_installs_a_flicbridge_that_runs_and_knows_its_service(
    wheel: Path, constraints: Path, tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    environment = {
        **os.environ,
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "PIPX_MAN_DIR": str(tmp_path / "man"),
    }

    def run(*command: object) -> str:
        done = subprocess.run(
            list(map(str, command)), env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(PYTHON, "-m", "venv", tools)
    run(tools / "bin/pip", "install", "--quiet", "pipx")
    pipx, flicbridge = tools / "bin/pipx", tmp_path / "bin/flicbridge"
    run(pipx, "install", "--python", PYTHON, f"--pip-args=--constraint={constraints}", wheel)
    assert run(flicbridge, "--version") == f"flicbridge {__version__}\n"
    assert run(flicbridge, "config", "example") == (REPOSITORY / "examples/practice.toml").read_text("utf-8")
    unit = "from flicbridge.cli.unit import template; print(template('flicbridge.service'), end='')"
    read = run(tmp_path / "pipx/venvs/flicbridge/bin/python", "-I", "-c", unit)
    assert read == (REPOSITORY / "systemd/flicbridge.service").read_text(encoding="utf-8")
    run(pipx, "uninstall", "flicbridge")
    assert not flicbridge.exists()
