"""The local API: served over a Unix socket, over loopback TCP where there is none, and where asked for."""

import os
import socket
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from flicbridge.api.answers import Answers
from flicbridge.api.barriers import always_json, bearers_only, loopback_names_only, unless_signed
from flicbridge.api.claim import claimed
from flicbridge.api.daemon import Daemon
from flicbridge.api.doorstep import Door, Doorstep, unwritable
from flicbridge.api.endpoint import (
    Endpoint,
    keep_token,
    manifest_path,
    read_token,
    socket_path,
    spare_socket_paths,
)
from flicbridge.api.metrics import Metrics
from flicbridge.api.routes import Routes
from flicbridge.clock import Clock
from flicbridge.observation import Observation, Observe
from flicbridge.supervise import Backoff, alongside, keep_running

log = structlog.get_logger()

LARGEST_BODY_BYTES: Final = 16 * 1024
# Whoever still waits for an answer when the bridge stops gets this long; a restart must not take a minute.
GOODBYE_S: Final = 1.0
LOOPBACK: Final = "127.0.0.1"


@asynccontextmanager
async def serving(
    daemon: Daemon,
    state_dir: Path,
    listen: tuple[str, int] | None,
    *,
    observe: Observe,
    answers: Answers | None = None,
    metrics_token: str | None = None,
    clock: Clock | None = None,
) -> AsyncGenerator[Endpoint]:
    """Serve the API for as long as the context lasts, and be the only one to do so in a `state_dir`.

    Whatever the API cannot have, it does without, and says so: a port that is taken, or a full disk, must not
    keep a bridge from hearing its buttons. Where there is no Unix socket it is served on a free port.

    Args:
        daemon: whom the API speaks for.
        state_dir: an existing folder of ours.
        listen: an address to listen on as well, or None.
        observe: told `api/state` (`listening`, `impaired` or `off`) and `api/error`.
        answers: what signed links lead to, on the address; None if there are none.
        metrics_token: opens the metrics, and nothing else, on the address; None if there is none.
        clock: by it a look is taken at what lies in the `state_dir`, for somebody may remove it; None for a
            bridge too short-lived for that.

    Yields:
        Where it answers, from now on.

    Raises:
        InputError: another bridge runs with this `state_dir`.
    """
    faults: list[str] = []
    async with AsyncExitStack() as stack:
        claim = stack.enter_context(claimed(state_dir))
        door = await _serve_unix(stack, daemon, state_dir)
        tcp = None
        if listen is not None:
            tcp = await _serve_tcp(stack, daemon, state_dir, listen, faults, answers, metrics_token)
        if door is None and tcp is None:
            tcp = await _serve_tcp(stack, daemon, state_dir, (LOOPBACK, 0), faults)
        endpoint = Endpoint(None if door is None else str(door.place), tcp, os.getpid())
        unannounced = _announce(stack, endpoint, state_dir)
        _say(observe, faults, unannounced)
        log.info("api_listening", unix=endpoint.unix, tcp=tcp)
        if clock is not None:
            doorstep = Doorstep(state_dir, claim, door, endpoint, _token_behind(tcp, state_dir))
            say = partial(_say, observe, faults)
            await stack.enter_async_context(_looking_after(doorstep, clock, observe, say, unannounced))
        yield endpoint
    observe(Observation("api", "state", "off"))


def _say(observe: Observe, lasting: Sequence[str], fault: str | None) -> None:
    """Say how it is: with what was wrong from the start and remains so, and with what may be put right."""
    faults = [*lasting, *filter(None, [fault])]
    observe(Observation("api", "state", "impaired" if faults else "listening"))
    observe(Observation("api", "error", "; ".join(faults) or None))


def _token_behind(tcp: str | None, state_dir: Path) -> str | None:
    return None if tcp is None else read_token(state_dir)


def _looking_after(
    doorstep: Doorstep, clock: Clock, observe: Observe, say: Callable[[str | None], None], said: str | None
) -> AbstractAsyncContextManager[None]:
    """Keep the doorstep right for as long as the context lasts."""
    look = partial(doorstep.watch, clock, say, said)
    return alongside(
        doorstep=partial(keep_running, "doorstep", look, clock=clock, backoff=Backoff(), observe=observe)
    )


async def _serve_unix(stack: AsyncExitStack, daemon: Daemon, state_dir: Path) -> Door | None:
    path = socket_path(state_dir)
    if path is None:
        return None
    for place in chain((path,), spare_socket_paths(state_dir, make=True)):  # which makes none before its turn
        door = Door(place, lambda opening, bound: _serve_on(opening, _app(daemon, []), bound))
        try:
            await door.keep_open()
        except OSError as error:  # a file system without sockets, or one that cannot be written
            log.warning("api_has_no_unix_socket", place=str(place), error=error.strerror)
            continue
        stack.push_async_callback(door.close)
        return door
    return None


async def _serve_tcp(
    stack: AsyncExitStack,
    daemon: Daemon,
    state_dir: Path,
    listen: tuple[str, int],
    faults: list[str],
    answers: Answers | None = None,
    metrics_token: str | None = None,
) -> str | None:
    try:
        token = keep_token(state_dir)
        bound = _bind_tcp(*listen)
    except OSError as error:
        faults.append(f"cannot listen on port {listen[1]}: {error.strerror}")
        log.error("api_cannot_listen", port=listen[1], error=error.strerror)
        return None
    host, port = bound.getsockname()[:2]
    doors = (loopback_names_only, bearers_only(token, metrics_token))
    barriers = [unless_signed(barrier) for barrier in doors]
    app = _app(daemon, barriers)
    if answers is not None:
        app.add_routes(answers.table(daemon))
    await _serve_on(stack, app, bound)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _announce(stack: AsyncExitStack, endpoint: Endpoint, state_dir: Path) -> str | None:
    """Tell clients where to ask; what is wrong if that fails."""
    stack.callback(_remove, manifest_path(state_dir))
    try:
        endpoint.write(state_dir)
    except OSError as error:
        log.error("api_cannot_be_announced", error=error.strerror)
        return unwritable(error)
    return None


def _remove(path: Path) -> None:
    with suppress(OSError):  # clients notice by themselves that nobody answers
        path.unlink()


def _bind_tcp(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def _app(daemon: Daemon, barriers: Iterable[Middleware]) -> web.Application:
    app = web.Application(middlewares=[always_json, *barriers], client_max_size=LARGEST_BODY_BYTES)
    app.add_routes(Routes(daemon).table())
    app.add_routes(Metrics(daemon).table())
    return app


async def _serve_on(stack: AsyncExitStack, app: web.Application, bound: socket.socket) -> None:
    stack.callback(bound.close)
    # Compressed bodies are left as they are, and so refused: nothing that small needs it.
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=GOODBYE_S, handle_signals=False, auto_decompress=False
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, bound).start()
