"""`flicbridge setup` at a terminal, with everything around it that it talks to."""

import asyncio
import io
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from flicbridge.cli.setup.draft import Draft
from flicbridge.cli.setup.evidence import EvidenceFile
from flicbridge.cli.setup.site import Site
from flicbridge.cli.setup.talk import Talk
from flicbridge.simulator.ban import FakeBan
from flicbridge.simulator.gateways import FakeHttp, FakePhone, FakeSmtp
from flicbridge.texts import LANGUAGES, translator

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
WAIT_S = 60.0
SIGNING_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PASSWORD = "correct horse"


@dataclass
class Terminal:
    """A program at a pseudo-terminal, and the person in front of it.

    Attributes:
        shown: everything that was on the screen so far.
    """

    process: "subprocess.Popen[bytes]"
    screen: int
    shown: str = ""
    _read: int = 0
    _bytes: bytes = b""

    def see(self, text: str) -> str:
        """Wait until something is on the screen, after what was seen last; return what came before it."""
        until_s = time.monotonic() + WAIT_S
        words = re.compile(r"\s+".join(map(re.escape, text.split())))
        while (found := words.search(self.shown, self._read)) is None:
            left_s = until_s - time.monotonic()
            assert self._more(left_s), f"{text!r} never came; this did:\n{self.shown[self._read :]}"
        before, self._read = self.shown[self._read : found.start()], found.end()
        return before

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self.screen, f"{line}\n".encode())

    def answer(self, question: str, line: str = "") -> str:
        """Wait for a question and answer it; return what was shown before it."""
        before = self.see(question)
        self.type(line)
        return before

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def end(self) -> int:
        """Wait until the program ends; return its exit code."""
        until_s = time.monotonic() + WAIT_S
        while self._more(until_s - time.monotonic()):
            pass
        return self.process.wait(timeout=WAIT_S)

    def _more(self, within_s: float) -> bool:
        if within_s <= 0 or not select.select([self.screen], [], [], within_s)[0]:
            return False
        try:
            chunk = os.read(self.screen, 65536)
        except OSError:  # how Linux says that nobody has the other side open
            chunk = b""
        self._bytes += chunk
        self.shown = ESCAPES.sub(b"", self._bytes).decode(errors="ignore").replace("\r", "")
        return bool(chunk)


@contextmanager
def at_terminal(*arguments: object) -> Iterator[Terminal]:
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 110, 0, 0))
    command = [sys.executable, "-m", "flicbridge", "setup", *map(str, arguments)]
    environment = {**os.environ, "TERM": "xterm", "PYTHONUTF8": "1", "NO_COLOR": "1", "LANG": "fr_FR.UTF-8"}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    ) as process:
        os.close(theirs)
        try:
            yield Terminal(process, ours)
        finally:
            process.kill()
            os.close(ours)


type Run = Callable[..., Any]


@pytest.fixture
def terminal() -> Run:
    """`with terminal("--config", file) as person`: `flicbridge setup` on a pseudo-terminal."""
    if sys.platform == "win32":
        pytest.skip("pseudo-terminals are a thing of POSIX")
    return at_terminal


@dataclass
class World:
    """Gateways on real sockets, in a loop of their own thread."""

    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.SelectorEventLoop)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def open[T](self, make: Callable[[], Any]) -> Any:
        """Make a gateway and let it listen."""

        async def enter() -> Any:
            return await self.stack.enter_async_context(make())

        return self.call(enter)

    def call(self, work: Callable[[], Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work(), self.loop).result(30)


@contextmanager
def running_world() -> Iterator[World]:
    world = World()
    thread = threading.Thread(target=world.loop.run_forever, name="gateways")
    thread.start()
    try:
        yield world
        world.call(world.stack.aclose)
    finally:
        world.loop.call_soon_threadsafe(world.loop.stop)
        thread.join(30)
        world.loop.close()


@pytest.fixture
def world() -> Iterator[World]:
    """Where gateways are opened: `world.open(FakeBan)`."""
    with running_world() as world:
        yield world


@pytest.fixture
def ban(world: World) -> FakeBan:
    """The national address base."""
    found = world.open(FakeBan)
    assert isinstance(found, FakeBan)
    return found


def begun(folder: Path, ban: FakeBan, more: str = "") -> Path:
    file = folder / "flicbridge.toml"
    text = (
        f'[bridge]\nstate_dir = "state"\n\n[radio]\nsimulated = true\n\n[setup]\ngeocoder = "{ban.service}"\n'
    )
    file.write_text(text + more, encoding="utf-8")
    return file


@pytest.fixture
def file(tmp_path: Path, ban: FakeBan) -> Path:
    """A settings file in which only the place of the machine stands: where its state is, and no hardware."""
    return begun(tmp_path, ban)


@dataclass(frozen=True)
class Installed:
    """A practice that was set up from the first question to the last.

    Attributes:
        file: the settings.
        shown: the whole screen.
        code: the exit code.
        hook, phone, post, ban: who was talked with.
        world: where they are, still open.
    """

    file: Path
    shown: str
    code: int
    hook: FakeHttp
    phone: FakePhone
    post: FakeSmtp
    ban: FakeBan
    world: World


def install(folder: Path, world: World, language: str, script: Callable[..., None]) -> Installed:
    """Play a script of answers at a terminal of a language."""
    hook: FakeHttp = world.open(lambda: FakeHttp(secret=SIGNING_KEY))
    phone: FakePhone = world.open(lambda: FakePhone(password=PASSWORD))
    post: FakeSmtp = world.open(FakeSmtp)
    ban: FakeBan = world.open(FakeBan)
    file = begun(folder, ban)
    with at_terminal("--config", file) as person:
        person.answer("Langue / Language", str(LANGUAGES.index(language) + 1))
        script(person, translator(language).gettext, hook, phone, post)
        code = person.end()
    return Installed(file, person.shown, code, hook, phone, post, ban, world)


def pair_and_introduce(person: Terminal, _: Callable[[str], str]) -> None:
    """Steps 1 to 3, with a slip."""
    person.answer(_("Pair a button now?"))
    person.answer(_("What is this button called?"), "Poche de gauche")
    person.answer(_("What is this button called?"), "poche")
    person.answer(_("What shall call for help"), "7")
    person.answer(_("What shall call for help"), "1")
    person.answer(_("Pair another button?"))
    person.answer(_("Name of the doctor, as helpers shall read it"), "Dr Anne Martin")
    person.answer(_("Phone number on which helpers call back"), "15")
    person.answer(_("Phone number on which helpers call back"), "06 12 34 56 78")
    person.answer(_("Name of the practice"), "Cabinet des Tilleuls")
    person.answer(_("Which room (Enter: none)"), "Cabinet 2")
    person.answer(_("How to get in: floor, door code (Enter: nothing)"), "1er étage, <code> 4321")
    person.answer(_("Short name of this bridge, which stands in every alert"))


def add_hook(person: Terminal, _: Callable[[str], str], hook: FakeHttp) -> None:
    """A webhook whose address is mistyped first, whose key is wrong first, and which is proven."""
    person.answer(_("Who shall be told? A short name, such as samu or collegue"), "hub")
    person.answer(_("How"), str(["smsgate", "email", "http"].index("http") + 1))
    person.answer(_("Address of the web server"), "alertes.example.fr")
    person.answer(_("Address of the web server"), f"{hook.url}/hook")
    person.answer(
        _("Signing key (whsec_...) that the receiver gave you (Enter: make a new one)"), SIGNING_KEY
    )
    person.answer(
        _("Has {name} agreed to get messages that say DRILL, now and in later drills?").format(name="hub"),
        "o",
    )
    person.answer(_("Send a test message to {channel} now?").format(channel="hub/0"))
    person.answer(_("Has it arrived, and does it say DRILL?"), "o")


def in_french(
    person: Terminal, _: Callable[[str], str], hook: FakeHttp, phone: FakePhone, post: FakeSmtp
) -> None:
    """Everything: the address by the base, a webhook and an SMS, proven, a room, a press, a signature."""
    pair_and_introduce(person, _)
    person.answer(_("Address of the practice, with postcode and town"), "12 r. des tilleuls 87000 limoges")
    person.answer(_("Which one"), "1")
    person.answer(
        _('Write the address like this: "{address}"?').format(address="12 Rue des Tilleuls 87000 Limoges")
    )
    add_hook(person, _, hook)
    person.answer(_("Another recipient, or another way to reach one?"), "o")
    person.answer(_("Who shall be told? A short name, such as samu or collegue"), "collegue")
    person.answer(_("How"), "1")
    person.answer(_("Phone number that gets the SMS"), "06 87 65 43 21")
    person.answer(_("Address of the phone with the app"), phone.url)
    person.answer(_("User name shown by the app"))
    person.answer(_("Password shown by the app"), PASSWORD)
    person.answer(
        _("When is {name} told? 0s: with the press; 60s: a minute later, if nobody has answered").format(
            name="collegue"
        ),
        "60",
    )
    person.answer(
        _("Has {name} agreed to get messages that say DRILL, now and in later drills?").format(
            name="collegue"
        ),
        "o",
    )
    person.answer(_("Send a test message to {channel} now?").format(channel="collegue/0"))
    person.answer(_("Has it arrived, and does it say DRILL?"), "o")
    person.answer(_("Another recipient, or another way to reach one?"))
    person.answer(
        _("Who is told when something is wrong with the bridge itself? Better not the SAMU").split("?")[0],
        "2",
    )
    person.answer(_("Walk through the rooms now? Each takes {seconds} s.").split("?")[0], "o")
    person.answer(_("Go into a room. What is it called? (Enter: no more rooms)"), "Cabinet 2")
    person.answer(_("Go into a room. What is it called? (Enter: no more rooms)"))
    person.answer(
        _("Try the button {button} now? The alert says DRILL and goes to {names}.").format(
            button="poche", names="hub, collegue"
        )
    )
    person.answer(_("Write the commissioning report now?"))
    person.answer(_("Name of whoever installed this and signs"), "Luc <Moreau>")


def in_english(
    person: Terminal, _: Callable[[str], str], hook: FakeHttp, phone: FakePhone, post: FakeSmtp
) -> None:
    """An address that is unknown, a mail that nobody agreed to try; no walk, and a report that says so."""
    pair_and_introduce(person, _)
    person.answer(_("Address of the practice, with postcode and town"), "Lieu-dit Les Bordes, 87460 Bujaleuf")
    person.answer(_("Which one"), "2")
    person.answer(_("Latitude and longitude, as a map shows them"), "somewhere")
    person.answer(_("Latitude and longitude, as a map shows them"), "1.63, 45.79")
    person.answer(_("This is far from mainland France. Is it right?"))
    person.answer(_("Latitude and longitude, as a map shows them"), "45,79123 ; 1,63001")
    person.answer(_("Who shall be told? A short name, such as samu or collegue"), "samu")
    person.answer(_("How"), "2")
    person.answer(_("Mail address that gets the alert"), "regulation@example.fr")
    person.answer(_("Your own address at your provider"), "alerte@example.fr")
    person.answer(_("Your provider's server for sending"), "127.0.0.1")
    person.answer(_("Encryption"), "3")
    person.answer(_("Port"), str(post.port))
    person.answer(_("User name there (Enter: none is asked for)"))
    person.answer(
        _("Has {name} agreed to get messages that say DRILL, now and in later drills?").format(name="samu")
    )
    person.answer(_("Another recipient, or another way to reach one?"))
    person.answer(
        _("Who is told when something is wrong with the bridge itself? Better not the SAMU").split("?")[0]
    )
    person.answer(_("Walk through the rooms now? Each takes {seconds} s.").split("?")[0], "n")
    person.answer(_("Write the commissioning report now?"))
    person.answer(_("Name of whoever installed this and signs"), "Luc Moreau")


@pytest.fixture(scope="session")
def french(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """A practice that was set up in French, with everything proven."""
    with running_world() as world:
        yield install(tmp_path_factory.mktemp("french"), world, "fr", in_french)


@pytest.fixture(scope="session")
def english(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """A practice that was set up in English, with much left open."""
    with running_world() as world:
        yield install(tmp_path_factory.mktemp("english"), world, "en", in_english)


@dataclass
class Person:
    """Somebody who has typed all answers beforehand, and the screen in front of them."""

    site: Site
    screen: io.StringIO

    @property
    def shown(self) -> str:
        """Everything on the screen, as one line of words."""
        return " ".join(self.screen.getvalue().split())


@pytest.fixture
def person(file: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Person]:
    """`person("answer", "answer", ...)`: a site for single steps, with the keyboard of this process."""

    def typing(*answers: str, language: str = "en") -> Person:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{answer}\n" for answer in answers)))
        screen = io.StringIO()
        console = Console(file=screen, width=200, markup=False, emoji=False, highlight=False)
        talk = Talk(console, translator(language).gettext)
        return Person(Site(talk, Draft(file), EvidenceFile.beside(file)), screen)

    return typing
