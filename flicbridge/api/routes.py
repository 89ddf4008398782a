"""The paths of the API, what they take and what they give."""

import re
from http import HTTPStatus
from typing import Annotated, Final, Literal
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flicbridge.alert.alert import Happening, Way
from flicbridge.alert.drill import DrillKind
from flicbridge.api import views
from flicbridge.api.barriers import Refusal, body_of
from flicbridge.api.daemon import Daemon

MOVES: Final = {
    "acknowledge": Happening.ACKNOWLEDGED,
    "cancel": Happening.CANCELLED,
    "confirm": Happening.CONFIRMED,
    "false_alarm": Happening.FALSE_ALARM,
    "close": Happening.CLOSED,
}
"""What a person can do to an alert."""

ALERT_ID: Final = re.compile(r"[0-9a-fA-F-]{1,36}")
"""The id of an alert, or how it begins."""

LONGEST_PAUSE_S: Final = 60.0
"""Whoever let go of a button and died must not leave it unheard for longer than that."""

type Name = Annotated[str, Field(min_length=1, max_length=40)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PressBody(_Closed):
    """Which button to press, and how."""

    button: Name
    gesture: Name = "single"


class PauseBody(_Closed):
    """Which button to let go of, and for how long."""

    button: Name
    seconds: float = Field(ge=0, le=LONGEST_PAUSE_S)


class MoveBody(_Closed):
    """Who moves an alert, and with which PIN, if one is asked for."""

    way: Literal[Way.API, Way.CLI] = Way.API
    pin: Annotated[str, Field(max_length=64)] | None = None


class RevealBody(_Closed):
    """The PIN that shows an alert as it is in truth."""

    pin: Annotated[str, Field(max_length=64)]


class DrillBody(_Closed):
    """What to try out, and who wants to know."""

    kind: DrillKind
    by: Literal[Way.API, Way.CLI] = Way.API


class ListQuery(_Closed):
    """How many to list, of alerts or drills."""

    limit: int = Field(default=20, ge=1, le=500)


class Routes:
    """The handlers, around the bridge they speak for."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def table(self) -> list[web.RouteDef]:
        """Every path there is."""
        return [
            web.get("/v1/status", self._status),
            web.post("/v1/press", self._press),
            web.post("/v1/reload", self._reload),
            web.post("/v1/pause", self._pause),
            web.post("/v1/drills", self._drill),
            web.get("/v1/drills", self._drills),
            web.get("/v1/alerts", self._list),
            web.get("/v1/alerts/{id}", self._show),
            web.post("/v1/alerts/{id}/reveal", self._reveal),
            web.post(f"/v1/alerts/{{id}}/{{move:{'|'.join(MOVES)}}}", self._move),
        ]

    async def _status(self, _request: web.Request) -> web.Response:
        return web.json_response(dict(await self._daemon.status()))

    async def _press(self, request: web.Request) -> web.Response:
        body = _judged(PressBody, await body_of(request))
        return web.json_response(views.taken(await self._daemon.press(body.button, body.gesture)))

    async def _reload(self, _request: web.Request) -> web.Response:
        return web.json_response(dict(await self._daemon.reload()))

    async def _pause(self, request: web.Request) -> web.Response:
        body = _judged(PauseBody, await body_of(request))
        await self._daemon.pause(body.button, body.seconds)
        return web.json_response({"button": body.button, "paused_s": body.seconds})

    async def _drill(self, request: web.Request) -> web.Response:
        body = _judged(DrillBody, await body_of(request))
        return web.json_response(views.drill(await self._daemon.drill(body.kind, body.by)))

    async def _drills(self, request: web.Request) -> web.Response:
        query = _judged(ListQuery, dict(request.query))
        held = await self._daemon.list_drills(query.limit)
        due = [dict(drill) for drill in self._daemon.due_drills()]
        return web.json_response({"drills": [views.drill(drill) for drill in held], "due": due})

    async def _list(self, request: web.Request) -> web.Response:
        query = _judged(ListQuery, dict(request.query))
        standings = await self._daemon.list_alerts(query.limit)
        return web.json_response({"alerts": [views.standing(standing) for standing in standings]})

    async def _show(self, request: web.Request) -> web.Response:
        alert = await self._find(request)
        if (shown := await self._daemon.show_alert(alert)) is None:
            raise _unknown(str(alert))
        return web.json_response(views.alert(shown, asks_pin=self._daemon.asks_pin))

    async def _reveal(self, request: web.Request) -> web.Response:
        """Show an alert as it is in truth; with a wrong PIN, just as without one."""
        alert = await self._find(request)
        body = _judged(RevealBody, await body_of(request))
        if (shown := await self._daemon.show_alert(alert)) is None:
            raise _unknown(str(alert))
        is_pin, asks_pin = self._daemon.is_pin(body.pin), self._daemon.asks_pin
        return web.json_response(views.alert(shown, asks_pin=asks_pin, in_truth=is_pin))

    async def _move(self, request: web.Request) -> web.Response:
        alert = await self._find(request)
        what = MOVES[request.match_info["move"]]
        sent = await body_of(request)
        body = _judged(MoveBody, sent) if sent else MoveBody()
        if await self._daemon.move_alert(alert, what, by=body.way.value, way=body.way, pin=body.pin):
            return web.json_response({"alert_id": str(alert), "happened": what.value})
        if (shown := await self._daemon.show_alert(alert)) is None:
            raise _unknown(str(alert))
        message = f"The alert {alert} is {shown['standing'].face.value}; that cannot become {what.value}."
        raise Refusal(HTTPStatus.CONFLICT, "not_moved", message)

    async def _find(self, request: web.Request) -> UUID:
        """The alert that a request is about."""
        given = request.match_info["id"]
        if ALERT_ID.fullmatch(given) is None:
            raise _unknown(given)
        if (whole := _uuid(given)) is not None:
            return whole  # an alert that a sick disk refused is known all the same
        if (found := await self._daemon.find_alert(given)) is None:
            raise _unknown(given)
        return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _unknown(given: str) -> Refusal:
    message = f"There is no alert whose id is, or alone begins with, {given[:40]!r}."
    return Refusal(HTTPStatus.NOT_FOUND, "no_such_alert", message)


def _judged[T: BaseModel](model: type[T], given: bytes | dict[str, str]) -> T:
    """What a client sent, if it is what it should be."""
    try:
        return model.model_validate_json(given) if isinstance(given, bytes) else model.model_validate(given)
    except ValidationError as error:
        raise _not_valid(error) from error


def _not_valid(error: ValidationError) -> Refusal:
    mistakes = error.errors(include_url=False, include_context=False, include_input=False)
    if mistakes[0]["type"] == "json_invalid":
        return Refusal(HTTPStatus.BAD_REQUEST, "not_json", f"The body is not JSON: {mistakes[0]['msg']}.")
    told = [f"{'.'.join(map(str, m['loc'])) or 'body'}: {m['msg']}" for m in mistakes]
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "not_valid", "; ".join(told) + ".")
