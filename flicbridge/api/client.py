"""Asking a running bridge, from another process."""

import socket
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from pydantic import BaseModel, TypeAdapter, ValidationError

from flicbridge.api.barriers import METRICS
from flicbridge.api.endpoint import Endpoint, is_answered, read_token, socket_path, spare_socket_paths
from flicbridge.errors import ApiError
from flicbridge.texts import N_

CONNECT_TIMEOUT_S: Final = 2.0
# A press waits for the disk, and a sick one is given up after five seconds.
ANSWER_TIMEOUT_S: Final = 15.0


NOT_RUNNING: Final = N_("The bridge is not running. Start it with `flicbridge run`.")
NO_ANSWER: Final = N_(
    "The bridge does not answer within {seconds} s: call for help by telephone, and start it again"
    " (`sudo systemctl restart flicbridge`)."
)
BROKE_OFF: Final = N_("The bridge broke off: {error}.")
CLOSED: Final = N_(
    "The bridge of {folder} cannot be asked ({error}). Ask as the user that runs it, with `sudo -u USER`."
)
STRANGER: Final = N_("What answers there (HTTP {status}) is not flicbridge.")

type Translate = Callable[[str], str]


class _Error(BaseModel):
    code: str = ""
    message: str


class _Refused(BaseModel):
    error: _Error


_OBJECT: Final = TypeAdapter(dict[str, Any])


class ApiClient:
    """Finds the bridge of a `state_dir` and asks it. Raises ApiError, with a sentence for people.

    Args:
        state_dir: its folder.
        translate: into the language in which it is to be said that no bridge answers. What one that does
            answers is passed on as it is.
    """

    def __init__(self, state_dir: Path, translate: Translate = str) -> None:
        self._state_dir = state_dir
        self._translate = translate

    async def status(self) -> dict[str, Any]:
        """How every part is doing."""
        return await self._ask("GET", "/v1/status")

    async def metrics(self) -> str:
        """How it is doing and what has happened, in Prometheus' text format."""
        status, body = await self._fetch("GET", METRICS)
        if status != HTTPStatus.OK:
            self._checked(status, body)
        return body.decode("utf-8", "replace")

    async def press(self, button: str, gesture: str | None = None) -> dict[str, Any]:
        """Press a virtual button; returns once the press is committed."""
        body = {"button": button} if gesture is None else {"button": button, "gesture": gesture}
        return await self._ask("POST", "/v1/press", body=body)

    async def reload(self) -> dict[str, Any]:
        """Have the bridge listen to the buttons as the settings file and the pairings are now.

        Returns:
            `listening`, `stopped` (names of buttons) and `restart_needed`.
        """
        return await self._ask("POST", "/v1/reload")

    async def pause(self, button: str, seconds: float) -> None:
        """Have the bridge let go of a button for at most 60 s, so that we may talk to it; 0 ends that."""
        await self._ask("POST", "/v1/pause", body={"button": button, "seconds": seconds})

    async def drill(self, kind: str) -> dict[str, Any]:
        """Have a drill (`self`, `own` or `exercise`) held now; returns it without a result."""
        return await self._ask("POST", "/v1/drills", body={"kind": kind, "by": "cli"})

    async def drills(self, limit: int) -> dict[str, Any]:
        """The newest `drills`, newest first, and what is `due` when."""
        return await self._ask("GET", f"/v1/drills?limit={limit}")

    async def alerts(self, limit: int) -> list[dict[str, Any]]:
        """The newest alerts, newest first."""
        answer = await self._ask("GET", f"/v1/alerts?limit={limit}")
        return list(answer["alerts"])

    async def alert(self, prefix: str) -> dict[str, Any]:
        """All there is about the one alert whose id begins like this."""
        return await self._ask("GET", f"/v1/alerts/{quote(prefix, safe='')}")

    async def reveal(self, prefix: str, pin: str) -> dict[str, Any]:
        """All there is about one alert in truth; with a wrong PIN, as `alert` shows it."""
        return await self._ask("POST", f"/v1/alerts/{quote(prefix, safe='')}/reveal", body={"pin": pin})

    async def move(self, prefix: str, move: str, *, pin: str | None = None) -> dict[str, Any]:
        """Do `acknowledge`, `cancel`, `confirm`, `false_alarm` or `close` to an alert, from a command."""
        body = {"way": "cli"} if pin is None else {"way": "cli", "pin": pin}
        return await self._ask("POST", f"/v1/alerts/{quote(prefix, safe='')}/{move}", body=body)

    async def _ask(
        self, method: str, path: str, body: Mapping[str, str | float] | None = None
    ) -> dict[str, Any]:
        return self._checked(*await self._fetch(method, path, body))

    async def _fetch(
        self, method: str, path: str, body: Mapping[str, str | float] | None = None
    ) -> tuple[int, bytes]:
        endpoint = self._endpoint()
        try:
            async with (
                self._session(endpoint) as session,
                session.request(method, path, json=body) as response,
            ):
                return response.status, await response.read()
        except TimeoutError as error:
            raise self._fault(NO_ANSWER, seconds=f"{ANSWER_TIMEOUT_S:g}") from error
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, PermissionError):
                raise self._unreadable(error.os_error) from error
            raise self._fault(NOT_RUNNING) from error  # it was killed, and what it left behind misled us
        except aiohttp.ClientError as error:
            raise self._fault(BROKE_OFF, error=error) from error

    def _endpoint(self) -> Endpoint:
        for spare in spare_socket_paths(self._state_dir):  # what lies in the folder may be old then
            if spare.is_socket() and is_answered(spare):
                return Endpoint(str(spare), None, 0)
        try:
            endpoint = Endpoint.read(self._state_dir)
        except OSError as error:
            raise self._unreadable(error) from error
        if endpoint is not None:
            return endpoint
        path = socket_path(self._state_dir)  # a bridge whose disk is full answers, but could not say where
        if path is None or not path.is_socket():
            raise self._fault(NOT_RUNNING)
        return Endpoint(str(path), None, 0)

    def _session(self, endpoint: Endpoint) -> aiohttp.ClientSession:
        timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        if endpoint.unix is not None and hasattr(socket, "AF_UNIX"):
            connector = aiohttp.UnixConnector(path=endpoint.unix)
            return aiohttp.ClientSession("http://localhost", connector=connector, timeout=timeout)
        try:
            token = {"Authorization": f"Bearer {read_token(self._state_dir)}"}
        except OSError as error:
            raise self._unreadable(error) from error
        return aiohttp.ClientSession(f"http://{endpoint.tcp}", headers=token, timeout=timeout)

    def _unreadable(self, error: OSError) -> ApiError:
        return self._fault(CLOSED, folder=self._state_dir, error=error.strerror)

    def _fault(self, text: str, **facts: object) -> ApiError:
        return ApiError(self._translate(text).format(**facts))

    def _checked(self, status: int, body: bytes) -> dict[str, Any]:
        """What the bridge answered.

        Raises:
            ApiError: it said no, or what answered is no bridge.
        """
        try:
            if status == HTTPStatus.OK:
                return _OBJECT.validate_json(body)
            refused = _Refused.model_validate_json(body).error
        except ValidationError as error:
            text = self._translate(STRANGER).format(status=status)
            raise ApiError(text, status=status) from error
        raise ApiError(refused.message, status=status, code=refused.code)
