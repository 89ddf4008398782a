"""What is needed to build packages and try them: builders, and Debian systems below folders of their own.

Everything here needs minutes, and most of it root, so it has a command of its own: make packages.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).parents[2]
PYTHON: Final = Path(sys.prefix) / "bin/python"
CACHE: Final = Path.home() / ".cache/flicbridge-packages"

SUITE: Final = "trixie"
INCLUDED: Final = "python3,systemd,dbus,bluez,ca-certificates,tzdata"
SUPERFLUOUS: Final = ("./var/cache/apt/archives/*.deb", "./var/lib/apt/lists/*", "./usr/share/doc/*")

PACKAGED: Final = (
    ".ci", "CHANGELOG.md", "LICENSE", "README.md", "docs", "examples", "firmware-notes.md", "flicbridge",
    "pyproject.toml", "systemd",
)  # fmt: skip
"""What the Debian package is made of."""

LONGEST_S: Final = 600


@dataclass(frozen=True, slots=True)
class Debian:
    """A Debian system below a folder. Nothing of it is booted, and nothing is mounted into it."""

    root: Path

    def popen(self, *command: str, user: str = "root", **environment: str) -> "subprocess.Popen[str]":
        """Start a program in it, with just this environment."""
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return subprocess.Popen(
            ["chroot", f"--userspec={user}:{user}", "--groups=", str(self.root), *command],
            env={"PATH": path, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str, user: str = "root", code: int | None = 0, **environment: str) -> str:
        """Run a program in it; what it has printed, both streams together."""
        process = self.popen(*command, user=user, **environment)
        printed, _nothing = process.communicate(timeout=LONGEST_S)
        assert code is None or process.returncode == code, (
            f"{command} ended with {process.returncode}\n{printed}"
        )
        return printed

    def path(self, path: str) -> Path:
        """Where a file of it is."""
        return self.root / path.removeprefix("/")

    def apt(self, *arguments: str) -> str:
        """apt-get, without asking; the system knows no mirror, so that what is not there is not fetched."""
        return self.run("apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0", "--no-install-recommends", *arguments)

    def bring(self, file: Path) -> str:
        """Copy a file into it; its path there."""
        shutil.copy(file, self.path("/root"))
        return f"/root/{file.name}"


def _bootstrap(tarball: Path, scratch: Path) -> None:
    """Have debootstrap make the system that all tests begin with, and keep it: it takes a minute or two."""
    root = scratch / "bootstrap"
    # In a mount namespace, so that what debootstrap mounts is gone when it is.
    apart = ("unshare", "--mount", "--propagation=private")
    command = (*apart, "debootstrap", "--variant=minbase", f"--include={INCLUDED}", SUITE, str(root))
    subprocess.run(command, check=True, timeout=LONGEST_S, stdout=subprocess.DEVNULL)
    tarball.parent.mkdir(parents=True, exist_ok=True)
    draft = tarball.with_suffix(f".{os.getpid()}")
    excluded = [f"--exclude={pattern}" for pattern in SUPERFLUOUS]
    subprocess.run(["tar", *excluded, "-C", str(root), "-cf", str(draft), "."], check=True, timeout=LONGEST_S)
    draft.replace(tarball)
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def debian_tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh Debian 13, packed."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.skip("a Debian system below a folder needs root, and debootstrap")
    tarball = CACHE / f"{SUITE}-{platform.machine()}-{INCLUDED.replace(',', '-')}.tar"
    if not tarball.exists():
        _bootstrap(tarball, tmp_path_factory.mktemp("bootstrap"))
    return tarball


@pytest.fixture(scope="module")
def unpack(debian_tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Debian]]:
    """`unpack()`: a fresh Debian 13 below a folder of its own."""
    roots: list[Path] = []

    def make() -> Debian:
        roots.append(root := tmp_path_factory.mktemp("debian"))
        subprocess.run(["tar", "-C", str(root), "-xf", str(debian_tarball)], check=True, timeout=LONGEST_S)
        root.chmod(0o755)
        (root / "etc/apt/sources.list").unlink(missing_ok=True)
        return Debian(root)

    yield make
    for root in roots:
        shutil.rmtree(root)


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`sources(version)`: the project with another version number, in a folder of its own."""

    def copy(version: str) -> Path:
        folder = tmp_path_factory.mktemp("sources") / "flicbridge"
        folder.mkdir()
        for part in PACKAGED:
            copy_part = shutil.copytree if (REPOSITORY / part).is_dir() else shutil.copy
            copy_part(REPOSITORY / part, folder / part)
        file = folder / "flicbridge/__init__.py"
        lines = file.read_text(encoding="utf-8").splitlines()
        changed = [f'__version__ = "{version}"' if line.startswith("__version__") else line for line in lines]
        assert f'__version__ = "{version}"' in changed
        file.write_text("\n".join([*changed, ""]), encoding="utf-8")
        return folder

    return copy


type BuildPackage = Callable[..., Path]


@pytest.fixture(scope="session")
def build_package(tmp_path_factory: pytest.TempPathFactory) -> BuildPackage:
    """`build_package(folder, architecture, cache, python)`: the Debian package of the project in a folder."""
    usual = CACHE / "libraries"

    def build(
        folder: Path = REPOSITORY, architecture: str = "amd64", cache: Path = usual, python: Path = PYTHON
    ) -> Path:
        output = tmp_path_factory.mktemp("deb")
        done = subprocess.run(
            [str(folder / "systemd/debian/build"), architecture, str(output)],
            env={**os.environ, "PYTHON": str(python), "CACHE": str(cache), "LEVEL": "2"},
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return Path(done.stdout.splitlines()[-1])

    return build


@pytest.fixture(scope="session")
def package(build_package: BuildPackage) -> Path:
    """The Debian package for machines like this one."""
    return build_package()
