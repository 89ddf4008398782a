"""Settings of the maintainer contact: who gets messages about the bridge itself."""

from pydantic import Field

from flicbridge.fields import Table


class MaintainerSettings(Table):
    """Who looks after this bridge."""

    notify: tuple[str, ...] = Field(
        default=(),
        description="Recipients of messages about the bridge itself, such as a disk that is full: once for"
        " each fault and day, and once when it is over. Without this key, nobody.",
        examples=[["technician"]],
    )
