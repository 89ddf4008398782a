"""What the transports that speak HTTP share: a client for one server, and the question whether it is up."""

from datetime import timedelta
from types import TracebackType
from typing import ClassVar, Self

from flicbridge.transport.base import ChannelOptions, Transport
from flicbridge.transport.exchange import Exchange
from flicbridge.transport.health import Fitness, Health


class WebTransport[OptionsT: ChannelOptions](Transport[OptionsT]):
    """A way to one web server.

    A server that cannot say how it is can still be called: that it takes the connection, with a certificate
    that is believed, is as much as can be known without sending anything. What goes wrong behind that shows
    with the next message only.
    """

    # Soon enough to mend it before it is needed, and little beside what the machine does anyway: measured,
    # five wake-ups of the loop and, under TLS, 3 kB on the line with a short certificate chain.
    health_every: ClassVar[timedelta] = timedelta(minutes=5)

    _exchange: Exchange
    """Set by whoever inherits; opened and closed here."""

    async def __aenter__(self) -> Self:
        await self._exchange.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exchange.__aexit__(kind, error, trace)

    def redial(self) -> None:
        self._exchange.redial()

    async def health(self) -> Health | None:
        await self._exchange.knock()
        return Health(Fitness.WELL)
