"""How this bridge takes answers: its key, its links, and whose cancellation it believes."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self
from uuid import UUID

import structlog

from flicbridge.alert.caution import Caution
from flicbridge.alert.pin import Pin
from flicbridge.alert.seal import Seal
from flicbridge.api.answers import Answers
from flicbridge.api.page import Tongue
from flicbridge.clock import Clock
from flicbridge.config.plan import routes_to
from flicbridge.config.settings import Settings
from flicbridge.texts import translator

log = structlog.get_logger()

KEY_BYTES: Final = 32


class Secrets(Protocol):
    """Finds secrets by name."""

    def get(self, name: str) -> str:
        """Return the secret. Raises ConfigError if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Answering:
    """What the parts of a bridge need to take answers.

    Attributes:
        seal: makes codes and links.
        caution: what the desk has to know.
        pin: the doctor's, if one is asked for.
        answers: what the links lead to; None without a `public_url`.
        public_url: where that is.
    """

    seal: Seal
    caution: Caution
    pin: Pin | None = None
    answers: Answers | None = None
    public_url: str = ""

    @classmethod
    def of(cls, settings: Settings, credentials: Secrets, clock: Clock) -> Self:
        """As the settings say.

        Raises:
            ConfigError: the PIN is not where secrets are kept.
        """
        alerts, bridge, url = settings.alerts, settings.bridge, settings.api.public_url or ""
        seal = Seal(kept_key(bridge.state_dir / "answer-key"))
        pin = Pin(credentials.get(alerts.duress_pin)) if alerts.duress_pin else None
        caution = Caution(seal, routes_to(settings, alerts.tell_doctor), asks_pin=pin is not None)
        tongue = Tongue(bridge.language, bridge.zone, translator(bridge.language).gettext)
        return cls(
            seal=seal,
            caution=caution,
            pin=pin,
            answers=Answers(seal, caution, tongue, clock=clock) if url else None,
            public_url=url,
        )

    def link(self, alert: UUID, recipient: str) -> str:
        """Where a recipient answers an alert; empty without a `public_url`."""
        mark = self.seal.mark(alert, recipient)
        return f"{self.public_url}/r/{alert}/{recipient}/{mark}" if self.public_url else ""

    def is_proven(self, given: str | None) -> bool:
        """Tell whether nothing says that somebody was forced: the PIN is right, or none is asked for."""
        return self.pin is None or self.pin.is_right(given)


def kept_key(path: Path) -> bytes:
    """The key of this bridge, made now if there is none; readable by its owner alone.

    A disk that refuses leaves us with a key for this run: links end with it, and nothing else is worse.
    """
    try:
        key = path.read_bytes()
        if len(key) == KEY_BYTES:
            return key
    except OSError:
        pass
    key = secrets.token_bytes(KEY_BYTES)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        log.warning("answer_key_not_kept", error=error.strerror)
    return key
