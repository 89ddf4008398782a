"""The registry: ours and strangers' transports, found by name; broken ones are named and harm nobody else."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from flicbridge.clock import LoopClock
from flicbridge.errors import ConfigError
from flicbridge.transport.base import Context
from flicbridge.transport.http import HttpOptions, HttpTransport
from flicbridge.transport.registry import build, find_transport, kinds, read_channel
from flicbridge.transport.smsgate import SmsGateOptions

type Install = Callable[[str, str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package that offers one transport: (package, entry point, source of its only module)."""
    installed = []

    def put(package: str, entry: str, source: str) -> None:
        folder = tmp_path / package
        about = folder / f"{package}-1.0.dist-info"
        about.mkdir(parents=True)
        (folder / f"{package}.py").write_text(source)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[flicbridge.transports]\n{entry}\n")
        monkeypatch.syspath_prepend(folder)
        installed.append(package)

    yield put
    for package in installed:
        sys.modules.pop(package, None)


def test_our_own_transports_are_installed_like_anybody_elses() -> None:
    assert {"http", "email", "smsgate"} <= set(kinds())
    assert list(kinds()) == sorted(kinds())
    assert find_transport("http") is HttpTransport


def test_only_the_kind_asked_for_is_imported() -> None:
    script = (
        "import sys; from flicbridge.transport.registry import find_transport, kinds; kinds();"
        "assert 'aiohttp' not in sys.modules; find_transport('smsgate');"
        "assert 'flicbridge.transport.smsgate' in sys.modules;"
        "others = {'aiosmtplib', 'flicbridge.transport.email', 'flicbridge.transport.http'};"
        "assert not others & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.parametrize(("asked", "nearest"), [("htp", "http"), ("mail", "email"), ("sms", "smsgate")])
def test_an_unknown_kind_gets_the_installed_ones_nearest_first(asked: str, nearest: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_transport(asked)
    (problem,) = caught.value.problems
    assert problem.where == "transport"
    assert problem.what == f'"{asked}" is not installed'
    assert problem.remedy.startswith(f"Installed are: {nearest}, ")
    assert all(kind in problem.remedy for kind in kinds())


@pytest.mark.parametrize(
    "source",
    ["raise RuntimeError('no licence')", "import no_such_module_anywhere", "def broken(:", "other = 1"],
)
def test_a_plugin_that_cannot_be_imported_is_named_and_the_others_still_work(
    install: Install, source: str
) -> None:
    install("brokenplugin", "pager = brokenplugin:Pager", source)
    with pytest.raises(ConfigError, match=r"brokenplugin:Pager, from brokenplugin, cannot be imported"):
        find_transport("pager")
    assert "pager" in kinds()
    assert find_transport("http") is HttpTransport


@pytest.mark.parametrize(
    "source",
    [
        "class Pager: pass",
        "Pager = 3",
        "from flicbridge.transport import Transport\nclass Pager(Transport): pass",
        "from flicbridge.transport import Transport\nclass Pager(Transport): Options = dict",
    ],
)
def test_a_plugin_that_is_no_transport_is_refused(install: Install, source: str) -> None:
    install("nopager", "pager = nopager:Pager", source)
    with pytest.raises(ConfigError, match="is not a Transport with an Options model"):
        find_transport("pager")


def test_two_plugins_of_one_name_are_refused_rather_than_one_chosen_by_chance(install: Install) -> None:
    install("impostor", "http = impostor:Http", "")
    with pytest.raises(ConfigError) as caught:
        find_transport("http")
    assert "impostor:Http" in str(caught.value)
    assert "flicbridge.transport.http:HttpTransport" in str(caught.value)


def test_a_channel_is_read_with_the_model_of_its_transport() -> None:
    table = {
        "transport": "smsgate",
        "to": "+33612345678",
        "url": "http://192.168.1.20:8080",
        "secret": "phone",
    }
    options = read_channel(table)
    assert isinstance(options, SmsGateOptions)
    assert (options.to, options.timeout.total_seconds()) == ("+33612345678", 5)


@pytest.mark.parametrize(
    ("table", "where", "why"),
    [
        ({}, ("transport",), "missing"),
        ({"transport": 3}, ("transport",), "string_type"),
        ({"transport": "http", "secret": "key"}, ("url",), "missing"),
        (
            {"transport": "http", "secret": "key", "url": "http://a/", "colour": 1},
            ("colour",),
            "extra_forbidden",
        ),
    ],
)
def test_mistakes_in_a_channel_come_out_as_the_model_found_them(
    table: dict[str, object], where: tuple[str, ...], why: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        read_channel(table)
    assert [(mistake["loc"], mistake["type"]) for mistake in caught.value.errors()] == [(where, why)]


def test_a_channel_of_an_unknown_transport_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(ConfigError, match="carrier-pigeon"):
        read_channel({"transport": "carrier-pigeon"})


async def test_build_makes_the_transport_of_a_channel() -> None:
    context = Context(
        lambda _name: "whsec_" + "A" * 32, LoopClock(asyncio.get_running_loop()), bridge="tilleuls-1"
    )
    options = HttpOptions(transport="http", url="https://hub.example.fr/", secret="key")
    transport = build(options, context)
    assert isinstance(transport, HttpTransport)
    assert transport.options is options
    assert transport.context is context
