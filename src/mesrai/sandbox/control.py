"""The stand-in's own paths under /__sim: set faults, see what was asked and how much at once, forget all."""

from dataclasses import replace
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from mesrai.sandbox.desk import Desk
from mesrai.sandbox.faces import FACES
from mesrai.sandbox.overlay import overlay_toml

# What may be changed while it runs: the word in JSON, the field of Manners, and what one of it is in the field's unit.
_CHANGED: Final = {
    "latency_ms": ("latency_s", 0.001),
    "stream_ms": ("stream_s", 0.001),
    "has_gate": ("has_gate", None),
    "has_retry_after": ("has_retry_after", None),
    "cap_status": ("cap_status", 1),
}


class Control:
    """The endpoints by which a test or a person steers the stand-in."""

    def __init__(self, desk: Desk) -> None:
        """Steer this one."""
        self._desk = desk

    def routes(self) -> list[Route]:
        """All paths."""
        return [
            Route("/__sim/faults", self.set_faults, methods=["POST"]),
            Route("/__sim/manners", self.set_manners, methods=["POST"]),
            Route("/__sim/calls", self.show_calls),
            Route("/__sim/load", self.show_load),
            Route("/__sim/catalogue.toml", self.show_overlay),
            Route("/__sim/reset", self.reset, methods=["POST"]),
        ]

    async def set_faults(self, request: Request) -> Response:
        """A list of faults for the next calls; or {"key" or "face": …, "fault": …} for all of a key or face."""
        wanted = await request.json()
        try:
            if isinstance(wanted, dict) and "face" in wanted:
                if wanted["face"] not in [face.id for face in FACES]:
                    raise ValueError(f"no face is called {wanted['face']!r}")
                self._desk.stage.always_at(wanted["face"], wanted.get("fault") or "")
            elif isinstance(wanted, dict):
                self._desk.stage.always(wanted["key"], wanted.get("fault") or "")
            else:
                self._desk.stage.script(wanted)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"ok": True})

    async def set_manners(self, request: Request) -> Response:
        """Change how it behaves while it runs."""
        wanted = await request.json()
        unknown = [name for name in wanted if name not in _CHANGED]
        if unknown:
            return JSONResponse({"error": f"no setting is called {unknown[0]!r}; there are {', '.join(_CHANGED)}"}, 400)
        changes: dict[str, Any] = {}
        for name, value in wanted.items():
            field, unit = _CHANGED[name]
            changes[field] = value if unit is None else value * unit
        self._desk.manners = replace(self._desk.manners, **changes)
        return JSONResponse({"ok": True})

    async def show_calls(self, request: Request) -> Response:
        """How many requests to models came, from whom, and what they were."""
        stage = self._desk.stage
        with_body = "bodies" in request.query_params
        return JSONResponse(
            {
                "count": stage.call_count,
                "in_flight": stage.in_flight,
                "most_in_flight": stage.most_in_flight,
                "refused": stage.refused,
                "accounts": {account.id: account.shown() for account in stage.accounts},
                "calls": [call.shown(with_body=with_body) for call in stage.calls],
                "lookups": [{"path": each.path, "status": each.status} for each in stage.lookups],
            }
        )

    async def show_load(self, request: Request) -> Response:
        """The counts alone: of one key, or of all together."""
        stage, key = self._desk.stage, request.query_params.get("key")
        if key is not None:
            return JSONResponse(stage.account_of(key).shown())
        shown = {"in_flight": stage.in_flight, "most_in_flight": stage.most_in_flight}
        return JSONResponse({**shown, "calls": stage.call_count, "refused": stage.refused})

    async def show_overlay(self, request: Request) -> Response:
        """The catalogue file that points the product at this server."""
        return PlainTextResponse(overlay_toml(str(request.base_url).rstrip("/")), media_type="application/toml")

    async def reset(self, request: Request) -> Response:
        """Forget all."""
        del request
        self._desk.stage.clear()
        return JSONResponse({"ok": True})
