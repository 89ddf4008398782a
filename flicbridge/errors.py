"""Everything flicbridge raises, split by what the caller does next.

FlicbridgeError
├── InputError                   a person must mend something: exit code 2
│   ├── ConfigError              the settings cannot work; lists every problem found
│   │   └── ScenarioError        a scenario file cannot be played; lists every problem found
│   ├── DrillRefusedError        no drill of this kind is held now; `reason` says why
│   └── StoreTooNewError         the database was written by a newer flicbridge
├── ButtonError
│   ├── ButtonUnreachableError   out of range, flat or asleep; the link keeps trying
│   ├── PairingRefusedError      this pairing attempt failed; `reason` says why
│   └── PairingLostError         the button was reset; a person must pair it again
├── DeliveryError
│   ├── TransientDeliveryError   worth another try: no network, HTTP 429 or 5xx
│   └── PermanentDeliveryError   never will be: bad number, wrong key
├── LookupRefusedError           the geocoder did not say where an address is; type the coordinates
├── StoreError                   the disk refused; the alert goes out from memory
└── ApiError                     the daemon could not be asked, or said no
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class FlicbridgeError(Exception):
    """Base of all errors that flicbridge raises on purpose."""


class InputError(FlicbridgeError):
    """Something a person gave us cannot work. The message says what, where and how to mend it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file: where it is, what is there, and how to mend it.

    Attributes:
        where: the key as a person would look for it, such as `buttons[0].gestures.long`.
        what: what is wrong, with the offending value where it is not a secret.
        remedy: what to write instead.
        line: on which line of the file it is, from 1, where that is known.
    """

    where: str
    what: str
    remedy: str
    line: int | None = None

    def __str__(self) -> str:
        place = self.where if self.line is None else f"{self.where} (line {self.line})"
        return f"{place}: {self.what}. {self.remedy}"


class ConfigError(InputError):
    """The settings cannot work: refuse to start.

    Attributes:
        source: the file (or other origin) the settings came from.
        problems: every mistake found, in the order of the file's sections; never empty.
    """

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{source}: {problem}" for problem in self.problems))


class ScenarioError(ConfigError):
    """A scenario file cannot be played: it is wrong in itself, or does not fit the settings."""


class DrillRefusedError(InputError):
    """No drill of this kind is held now.

    Attributes:
        reason: one word for code to branch on: `not_agreed`, `under_way`, `alert_open` or `rehearsal`.
    """

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class StoreTooNewError(InputError):
    """The database was written by a newer flicbridge; it is left untouched."""


class ButtonError(FlicbridgeError):
    """Something is wrong between us and a button."""


class ButtonUnreachableError(ButtonError):
    """Out of range, flat or asleep; the link keeps trying."""


class PairingRefusedError(ButtonError):
    """A pairing attempt failed and nothing was stored.

    Attributes:
        reason: one word for code to branch on, such as `not_public` or `not_genuine`.
        detail: what the message says beyond the reason, as whoever met it put it; may be empty.
    """

    def __init__(self, reason: str, message: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(message)


class PairingLostError(ButtonError):
    """The button proved that it has forgotten us; a person must pair it again."""


class Failure(StrEnum):
    """What kind of failure a try ended in; what happens next depends on nothing else.

    | value          | means                                     | what is done                           |
    |----------------|-------------------------------------------|----------------------------------------|
    | `temporary`    | the other side cannot take it now         | tried again, under the same key        |
    | `rate_limited` | the other side asks us to come later      | tried again, not before it said        |
    | `unknown`      | sent, not answered: it may have arrived   | tried again, under the same key        |
    | `permanent`    | the other side has made up its mind       | given up; the recipient's next channel |
    """

    TEMPORARY = "temporary"
    RATE_LIMITED = "rate_limited"
    UNKNOWN = "unknown"
    PERMANENT = "permanent"


class DeliveryError(FlicbridgeError):
    """One attempt to deliver one message failed."""


class TransientDeliveryError(DeliveryError):
    """Worth another try.

    Attributes:
        retry_after_s: the least wait the other side asked for, in seconds, or None.
        may_have_arrived: True when the request went out but its answer did not come back.
        rate_limited: True when the other side works, and wants less of us.
        resend_as_new: True when the provider accepted the message under its idempotency key and failed
            it afterwards, so that only a new key can make it try again.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry_after_s: float | None = None,
        may_have_arrived: bool = False,
        resend_as_new: bool = False,
        rate_limited: bool = False,
    ) -> None:
        self.retry_after_s = retry_after_s
        self.may_have_arrived = may_have_arrived
        self.resend_as_new = resend_as_new
        self.rate_limited = rate_limited
        super().__init__(reason)

    @property
    def failure(self) -> Failure:
        """What kind of failure this is."""
        if self.may_have_arrived:
            return Failure.UNKNOWN
        return Failure.RATE_LIMITED if self.rate_limited else Failure.TEMPORARY


class PermanentDeliveryError(DeliveryError):
    """Trying again cannot help: a person must change something."""

    @property
    def failure(self) -> Failure:
        """What kind of failure this is."""
        return Failure.PERMANENT


class LookupRefusedError(FlicbridgeError):
    """The geocoder did not say where an address is. Only the setup asks; coordinates can be typed instead.

    Attributes:
        reason: one word for code to branch on: `too_often`, `no_answer`, `unreachable`, `refused` or
            `nonsense`.
    """

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class StoreError(FlicbridgeError):
    """The database could not be read or written.

    Attributes:
        fault: one word for code to branch on, such as `full` or `corrupt`; empty if nobody knows.
    """

    def __init__(self, message: str, *, fault: str = "") -> None:
        self.fault = fault
        super().__init__(message)


class ApiError(FlicbridgeError):
    """The daemon could not be asked, or refused.

    Attributes:
        status: the HTTP status it answered, or None when there was no answer.
        code: its word for why it refused, for code to branch on; empty if it gave none.
    """

    def __init__(self, message: str, *, status: int | None = None, code: str = "") -> None:
        self.status = status
        self.code = code
        super().__init__(message)
