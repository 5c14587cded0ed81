"""A span for each HTTP request, within the trace that a trusted proxy names."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mesrai.domain.tracing import Side, Tracing
from mesrai.server.request_lines import area_of, method_of

_PARENT: Final = b"traceparent"
_ID: Final = b"x-request-id"


class TracedRequests:
    """Around everything else: it must see whose connection it is, not whom a proxy speaks for."""

    def __init__(self, app: ASGIApp, tracing: Tracing, trusted: Sequence[str]) -> None:
        """`trusted`: addresses and networks whose `traceparent` is believed."""
        self._app = app
        self._tracing = tracing
        self._trusted = [ip_network(each) for each in trusted]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, area = method_of(scope), area_of(scope)
        facts = {"http.request.method": method, "mesrai.area": area}
        with self._tracing.span(f"{method} {area}", facts, side=Side.ANSWERS, parent=self._parent(scope)) as span:

            async def told(message: Message) -> None:
                if message["type"] == "http.response.start":
                    status = int(message["status"])
                    number = dict(message.get("headers", [])).get(_ID, b"").decode("latin-1")
                    span.note({"http.response.status_code": status, "mesrai.request": number})
                    if status >= 500:
                        span.fail(str(status))
                await send(message)

            await self._app(scope, receive, told)

    def _parent(self, scope: Scope) -> str:
        """The trace that the proxy goes on with; empty: one of our own begins."""
        said = [value.decode("latin-1") for name, value in scope["headers"] if name == _PARENT]
        if len(said) != 1 or not scope.get("client"):
            return ""
        try:
            peer = ip_address(scope["client"][0])
        except ValueError:
            return ""
        return said[0] if any(peer in each for each in self._trusted) else ""
