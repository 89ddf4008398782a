"""Settings of the maintainer contact: who gets messages about the bridge itself."""

from datetime import timedelta

from pydantic import Field

from flicbridge.credentials import SecretName
from flicbridge.durations import Duration
from flicbridge.fields import Table


class MaintainerSettings(Table):
    """Who looks after this bridge."""

    notify: tuple[str, ...] = Field(
        default=(),
        description="Recipients of messages about the bridge itself, such as a disk that is full: once for"
        " each fault and day, and once when it is over; what can wait, by day. Without this key, nobody.",
        examples=[["technician"]],
    )
    heartbeat: SecretName | None = Field(
        default=None,
        description="Name of the secret that holds the whole URL of a dead-man's switch, such as a check of"
        " Healthchecks: it is told every `heartbeat_every` that a press would get through, and raises the"
        " alarm itself when it hears nothing. Without this key, nobody notices a bridge that is switched"
        " off.",
        examples=["heartbeat-url"],
    )
    heartbeat_every: Duration = Field(
        default=timedelta(minutes=5),
        ge=timedelta(seconds=30),
        le=timedelta(days=1),
        description="How often it is told.",
        examples=["5m"],
    )
