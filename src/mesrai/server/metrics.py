"""The listener for operators: figures for Prometheus, and whether the process is well."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mesrai.domain.figures import OF_THE_DATABASE, OF_THE_PROCESS
from mesrai.domain.tally import Sample
from mesrai.server.app import Doors, Rooms
from mesrai.server.exposition import MEDIA_TYPE, render_figures

FRESH_S: Final = 2.0  # for which figures are shown again, so that asking often costs little

Figures = Callable[[], Awaitable[Sequence[Sample]]]  # all of them, as they are now


def metrics_app(doors: Doors, figures: Figures, *, fresh_s: float = FRESH_S) -> Starlette:
    """The application. It is never part of the public one: what it shows is for operators."""
    shown = _Shown(figures, fresh_s)
    rooms = Rooms(doors)
    return Starlette(
        routes=[
            Route("/metrics", shown.metrics),
            Route("/health/live", rooms.live),
            Route("/health/ready", rooms.ready),
        ]
    )


class _Shown:
    """Figures that were read a moment ago, or are read now, once for all who ask."""

    def __init__(self, figures: Figures, fresh_s: float) -> None:
        self._figures = figures
        self._fresh_s = fresh_s
        self._turn = asyncio.Lock()
        self._text = ""
        self._until = 0.0

    async def metrics(self, _request: Request) -> Response:
        """GET /metrics."""
        async with self._turn:
            if time.monotonic() >= self._until:
                self._text = render_figures(await self._figures(), (*OF_THE_PROCESS, *OF_THE_DATABASE))
                self._until = time.monotonic() + self._fresh_s
        return PlainTextResponse(self._text, media_type=MEDIA_TYPE)
