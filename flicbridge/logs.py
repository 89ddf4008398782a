"""The log: JSON lines for a service, readable on a terminal, ids instead of people in both.

Code logs facts about ids. `without_people` is the net below that: whatever carries a person, a place or a
secret by its key, or looks like a phone number or a password in a URL, is masked before it is written.
"""

import logging
import re
import sys
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK: Final = "***"

# Matched against each word of a key: `doctor_phone` and `smsgate-password` are caught, `hostname` is not.
_TELLING: Final = re.compile(
    r"""names? | doctor | patient | phones? | mobile | tel | e?mail | msisdn | address | room | access
    | lat(itude)? | lo?n(gitude)? | lng | position | location | geo
    | secrets? | tokens? | password | passwd | passphrase | pin | authorization | credentials? | cookies?
    | material | pairing | signature | text | body""",
    re.VERBOSE | re.IGNORECASE,
)
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Za-z][a-z]*")
# A radio needs its addresses in the log: they name devices.
_DEVICE_ADDRESS: Final = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|[0-9A-Fa-f-]{36}")
# E.164; no dates, ids or counters begin with a plus sign.
_PHONE: Final = re.compile(r"\+\d(?:[ .()-]{0,2}\d){6,14}")
_BLOCKS: Final = frozenset({"exception", "stack"})  # tracebacks, the only text of several lines
_USER_INFO: Final = re.compile(r"(?<=://)[^/\s@\"']+@")


def without_people(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask what must not be logged. A structlog processor."""
    return {key: _masked(key, value) for key, value in event.items()}


def _masked(key: str, value: object) -> object:
    if _tells(key) and not _is_device(key, value):
        return value if value is None or isinstance(value, bool) else MASK
    match value:
        case str():
            return _USER_INFO.sub(f"{MASK}@", _PHONE.sub(MASK, value))
        case Mapping():
            return {str(inner): _masked(str(inner), item) for inner, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_masked("", item) for item in value]
        case _:
            return value


@lru_cache(maxsize=1024)
def _tells(key: str) -> bool:
    return any(_TELLING.fullmatch(word) for word in _WORDS.findall(key))


def _is_device(key: str, value: object) -> bool:
    return key.endswith("address") and isinstance(value, str) and bool(_DEVICE_ADDRESS.fullmatch(value))


class _Lines:
    """Writes whole lines and survives whatever is at the other end.

    A log that cannot be written (a full disk, a reader that went away) must never stand between a press and
    its alert.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._turn = threading.Lock()

    def write(self, line: str) -> None:
        try:
            with self._turn:
                self._stream.write(line + "\n")
                self._stream.flush()
        except (OSError, ValueError):  # ValueError: the stream was closed
            pass

    debug = info = warning = error = critical = write  # the names by which structlog calls it


class _ToLines(logging.Handler):
    """Where the log lines of libraries end."""

    def __init__(self, lines: _Lines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.write(self.format(record))
        except Exception:  # noqa: BLE001 - a library's faulty log line is no reason to break that library
            # Not `handleError`: it shows the arguments as they are.
            structlog.get_logger().error("log_line_is_faulty", logger=record.name, line=record.lineno)


def set_up(form: str = "auto", level: str = "info", stream: TextIO | None = None) -> None:
    """Say once, at the start of a process, how everything in it logs.

    Libraries are heard from `warning` on, whatever the level: at `info` they speak of requests, and so of
    recipients.

    Args:
        form: `json`, `console`, or `auto`, which is JSON unless a person watches the stream.
        level: the least important lines of ours to show: `debug`, `info`, `warning` or `error`.
        stream: where to; standard error if None.
    """
    stream = stream or sys.stderr
    lines = _Lines(stream)
    write_as_json = form == "json" or (form == "auto" and not stream.isatty())
    renderer = _json() if write_as_json else _console(colors=stream.isatty())
    stamped: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*stamped, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    handler = _ToLines(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*stamped[1:], structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(_number(level), logging.WARNING), force=True)
    logging.captureWarnings(True)


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


def _json() -> list[Processor]:
    # The exception becomes text first, so that the net catches what its message says. Never with locals.
    return [structlog.processors.format_exc_info, without_people, structlog.processors.JSONRenderer()]


def _console(*, colors: bool) -> list[Processor]:
    renderer = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
    return [structlog.processors.format_exc_info, without_people, _printable, renderer]


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep text from the air and from other programs from steering the terminal."""
    return {key: value if key in _BLOCKS else _quoted(value) for key, value in event.items()}


def _quoted(value: object) -> object:
    return repr(value) if isinstance(value, str) and not value.isprintable() else value
