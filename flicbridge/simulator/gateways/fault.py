"""What can be wrong with a gateway: one value, for tests and for scenario files."""

from datetime import timedelta
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flicbridge.durations import Duration

type FaultKind = Literal[
    "refuse", "hang", "slow", "status", "reset", "reset_in_reply", "drop_reply", "captive"
]


class Fault(BaseModel):
    """A way to fail.

    | kind             | what the other side sees                                     | gateway acted |
    |------------------|--------------------------------------------------------------|---------------|
    | `refuse`         | nothing listens on the port; open connections are cut        | no            |
    | `hang`           | connected, and never an answer                               | no            |
    | `slow`           | the right answer, after `wait`                               | yes           |
    | `status`         | the reply code `status`, with `retry_after` where HTTP       | no            |
    | `reset`          | the connection is reset (RST) instead of an answer           | no            |
    | `reset_in_reply` | half of the answer, then RST                                 | yes           |
    | `drop_reply`     | RST instead of the answer                                    | yes           |
    | `captive`        | something else answers: a login page, or no SMTP server      | no            |

    For HTTP each request meets the fault, for SMTP each connection; a code of `status` answers RCPT there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind = Field(description="What goes wrong.")
    wait: Duration = Field(default=timedelta(seconds=30), description="How late a `slow` answer comes.")
    status: int = Field(default=503, ge=400, le=599, description="HTTP status, or SMTP reply code.")
    retry_after: Duration | None = Field(default=None, description="Sent along with `status`, by HTTP only.")
    times: int | None = Field(
        default=None, ge=1, description="How many requests it spoils; until switched off if absent."
    )

    @model_validator(mode="after")
    def _can_be_counted(self) -> Self:
        if self.kind == "refuse" and self.times is not None:
            raise ValueError('a closed port cannot count who knocks; leave out times, or use "reset"')
        return self
