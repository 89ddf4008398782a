"""E-mail through the practice's own provider (SMTP submission). One connection per message.

Sources: RFC 5321 (SMTP), RFC 6409 (submission), RFC 8314 (TLS), RFC 3834 (Auto-Submitted).
"""

import ipaddress
from datetime import timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Annotated, Any, ClassVar, Final, Literal, Self
from urllib.parse import quote

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from flicbridge.clock import is_credible
from flicbridge.credentials import SecretName
from flicbridge.fields import PathBeside
from flicbridge.transport.base import ChannelOptions, Context, Message, Receipt, Transport
from flicbridge.transport.health import Fitness, Health
from flicbridge.transport.line import trusting
from flicbridge.transport.names import Names
from flicbridge.transport.reach import Line, Reach
from flicbridge.transport.submission import Server, knock, submit

PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
# Quoted-printable rather than 8bit, which not every server on the way has to take.
POLICY: Final = SMTP.clone(cte_type="7bit")


def checked_address(text: str) -> str:
    """Return a mail address.

    Raises:
        ValueError: it is none.
    """
    example = 'write it like "garde@example.fr"'
    if not text.isascii():
        raise ValueError(f'"{text}" has letters that not every mail server takes; {example}')
    try:
        address = Address(addr_spec=text)
    except (HeaderParseError, ValueError, IndexError):
        raise ValueError(f'"{text}" is no mail address; {example}') from None
    if not address.username or not address.domain or text != address.addr_spec or not text.isprintable():
        raise ValueError(f'"{text}" is no mail address; {example}')
    return text


def _as_several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


MailAddress = Annotated[
    str, AfterValidator(checked_address), WithJsonSchema({"type": "string", "format": "email"})
]
MailAddresses = Annotated[
    tuple[MailAddress, ...],
    BeforeValidator(_as_several, json_schema_input_type=MailAddress | tuple[MailAddress, ...]),
]


class EmailOptions(ChannelOptions):
    """A channel to one mailbox or several. Each that must be reached for certain needs its own channel."""

    host: str = Field(
        min_length=1,
        pattern=r"^[A-Za-z0-9.:_-]+$",
        description="Your provider's server for sending.",
        examples=["smtp.example.fr"],
    )
    port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Without this key 587, 465 or 25: with `security` starttls, tls or none.",
        examples=[587],
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the line is encrypted."
    )
    i_accept_cleartext: bool = Field(
        default=False,
        description='Allow `security = "none"` beyond this machine: anybody on the way can read along.',
    )
    username: str | None = Field(
        default=None,
        min_length=1,
        description="Login at the server, if it wants one.",
        examples=["tilleuls"],
    )
    secret: SecretName | None = Field(
        default=None, description="Name of the secret with the password.", examples=["mail-password"]
    )
    sender: MailAddress = Field(
        alias="from", description="Your own address at this provider.", examples=["alerte@example.fr"]
    )
    to: MailAddresses = Field(
        min_length=1,
        max_length=50,
        description="Who gets the mail: an address, or a list of them.",
        examples=["regulation@example.fr"],
    )
    ca_file: PathBeside | None = Field(
        default=None,
        description="PEM file: trust certificates of this authority, and of no other.",
        examples=["authority.pem"],
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.username is None) != (self.secret is None):
            raise ValueError("username and secret go together; give both, or neither")
        if self.security == "none" and not (self.i_accept_cleartext or _is_this_machine(self.host)):
            raise ValueError(
                'security = "none" sends names and places readable for anybody; use "starttls" or "tls",'
                " or write i_accept_cleartext = true"
            )
        return self

    def reach(self) -> Reach | None:
        line: Line = "plain" if self.security == "none" else self.security
        return Reach(self.host, self.port or PORTS[self.security], line, self.ca_file, goodbye=b"QUIT\r\n")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class EmailTransport(Transport[EmailOptions]):
    """One mail per message, the same `Message-ID` on every retry."""

    Options: ClassVar[type[ChannelOptions]] = EmailOptions
    health_every: ClassVar[timedelta] = timedelta(minutes=15)  # providers lock out who logs in all the time

    def __init__(self, options: EmailOptions, context: Context) -> None:
        super().__init__(options, context)
        self._server = Server(
            host=options.host,
            port=options.port or PORTS[options.security],
            security=options.security,
            tls=None if options.security == "none" else trusting(options.ca_file, options.host),
            username=options.username,
            password=context.secret(options.secret) if options.secret else None,
        )
        self._names = Names()

    async def __aexit__(self, *_: object) -> None:
        self._names.close()

    def redial(self) -> None:
        self._names.redial()

    async def deliver(self, message: Message) -> Receipt:
        refused = await submit(
            compose(message, self.options).as_bytes(),
            sender=self.options.sender,
            recipients=self.options.to,
            server=self._server,
            names=self._names,
            timeout_s=self.time_for(message),
        )
        return Receipt(detail=_summary(len(self.options.to), refused))

    async def health(self) -> Health:
        await knock(self._server, self._names, timeout_s=self.options.time_for(1))
        return Health(Fitness.WELL)


def compose(message: Message, options: EmailOptions) -> EmailMessage:
    """The mail itself. Receivers can drop doubles by its Message-ID, which depends on the key alone."""
    mail = EmailMessage(policy=POLICY)
    mail["From"] = options.sender
    mail["To"] = ", ".join(options.to)
    mail["Subject"] = " ".join(message.subject.split())
    if is_credible(message.sent_at):  # a mail from 1970 is spam; one without a date is dated by the server
        mail["Date"] = format_datetime(message.sent_at)
    mail["Message-ID"] = f"<{quote(message.key, safe='')}@{options.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # no "I am on holiday" in return
    mail["Importance"] = "high"
    mail["X-Priority"] = "1"
    mail.set_content(message.text)
    return mail


def _summary(recipients: int, refused: dict[int, str]) -> str:
    """What came of it: people by their place in the settings, never by their address."""
    if not refused:
        return "accepted"
    named = ", ".join(f"no. {position} ({code})" for position, code in refused.items())
    return f"accepted for {recipients - len(refused)} of {recipients}, refused for {named}"
