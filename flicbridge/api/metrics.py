"""Metrics for Prometheus and whoever reads its formats: `GET /metrics`.

The library is imported with the first scrape, for most bridges are never scraped and it takes a tenth of a
second; and a scrape is put into words beside the loop, so that no press waits for it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from flicbridge.api.barriers import METRICS
from flicbridge.api.daemon import Daemon

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from flicbridge.api.families import Scrape


@dataclass(slots=True)
class Metrics:
    """The handler, around the bridge it speaks of. One scrape at a time, however many scrapers there are."""

    _daemon: Daemon
    _turn: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)

    def table(self) -> list[web.RouteDef]:
        """The path there is."""
        return [web.get(METRICS, self._scrape)]

    async def _scrape(self, request: web.Request) -> web.Response:
        async with self._turn:
            report, counted = await self._daemon.status(), self._daemon.counted()

            def words() -> tuple[bytes, str]:
                from flicbridge.api.families import Scrape

                return exposition(Scrape(report, counted), request.headers.get("Accept", ""))

            body, content_type = await asyncio.to_thread(words)
        return web.Response(body=body, headers={"Content-Type": content_type})


def exposition(scrape: "Scrape", accept: str) -> tuple[bytes, str]:
    """Put a scrape, and how the process fares, into the format that a scraper asks for.

    Args:
        scrape: what to tell.
        accept: the scraper's header `Accept`.

    Returns:
        The text, and its content type.
    """
    from prometheus_client import CollectorRegistry, ProcessCollector

    registry = CollectorRegistry(auto_describe=False)
    registry.register(scrape)
    ProcessCollector(registry=registry)
    encode, content_type = _encoder(accept)
    return encode(registry), content_type


def _encoder(accept: str) -> "tuple[Callable[[Collector], bytes], str]":
    """What writes the format asked for; Prometheus' oldest, which all can read, if that makes no sense."""
    from prometheus_client.exposition import choose_encoder

    try:
        return choose_encoder(accept if accept.isascii() else "")
    except (TypeError, ValueError):  # a version that is no number
        return choose_encoder("")
