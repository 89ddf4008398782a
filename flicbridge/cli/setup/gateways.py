"""Asking for what a channel needs, transport by transport. Secrets go into their own files, unseen."""

import secrets as randomness
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flicbridge.cli.faults import as_sentence
from flicbridge.cli.setup import answers
from flicbridge.cli.setup.private import write_private
from flicbridge.cli.setup.reasons import worded
from flicbridge.cli.setup.site import Site
from flicbridge.cli.shared import Translate
from flicbridge.errors import ConfigError

if TYPE_CHECKING:
    from flicbridge.transport.base import ChannelOptions

type Table = dict[str, Any]

# Shown in this order; a plugin's come after them.
FIRST: Final = ("smsgate", "email", "http")
SIGNING_KEY_BYTES: Final = 32
ASKED: Final = frozenset({"transport", "url", "to", "from", "host", "port", "security", "username", "secret"})
"""What is asked for here; whatever else stands in a channel was written by hand, and stays."""


@dataclass(frozen=True, slots=True)
class Form:
    """One channel that is being asked for.

    Attributes:
        before: what was answered the last time, offered again.
        secret: the name of its secret.
    """

    site: Site
    before: Mapping[str, Any]
    secret: str

    @property
    def words(self) -> Translate:
        """What translates an English text."""
        return self.site.words

    def text(self, key: str, usual: str = "") -> str:
        """What was answered before, or else what is usual."""
        return str(self.before.get(key, usual))


def kinds() -> list[str]:
    """The transports that are installed, the usual ones first."""
    from flicbridge.transport import registry

    installed = registry.kinds()
    return [*(kind for kind in FIRST if kind in installed), *(k for k in installed if k not in FIRST)]


def described(kind: str, _: Translate) -> str:
    """A transport, as people would call it."""
    known = {
        "smsgate": _("SMS, through an Android phone in the practice (SMS Gateway for Android)"),
        "email": _("e-mail, through your provider"),
        "http": _("a signed message to a web server: a monitoring centre, an automation"),
    }
    return known.get(kind, kind)


def ask_channel(kind: str, form: Form) -> Table:
    """Ask for one channel; return its table, its secret already written.

    Raises:
        InputError: the secret cannot be written.
    """
    forms: dict[str, Callable[[Form], Table]] = {"smsgate": _smsgate, "email": _email, "http": _http}
    asked = forms[kind](form) if kind in forms else _of_stranger(kind, form)
    by_hand = {key: value for key, value in form.before.items() if key not in ASKED | asked.keys()}
    return {"transport": kind, **asked, **by_hand}


def ask_until_sound(site: Site, kind: str, recipient: str, place: int, before: Table) -> Table:
    """Ask for a channel until it passes the check, with the same answers offered.

    Args:
        site: what is being set up.
        kind: the transport.
        recipient: who is reached by it.
        place: which of the recipient's channels it is, from 0.
        before: what was answered the last time.

    Raises:
        InputError: a secret cannot be written.
    """
    secret = before.get("secret") or f"{recipient}-{kind}" + (f"-{place + 1}" if place else "")
    channel = before
    while True:
        channel = ask_channel(kind, Form(site, channel, secret))
        try:
            opened(site, channel)
        except ConfigError as error:
            for problem in error.problems:
                said = f"{as_sentence(problem.what)} {problem.remedy}"
                site.talk.say(f"  → {as_sentence(worded(said, site.words))}")
        else:
            return channel


def opened(site: Site, channel: Table) -> "ChannelOptions":
    """The channel's options, if its transport can be set up with them and its secret.

    Raises:
        ConfigError: says why not.
    """
    from pydantic import ValidationError

    from flicbridge.clock import SystemClock
    from flicbridge.config.explain import findings
    from flicbridge.config.finding import as_problems
    from flicbridge.credentials import Credentials
    from flicbridge.transport.base import Context
    from flicbridge.transport.registry import build, read_channel

    path = site.draft.path
    try:
        options = read_channel(channel, {"folder": path.parent})
    except ValidationError as error:
        raise ConfigError(str(path), as_problems(list(findings(error, channel)), {})) from error
    build(options, Context(Credentials.beside(path).get, SystemClock(), "setup"))
    return options


def _smsgate(form: Form) -> Table:
    _, talk = form.words, form.site.talk
    to = talk.ask(_("Phone number that gets the SMS"), answers.phone(_), form.text("to"))
    example = "http://192.168.1.20:8080"
    url = talk.ask(_("Address of the phone with the app"), answers.url(_, example), form.text("url"))
    user = talk.ask(_("User name shown by the app"), answers.line(_), form.text("username", "sms"))
    _keep_secret(form, _("Password shown by the app"))
    return {"url": url, **({"username": user} if user != "sms" else {}), "secret": form.secret, "to": to}


def _http(form: Form) -> Table:
    _, talk = form.words, form.site.talk
    example = "https://alertes.example.fr/hook"
    url = talk.ask(_("Address of the web server"), answers.url(_, example), form.text("url"))
    question = _("Signing key (whsec_...) that the receiver gave you (Enter: make a new one)")
    if _keep_secret(form, question, make=_new_signing_key):
        said = _("A new key is in {file}. The receiver needs the same one.")
        talk.say(said.format(file=form.site.secrets / form.secret))
    return {"url": url, "secret": form.secret}


def _new_signing_key() -> str:
    """Source: Standard Webhooks 1.0.0, "Signature scheme": 24 to 64 random bytes."""
    return "whsec_" + b64encode(randomness.token_bytes(SIGNING_KEY_BYTES)).decode()


def _email(form: Form) -> Table:
    from flicbridge.transport.email import PORTS

    _, talk = form.words, form.site.talk
    to = talk.ask(_("Mail address that gets the alert"), answers.mail(_), form.text("to"))
    sender = talk.ask(_("Your own address at your provider"), answers.mail(_), form.text("from"))
    usual_host = f"smtp.{sender.rpartition('@')[2]}"
    host = talk.ask(_("Your provider's server for sending"), answers.host(_), form.text("host", usual_host))
    ways = list(PORTS)
    labels = [
        _("STARTTLS (most providers)"),
        _("TLS from the start"),
        _("no encryption (a server on this very machine only)"),
    ]
    security = ways[talk.choose(_("Encryption"), labels, ways.index(form.text("security", "starttls")))]
    port = talk.ask(_("Port"), answers.port(_), form.text("port", str(PORTS[security])))
    user = talk.ask_optional(
        _("User name there (Enter: none is asked for)"), answers.line(_), form.text("username")
    )
    asked: Table = {"host": host}
    if port != PORTS[security]:
        asked["port"] = port
    if security != "starttls":
        asked["security"] = security
    if user:
        _keep_secret(form, _("Password there"))
        asked |= {"username": user, "secret": form.secret}
    return {**asked, "from": sender, "to": to}


def _of_stranger(kind: str, form: Form) -> Table:
    """A plugin's channel: what it cannot do without, in its own words."""
    from flicbridge.credentials import holds_secret_names
    from flicbridge.transport.registry import find_transport

    asked: Table = {}
    for name, field in find_transport(kind).Options.model_fields.items():
        key, question = field.alias or name, field.description or name
        if key == "transport" or not field.is_required():
            continue
        if holds_secret_names(field):
            _keep_secret(form, question)
            asked[key] = form.secret
        else:
            typed = form.site.talk.ask(question, answers.line(form.words), form.text(key))
            asked[key] = int(typed) if field.annotation is int and typed.isdecimal() else typed
    return asked


def _keep_secret(form: Form, question: str, make: Callable[[], str] | None = None) -> bool:
    """Ask for a secret and write it where only its owner reads it; Enter alone keeps what is there.

    Returns:
        Whether `make` made it.

    Raises:
        InputError: it cannot be written.
    """
    _, talk = form.words, form.site.talk
    file = form.site.secrets / form.secret
    if file.exists():
        question = _("{question} (Enter: as before)").format(question=question)
    while not (typed := talk.secret(question)):
        if file.exists():
            return False
        if make is not None:
            write_private(file, make() + "\n")
            return True
        talk.say("  → " + _("Nothing was typed. It is not shown while you type."))
    write_private(file, typed + "\n")
    return False
