"""A transport that appends each alert to a file, one line of JSON each."""

import asyncio
import errno
import json
import os
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from flicbridge.errors import PermanentDeliveryError, TransientDeliveryError
from flicbridge.transport import ChannelOptions, Message, Receipt, Transport


class LogfileOptions(ChannelOptions):
    """What an installer can say about such a channel."""

    path: Path = Field(description="The file; it is created with mode 0600 if need be, its folder is not.")


class LogfileTransport(Transport[LogfileOptions]):
    """Appends to a file. A line counts as delivered once it is on the disk."""

    Options: ClassVar[type[ChannelOptions]] = LogfileOptions

    async def deliver(self, message: Message) -> Receipt:
        line = json.dumps(
            {
                "key": message.key,  # a retry after a crash may write a line twice: drop doubles by this
                "alert": str(message.alert.id),
                "purpose": message.purpose,
                "pressed_at": message.alert.pressed_at.isoformat(),
                "text": message.sms,
                "data": dict(message.data),
            },
            ensure_ascii=False,
        )
        try:
            # Disks can hang, so a thread does the writing and the channel's timeout bounds our wait for it.
            async with asyncio.timeout(self.options.timeout.total_seconds()):
                await asyncio.to_thread(append, self.options.path, line.encode() + b"\n")
        except TimeoutError as error:
            raise TransientDeliveryError("the disk does not answer", may_have_arrived=True) from error
        except OSError as error:
            raise failure(error) from error
        return Receipt(detail="on disk")


def append(path: Path, line: bytes) -> None:
    """Add a line at the end of a file, and return once it is on the disk."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        if os.write(file, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file)
    finally:
        os.close(file)


def failure(error: OSError) -> TransientDeliveryError | PermanentDeliveryError:
    """A full or broken disk may get well; a wrong path stays wrong until somebody mends it."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.EROFS):
        return PermanentDeliveryError(f"cannot write there: {error.strerror}")
    return TransientDeliveryError(f"cannot write now: {error.strerror}")
