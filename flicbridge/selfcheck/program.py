"""Another program's answer, within a limit of time and size."""

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

# What a program says when it is asked for its version, or for a page of a log.
MOST_BYTES: Final = 4 * 1024 * 1024


async def output_of(command: Sequence[str], *, timeout_s: float) -> str | None:
    """What a program prints; None if there is none, it fails, or does not end in time."""
    if shutil.which(command[0]) is None:
        return None
    quiet = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=quiet, stdout=asyncio.subprocess.PIPE, stderr=quiet, limit=MOST_BYTES
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(timeout_s):
            said, _ = await process.communicate()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return said[-MOST_BYTES:].decode(errors="replace") if process.returncode == 0 else None
