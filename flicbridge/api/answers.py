"""Where helpers answer an alert: a signed link, which opens nothing else.

    GET  /r/{alert}/{recipient}/{mark}     a page with buttons; looking changes nothing
    POST /r/{alert}/{recipient}/{mark}     answer=acknowledge | confirm | false_alarm

The mark proves that we made the link, for this recipient and this alert. It ends with the alert. Whatever is
wrong with a link, the answer is the same, and says nothing about alerts or recipients. Helpers read how the
alert stands in truth; whoever has a link of the doctor's own device reads, and can do, what the room can.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs
from uuid import UUID

from aiohttp import web

from flicbridge.alert.alert import Happening, Way
from flicbridge.alert.caution import Caution
from flicbridge.alert.desk import Standing
from flicbridge.alert.moves import Said, may_move
from flicbridge.alert.seal import Seal
from flicbridge.api.barriers import SIGNED, body_of
from flicbridge.api.daemon import Daemon
from flicbridge.api.page import HEADERS, Tongue, alert_page, notice_page
from flicbridge.clock import Clock
from flicbridge.texts import N_

PATH: Final = (
    SIGNED.replace("{alert}", "{alert:[0-9a-f-]{36}}")
    .replace("{recipient}", "{recipient:[a-z0-9][a-z0-9_-]{0,63}}")
    .replace("{mark}", "{mark:[A-Za-z0-9_-]{24}}")
)

ANSWERS: Final = {
    "acknowledge": Happening.ACKNOWLEDGED,
    "confirm": Happening.CONFIRMED,
    "false_alarm": Happening.FALSE_ALARM,
}

# A helper presses a few buttons; a scanner that opens every link in a mailbox comes a few times.
BURST: Final = 20
REFILL_S: Final = 3.0
MOST_LINKS: Final = 1000


@dataclass(slots=True)
class Bucket:
    """How much somebody may still ask.

    Attributes:
        left: requests.
        at_s: when that was true.
    """

    left: float = BURST
    at_s: float = 0.0

    def take(self, now_s: float) -> bool:
        """Take one out, if there is one."""
        self.left = min(float(BURST), self.left + max(0.0, now_s - self.at_s) / REFILL_S)
        self.at_s = now_s
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class Limit:
    """Each good link has a bucket of its own; all bad ones share one, and so cannot lock out a helper."""

    _good: defaultdict[str, Bucket] = field(default_factory=lambda: defaultdict(Bucket))
    _bad: Bucket = field(default_factory=Bucket)

    def allows(self, mark: str, now_s: float, *, is_good: bool) -> bool:
        """Tell whether one more request is answered."""
        if not is_good:
            return self._bad.take(now_s)
        if len(self._good) >= MOST_LINKS:
            self._good.clear()
        return self._good[mark].take(now_s)


class Answers:
    """The handlers behind the links.

    Args:
        seal: makes and knows the marks.
        caution: knows whose devices are the doctor's own.
        tongue: how the pages speak.
        clock: what time it is.
    """

    def __init__(self, seal: Seal, caution: Caution, tongue: Tongue, *, clock: Clock) -> None:
        self._seal = seal
        self._caution = caution
        self._tongue = tongue
        self._clock = clock
        self._limit = Limit()

    def table(self, daemon: Daemon) -> list[web.RouteDef]:
        """The paths of the links, for the bridge they lead to."""

        async def look(request: web.Request) -> web.Response:
            return await self._look(request, daemon)

        async def answer(request: web.Request) -> web.Response:
            return await self._answer(request, daemon)

        return [web.get(PATH, look, allow_head=True), web.post(PATH, answer)]

    async def _look(self, request: web.Request, daemon: Daemon) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        return self._shown(UUID(request.match_info["alert"]), _by(request), daemon)

    async def _answer(self, request: web.Request, daemon: Daemon) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        form = parse_qs((await body_of(request)).decode("ascii", "replace"), max_num_fields=4)
        what = ANSWERS.get(form.get("answer", [""])[0])
        alert, by = UUID(request.match_info["alert"]), _by(request)
        was_noted = what is not None and await daemon.move_alert(alert, what, by=by, way=Way.LINK)
        return self._shown(alert, by, daemon, was_noted=was_noted)

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Why a link is not followed, or None if it is good."""
        parts = request.match_info
        is_good = self._is_good(parts["alert"], parts["recipient"], parts["mark"])
        if not self._limit.allows(parts["mark"], self._clock.now_s(), is_good=is_good):
            return self._notice(HTTPStatus.TOO_MANY_REQUESTS, N_("Too many requests. Wait a minute."))
        return None if is_good else self._nowhere()

    def _is_good(self, alert: str, recipient: str, mark: str) -> bool:
        try:
            return self._seal.is_mark(mark, UUID(alert), recipient)
        except ValueError:
            return False

    def _shown(self, alert: UUID, by: str, daemon: Daemon, *, was_noted: bool = False) -> web.Response:
        standing = daemon.standing(alert)
        if standing is None:
            return self._nowhere()
        seen = standing.seen() if self._caution.is_in_the_room(by, Way.LINK) else standing
        page = alert_page(seen, self._tongue, self._offered(standing, by), was_noted=was_noted)
        return _html(page, HTTPStatus.OK)

    def _offered(self, standing: Standing, by: str) -> list[str]:
        """The answers with which somebody would see the alert move."""
        said = Said(by, self._clock.now_at(), Way.LINK)
        return [answer for answer, what in ANSWERS.items() if may_move(standing, what, said, self._caution)]

    def _nowhere(self) -> web.Response:
        return self._notice(HTTPStatus.NOT_FOUND, N_("This link is not valid, or its alert is closed."))

    def _notice(self, status: HTTPStatus, text: str) -> web.Response:
        return _html(notice_page(self._tongue.translate(text), self._tongue), status)


def _by(request: web.Request) -> str:
    """Whose link it is, as the history calls them."""
    return f"recipient:{request.match_info['recipient']}"


def _html(page: str, status: HTTPStatus) -> web.Response:
    return web.Response(text=page, status=status, content_type="text/html", charset="utf-8", headers=HEADERS)
