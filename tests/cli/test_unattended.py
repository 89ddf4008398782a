"""`flicbridge run` as a service runs it: only what it needs, and nobody notices the difference."""

import subprocess
import sys
from pathlib import Path

import pytest

from flicbridge.cli.unattended import Orders, orders_in

ODD = [[], ["status"], ["run", "--help"], ["run", "--dry-run"], ["run", "--config"], ["run", "a", "b", "c"]]

WHAT_IS_LOADED = """
import sys
sys.argv = ["flicbridge", "run", "--config", "no-such-file.toml"]
from flicbridge.cli import main
try:
    main()
except SystemExit as end:
    needless = {
        "typer", "click", "rich", "pygments", "cryptography", "tomlkit", "prometheus_client", "geopy",
        "platformdirs", "frozenlist._frozenlist", "flicbridge.press.flicd", "flicbridge.simulator",
    }
    print(end.code, "flicbridge.bridge" in sys.modules, *sorted(needless & sys.modules.keys()))
"""


ENCRYPTED = """
import ssl, sys
from flicbridge.transport.line import trusting
before = set(sys.modules)
context = trusting(None, "alertes.example.fr")
context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="alertes.example.fr")
print(*sys.modules.keys() - before)
"""


@pytest.mark.parametrize(
    ("arguments", "config"),
    [
        (["run"], None),
        (["run", "--config", "here.toml"], Path("here.toml")),
        (["run", "--config=here.toml"], Path("here.toml")),
    ],
)
def test_a_plain_order_is_obeyed_without_the_command_line(arguments: list[str], config: Path | None) -> None:
    assert orders_in(arguments) == Orders(config)


@pytest.mark.parametrize("arguments", ODD)
def test_whatever_else_is_asked_is_left_to_the_command_line(arguments: list[str]) -> None:
    assert orders_in(arguments) is None


def test_a_bridge_carries_along_nothing_that_only_people_need() -> None:
    command = [sys.executable, "-c", WHAT_IS_LOADED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["2", "True"], done.stderr
    assert "no-such-file.toml" in done.stderr


def test_the_first_encrypted_message_needs_nothing_from_the_disk_that_was_not_read_at_the_start() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENCRYPTED], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
