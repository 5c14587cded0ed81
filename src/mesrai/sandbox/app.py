"""The stand-in provider as a web application: the faces of real ones, their errors, and faults on request."""

from dataclasses import replace
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from mesrai.sandbox.answering import Answering
from mesrai.sandbox.control import Control
from mesrai.sandbox.desk import Desk
from mesrai.sandbox.faces import FACES, Face, Style
from mesrai.sandbox.gemini_surface import OPERATIONS
from mesrai.sandbox.in_flight import ModelRoute
from mesrai.sandbox.lookups import Lookups
from mesrai.sandbox.manners import Manners as Manners
from mesrai.sandbox.stage import Stage

_SITE: Final = """<!DOCTYPE html>
<html><head><title>Welcome to the stand-in provider</title></head>
<body><p>This is a web page, not an API. The faces:</p><ul>{faces}</ul></body></html>
"""


def sandbox_app(manners: Manners | None = None, **changes: Any) -> Starlette:
    """The application. `changes` are fields of `Manners`, for short: `sandbox_app(answer=my_function)`.

    Its memory is `app.state.stage`.
    """
    manners = replace(manners or Manners(), **changes)
    desk = Desk(manners, Stage(minute_s=manners.minute_s))
    answering, lookups = Answering(desk), Lookups(desk)
    routes = [route for face in FACES for route in [*_model_routes(face, desk, answering), *lookups.routes(face)]]
    site = [
        Route("/", _show_site),
        Route("/site/{rest:path}", _show_site, methods=["GET", "POST"]),
        Route("/moved/{rest:path}", _move, methods=["GET", "POST"]),
    ]
    app = Starlette(
        routes=[*routes, *Control(desk).routes(), *site], exception_handlers={404: _not_found, 405: _not_found}
    )
    app.state.stage = desk.stage
    return app


def _model_routes(face: Face, desk: Desk, answering: Answering) -> list[Route]:
    paths = [("/chat/completions", False)] * face.has_chat + [("/messages", True)] * face.has_messages
    if face.style is Style.GEMINI:
        paths = [(f"/models/{{model}}:{operation}", False) for operation in OPERATIONS]
    return [
        Route(
            face.prefix + path,
            ModelRoute(face, desk.stage, answering.answer, is_messages=is_messages),
            methods=["POST"],
        )
        for path, is_messages in paths
    ]


async def _show_site(request: Request) -> Response:
    """What stands at a web site's address: a page, whatever is asked for."""
    del request
    return HTMLResponse(_SITE.format(faces="".join(f"<li>{face.base}: {face.name}</li>" for face in FACES)))


async def _move(request: Request) -> Response:
    """An address that is elsewhere now."""
    return RedirectResponse(f"/v1/{request.path_params['rest']}", 301)


async def _not_found(request: Request, error: Exception) -> Response:
    del request
    status = error.status_code if isinstance(error, HTTPException) else 404
    return JSONResponse({"error": {"message": "method not found", "type": "resource_not_found_error"}}, status)
