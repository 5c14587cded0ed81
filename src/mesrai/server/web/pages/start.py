"""The page a member begins at: what is set up, and what comes next."""

from starlette.responses import Response

from mesrai.server.web.visit import Visit


async def show(visit: Visit) -> Response:
    """GET /start."""
    settings = (await visit.house.installation()).settings
    return visit.page("start.html", has_model=settings.main is not None)
