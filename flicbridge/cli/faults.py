"""From an exception to what a person reads and what a script sees."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from traceback import walk_tb
from typing import Final

from flicbridge.errors import ApiError, ConfigError, FlicbridgeError, InputError

FAILED: Final = 1
WRONG_INPUT: Final = 2

_ASKED_WRONGLY: Final = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}
)
DEBUG: Final = "FLICBRIDGE_DEBUG"

PRINTERS: Final = frozenset({"click", "rich", "typer"})
"""The libraries that write to standard output."""
WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*[,:;]?(?= |$)")
"""A word of a language: with a dot, a slash or a number in it, it is the name of something."""


def explain(error: Exception) -> int:
    """Tell the person what went wrong, on standard error; return the exit code."""
    culprit = _culprit(error)
    match culprit:
        case ConfigError():  # says in each line which file it is about
            text = str(culprit)
        case FlicbridgeError():
            text = as_sentence(str(culprit))
        case OSError() if _is_of_output(culprit):
            _give_up_output()
            why = culprit.strerror or type(culprit).__name__
            text = f"The output cannot be written: {why}. Make room, or send it elsewhere."
        case _:
            text = _unexpected(culprit)
    _tell(text)
    if os.environ.get(DEBUG):
        _log(error)
    return _exit_code(culprit)


def as_sentence(text: str) -> str:
    """The text with a capital at its beginning, unless that is a name, and a full stop at its end."""
    begun = text[:1].upper() + text[1:] if WORD.match(text) else text
    return begun + ("" if text.endswith((".", "!", "?")) else ".")


def _tell(text: str) -> None:
    """Say it where errors are said. If nobody hears it there, the exit code still tells."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(text, file=sys.stderr)  # noqa: T201 - this is where it belongs


def _is_of_output(error: OSError) -> bool:
    """Tell whether it happened to what prints for us: then it is standard output that cannot be written."""
    modules = [str(frame.f_globals.get("__name__")) for frame, _line in walk_tb(error.__traceback__)]
    return bool(modules) and modules[-1].partition(".")[0] in PRINTERS


def _give_up_output() -> None:
    """Throw away what was not taken: Python would try again at the end, and exit with a code of its own."""
    with suppress(OSError, ValueError, AttributeError):  # there is none, or it is no file
        output = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, output)
        os.close(nowhere)


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
