"""From an exception to what a person reads and what a script sees."""

import os
import sys
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from flicbridge.errors import ApiError, ConfigError, FlicbridgeError, InputError

FAILED: Final = 1
WRONG_INPUT: Final = 2

_ASKED_WRONGLY: Final = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}
)
DEBUG: Final = "FLICBRIDGE_DEBUG"


def explain(error: Exception) -> int:
    """Tell the person what went wrong, on standard error; return the exit code."""
    culprit = _culprit(error)
    match culprit:
        case ConfigError():  # says in each line which file it is about
            text = str(culprit)
        case FlicbridgeError():
            text = as_sentence(str(culprit))
        case _:
            text = _unexpected(culprit)
    print(text, file=sys.stderr)  # noqa: T201 - this is where it belongs
    if os.environ.get(DEBUG):
        _log(error)
    return _exit_code(culprit)


def as_sentence(text: str) -> str:
    """The text with a capital at its beginning and a full stop at its end."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _culprit(error: Exception) -> Exception:
    """Of errors that happened at the same time, the one that a person can do most about."""
    return min(_leaves(error), key=_exit_code_first)


def _leaves(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _exit_code_first(error: Exception) -> int:
    return 0 if isinstance(error, InputError) else 1 if isinstance(error, FlicbridgeError) else 2


def _exit_code(error: Exception) -> int:
    is_wrong_input = isinstance(error, InputError) or (
        isinstance(error, ApiError) and error.status in _ASKED_WRONGLY
    )
    return WRONG_INPUT if is_wrong_input else FAILED


def _unexpected(error: Exception) -> str:
    return (
        f"flicbridge broke: {type(error).__name__}: {error}. Please report it to whoever maintains flicbridge"
        f" here, together with what the same command prints after `export {DEBUG}=1`."
    )


def _log(error: Exception) -> None:
    import structlog

    from flicbridge import logs

    logs.set_up(level="debug")
    structlog.get_logger().error("command_failed", exc_info=error)
