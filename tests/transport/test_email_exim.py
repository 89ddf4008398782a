"""E-mail through a real mail server: Exim, as Debian ships it, with a spool of its own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import trustme

from flicbridge.clock import SystemClock
from flicbridge.errors import DeliveryError, Failure, PermanentDeliveryError, TransientDeliveryError
from flicbridge.simulator.faultproxy import FaultProxy, Mishap
from flicbridge.transport.base import Context, Message, Receipt
from flicbridge.transport.email import EmailOptions, EmailTransport

type MakeMessage = Callable[..., Message]
type MakeContext = Callable[..., Context]

EXIM = shutil.which(
    "exim4", path=os.defpath + os.pathsep + "/usr/sbin" + os.pathsep + os.environ.get("PATH", "")
)

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(EXIM is None, reason="needs the mail server Exim (Debian: exim4-daemon-light)"),
]

# Mails are kept in the spool, where the test reads them, and never travel on.
CONFIGURATION = """
{identity}
primary_hostname = localhost
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
pid_file_path = {folder}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_on_connect_ports = {tls_port}
tls_advertise_hosts = *
tls_certificate = {folder}/server.pem
tls_privatekey = {folder}/server.pem
auth_advertise_hosts = ${{if def:tls_in_cipher {{*}}{{}}}}
acl_smtp_rcpt = recipient
host_lookup =
queue_only = true
keep_environment =
begin acl
recipient:
  deny   local_parts = unknown
         message = no such user here
  defer  local_parts = greylisted
  accept authenticated = *
  accept local_parts = open
  deny   message = relay not permitted
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and {{{{eq{{$auth2}}{{box}}}}{{eq{{$auth3}}{{correct horse}}}}}}}}
  server_set_id = $auth2
"""


@dataclass(frozen=True, slots=True)
class Exim:
    """A running server."""

    folder: Path
    port: int
    tls_port: int

    def taken(self) -> set[str]:
        """Its names for what it took. They are made of the second and a process's number: no order."""
        return {header.name.removesuffix("-H") for header in (self.folder / "spool/input").glob("*-H")}

    def mails(self, *, besides: set[str]) -> list[EmailMessage]:
        """What it took besides these, in no particular order."""
        return [self._mail(name) for name in self.taken() - besides]

    def _mail(self, name: str) -> EmailMessage:
        # The spool has the envelope, a blank line, and each header behind its length and a flag; the other
        # file has the mail's id in its first line.
        header, body = (self.folder / f"spool/input/{name}-{part}" for part in "HD")
        lines = [
            line[5:] if line[:3].isdigit() else line
            for line in header.read_bytes().partition(b"\n\n")[2].splitlines()
        ]
        text = b"\n".join(lines) + b"\n\n" + body.read_bytes().partition(b"\n")[2]
        return message_from_bytes(text, _class=EmailMessage, policy=default)


@pytest.fixture(scope="module")
def exim(authority: trustme.CA) -> Iterator[Exim]:
    """A mail server of our own on loopback."""
    folder = Path(tempfile.mkdtemp(prefix="exim-"))  # pytest's own folder is closed to the user of the server
    try:
        certificate = authority.issue_cert("localhost")
        certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
        yield from _running(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _running(folder: Path) -> Iterator[Exim]:
    port, tls_port = _free_ports()
    is_root = os.geteuid() == 0
    identity = "exim_user = Debian-exim\nexim_group = Debian-exim" if is_root else ""
    ports = f"{port} : {tls_port}"
    configuration = folder / "exim.conf"
    configuration.write_text(
        CONFIGURATION.format(identity=identity, folder=folder, port=ports, tls_port=tls_port)
    )
    for path in (folder, folder / "spool", folder / "log", folder / "server.pem"):
        if not path.exists():
            path.mkdir()
        if is_root:
            shutil.chown(path, "Debian-exim", "Debian-exim")
    assert EXIM is not None
    with (folder / "output").open("wb") as output:  # a pipe would be kept open by its children
        server = subprocess.Popen(
            [EXIM, "-C", configuration, "-bdf"], stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_for_greeting(port, folder / "output")
        yield Exim(folder, port, tls_port)
    finally:
        server.terminate()
        server.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)  # what it forked for a connection and still writes its log


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def _wait_for_greeting(port: int, output: Path) -> None:
    deadline_s = time.monotonic() + 10
    while time.monotonic() < deadline_s:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
                assert line.recv(3) == b"220"
                line.sendall(b"QUIT\r\n")
                return
        except ConnectionRefusedError:
            continue
    pytest.fail(f"Exim does not answer: {output.read_text()}")


@pytest.fixture
def way_to(make_context: MakeContext, ca_file: Path) -> Callable[..., EmailTransport]:
    def make(exim: Exim, password: str = "correct horse", **changes: Any) -> EmailTransport:
        server = {"transport": "email", "host": "localhost", "port": exim.port, "ca_file": ca_file}
        login = {"username": "box", "secret": "box", "timeout": "10s"}
        table = {**server, **login, "from": "cabinet@example.org", "to": "garde@example.org", **changes}
        table = {key: value for key, value in table.items() if value is not None}
        return EmailTransport(EmailOptions.model_validate(table), make_context({"box": password}))

    return make


type WayTo = Callable[..., EmailTransport]


async def failure(attempt: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await attempt
    return caught.value


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_mail_is_taken_over_tls_after_a_login_and_is_the_same_mail_on_a_retry(
    exim: Exim, way_to: WayTo, make_message: MakeMessage, security: str
) -> None:
    before = exim.taken()
    port = exim.tls_port if security == "tls" else exim.port
    message = make_message(key=f"by-{security}")
    async with way_to(exim, security=security, port=port) as way:
        assert await way.deliver(message) == Receipt(detail="accepted")
        assert await way.deliver(make_message(key=f"by-{security}", attempt=2)) == Receipt(detail="accepted")
    first, again = exim.mails(besides=before)
    assert first["Message-ID"] == again["Message-ID"] == f"<by-{security}@example.org>"
    assert first["Subject"] == message.subject
    assert first["To"] == "garde@example.org"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first.get_content() == message.text


async def test_a_wrong_password_is_worth_another_try(
    exim: Exim, way_to: WayTo, make_message: MakeMessage
) -> None:
    async with way_to(exim, password="battery staple") as way:
        raised = await failure(way.deliver(make_message()))
    assert isinstance(raised, TransientDeliveryError)
    assert str(raised) == "login refused: SMTP 535"


@pytest.mark.parametrize(
    ("changes", "error", "reason"),
    [
        ({"to": "unknown@example.org"}, PermanentDeliveryError, "recipient refused: SMTP 550"),
        ({"to": "greylisted@example.org"}, TransientDeliveryError, "recipient refused: SMTP 451"),
        ({"username": None, "secret": None}, PermanentDeliveryError, "recipient refused: SMTP 550"),
        ({"ca_file": None}, TransientDeliveryError, "failed at encrypting: the certificate is not trusted"),
    ],
)
async def test_a_refusal_is_understood(
    exim: Exim,
    way_to: WayTo,
    make_message: MakeMessage,
    changes: dict[str, Any],
    error: type[DeliveryError],
    reason: str,
) -> None:
    before = exim.taken()
    async with way_to(exim, **changes) as way:
        raised = await failure(way.deliver(make_message()))
    assert type(raised) is error
    assert str(raised).startswith(reason)
    assert exim.taken() == before


async def test_a_mail_accepted_for_some_is_sent(exim: Exim, way_to: WayTo, make_message: MakeMessage) -> None:
    async with way_to(exim, to=["unknown@example.org", "garde@example.org"]) as way:
        receipt = await way.deliver(make_message())
    assert receipt.detail == "accepted for 1 of 2, refused for no. 1 (SMTP 550)"


async def test_we_part_politely(exim: Exim, way_to: WayTo, make_message: MakeMessage) -> None:
    log = exim.folder / "log/main"
    begin = len(log.read_text())
    async with way_to(exim, to="unknown@example.org") as way:
        await failure(way.deliver(make_message()))
    assert "rejected RCPT" in log.read_text()[begin:]
    assert "unexpected disconnection" not in log.read_text()[begin:]


@pytest.mark.parametrize(
    ("mishap", "failure", "arrives"),
    [
        (Mishap.REFUSE, Failure.TEMPORARY, False),
        (Mishap.BLACK_HOLE, Failure.TEMPORARY, False),
        (Mishap.PORTAL, Failure.TEMPORARY, False),
        (Mishap.RESET, Failure.UNKNOWN, False),
        (Mishap.RESET_IN_REPLY, Failure.UNKNOWN, True),
        (Mishap.DROP_REPLY, Failure.UNKNOWN, True),
        (Mishap.LOSE_REPLY, Failure.UNKNOWN, True),
    ],
)
async def test_whatever_the_network_does_the_mail_is_there_or_nobody_believes_that_it_is(
    exim: Exim, way_to: WayTo, make_message: MakeMessage, mishap: Mishap, failure: Failure, arrives: bool
) -> None:
    before, key = exim.taken(), f"by-{mishap}"
    in_clear = {"security": "none", "username": None, "secret": None, "to": "open@example.org"}
    async with (
        FaultProxy(exim.port, clock=SystemClock(), message_ends=b"\r\n.\r\n") as proxy,
        way_to(exim, **in_clear, host="127.0.0.1", port=proxy.port) as way,
    ):
        proxy.mishap = mishap
        raised = await failure_of(way.deliver(make_message(key=key, timeout_s=1.0)))
        assert raised.failure is failure
        assert len(exim.taken() - before) == arrives
        proxy.mishap = None
        await way.deliver(make_message(key=key, attempt=2))
    assert {mail["Message-ID"] for mail in exim.mails(besides=before)} == {f"<{key}@example.org>"}


async def failure_of(attempt: Any) -> TransientDeliveryError:
    with pytest.raises(TransientDeliveryError) as caught:
        await attempt
    return caught.value
