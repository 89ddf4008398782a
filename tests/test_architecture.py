"""The import table of the design: arrows go one way, and every library has one door into the house."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

import flicbridge

PACKAGE: Final = Path(flicbridge.__file__).parent

LEAVES: Final = {
    "__init__", "clock", "credentials", "durations", "errors", "fields", "logs", "network", "observation",
    "supervise", "texts",
}  # fmt: skip

STAGES: Final = {
    "press": set[str](),
    "place": set[str](),
    "gesture": {"press"},
    "alert": {"press", "gesture", "place"},
    "outbox": {"alert"},  # it is handed something to call; it has never heard of transports
    "transport": {"alert"},
    "guard": {"press", "gesture", "place", "alert", "outbox", "transport"},
    "api": {"alert", "outbox", "guard"},
    "config": {"press", "gesture", "place", "alert", "transport", "api"},  # the settings of each
}

BUILDERS: Final = {
    "answering",
    "bridge",
    "canary",
    "caretaker",
    "channel",
    "drills",
    "heartbeat",
    "house",
    "listening",
    "maintainer",
    "memory",
    "path",
    "replies",
    "room",
    "rounds",
    "selfcheck",
    "selftest",
    "servicemanager",
    "watchdog",
    "workshop",
}
"""The composition root and what it is made of: they may know everything but the command line."""

ANYTHING: Final = {"cli", "simulator", "__main__"}

DOORS: Final = {
    "aiohappyeyeballs": {"transport"},  # comes with aiohttp
    "aiohttp": {"api", "transport", "simulator"},
    "aiosmtpd": {"simulator"},
    "aiosmtplib": {"transport"},
    "anyascii": {"fields", "transport"},
    "bleak": {"press", "simulator"},
    "bumble": {"simulator"},
    "cryptography": {"press", "simulator"},
    "dbus_fast": {"press", "selfcheck", "simulator"},  # comes with bleak, on Linux
    "durationpy": {"durations"},
    "geopy": {"place"},
    "gsm0338": {"transport"},
    "phonenumbers": {"alert"},
    "prometheus_client": {"api"},
    "platformdirs": {"config"},
    "rich": {"cli", "simulator"},
    "sqlite3": {"outbox"},
    "tomlkit": {"config"},
    "typer": {"cli"},
    "yarl": {"transport", "simulator"},  # comes with aiohttp
}
"""Which parts may use a library; a new one is put here when it is put into pyproject.toml."""

ANYWHERE: Final = {"pydantic", "pydantic_core", "structlog"}

UNIX_ONLY: Final = {
    "fcntl", "grp", "posix", "pty", "pwd", "resource", "spwd", "syslog", "termios", "tty", "dbus_fast",
}  # fmt: skip

IO: Final = {"asyncio", "os", "pathlib", "socket", "sqlite3", "structlog", "subprocess", "threading", "time"}

UNOWNED: Final = {"create_task", "ensure_future", "get_event_loop"}


@dataclass(frozen=True)
class Import:
    """One import statement's target.

    Attributes:
        module: the file it stands in, from `flicbridge` on.
        target: the dotted name that is imported.
        is_lazy: True inside a function, and where only type checkers look.
    """

    module: str
    target: str
    is_lazy: bool

    @property
    def part(self) -> str:
        return self.module.split("/", maxsplit=1)[0].removesuffix(".py")

    @property
    def library(self) -> str:
        return self.target.split(".", maxsplit=1)[0]

    @property
    def target_part(self) -> str | None:
        """Which of our parts is imported; None for a library."""
        if self.library != "flicbridge":
            return None
        return self.target.split(".")[1] if "." in self.target else "__init__"


def sources() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(PACKAGE.rglob("*.py")):
        yield file.relative_to(PACKAGE).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def imports() -> list[Import]:
    return [found for module, tree in sources() for found in _imports(module, tree, is_lazy=False)]


def _imports(module: str, node: ast.AST, *, is_lazy: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import(names=names):
                yield from (Import(module, alias.name, is_lazy) for alias in names)
            case ast.ImportFrom(module="flicbridge", names=names):
                yield from (Import(module, _member(alias.name), is_lazy) for alias in names)
            case ast.ImportFrom(module=str(target)):
                yield Import(module, target, is_lazy)
            case ast.ImportFrom():
                pytest.fail(f"{module} imports relatively")
            case _:
                yield from _imports(module, child, is_lazy=is_lazy or _is_lazy(child))


def _member(name: str) -> str:
    is_module = (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()
    return f"flicbridge.{name}" if is_module else "flicbridge"


def _is_lazy(node: ast.AST) -> bool:
    is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return is_function or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")


IMPORTS: Final = imports()


def parts() -> set[str]:
    return {found.part for found in IMPORTS} | {
        path.name.removesuffix(".py")
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }


def ours_imported_by(part: str) -> set[str]:
    return {found.target_part for found in IMPORTS if found.part == part and found.target_part} - {part}


def allowed(part: str) -> set[str]:
    """Whoever knows alerts knows what an alert's values are made of."""
    named = STAGES[part]
    return named | LEAVES | (STAGES["alert"] if "alert" in named else set())


def test_every_part_has_its_place_in_the_table() -> None:
    assert parts() == LEAVES | STAGES.keys() | BUILDERS | ANYTHING


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_only_what_comes_before_it(stage: str) -> None:
    assert ours_imported_by(stage) - allowed(stage) == set()


@pytest.mark.parametrize("leaf", sorted(LEAVES))
def test_a_leaf_imports_nothing_but_leaves(leaf: str) -> None:
    assert ours_imported_by(leaf) - LEAVES == set()


@pytest.mark.parametrize("builder", sorted(BUILDERS))
def test_what_builds_the_bridge_does_not_know_the_command_line(builder: str) -> None:
    assert ours_imported_by(builder) - LEAVES - STAGES.keys() - BUILDERS - {"simulator"} == set()


def test_the_simulator_does_not_know_the_command_line() -> None:
    assert ours_imported_by("simulator") & {"cli", "__main__"} == set()


def test_only_the_command_line_and_builders_reach_for_the_simulator_and_only_when_asked() -> None:
    found = [i for i in IMPORTS if i.target_part == "simulator" and i.part != "simulator"]
    assert {i.part for i in found} <= BUILDERS | {"cli"}
    assert [i for i in found if not i.is_lazy] == []


@pytest.mark.parametrize("library", DOORS)
def test_a_library_has_one_door_into_the_house(library: str) -> None:
    found = {found.part for found in IMPORTS if found.library == library}
    assert found - DOORS[library] == set()


@pytest.mark.parametrize("stage", ["alert", "gesture", "place"])
def test_a_pure_stage_imports_nothing_that_acts_on_the_world(stage: str) -> None:
    assert [(i.module, i.target) for i in IMPORTS if i.part == stage and i.library in IO] == []


@pytest.mark.parametrize("core", ["session", "handshake", "conversation", "crypto", "wire"])
def test_the_protocol_of_the_button_is_pure(core: str) -> None:
    of_core = [i for i in IMPORTS if i.module.startswith(f"press/flic2/{core}")]
    assert of_core
    assert [(i.module, i.target) for i in of_core if i.library in IO - {"os"}] == []


@pytest.mark.parametrize("core", ["events", "wire", "session", "retelling", "reports"])
def test_the_protocol_of_flicd_is_pure(core: str) -> None:
    of_core = [i for i in IMPORTS if i.module == f"press/flicd/{core}.py"]
    assert of_core
    assert [(i.module, i.target) for i in of_core if i.library in IO] == []


def test_the_ladder_out_of_silence_is_pure() -> None:
    assert {i.target for i in IMPORTS if i.module == "press/silence.py"} == {"enum", "math", "typing"}


def test_nothing_that_only_unix_has_is_imported_at_the_top_of_a_module() -> None:
    assert [(i.module, i.target) for i in IMPORTS if i.library in UNIX_ONLY and not i.is_lazy] == []


def test_only_the_setup_asks_where_an_address_is() -> None:
    """A lookup takes seconds, or never ends: nothing on the way of an alert may wait for one."""
    assert {i.module for i in IMPORTS if i.target == "flicbridge.place.geocode"} == {"cli/setup/place.py"}


def test_only_libraries_with_a_door_are_imported() -> None:
    strangers = {i.library for i in IMPORTS} - sys.stdlib_module_names - {"flicbridge", "msvcrt"}
    assert strangers - DOORS.keys() - ANYWHERE == set()


def test_every_task_has_an_owner() -> None:
    found = [
        f"{module}:{node.lineno}"
        for module, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in UNOWNED
        and ast.unparse(node.value) in ("asyncio", "loop")
    ]
    assert found == []


def test_nobody_sleeps_or_reads_the_time_but_the_clock() -> None:
    banned = {"asyncio.sleep", "time.sleep", "time.time", "time.monotonic", "datetime.now", "datetime.utcnow"}
    found = [
        f"{module}:{node.lineno}"
        for module, tree in sources()
        if module != "clock.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in banned
    ]
    assert found == []


def test_nothing_at_the_top_of_a_module_changes() -> None:
    """A list, dict or set that a module keeps is a constant, and says so by its name or as `Final`."""
    found = [
        f"{module}:{node.lineno}"
        for module, tree in sources()
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List | ast.Dict | ast.Set | ast.Call)
        for name in node.targets
        if isinstance(name, ast.Name) and name.id not in ("__all__", "log", "app") and not name.id.isupper()
    ]
    assert found == []


def test_no_function_changes_what_belongs_to_its_module() -> None:
    found = [
        f"{module}:{node.lineno}"
        for module, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Global)
    ]
    assert found == []
