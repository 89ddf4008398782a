"""What stands before the handlers: every failure becomes JSON, and over TCP only those who may come in."""

import asyncio
import hmac
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from flicbridge.api.settings import split_address
from flicbridge.errors import DrillRefusedError, FlicbridgeError, InputError, StoreError

log = structlog.get_logger()

SIGNED: Final = "/r/{alert}/{recipient}/{mark}"
"""What signed links look like: the only path of the API that is open to all."""

METRICS: Final = "/metrics"
"""Where metrics are scraped: it may have a token of its own, which opens nothing else."""

CODES: Final = {
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "wrong_method",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
}
"""What to call the refusals that are aiohttp's own."""


BODY_TIMEOUT_S: Final = 10.0


class Refusal(Exception):  # noqa: N818 - not a fault of anybody's: an answer
    """An answer that says no.

    Attributes:
        status: the HTTP status.
        code: one word for programs to branch on.
        message: a sentence for people.
    """

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        self.status = status
        self.code = code
        self.message = message
        super().__init__(message)

    def response(self) -> web.Response:
        """The answer itself."""
        response = web.json_response(
            {"error": {"code": self.code, "message": self.message}}, status=self.status
        )
        if self.status is HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response


async def body_of(request: web.Request) -> bytes:
    """The whole body of a request. Raises Refusal: it broke off, or did not come in time."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await request.read()
    except (web.RequestPayloadError, ConnectionError, TimeoutError) as error:  # garbled, cut off or stalled
        raise Refusal(HTTPStatus.BAD_REQUEST, "broken_body", "The body broke off.") from error


@web.middleware
async def always_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every failure with `{"error": {"code", "message"}}`, and never with a traceback."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return refusal.response()
    except web.HTTPException as error:  # aiohttp's own: no such path, wrong method, body too large
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        status = HTTPStatus(error.status)
        return Refusal(status, CODES.get(status, "refused"), f"{error.reason}.").response()
    except FlicbridgeError as error:
        return _refusal_for(error).response()
    except Exception:
        log.exception("api_broke", route=str(request.match_info.route.resource))
        message = "Something went wrong inside flicbridge; its log says what."
        return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", message).response()


def _refusal_for(error: FlicbridgeError) -> Refusal:
    match error:
        case DrillRefusedError():
            return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, error.reason, str(error))
        case InputError():
            return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "not_possible", str(error))
        case StoreError():
            return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "store_refused", str(error))
        case _:
            return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", str(error))


@web.middleware
async def loopback_names_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests to any other name than this machine's.

    A web page can point a name of its own at 127.0.0.1 and have the browser ask us in that name (DNS
    rebinding); the Host header gives it away.
    """
    if not _is_loopback(request.headers.get("Host", "")):
        message = "Ask for 127.0.0.1, [::1] or localhost; other names are refused."
        raise Refusal(HTTPStatus.FORBIDDEN, "wrong_host", message)
    return await handler(request)


def _is_loopback(host: str) -> bool:
    has_port = host.rpartition(":")[2].isdecimal()
    try:
        split_address((host if has_port else f"{host}:80").lower())
    except ValueError:
        return False
    return True


def unless_signed(barrier: Middleware) -> Middleware:
    """Let those pass a barrier who follow a signed link: the link is checked by what it leads to."""

    @web.middleware
    async def either(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _is_for(SIGNED, request):
            return await handler(request)
        return await barrier(request, handler)

    return either


def _is_for(path: str, request: web.Request) -> bool:
    resource = request.match_info.route.resource
    return resource is not None and resource.canonical == path


def bearers_only(token: str, metrics_token: str | None = None) -> Middleware:
    """Make a barrier that lets nobody through but bearers of the token.

    Args:
        token: opens everything.
        metrics_token: opens the metrics, which show no person and change nothing; None if there is none.
    """

    @web.middleware
    async def barrier(request: web.Request, handler: Handler) -> web.StreamResponse:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        right = [token]
        if metrics_token is not None and _is_for(METRICS, request):
            right.append(metrics_token)
        # In constant time, so that the time of the answer does not tell how much of a guess was right.
        guess = given.strip().encode("utf-8", "surrogateescape")
        found = [hmac.compare_digest(guess, one.encode()) for one in right]  # each, whatever the others say
        if scheme.lower() != "bearer" or not any(found):
            message = "Send the token from the file api-token in the state_dir: Authorization: Bearer TOKEN."
            raise Refusal(HTTPStatus.UNAUTHORIZED, "unauthorized", message)
        return await handler(request)

    return barrier
